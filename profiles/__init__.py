"""Profiles, code systems and the shipped studies, as FHIR R5 JSON. Read through ``trialmatch.resources`` only."""
