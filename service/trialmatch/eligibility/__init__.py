"""The pure heart: criteria, facts, evaluation, verdict, explanation. No I/O, no web, no fhir.resources."""
