"""Small R4 records in the shapes of real servers and national guides, and what a criterion says of them."""

from __future__ import annotations

from typing import Any

from tests.harness import judge
from tests.spec.record import LOINC, RXNORM, patient

Json = dict[str, Any]

MET, UNMET = ("met", "evidence"), ("unmet", "evidence")


def judged(leaf: Json, *resources: Json, **more: Any) -> tuple[str, str]:
    """Status and basis of a criterion for a woman of 46 with these records."""
    everybody = patient("1980-01-01", "female").resource
    outcome = judge([{"linkId": "1", "description": "the criterion", **leaf}], [everybody, *resources], **more)
    assert not outcome.problems
    return outcome.items["1"]["status"], outcome.items["1"]["basis"]


def observation(code: str, **parts: Any) -> Json:
    coded = {"coding": [{"system": LOINC, "code": code}]}
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": coded,
            "effectiveDateTime": "2026-02-20", **parts}


def condition(*codings: Json, **parts: Any) -> Json:
    return {"resourceType": "Condition", "id": "c", "code": {"coding": list(codings)}, **parts}


def order(code: str = "8640", **parts: Any) -> Json:
    """An order of prednisone (RxNorm 8640), or of another drug."""
    return {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
            "authoredOn": "2026-01-01", "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code}]},
            **parts}


def dosage(quantity: Json, **timing: Any) -> Json:
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d"} | timing
    return {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": quantity}]}
