"""The fast way through many studies says what the full account of each study says."""

from __future__ import annotations

import random
from datetime import date
from fractions import Fraction

import pytest
from trialmatch import demo
from trialmatch.config import Settings
from trialmatch.eligibility.context import Context, Rules
from trialmatch.eligibility.criteria import Item, JudgementLeaf, QuantityTest, ResultLeaf, Study
from trialmatch.eligibility.evaluator import evaluate, settled
from trialmatch.eligibility.facts import Attestation, Facts, Person
from trialmatch.eligibility.program import Program, Ranking
from trialmatch.eligibility.units import UCUM
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.verdict import VERDICTS, Match, conclude
from trialmatch.fhir.patient.facts import facts_of
from trialmatch.fhir.patient.sources import from_bundle, from_path
from trialmatch.usecases.match import Engine, Question, context_of

from tests.harness import patient_bundle

ANSWERS = {"yes": True, "no": False}


def _answers() -> dict[tuple[str, str | None], Attestation]:
    day = date(2026, 1, 1)
    return {(code, None): Attestation(met, "a person", day, day.isoformat()) for code, met in ANSWERS.items()}


def _leaf(chance: random.Random) -> JudgementLeaf | ResultLeaf:
    """Met, unmet, unknown for want of a person, or unknown for want of data."""
    if chance.random() < 0.25:
        return ResultLeaf(("alt",), QuantityTest(Interval(), "U/L"), label="ALT")
    return JudgementLeaf(chance.choice(["yes", "yes", "yes", "no", "open"]))


def _tree(chance: random.Random, name: str, depth: int, flipped: bool, cohort: str | None = None) -> Item:
    exclude = chance.random() < 0.25
    if depth == 0 or chance.random() < 0.4:
        return Item(name, "", "inclusion", exclude, flipped, leaf=_leaf(chance), cohort=cohort)
    combination = chance.choice(["all-of", "any-of", "at-least", "at-most"])
    size = chance.randint(1, 4)
    below = flipped ^ exclude ^ (combination == "at-most")
    members = tuple(_tree(chance, f"{name}.{i}", depth - 1, below, cohort) for i in range(size))
    threshold = chance.randint(1, size)
    return Item(name, "", "inclusion", exclude, flipped, None, combination, threshold, members, cohort)


def _study(seed: int) -> Study:
    chance = random.Random(seed)
    items = [_tree(chance, str(i), 2, False) for i in range(chance.randint(1, 4))]
    cohorts: tuple[tuple[str, str], ...] = ()
    if chance.random() < 0.5:
        names = [f"cohort-{i}" for i in range(chance.randint(1, 3))]
        groups = []
        for name in names:
            members = tuple(_tree(chance, f"{name}.{i}", 1, False, name) for i in range(chance.randint(1, 3)))
            groups.append(
                Item(name, "", "inclusion", combination="all-of", members=members, cohort=name, names_cohort=True)
            )
        items.append(Item("choice", "", "inclusion", combination="any-of", members=tuple(groups)))
        cohorts = tuple((name, name) for name in names)
    exclusions = chance.random() < 0.8
    return Study(f"s{seed}", "", "active", None, tuple(items), cohorts, exclusions_in_record=exclusions)


def _ranking(match: Match) -> Ranking:
    return Ranking(
        VERDICTS.index(match.verdict), match.gaps, match.confirmations, -match.counts["met"], match.study.id
    )


@pytest.mark.parametrize("deceased", [False, True])
def test_random_trees(deceased: bool) -> None:
    studies = [_study(seed) for seed in range(600)]
    engine = Engine.start(Settings.read({}))
    facts = Facts(Person("Patient/p"), {})
    context = Context.at(facts, date(2026, 3, 1), engine.terminology.knowledge, Rules(), judgements=_answers())
    fast = sorted(Program.compile(studies).rank(context, deceased=deceased))
    full = sorted(_ranking(conclude(study, settled(study, context, {}), deceased)) for study in studies)
    assert fast == full
    if not deceased:
        assert {ranking.verdict for ranking in fast} == {"eligible", "likely", "possible", "ineligible"}


def test_demo_hospital() -> None:
    engine = Engine.start(Settings.read({}))
    records = from_path(demo.hospital_path())
    question = Question(date(2026, 3, 1))
    for patient in sorted(records.patients()):
        facts = facts_of(records, patient, engine.terminology, engine.settings, "demo")
        context = context_of(engine, facts, question)
        dead = facts.person.deceased
        fast = sorted(engine.studies.program.rank(context, deceased=dead))
        studies = engine.studies.matchable
        full = sorted(_ranking(conclude(study, settled(study, context, {}), dead)) for study in studies)
        assert fast == full, patient


def test_limits_that_are_close() -> None:
    """Leaves that differ only in their limit share one number; ties are still decided exactly, as decimals."""
    alt = {"system": "http://loinc.org", "code": "1742-6"}
    high = {"value": 30.4, "unit": "U/L", "system": UCUM, "code": "U/L"}
    result = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [alt]},
        "effectiveDateTime": "2026-02-20",
        "valueQuantity": {"value": 91.2, "unit": "U/L", "system": UCUM, "code": "U/L"},
        "referenceRange": [{"high": high}],
    }
    limits = [Fraction("2.9999999999999"), Fraction(3), Fraction("3.0000000000001"), Fraction(2), Fraction(4)]
    tests = [Interval.of(limit, sign) for limit in limits for sign in ("<", "<=", ">=", ">", None)]
    leaves = [ResultLeaf(("alt",), QuantityTest(limit, "1", "UNL"), label="ALT") for limit in tests]
    items = [Item("1", "", "inclusion", leaf=leaf) for leaf in leaves]
    studies = [Study(f"s{i:02}", "", "active", None, (item,)) for i, item in enumerate(items)]
    engine = Engine.start(Settings.read({}))
    records = from_bundle(patient_bundle([result]), "bundle")
    facts = facts_of(records, "p", engine.terminology, engine.settings, "bundle")
    context = context_of(engine, facts, Question(date(2026, 3, 1)))
    fast = sorted(Program.compile(studies).rank(context, deceased=False), key=lambda one: one.study)
    exact = {"<": Fraction.__lt__, "<=": Fraction.__le__, ">=": Fraction.__ge__, ">": Fraction.__gt__}
    expected = [
        exact.get(sign or "", Fraction.__eq__)(Fraction(3), limit)
        for limit in limits
        for sign in ("<", "<=", ">=", ">", None)
    ]
    assert [one.verdict == "eligible" for one in fast] == expected
    assert [evaluate(leaf, context).truth == 1 for leaf in leaves] == expected
