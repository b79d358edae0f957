"""Results as real laboratories write them: what they say is read, and never more than they say."""

from __future__ import annotations

import pytest

from tests.harness import judge
from tests.spec.criteria import (
    amount,
    measured,
    result,
    times,
)
from tests.spec.record import SNOMED, TERMINOLOGY, UCUM, patient
from tests.unit.hospital import MET, UNMET, Json, judged, observation


@pytest.mark.parametrize(
    "words",
    [
        "No sample received",
        "QNS - quantity not sufficient",
        "Hemolyzed specimen, no result",
        "Specimen rejected: no label",
        "Cancelled - no specimen",
        "Specimen not found",
        "Sample not present",
        "no informado",
        "No realizado",
        "kein Material",
        "标本溶血, 未检出",
    ],
)
def test_no_result_is_not_a_negative_one(words: str) -> None:
    """A laboratory that got no blood says nothing of HIV."""
    assert judged(measured("hiv-test", result("negative")), observation("7918-6", valueString=words)) == (
        "unknown",
        "unusable",
    )


@pytest.mark.parametrize(
    "words",
    ["No HIV antibodies detected", "Keine HIV-Antikörper nachgewiesen", "positive, not confirmed", "未见阳性"],
)
def test_what_is_denied_in_other_words_is_not_positive(words: str) -> None:
    """A negation that is not known stands in the way of a positive reading, and is no negative result either."""
    assert judged(measured("hiv-test", result("positive")), observation("7918-6", valueString=words)) == (
        "unknown",
        "unusable",
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("no", UNMET),
        ("HIV 1+2 Ab -", UNMET),
        ("HIV Ab +", MET),
        ("Negative. Does not exclude early infection", UNMET),
        ("Negative (specimen slightly hemolyzed)", UNMET),
        ("轻度溶血, 阴性", UNMET),
    ],
)
def test_short_answers(words: str, found: tuple[str, str]) -> None:
    assert judged(measured("hiv-test", result("positive")), observation("7918-6", valueString=words)) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("0,9 mg/dl", MET),
        ("1,25 mg/dl", UNMET),
        ("<0,5 mg/dl", MET),
        ("0,875 mg/dl", MET),
        ("1,250 mg/dl", ("unknown", "unusable")),  # with thousands it would be 1250
    ],
)
def test_decimal_commas(words: str, found: tuple[str, str]) -> None:
    """A comma is a decimal one where no three digits follow it, or a zero stands before it."""
    creatinine = measured("creatinine", {"valueQuantity": amount(1, "mg/dL", "<=")})
    assert judged(creatinine, observation("2160-0", valueString=words)) == found


def test_a_range_with_decimal_commas() -> None:
    """1.0 mg/dL is less than 1.5 times 0.9 mg/dL."""
    value = {"value": 1.0, "unit": "mg/dl", "system": UCUM, "code": "mg/dL"}
    record = observation("2160-0", valueQuantity=value, referenceRange=[{"text": "0,5 - 0,9 mg/dl"}])
    assert judged(measured("creatinine", times("<=", 1.5)), record) == MET


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"unit": "%", "system": SNOMED, "code": "118582008"}, UNMET),
        ({"system": SNOMED, "code": "118582008"}, ("unknown", "unusable")),
        ({"unit": "%", "code": "118582008"}, UNMET),
        ({"unit": "%", "system": "urn:oid:2.16.840.1.113883.6.8", "code": "%"}, UNMET),
        ({"unit": "Prozent", "system": "http://h.example/units", "code": "g"}, ("unknown", "unusable")),
        ({"system": "http://h.example/units", "code": "mg/dL"}, ("unknown", "unusable")),
    ],
)
def test_a_unit_by_the_code_of_another_system(value: Json, found: tuple[str, str]) -> None:
    """SNOMED CT's 118582008 is the per cent sign, and not a factor of a hundred million."""
    record = observation("10230-1", valueQuantity={"value": 45, **value})
    assert judged(measured("lvef", {"valueQuantity": amount(50, "%", ">=")}), record) == found


@pytest.mark.parametrize(
    ("type_", "found"),
    [
        ({"text": "Normal Range"}, MET),
        ({"text": "Referenzbereich"}, MET),
        ({"coding": [{"code": "therapeutic"}]}, ("unknown", "unusable")),
        ({"text": "Critical"}, ("unknown", "unusable")),
    ],
)
def test_a_range_of_normal_by_its_words(type_: Json, found: tuple[str, str]) -> None:
    value = {"value": 40, "unit": "U/L", "system": UCUM, "code": "U/L"}
    record = observation("1742-6", valueQuantity=value, referenceRange=[{"type": type_, "high": {"value": 35}}])
    assert judged(measured("alt", times("<=", 3)), record) == found


def test_ranges_by_sex_in_words() -> None:
    """For a woman ALT 100 U/L is more than 3 × 31, for a man it would be less than 3 × 41."""
    value = {"value": 100, "unit": "U/l", "system": UCUM, "code": "U/L"}
    ranges = [
        {"high": {"value": 31}, "appliesTo": [{"text": "Frauen"}]},
        {"high": {"value": 41}, "appliesTo": [{"text": "Männer"}]},
    ]
    record = observation("1742-6", valueQuantity=value, referenceRange=ranges)
    assert judged(measured("alt", times("<=", 3)), record) == UNMET


def test_a_reason_for_no_value_goes_before_a_flag() -> None:
    """A flag N of a test that was not performed is no negative result."""
    record = observation(
        "7918-6",
        dataAbsentReason={"coding": [{"code": "not-performed"}]},
        interpretation=[{"coding": [{"code": "N"}]}],
    )
    assert judged(measured("hiv-test", result("negative")), record) == ("unknown", "missing-data")


@pytest.mark.parametrize("value", [{"valueString": "QNS"}, {"valueCodeableConcept": {"text": "Not performed"}}])
def test_words_for_no_result_go_before_a_flag(value: Json) -> None:
    record = observation("7918-6", interpretation=[{"coding": [{"code": "N"}]}], **value)
    assert judged(measured("hiv-test", result("negative")), record) == ("unknown", "unusable")


def test_a_value_and_a_reason_why_there_is_none() -> None:
    """FHIR forbids both; which of them is right nobody knows."""
    record = observation("7918-6", valueString="Negative", dataAbsentReason={"coding": [{"code": "error"}]})
    assert judged(measured("hiv-test", result("negative")), record) == ("unknown", "unusable")


@pytest.mark.parametrize(
    ("code", "found"),
    [("POS", MET), ("NEG", UNMET), ("ND", UNMET), ("RR", MET), ("IND", ("unknown", "imprecise"))],
)
@pytest.mark.parametrize("system", [f"{TERMINOLOGY}/v3-ObservationInterpretation", "http://hl7.org/fhir/v2/0078"])
def test_a_flag_in_place_of_the_value(code: str, found: tuple[str, str], system: str) -> None:
    value = {"coding": [{"system": system, "code": code}]}
    record = observation("7918-6", valueCodeableConcept=value)
    assert judged(measured("hiv-test", result("positive")), record) == found


@pytest.mark.parametrize(
    ("words", "found"), [("Negative", UNMET), ("Abnormal", MET), ("see note", ("unknown", "unusable"))]
)
def test_a_flag_in_words(words: str, found: tuple[str, str]) -> None:
    record = observation("7918-6", interpretation=[{"text": words}])
    assert judged(measured("hiv-test", result("positive")), record) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("55-60 %", MET),
        ("50 – 55%", MET),
        ("45-50%", ("unknown", "imprecise")),
        ("30 - 35 %", UNMET),
        ("60-55 %", ("unknown", "unusable")),
        ("55-60", ("unknown", "unusable")),
        ("55-60 of normal", ("unknown", "unusable")),
    ],
)
def test_a_range_in_words(words: str, found: tuple[str, str]) -> None:
    """Echocardiograms come as 55-60 %: decided where both ends decide alike."""
    record = observation("10230-1", valueString=words)
    assert judged(measured("lvef", {"valueQuantity": amount(50, "%", ">=")}), record) == found


@pytest.mark.parametrize(("alt", "found"), [(130, UNMET), (90, MET), (100, ("unknown", "unusable"))])
def test_ranges_by_sex_of_whom_the_sex_is_not_known(alt: int, found: tuple[str, str]) -> None:
    """Three times 31 are 93, three times 41 are 123."""
    value = {"value": alt, "unit": "U/L", "system": UCUM, "code": "U/L"}
    ranges = [{"high": {"value": high}, "appliesTo": [{"text": sex}]} for sex, high in (("Female", 31), ("Male", 41))]
    record = observation("1742-6", valueQuantity=value, referenceRange=ranges)
    unknown_sex = patient("1980-01-01", "unknown").resource
    leaf = {"linkId": "1", "description": "ALT", **measured("alt", times("<=", 3))}
    item = judge([leaf], [unknown_sex, record]).items["1"]
    assert (item["status"], item["basis"]) == found


@pytest.mark.parametrize(
    "limits", [{"low": {"value": 56}, "high": {"value": 7}}, {"text": "56 - 7"}, {"low": {"value": 7, "unit": "U/L"},
               "high": {"value": 0.00093, "unit": "mkat/L"}}]
)
def test_a_range_that_is_turned_around(limits: Json) -> None:
    """US Core's own example of a haematocrit has one; its ends may as well be wrong otherwise."""
    value = {"value": 20, "unit": "U/L", "system": UCUM, "code": "U/L"}
    record = observation("1742-6", valueQuantity=value, referenceRange=[limits])
    assert judged(measured("alt", times("<=", 3)), record) == ("unknown", "unusable")
