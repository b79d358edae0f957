"""The API under ``/api/v1``: matches, studies, attestations, and the schemas of what comes and goes."""
