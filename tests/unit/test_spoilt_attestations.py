"""Attestations with something spoilt are read, or refused in one line with the entry and what is expected."""

from __future__ import annotations

import json
import random
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trialmatch import attestations
from trialmatch.errors import BadInput
from trialmatch.fhir.patient.sources import parse

from tests.unit.spoiling import spoilt

ANSWERS: list[dict[str, Any]] = [
    {"study": "NCT06892145", "linkId": "I1", "answer": "met", "by": "Dr Who", "at": "2026-02-20", "until": "2027-02"},
    {"judgement": "attribution", "concept": "sle", "answer": "unmet", "by": "Dr Who", "at": "2026-02-20T10:00:00Z"},
]


def _told(answers: Any) -> str:
    with pytest.raises(BadInput) as raised:
        attestations.read(answers, "answers.json", UTC, None)
    (line,) = raised.value.lines
    return line


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_whatever_is_spoilt_is_read_or_told(seed: int, file: bool) -> None:
    answers = spoilt(ANSWERS, random.Random(seed))
    try:
        data = parse(json.dumps(answers).encode(), "answers.json") if file else answers
        attestations.read(data, "answers.json", UTC, None)
    except BadInput as problem:
        (line,) = problem.lines
        assert line.startswith("answers.json:") and "; expected " in line
        line.encode()
        assert "\n" not in line and len(line) < 300


def test_a_field_of_any_name_is_told_in_one_line() -> None:
    assert _told([{**ANSWERS[0], "a\nb\ud800": 1}]).startswith(
        "answers.json: [0].a b : an unknown field; expected answer,"
    )
    assert len(_told([{**ANSWERS[0], "x" * 10_000: 1}])) < 300


@pytest.mark.parametrize("name", ["study", "linkId", "by", "at", "until"])
def test_halves_of_surrogate_pairs(name: str) -> None:
    """They could be neither shown nor kept."""
    told = _told([{**ANSWERS[0], name: "2026\ud800"}])
    assert told == f"answers.json: [0].{name}: half a surrogate pair; expected a string of Unicode characters"


@pytest.mark.parametrize(
    "day", ["2026-02-30", "9999-12", "٢٠٢٦-٠٢-٣٠", "0000", "2026-1", "", " ", "0001-01-01T00:00:00+14:00"]
)
def test_days_that_are_none(day: str) -> None:
    assert _told([{**ANSWERS[0], "at": day}]).startswith("answers.json: [0].at: ")
