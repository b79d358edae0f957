"""Records for the hospital's tests: patient ``p`` with one record of each type that is searched."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
ALT = "1742-6"
AS_OF = "2026-03-01"


def patient(identity: str = "p", **more: Any) -> Json:
    """A woman born in 1985."""
    return {"resourceType": "Patient", "id": identity, "gender": "female", "birthDate": "1985-04-01", **more}


def observation(identity: str, code: str = ALT, value: float = 20, day: str = "2026-02-20", **more: Any) -> Json:
    """A final result in U/L."""
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"},
        **more,
    }


def condition(identity: str, code: str = "55464009", subject: str = "p", **more: Any) -> Json:
    """A diagnosis since 2019; lupus if not said otherwise."""
    return {
        "resourceType": "Condition",
        "id": identity,
        "subject": {"reference": f"Patient/{subject}"},
        "code": {"coding": [{"system": SNOMED, "code": code}]},
        "onsetDateTime": "2019-05-01",
        **more,
    }


def order(identity: str, medication: str) -> Json:
    """An active order that refers to a Medication."""
    return {
        "resourceType": "MedicationRequest",
        "id": identity,
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": medication},
        "authoredOn": "2025-06-01",
    }


def medication(identity: str, rxnorm: str = "5521") -> Json:
    """A Medication; hydroxychloroquine if not said otherwise."""
    system = "http://www.nlm.nih.gov/research/umls/rxnorm"
    return {"resourceType": "Medication", "id": identity, "code": {"coding": [{"system": system, "code": rxnorm}]}}
