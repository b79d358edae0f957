"""Whatever a text or a record holds: the draft has no faults and loses no word, or the record is refused in lines."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from trialmatch.errors import BadInput
from trialmatch.fhir.patient.sources import parse
from trialmatch.fhir.study import studies
from trialmatch.registry.drafts import bundle, draft
from trialmatch.registry.record import LONGEST_TEXT, records
from trialmatch.registry.wording import printed

from tests.registry.cases import CASES
from tests.registry.full import FULL
from tests.registry.material import SETTINGS, Json, drafted, loaded, record, terminology, variable
from tests.unit.spoiling import spoilt

_HEADINGS = (
    "Inclusion Criteria:", "Exclusion Criteria:", "Inclusion Criteria for Part A:", "Exclusion Criteria (Part B):",
    "Part A:", "Inclusion criteria for SLE:", "Inclusion criteria for RA:", "Criteria:",
    "Inclusion/Exclusion Criteria:", "Age", "Note: x", "All of the following:", "At least 2 of the following:",
    "Any of the following:", "Non-inclusion criteria", "For SLE:", "At least 9 of the following:",
    "Both of the following:", "Participants must meet all of the following criteria:",
)  # fmt: skip
_PRINTED = tuple(line for case in CASES for line in case.text.splitlines() if line.strip())
_CRITERIA = (
    *_PRINTED, "Pregnancy", "or", "and", "* ", "1.", "\\*", "a)", "----", "ALT ≤ 3 × ULN; or", "\x00", "\ud800",
    "&lt;b&gt;", "§ 1", "٣",
)  # fmt: skip
_MARKERS = ("", "* ", "- ", "• ", "1. ", "2) ", "(3) ", "a. ", "ii. ", "1.1 ", "\\- ", "+ ", "**", "\t* ")
_LINES = st.tuples(
    st.integers(0, 12),
    st.sampled_from(_MARKERS),
    st.one_of(st.sampled_from(_HEADINGS), st.sampled_from(_CRITERIA), st.text(max_size=40)),
    st.sampled_from(("\n", "\n\n", " ", "\r\n")),
)
_TEXTS = st.lists(_LINES, max_size=25).map(
    lambda found: "".join(" " * n + mark + text + end for n, mark, text, end in found)
)

#: Letters of markers are words of one letter, or Roman numbers.
_ROMAN = re.compile(r"[ivx]+")


def _words(text: str) -> Counter[str]:
    found = re.findall(r"[^\W\d_]{2,}", text)
    return Counter(word for word in found if not _ROMAN.fullmatch(word))


def _told(characteristics: list[Json]) -> str:
    """The printed texts of criteria: those of groups that a heading makes, and of what stands in them."""
    said = []
    for one in characteristics:
        said.append(one["description"])
        if not one.get("note", [{"text": ""}])[0]["text"].startswith("Read by the rule"):  # parts of one criterion
            said.append(_told(one.get("definitionByCombination", {}).get("characteristic", [])))
    return "\n".join(said)


@settings(max_examples=300, deadline=None)
@given(_TEXTS)
def test_every_draft_is_fine_and_loses_no_word(text: str) -> None:
    data = record(text, minimumAge="18 Years")
    loaded(data)
    found = variable(drafted(data))
    notes = "\n".join(one["text"] for one in found.get("note", ()))
    assert not _words(printed(text)) - _words(_told(found["characteristic"]) + "\n" + notes)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=2_000))
def test_any_text(text: str) -> None:
    loaded(record(text, sex="FEMALE"))


def test_the_longest_texts() -> None:
    """As many criteria as there can be, each with a definition, or nested as deep as can be."""
    for line, times in (("* pregnancy\n", 12), ("*a\n", 3), ("* a\n", 4)):
        loaded(record("Exclusion criteria:\n" + line * (LONGEST_TEXT // times - 10)))
    deep = "Inclusion criteria:\n" + "".join(" " * (2 * at) + "* any of the following:\n" for at in range(180))
    loaded(record(deep + " " * 360 + "* HIV positive"))
    loaded(record("Inclusion criteria: " + "(" * 30_000))
    loaded(record("Inclusion criteria:\n* " + "ALT and " * 4_000 + "≤ 3 × ULN"))


def test_a_longer_text_is_refused() -> None:
    try:
        records(record("x" * (LONGEST_TEXT + 1)), "record.json")
    except BadInput as problem:
        (line,) = problem.lines
        where = "record.json: protocolSection.eligibilityModule.eligibilityCriteria"
        assert line.startswith(f"{where}: another value; expected")
    else:
        raise AssertionError("it was taken in")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_whatever_is_spoilt_is_imported_or_refused(seed: int, page: bool) -> None:
    document: Any = {"studies": [FULL, record("x", "NCT00000077")]} if page else FULL
    broken = spoilt(document, random.Random(seed))
    try:
        read = parse(json.dumps(broken).encode(), "record.json")
        made = bundle(draft(one, terminology()) for one in records(read, "record.json"))
    except BadInput as problem:
        assert problem.lines
        for line in problem.lines:
            assert line.startswith("record.json")
            assert "; expected " in line
            assert "\n" not in line
        return
    orjson.dumps(made)
    studies.load(studies.unpacked(made, "draft.json"), terminology(), SETTINGS)
