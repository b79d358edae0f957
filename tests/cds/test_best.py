"""Asking for the best matches only gives the beginning of what asking for all of them gives."""

from __future__ import annotations

import gc
from datetime import date
from functools import cache

import pytest
from trialmatch.config import Settings
from trialmatch.demo import INDEX_DATE, hospital_path
from trialmatch.eligibility.facts import Attestation
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_path
from trialmatch.usecases.match import Engine, Question, match_patient

TODAY = date.fromisoformat(INDEX_DATE)


@cache
def _engine() -> Engine:
    return Engine.start(Settings.read({}))


@cache
def _hospital() -> Records:
    return from_path(hospital_path())


def _order(patient: str, question: Question) -> list[tuple[str, str, float | None]]:
    answer = match_patient(_engine(), _hospital(), patient, question, "the demo hospital")
    return [(match.study.id, match.verdict, match.score) for match in answer.matches]


@pytest.mark.parametrize("patient", sorted(_hospital().patients()))
@pytest.mark.parametrize("everything", [False, True])
def test_the_best_are_the_first_of_all(patient: str, everything: bool) -> None:
    all_of_them = _order(patient, Question(TODAY, everything=everything))
    for most in (1, 3):
        assert _order(patient, Question(TODAY, everything=everything, most=most)) == all_of_them[:most]


def test_answers_for_one_study_count_in_the_order() -> None:
    """Consent (C6) refused makes the first study ineligible: the next one moves up and leaves no gap."""
    first = _order("lupus-missing-01", Question(TODAY))
    assert first[0][0] == "Universal-CD19-BCMA-autoimmune"
    answer = Attestation(False, "Dr A", TODAY, INDEX_DATE, study=first[0][0], link_id="C6")
    answered = Question(TODAY, attestations=(answer,))
    assert [name for name, *_ in _order("lupus-missing-01", answered)] == [name for name, *_ in first[1:]]
    best = Question(TODAY, attestations=(answer,), most=1)
    assert _order("lupus-missing-01", best) == _order("lupus-missing-01", answered)[:1] == first[1:2]


def test_a_match_leaves_nothing_for_the_garbage_collector() -> None:
    """Facts and findings are gone with the answer; in cycles they would wait for the collector."""
    question = Question(TODAY, most=3)
    match_patient(_engine(), _hospital(), "lupus-missing-01", question, "the demo hospital")
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)  # servers of other tests may leave things of their own
    try:
        match_patient(_engine(), _hospital(), "lupus-missing-01", question, "the demo hospital")
        gc.collect()
        assert not [one for one in gc.garbage if type(one).__module__.startswith("trialmatch.eligibility.")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
