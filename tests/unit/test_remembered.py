"""What is remembered of one record is never taken for another that only looks alike."""

from __future__ import annotations

from fractions import Fraction

import pytest
from trialmatch.config import Settings
from trialmatch.eligibility.values import Coding, Quantity, Text
from trialmatch.fhir.elements import Json, codings
from trialmatch.fhir.patient.observations import quantity
from trialmatch.terminology import mappings

TERMINOLOGY = mappings.load(Settings.read({}))
UNITS = TERMINOLOGY.knowledge.units

ORDINAL = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 2}


def test_true_is_no_one() -> None:
    """Python's 1, 1.0 and True are equal; of a Quantity only the first two are a number."""
    one = {"value": 1, "unit": "mg/dL", "code": "mg/dL"}
    for value in (1, 1.0):
        assert quantity({**one, "value": value}, UNITS) == quantity(one, UNITS)
    assert quantity({**one, "value": True}, UNITS) == Text("(no number)")


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"code": "mg/dL"}, "1.5 mg/dL"),
        ({"unit": "mg/dl", "code": "mg/dL"}, "1.5 mg/dl"),
        ({"unit": "mg/dl", "code": "mg/dL", "comparator": "<"}, "<1.5 mg/dl"),
        ({"unit": "{score}"}, "1.5"),
        ({"unit": "u" * 1000}, "1.5 " + "u" * 1000),
    ],
)
def test_the_same_number_in_other_words(more: Json, shown: str) -> None:
    for _ in range(2):
        found = quantity({"value": 1.5, **more}, UNITS)
        assert isinstance(found, Quantity) and found.printed == shown


def test_the_same_code_with_an_ordinal() -> None:
    plain = {"system": "http://loinc.org/", "code": " LA6-4 ", "display": "Two"}
    found = []
    for entry in (plain, {**plain, "extension": [ORDINAL]}, plain, {**plain, "display": "w" * 1000}):
        found.append(codings({"code": {"coding": [entry]}}, "code")[0][0])
    assert found[0] == found[2] == Coding("http://loinc.org", "LA6-4", "Two")
    assert found[1] == Coding("http://loinc.org", "LA6-4", "Two", Fraction(2))
    assert found[3] == Coding("http://loinc.org", "LA6-4", "w" * 1000)


def test_words_are_read_alike_the_second_time() -> None:
    wording = TERMINOLOGY.knowledge.wording
    for _ in range(2):
        assert wording.read("not detected") == "negative"
        assert wording.read("detected") == "positive"
        assert wording.read("see the comment") is None
        assert wording.read("see the comment " * 50 + "not detected") == "negative"
