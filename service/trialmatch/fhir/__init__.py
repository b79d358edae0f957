"""FHIR in and out: patients to facts, R5 studies to criteria, hospital servers, R4 renderings."""
