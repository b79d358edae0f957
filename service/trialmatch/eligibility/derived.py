"""Values that are computed from others: creatinine clearance by Cockcroft and Gault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, unknown
from trialmatch.eligibility.criteria import QuantityTest, RecordedTest, ResultLeaf
from trialmatch.eligibility.dates import Bounds, Offset, Span, completed
from trialmatch.eligibility.facts import PROVISIONAL, Measurement
from trialmatch.eligibility.numbers import Unusable, number
from trialmatch.eligibility.selection import Selection, select
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.wording import interval, limit_words

CREATININE, WEIGHT = "creatinine", "body-weight"

#: Cockcroft DW, Gault MH. Nephron 1976;16:31–41: (140 − age) × kg / (72 × mg/dL), × 0.85 for women.
_FEMALE = Fraction(85, 100)


def cockcroft_gault(leaf: ResultLeaf, measured: Finding | None, window: Bounds, context: Context) -> Finding:
    """Creatinine clearance: measured where that decides, else derived from results in ``window``."""
    if measured is not None and measured.truth != t.UNKNOWN:
        return measured
    derived = _derived(leaf, window, context)
    if derived.truth == t.UNKNOWN and measured is not None:
        return measured if t.first_basis([measured.basis, derived.basis]) == measured.basis else derived
    return derived


class Newest(NamedTuple):
    """The newest number of a concept; where several results may be the newest, all that they may say.

    ``contradiction``: they say different things. ``drafts``: what newer preliminary results say.
    """

    number: Interval
    results: tuple[Measurement, ...]
    contradiction: bool
    drafts: tuple[Interval, ...] = ()


def newest(concept: str, unit: str, window: Bounds, context: Context) -> Newest | Finding:
    """The newest usable number of a concept in ``unit``, or the finding that says why there is none."""
    probe = ResultLeaf(keys=(concept,), test=RecordedTest(), label=context.knowledge.label(concept))
    selection = select(probe, window, context)
    label = probe.label
    if context.facts.incomplete("Observation") and not selection.finals:
        return unknown(t.SOURCE_FAILED, (), lambda: f"no {label} could be obtained")
    if not selection.certain:
        return _no_certain(selection, label, unit, context)
    floor = max(reading.lo for reading in selection.certain)
    candidates = [reading.results[0] for reading in selection.finals if reading.hi >= floor]
    values = []
    for result in candidates:
        try:
            values.append(number(result, unit, context))
        except Unusable as problem:
            return _unusable(result, problem)
    drafts = []
    for reading in selection.drafts:
        if reading.hi > floor:
            with suppress(Unusable):
                drafts.append(number(reading.results[0], unit, context))
    return Newest(_hull(values), tuple(candidates), len(set(values)) > 1, tuple(drafts))


def _unusable(result: Measurement, problem: Unusable) -> Finding:
    words = f"{result.display} cannot be used: {problem}"
    return unknown(t.UNUSABLE, [result], lambda: words)


def _hull(values: list[Interval]) -> Interval:
    """The interval that holds all of several."""
    if len(set(values)) == 1:
        return values[0]
    lows = [value.lo for value in values if value.lo is not None]
    highs = [value.hi for value in values if value.hi is not None]
    return Interval(
        min(lows) if len(lows) == len(values) else None,
        max(highs) if len(highs) == len(values) else None,
    )


def _no_certain(selection: Selection, label: str, unit: str, context: Context) -> Finding:
    """Why there is no result that surely counts: the newest of the others with all its flaws."""
    readings = selection.drafts or selection.finals or selection.outdated
    if not readings:
        return unknown(t.MISSING_DATA, (), lambda: f"no {label}")
    result = readings[0].results[0]
    words = {
        t.PROVISIONAL: f"only preliminary {label}",
        t.IMPRECISE: f"{label} without a clear date",
        t.STALE: f"the last {label} is too old",
        t.UNUSABLE: f"{result.display} cannot be used",
    }
    bases = [t.PROVISIONAL] if result.state == PROVISIONAL else []
    if readings[0] in selection.outdated:
        bases.append(t.STALE)
    elif readings[0].inside == t.UNKNOWN:
        bases.append(t.IMPRECISE)
    try:
        number(result, unit, context)
    except Unusable:
        bases.append(t.UNUSABLE)
    basis = t.first_basis(bases)
    return unknown(basis, [result], lambda: words[basis])


def _derived(leaf: ResultLeaf, window: Bounds, context: Context) -> Finding:
    assert isinstance(leaf.test, QuantityTest)
    validity = leaf.validity or context.rules.validity
    first = Offset(-validity.value, validity.unit).from_day(context.as_of)
    fresh = Bounds(first, first, date.max, date.max)
    creatinine = newest(CREATININE, "mg/dL", window, context)
    weight = newest(WEIGHT, "kg", fresh, context)
    person = context.facts.person
    problems = [part for part in (creatinine, weight) if isinstance(part, Finding)]
    if person.birth is None:
        problems.append(unknown(t.MISSING_DATA, (), lambda: "no date of birth"))
    if problems:
        basis = t.first_basis(problem.basis for problem in problems)
        facts = [fact for problem in problems for fact in problem.facts]
        return unknown(basis, facts, lambda: "not derivable: " + ", ".join(problem.note() for problem in problems))
    assert not isinstance(creatinine, Finding) and not isinstance(weight, Finding) and person.birth is not None
    clearances = _clearances(person.birth, person.sex, weight.number, creatinine.number, context)
    unit = leaf.test.unit
    conversion = context.knowledge.units.conversion("mL/min", unit)
    if conversion is None:
        words = f"a clearance cannot be given in {unit}"
        return unknown(t.UNUSABLE, (), lambda: words)
    values = [value.map(*conversion) for value in clearances]
    verdicts = {value.within(leaf.test.limit) for value in values}
    facts = [*creatinine.results, *weight.results]
    shown = " or ".join(dict.fromkeys(interval(value, unit) for value in values))
    words = f"Cockcroft–Gault {shown}; limit {limit_words(leaf.test.limit, unit)}"
    if len(verdicts) == 1 and t.UNKNOWN not in verdicts:
        for kilograms, milligrams in _with_drafts(weight, creatinine):
            other = _clearances(person.birth, person.sex, kilograms, milligrams, context)
            if {value.map(*conversion).within(leaf.test.limit) for value in other} == {-max(verdicts)}:
                return unknown(t.PROVISIONAL, facts, lambda: f"{words}; a newer preliminary result says otherwise")
        return Finding(verdicts.pop(), t.EVIDENCE, tuple(facts), lambda: words)
    if person.sex not in ("male", "female"):
        return unknown(t.MISSING_DATA, facts, lambda: f"{words}; sex is not known")
    contradiction = creatinine.contradiction or weight.contradiction
    return unknown(t.UNUSABLE if contradiction else t.IMPRECISE, facts, lambda: words)


def _with_drafts(weight: Newest, creatinine: Newest) -> Iterator[tuple[Interval, Interval]]:
    """Weight and creatinine with a preliminary result in place of a final one."""
    for kilograms in (weight.number, *weight.drafts):
        for milligrams in (creatinine.number, *creatinine.drafts):
            if (kilograms, milligrams) != (weight.number, creatinine.number):
                yield kilograms, milligrams


def _clearances(
    birth: Span, sex: str | None, weight: Interval, creatinine: Interval, context: Context
) -> list[Interval]:
    """The clearance in mL/min for every age and sex that is possible."""
    ages = {completed(day.date(), context.as_of, "a", context.rules.leap_birthday) for day in (birth.lo, birth.hi)}
    factors = {"female": [_FEMALE], "male": [Fraction(1)]}.get(sex or "", [_FEMALE, Fraction(1)])
    found = []
    for age in sorted(ages):
        for factor in factors:
            scale = Fraction(140 - age, 72) * factor
            found.append(_quotient(weight.map(scale) if scale else Interval.of(Fraction(0)), creatinine))
    return found


def _quotient(above: Interval, below: Interval) -> Interval:
    """``above / below`` for positive numbers known as intervals."""
    lo = above.lo / below.hi if above.lo is not None and below.hi else None
    hi = above.hi / below.lo if above.hi is not None and below.lo else None
    return Interval(lo, hi, above.lo_strict or below.hi_strict, above.hi_strict or below.lo_strict)
