"""The HTTP service: API, FHIR operations, CDS Hooks, pages."""
