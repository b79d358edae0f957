"""What silence comes to is worked out once for everybody, and is what each patient alone would come to."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from trialmatch import demo
from trialmatch.config import Settings
from trialmatch.eligibility.context import Context
from trialmatch.eligibility.criteria import EventLeaf, ExposureLeaf, JudgementLeaf, ResultLeaf
from trialmatch.eligibility.evaluator import evaluate, judge, settled
from trialmatch.eligibility.facts import Attestation, Facts, Person, Source
from trialmatch.eligibility.silence import Silences
from trialmatch.fhir.patient.facts import facts_of
from trialmatch.fhir.patient.records import FACT_TYPES
from trialmatch.fhir.patient.sources import from_path
from trialmatch.matching import context_of, rules_of
from trialmatch.usecases.match import Engine

DAY = date(2026, 3, 1)
ENGINE = Engine.start(Settings.read({}))
LEAVES = ENGINE.studies.program.leaves


def _facts(patient: str, sources: Mapping[str, Source]) -> Facts:
    facts = facts_of(from_path(demo.hospital_path()), patient, ENGINE.terminology, ENGINE.settings, "demo")
    facts.sources.update(sources)
    return facts


def _context(facts: Facts, silences: Silences | None, day: date = DAY, **more: object) -> Context:
    rules = rules_of(ENGINE.settings)
    return context_of(facts, ENGINE.terminology, rules, day, silences=silences, **more)  # type: ignore[arg-type]


STATES = {
    "complete": {},
    "partial": {"Observation": Source("Observation", "partial"), "Condition": Source("Condition", "failed")},
    "stopped halfway": {"Observation": Source("Observation", "partial", truncated=True)},
    "asked by code": {kind: Source(kind, narrowed=True) for kind in FACT_TYPES},
}


def test_as_alone() -> None:
    """Every leaf, for patients of whom much or nothing is on record, whatever the sources gave; memories are shared."""
    silences = Silences()
    compared = 0
    for sources in STATES.values():
        people = [_facts(patient, sources) for patient, _ in demo.SHOWCASE]
        people.append(Facts(Person("Patient/nobody"), {kind: Source(kind) for kind in FACT_TYPES} | dict(sources)))
        for facts in people:
            shared, alone = _context(facts, silences), _context(facts, None)
            for leaf in LEAVES:
                one, other = judge(leaf, shared), judge(leaf, alone)
                assert one[:3] == other[:3] and one.note() == other.note(), leaf
                compared += 1
    assert compared == len(STATES) * (len(demo.SHOWCASE) + 1) * len(LEAVES)


def test_studies_as_alone() -> None:
    """Every leaf of every study: only those are judged that a record may speak of, the others are as silence is."""
    silences = Silences()
    compared = 0
    for sources in STATES.values():
        for patient, _ in demo.SHOWCASE:
            facts = _facts(patient, sources)
            shared, alone = _context(facts, silences), _context(facts, None)
            for study in ENGINE.studies.matchable:
                one, other = settled(study, shared, {}), settled(study, alone, {})
                assert list(one) == list(other)
                for link_id, finding in one.items():
                    assert finding[:3] == other[link_id][:3] and finding.note() == other[link_id].note(), link_id
                    compared += 1
    assert compared == len(STATES) * len(demo.SHOWCASE) * sum(len(study.leaves) for study in ENGINE.studies.matchable)


def test_a_day_of_its_own() -> None:
    """An infusion that is known on one day and not on another is not mixed up."""
    silences = Silences()
    nobody = Facts(Person("Patient/nobody"), {kind: Source(kind) for kind in FACT_TYPES})
    for infusion in (None, date(2026, 2, 1), None):
        shared, alone = _context(nobody, silences, infusion=infusion), _context(nobody, None, infusion=infusion)
        assert [evaluate(leaf, shared)[:2] for leaf in LEAVES] == [evaluate(leaf, alone)[:2] for leaf in LEAVES]


def test_a_persons_answer_is_no_silence() -> None:
    asked = JudgementLeaf("consent")
    answer = Attestation(True, "Dr. A", DAY, DAY.isoformat())
    silences = Silences()
    nobody = Facts(Person("Patient/nobody"), {})
    assert evaluate(asked, _context(nobody, silences)).basis == "judgement"
    assert evaluate(asked, _context(nobody, silences, judgements={("consent", None): answer})).basis == "attested"
    assert evaluate(asked, _context(nobody, silences)).basis == "judgement"


def test_a_persons_answer_in_a_study_is_no_silence() -> None:
    study = next(one for one in ENGINE.studies.matchable if any(_asked(item.leaf) for item in one.leaves.values()))
    link_id, leaf = next((link_id, item.leaf) for link_id, item in study.leaves.items() if _asked(item.leaf))
    assert isinstance(leaf, JudgementLeaf)
    answer = Attestation(True, "Dr. A", DAY, DAY.isoformat())
    silences = Silences()
    nobody = Facts(Person("Patient/nobody"), {})
    answered = _context(nobody, silences, judgements={(leaf.code, leaf.concept): answer})
    assert settled(study, _context(nobody, silences), {})[link_id].basis == "judgement"
    assert settled(study, answered, {})[link_id].basis == "attested"
    assert settled(study, _context(nobody, silences), {})[link_id].basis == "judgement"


def _asked(leaf: object) -> bool:
    return isinstance(leaf, JudgementLeaf)


def test_callers_choose_the_days_but_not_the_memory() -> None:
    silences = Silences()
    nobody = Facts(Person("Patient/nobody"), {})
    for number in range(1, 200):
        evaluate(LEAVES[0], _context(nobody, silences, date(2026, 1 + number % 12, 1 + number % 28)))
    assert len(silences._held) <= 16


@pytest.mark.parametrize("kind", [ResultLeaf, EventLeaf, ExposureLeaf, JudgementLeaf])
def test_a_hash_does_not_travel(kind: type) -> None:
    """Strings hash differently in another process: a leaf that came with its old hash would not be found there."""
    leaf = next(one for one in LEAVES if isinstance(one, kind))
    assert hash(leaf) == hash(replace(leaf)) and leaf == replace(leaf)
    program = (
        "import pickle, sys; one = pickle.load(sys.stdin.buffer); "
        "from dataclasses import replace; print(hash(one) == hash(replace(one)))"
    )
    found = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(leaf), capture_output=True, check=True)
    assert found.stdout.strip() == b"True"
