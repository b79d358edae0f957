"""The service as a FHIR server."""
