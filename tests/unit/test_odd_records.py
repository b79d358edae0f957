"""Records of unusual but valid structure: whose they are, and which drug they speak of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness import Judged, judge
from tests.spec.criteria import counted, diagnosis, exposure, kind, measured, times
from tests.spec.record import RXNORM, alt, condition, patient

Json = dict[str, Any]

MRN = {"system": "http://hospital.example/mrn", "value": "M-7"}
WITH_MRN = patient("1980-01-01", identifier=[MRN]).resource


def _judged(leaf: Json, *resources: Json, **more: Any) -> Judged:
    return judge([{"linkId": "1", "description": "the criterion", **leaf}], [WITH_MRN, *resources], **more)


def _drug(**medication: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "authoredOn": "2026-01-10",
        **medication,
    }


def _methotrexate(code: str = "6851") -> Json:
    return {"coding": [{"system": RXNORM, "code": code}]}


@pytest.mark.parametrize(
    ("subject", "status"),
    [
        ({"reference": "Patient?identifier=http://hospital.example/mrn|M-7"}, "met"),
        ({"reference": "https://h.example/fhir/Patient?identifier=http%3A%2F%2Fhospital.example%2Fmrn%7CM-7"}, "met"),
        ({"reference": "Patient?identifier=http://hospital.example/mrn|M-8"}, "unknown"),
        ({"identifier": MRN}, "met"),
        ({"identifier": {"system": [], "value": {}}}, "unknown"),
        ({"type": "Group", "display": "the family"}, "unknown"),
    ],
)
def test_a_subject_by_business_identifier(subject: Json, status: str) -> None:
    """A transaction names a patient who is not yet stored by a search; so may an identifier alone."""
    found = _judged(diagnosis("sle"), {**condition("sle").resource, "subject": subject})
    assert found.items["1"]["status"] == status
    assert not found.problems


@pytest.mark.parametrize("subject", [{"display": "Ann"}, {"type": "Patient"}, {"reference": "Patient?name=Ann"}])
def test_a_subject_that_names_nobody(subject: Json) -> None:
    """The record may be the patient's: it is named, and silence about its type says nothing."""
    found = _judged(diagnosis("sle"), {**condition("sle").resource, "subject": subject})
    assert found.items["1"]["basis"] == "source-failed"
    (problem,) = found.problems
    assert problem.endswith("entry[1]: Condition.subject: none; expected whose record it is")


def test_an_ingredient_by_reference() -> None:
    """A Medication without a code of its own, whose ingredient is a Substance."""
    substance = {"resourceType": "Substance", "id": "s", "code": _methotrexate()}
    medication = {"resourceType": "Medication", "id": "x", "ingredient": [{"itemReference": {"reference": "#s"}}]}
    order = _drug(medicationReference={"reference": "#x"}, contained=[medication, substance])
    found = _judged(exposure("methotrexate"), order)
    assert found.items["1"]["status"] == "met"


def test_a_medication_that_does_not_say_which() -> None:
    """It may be any drug: it is named, and silence about drugs says nothing."""
    ingredient = {"itemReference": {"reference": "Substance/1"}}
    medication = {"resourceType": "Medication", "id": "x", "ingredient": [ingredient]}
    order = _drug(medicationReference={"reference": "#x"}, contained=[medication])
    found = _judged(exposure("methotrexate"), order)
    assert found.items["1"]["basis"] == "source-failed"
    assert len(found.problems) == 1 and "which drug it is" in found.problems[0]


def test_one_code_is_one_ingredient() -> None:
    """Three records of a drug that no mapping knows are one drug; of two such codes nobody knows."""
    lines = {
        "resourceType": "ValueSet",
        "id": "lines",
        "url": "https://trials.example/ValueSet/lines",
        "status": "active",
        "compose": {"include": [{"system": RXNORM, "concept": [{"code": "56946"}, {"code": "194000"}]}]},
    }
    leaf = counted(kind("MedicationRequest", {"valueReference": {"reference": lines["url"]}}), "<=", 1)
    three = [{**_drug(medicationCodeableConcept=_methotrexate("56946")), "id": f"m{number}"} for number in range(3)]
    other = {**_drug(medicationCodeableConcept=_methotrexate("194000")), "id": "o"}
    assert _judged(leaf, *three, blocks=(lines,)).items["1"]["status"] == "met"
    assert _judged(leaf, *three, other, blocks=(lines,)).items["1"]["basis"] == "imprecise"


def test_a_leap_second() -> None:
    """FHIR's times have it."""
    found = _judged(measured("alt", times("<=", 3)), alt(40, "2026-02-20T23:59:60Z").resource)
    assert found.items["1"]["status"] == "met" and not found.problems


@pytest.mark.parametrize("value", [{"valueRatio": "1:80"}, {"valueRatio": [1, 80]}, {"valueRange": "20 to 40"}])
def test_a_value_that_is_no_object(value: Json) -> None:
    """A mere value that cannot be used: of its record nothing else is lost, and nobody else's answer."""
    resource = {name: part for name, part in alt(40).resource.items() if name != "valueQuantity"}
    found = _judged(measured("alt", times("<=", 3)), resource | value)
    assert found.items["1"]["basis"] == "unusable" and not found.problems
