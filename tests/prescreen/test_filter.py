"""The candidate filter never drops whom the evaluator would keep: generated studies, generated patients."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from trialmatch.config import Settings
from trialmatch.prescreen.binding import ELEMENTS

from tests.generative.studies import Situation, situations
from tests.prescreen.conftest import THOROUGH
from tests.prescreen.hospital import engine_of, folder_of, same, terminology

Json = dict[str, Any]

settings.load_profile("prescreen-thorough" if THOROUGH else "prescreen-ci")
PROFILE = settings()

ABSENCE = "https://trialmatch.example.org/fhir/StructureDefinition/absence"


def gated(characteristics: list[Json], choose: Any) -> list[Json]:
    """Criteria of which many take silence as absence, as a study's gates do."""
    found = copy.deepcopy(characteristics)
    pending = list(found)
    while pending:
        one = pending.pop()
        pending += one.get("definitionByCombination", {}).get("characteristic", [])
        if "definitionByTypeAndValue" in one and choose():
            kind = one["definitionByTypeAndValue"].get("type", {}).get("coding", [{}])[0].get("code")
            extensions = [other for other in one.get("extension", []) if other.get("url") != ABSENCE]
            if kind in ELEMENTS:
                one["extension"] = [*extensions, {"url": ABSENCE, "valueCode": "absent"}]
    return found


def renamed(situation: Situation, number: int) -> list[Json]:
    """The patient of a situation under another name."""
    found = []
    for one in copy.deepcopy(situation.resources):
        one["id"] = f"{one.get('id', 'r')}-{number}"
        for key in ("subject", "patient", "individual"):
            if isinstance(one.get(key), dict):
                one[key]["reference"] = f"Patient/p-{number}"
        if one["resourceType"] == "Patient":
            one["id"] = f"p-{number}"
        found.append(one)
    return found


ABOUT_RECORDS = ("sle", "stroke", "procedure", "person")


@pytest.mark.parametrize("topics", [ABOUT_RECORDS, ()], ids=["gates", "anything"])
def test_batch_equals_single(topics: tuple[str, ...]) -> None:
    """Several patients against several studies: every patient's rows are what matching that patient alone gives."""

    @settings(PROFILE)
    @given(st.lists(situations(topics), min_size=2, max_size=4), st.randoms(use_true_random=False))
    def equal(drawn: list[Situation], chance: Any) -> None:
        studies = [gated(one.characteristics, lambda: chance.random() < 0.7) for one in drawn]
        resources = [resource for number, one in enumerate(drawn) for resource in renamed(one, number)]
        note(f"{studies}\n{resources}")
        with tempfile.TemporaryDirectory() as scratch:
            source = folder_of(Path(scratch) / "in", resources)
            same(engine_of(studies), source, Path(scratch) / "out")

    equal()


class Watched(dict):  # type: ignore[type-arg]
    """A resource that remembers which of its elements were asked for."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("kind", sorted(ELEMENTS))
def test_the_survey_looks_at_all_that_the_reader_looks_at(kind: str) -> None:
    """An element that only the reader knew could make a record unreadable behind the filter's back."""
    from trialmatch.fhir.patient.facts import reader_of
    from trialmatch.fhir.patient.records import Record, Records

    asked: set[str] = set()
    for more in ({}, {"status": "completed"}, {"onsetDateTime": "2020"}, {"recorded": "2020"}, {"period": {}}):
        watched = Watched({"resourceType": kind, "id": "r", "subject": {"reference": "Patient/p"}, **more})
        records = Records()
        records.add({"resourceType": "Patient", "id": "p"}, "")
        records.by_type[kind] = [Record(watched, "")]
        reader_of(records, "p", terminology(), Settings.read({})).read()
        asked |= watched.asked
    named, shaped = ELEMENTS[kind]
    # focus matters to Observations only; a modifier extension makes a record doubtful, and never takes it away
    plain = {"resourceType", "id", "subject", "patient", "meta", "focus", "modifierExtension"}
    assert asked - plain <= {*named, *shaped}
