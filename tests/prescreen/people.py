"""Records of a few made-up patients: who has lupus, who has not, and what is known of them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"


def person(identity: str, born: str = "1985-04-12", **more: Any) -> Json:
    """A woman."""
    return {"resourceType": "Patient", "id": identity, "gender": "female", "birthDate": born, **more}


def condition(identity: str, whose: str, code: str = "55464009", **more: Any) -> Json:
    """A confirmed, active diagnosis: systemic lupus erythematosus unless said otherwise."""
    return {
        "resourceType": "Condition",
        "id": identity,
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": SNOMED, "code": code}]},
        "subject": {"reference": f"Patient/{whose}"},
        "onsetDateTime": "2020-01-01",
        **more,
    }


def hemoglobin(identity: str, whose: str, value: float, day: str = "2026-02-20", **more: Any) -> Json:
    """A result in g/dL."""
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "718-7", "display": "Hemoglobin [Mass/volume] in Blood"}]},
        "subject": {"reference": f"Patient/{whose}"},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
        **more,
    }


def three() -> list[Json]:
    """Ann and Bea have lupus; Cleo has hypertension."""
    return [
        *(person(one) for one in ("ann", "bea", "cleo")),
        condition("c1", "ann"),
        condition("c2", "bea"),
        condition("c3", "cleo", "59621000"),
        hemoglobin("o1", "ann", 12.1),
        hemoglobin("o2", "bea", 6.1),
        hemoglobin("o3", "cleo", 13.0),
    ]
