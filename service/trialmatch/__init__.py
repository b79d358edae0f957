"""Matches patients to clinical trials: criteria in FHIR R5, records in FHIR R4, answers with evidence."""

__version__ = "0.1.0"
