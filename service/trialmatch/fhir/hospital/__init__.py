"""A FHIR server of a hospital: signing in, asking for a patient's records, and saying what it did not give."""
