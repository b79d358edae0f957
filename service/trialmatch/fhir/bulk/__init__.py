"""Bulk Data exports of a FHIR server: asked for, followed, fetched and checked."""
