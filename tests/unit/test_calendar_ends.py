"""The first and the last day that a calendar has: nothing is computed beyond them, and no patient fails on them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from tests.harness import judge
from tests.spec.criteria import aged, diagnosis, exposure, gate, lasting, measured, named, times

Json = dict[str, Any]

SNOMED, RXNORM = "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"

DATES = (None, "0001", "0001-01-01", "2026", "9999", "9999-12-31", "9999-12-31T23:59:59Z")
UNITS = ("d", "mo")


def around(characteristic: Json, comparator: str, value: int, unit: str, **event: Any) -> Json:
    """A window with one end, strict or not, around an event."""
    distance = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    window = {**event, "quantity": {**distance, "comparator": comparator}}
    return {**characteristic, "timeFromEvent": [window]}


def lupus(onset: str | None, **more: Any) -> Json:
    """A diagnosis."""
    return {
        "resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": SNOMED, "code": "55464009"}]},
        **({"onsetDateTime": onset} if onset else {}), **more,
    }  # fmt: skip


def drug(kind: str, **more: Any) -> Json:
    """A record of hydroxychloroquine."""
    return {
        "resourceType": kind, "id": "m1", "status": "active", "intent": "order", "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "5521"}]}, **more,
    }  # fmt: skip


PERSON = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1985"}


@pytest.mark.parametrize("comparator", ["<", ">", "<=", ">="])
@pytest.mark.parametrize("as_of", ["0001-01-01", "2026-03-01", "9999-12-31"])
def test_windows_around_an_event_of_any_date(comparator: str, as_of: str) -> None:
    """A result around a diagnosis without a date may lie in the window or not: it is never there, and nothing fails."""
    for onset, unit, value in product(DATES, UNITS, (-28, 28)):
        criteria = [
            named("1", gate(diagnosis("sle"))),
            named("2", around(measured("creatinine", times("<", 2)), comparator, value, unit, eventId="1")),
        ]
        found = judge(criteria, [PERSON, lupus(onset)], as_of=as_of)
        assert found.items["2"]["status"] == "unknown", (onset, unit, value)


@pytest.mark.parametrize("as_of", ["0001-01-01", "0001-01-02", "9999-12-30", "9999-12-31"])
@pytest.mark.parametrize("born", ["0001", "1985-02-28", "9999-12-31"])
def test_every_day_can_be_that_of_screening(as_of: str, born: str) -> None:
    """An ended diagnosis without dates, a drug taken without an end, an age: judged on the first and the last day."""
    ended = {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    for start in DATES:
        criteria = [
            named("1", diagnosis("sle")),
            named("2", aged(18, 65)),
            named("3", lasting(exposure("hydroxychloroquine"), ">=", 12, "wk")),
        ]
        taken = drug("MedicationStatement", **({"effectivePeriod": {"start": start}} if start else {}))
        person = PERSON | {"birthDate": born}
        assert len(judge(criteria, [person, lupus(start, **ended), taken], as_of=as_of).items) == 3


@pytest.mark.parametrize("days", [1, 9_999, 10**9, 10**12, 1e300])
@pytest.mark.parametrize("start", ["2026-01-01", "9999", "9999-12-31", "0001-01-01"])
def test_lengths_that_no_calendar_holds(days: float, start: str) -> None:
    """An order for a day or for longer than there are days, and a supply likewise."""
    length = {"timing": {"repeat": {"boundsDuration": {"value": days, "code": "d"}}}}
    criteria = [named("1", lasting(exposure("hydroxychloroquine"), ">=", 1, "d"))]
    ordered = drug("MedicationRequest", authoredOn=start, dosageInstruction=[length])
    supplied = drug("MedicationDispense", whenHandedOver=start, daysSupply={"value": days}, status="completed")
    for record in (ordered, supplied):
        assert judge(criteria, [PERSON, record]).items["1"]["status"] == ("met" if start < "2026-03-01" else "unknown")
