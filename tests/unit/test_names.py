"""The name and the record number on a patient's page (FHIR R4: HumanName, Identifier)."""

from __future__ import annotations

from typing import Any

import pytest
from trialmatch.fhir.patient.names import called, record_number

NAMES: dict[str, tuple[Any, str]] = {
    "none": (None, ""),
    "family and given": ([{"family": "Meyer", "given": ["Ana", "Lu"]}], "Meyer, Ana Lu"),
    "given only": ([{"given": ["Ana"]}], "Ana"),
    "the text is how it is to be shown": ([{"text": "李 娜", "family": "Li"}], "李 娜"),
    "official before usual": ([{"use": "usual", "text": "Ani"}, {"use": "official", "text": "Ana"}], "Ana"),
    "usual before one without use": ([{"text": "A"}, {"use": "usual", "text": "Ani"}], "Ani"),
    "a maiden name is none": ([{"use": "maiden", "text": "Before"}], ""),
    "a name that has ended comes last": (
        [{"use": "official", "text": "Before", "period": {"end": "2019"}}, {"text": "Now"}],
        "Now",
    ),
    "an empty one is passed over": ([{"use": "official", "_family": {}}, {"text": "Ana"}], "Ana"),
    "blanks and line ends": ([{"family": " Meyer\n", "given": ["", " Ana"]}], "Meyer, Ana"),
    "wrong types": ([7, {"use": ["usual"], "family": {"x": 1}}, {"family": ["x"], "given": "Ana"}], ""),
    "no list": ({"family": "Meyer"}, ""),
}


@pytest.mark.parametrize("case", NAMES)
def test_the_name_that_is_shown(case: str) -> None:
    name, expected = NAMES[case]
    assert called({"resourceType": "Patient", "name": name}) == expected


def _identifier(value: object, code: str = "MR", **more: object) -> dict[str, Any]:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}]}
    return {"type": kind, "value": value} | more


NUMBERS: dict[str, tuple[Any, str]] = {
    "none": (None, ""),
    "a social security number is not shown": ([_identifier("123-45", "SS")], ""),
    "of no known type": ([{"value": "77"}], ""),
    "the medical record number": ([_identifier("123-45", "SS"), _identifier("77")], "77"),
    "not an old one": ([_identifier("66", use="old"), _identifier("77")], "77"),
    "not one that has ended": ([_identifier("66", period={"end": "2019"}), _identifier("77")], "77"),
    "wrong types": ([_identifier(77), {"type": "MR", "value": "5"}, {"type": {"coding": "MR"}, "value": "5"}, 3], ""),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_the_record_number_that_is_shown(case: str) -> None:
    identifiers, expected = NUMBERS[case]
    assert record_number({"resourceType": "Patient", "identifier": identifiers}) == expected
