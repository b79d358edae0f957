"""Judging several results together: the highest or lowest, a change, how many (criteria language, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date
from fractions import Fraction

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, unknown
from trialmatch.eligibility.criteria import CodedTest, QuantityTest, ResultLeaf
from trialmatch.eligibility.facts import PROVISIONAL, UNREADABLE, Measurement
from trialmatch.eligibility.judging import judge, measure
from trialmatch.eligibility.numbers import Unusable, number
from trialmatch.eligibility.selection import Reading, Selection
from trialmatch.eligibility.values import ANY_NUMBER, Interval
from trialmatch.eligibility.wording import NORMAL, interval, limit_words


def extreme(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """The highest (lowest) result; those that cannot be used or may lie outside could be anything."""
    assert isinstance(leaf.test, QuantityTest)
    highest = leaf.method == "max"
    found: list[tuple[Interval, Reading, str]] = []
    for reading in selection.finals:
        for result in reading.results:
            try:
                found.append((measure(leaf.test, result, context), reading, ""))
            except Unusable:
                basis = t.SOURCE_FAILED if result.state == UNREADABLE else t.UNUSABLE
                found.append((ANY_NUMBER, reading, basis))
    sure = [value for value, reading, _ in found if reading.inside == t.MET]
    values = [value for value, _, _ in found]
    if not sure:
        return unknown(
            t.IMPRECISE, selection.finals[0].results, lambda: "its date is too vague to tell whether it counts"
        )
    value = _utmost(sure, values, highest)
    facts = tuple(result for reading in selection.finals for result in reading.results)
    verdict = value.within(leaf.test.limit)
    unit, of = leaf.test.unit, _limit_of(leaf.test)
    words = f"{'highest' if highest else 'lowest'} value {interval(value, unit)}{of}"
    words += f"; limit {limit_words(leaf.test.limit, unit)}{of}"
    if verdict == t.UNKNOWN:
        return unknown(t.first_basis([basis for _, _, basis in found if basis] + [t.IMPRECISE]), facts, lambda: words)
    for draft in _numbers(leaf, selection.drafts, context):
        if _utmost([*sure, draft], [*values, draft], highest).within(leaf.test.limit) not in (t.UNKNOWN, verdict):
            return unknown(t.PROVISIONAL, facts, lambda: "a preliminary result would decide otherwise")
    return Finding(verdict, t.EVIDENCE, facts, lambda: words)


def _limit_of(test: QuantityTest) -> str:
    """What a number is a multiple of, or is counted from, in words."""
    if test.reference is None:
        return ""
    name = NORMAL[test.reference]
    return f" from {name}" if test.additive else f" × {name}"


def _numbers(leaf: ResultLeaf, readings: list[Reading], context: Context) -> list[Interval]:
    """The numbers of readings, as far as they can be used."""
    assert isinstance(leaf.test, QuantityTest)
    found = []
    for reading in readings:
        for result in reading.results:
            with suppress(Unusable):
                found.append(measure(leaf.test, result, context))
    return found


def _utmost(sure: list[Interval], possible: list[Interval], highest: bool) -> Interval:
    """The interval of the highest, or the lowest, of some values."""
    if highest:
        return _highest(sure, possible)
    return _flip(_highest([_flip(value) for value in sure], [_flip(value) for value in possible]))


def _highest(sure: list[Interval], possible: list[Interval]) -> Interval:
    """The interval of the maximum, when ``sure`` values count and further ``possible`` ones may."""
    floors = [(value.lo, value.lo_strict) for value in sure if value.lo is not None]
    lo, lo_strict = max(floors) if floors else (None, False)  # of 92 and >92 the higher one is above 92
    if any(value.hi is None for value in possible):
        return Interval(lo=lo, lo_strict=lo_strict)
    hi, reached = max((value.hi, not value.hi_strict) for value in possible if value.hi is not None)
    return Interval(lo, hi, lo_strict, not reached)


def _flip(value: Interval) -> Interval:
    return value.map(Fraction(-1))


def change(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """Latest against earliest value in the window; a decrease is negative."""
    old: list[Reading] = []
    if not leaf.windows:  # validity bounds the newest only, the earliest may be any
        old = [reading for reading in selection.outdated if reading.results[0].state != PROVISIONAL]
    return unless_drafts(selection, lambda finals: _change(leaf, [*finals, *old], context))


def _change(leaf: ResultLeaf, readings: list[Reading], context: Context) -> Finding:
    assert isinstance(leaf.test, QuantityTest)
    if any(reading.inside == t.UNKNOWN for reading in readings):
        return unknown(t.IMPRECISE, readings[0].results, lambda: "a date is too vague to tell whether it counts")
    last = [reading for reading in readings if reading.hi >= max(other.lo for other in readings)]
    first = [reading for reading in readings if reading.lo <= min(other.hi for other in readings)]
    facts = tuple({id(r): r for reading in last + first for r in reading.results}.values())
    pairs = [(a, b) for a in first for b in last if a is not b and a.lo != b.lo]
    if not pairs:
        return unknown(t.MISSING_DATA, facts, lambda: "one result only: no change can be told")
    try:
        changes = [_difference(leaf, early.results[0], late.results[0], context) for early, late in pairs]
    except Unusable as problem:
        reason = str(problem)
        return unknown(t.UNUSABLE, facts, lambda: reason)
    limit, unit = leaf.test.limit, leaf.test.unit

    def words() -> str:
        return f"change {interval(changes[-1], unit)}; limit {limit_words(limit, unit)}"

    verdicts = {one.within(limit) for one in changes}
    if len(verdicts) == 1 and t.UNKNOWN not in verdicts:
        return Finding(verdicts.pop(), t.EVIDENCE, facts, words)
    return unknown(t.UNUSABLE if _same_times(first) or _same_times(last) else t.IMPRECISE, facts, words)


def _same_times(readings: list[Reading]) -> bool:
    return len(readings) > 1 and len({(reading.lo, reading.hi) for reading in readings}) == 1


def _difference(leaf: ResultLeaf, early: Measurement, late: Measurement, context: Context) -> Interval:
    assert isinstance(leaf.test, QuantityTest)
    if leaf.method == "absolute-change":
        before, after = (number(result, leaf.test.unit, context) for result in (early, late))
        return Interval(
            None if after.lo is None or before.hi is None else after.lo - before.hi,
            None if after.hi is None or before.lo is None else after.hi - before.lo,
            after.lo_strict or before.hi_strict,
            after.hi_strict or before.lo_strict,
        )
    unit = getattr(late.value, "unit", None) or "1"
    before, after = (number(result, unit, context) for result in (early, late))
    if before.exact is None or after.exact is None:
        raise Unusable("a result that is only a bound gives no relative change")
    if before.exact == 0:
        raise Unusable("the earliest value is zero")
    relative = (after.exact - before.exact) / abs(before.exact)
    conversion = context.knowledge.units.conversion("1", leaf.test.unit)
    if conversion is None:
        raise Unusable("a relative change is limited in % or 1")
    return Interval.of(conversion(relative))


def count(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """How many values satisfy.

    Of snapshots (panels that are asked for, and the grades of one day) only the newest counts, unless the method is
    any: a second visit does not double a patient's organs. Other results each count.
    """
    return unless_drafts(selection, lambda finals: _count(leaf, finals, context))


def unless_drafts(selection: Selection, judged: Callable[[list[Reading]], Finding]) -> Finding:
    """What final results come to together, unless a preliminary one among them would decide otherwise."""
    finding = judged(selection.finals)
    attempts = [[draft] for draft in selection.drafts]
    for drafts in attempts + [selection.drafts] * (len(attempts) > 1):
        if judged([*selection.finals, *drafts]).truth not in (t.UNKNOWN, finding.truth):
            bases = [t.PROVISIONAL] + ([finding.basis] if finding.truth == t.UNKNOWN else [])
            facts = (*finding.facts, *(result for draft in drafts for result in draft.results))
            return unknown(t.first_basis(bases), facts, lambda: "a preliminary result would decide otherwise")
    return finding


def _count(leaf: ResultLeaf, finals: list[Reading], context: Context) -> Finding:
    assert leaf.count is not None
    snapshots, singles = _snapshots(leaf, finals)
    newest = max((one.lo for one in snapshots if one.inside == t.MET), default=None)
    candidates = [one for one in snapshots if newest is None or one.hi >= newest]
    number_of, bases, yes = _satisfied(leaf, singles, context)
    if candidates:
        each = [_satisfied(leaf, [one], context) for one in candidates]
        number_of = Interval(
            _sum(number_of.lo, min(found.lo or 0 for found, _, _ in each)),
            _sum(number_of.hi, max(found.hi or 0 for found, _, _ in each)),
        )
        bases = bases + [basis for _, more, _ in each for basis in more]
        yes = yes + [result for _, _, those in each for result in those]
    verdict = number_of.within(leaf.count)
    facts = yes or [result for reading in singles + candidates for result in reading.results]
    words = f"{interval(number_of)} such values; limit {limit_words(leaf.count)}"
    if verdict == t.UNKNOWN:
        return unknown(t.first_basis([*bases, t.IMPRECISE]), facts, lambda: words)
    return Finding(verdict, t.EVIDENCE, tuple(facts), lambda: words)


def _sum(bound: Fraction | None, more: Fraction | int) -> Fraction:
    return (bound or Fraction(0)) + more


def _snapshots(leaf: ResultLeaf, readings: list[Reading]) -> tuple[list[Reading], list[Reading]]:
    """Readings that are a state of the patient on one day, and those that each stand for themselves."""
    if leaf.method == "any":
        return [], readings
    snapshots = [one for one in readings if _is_panel(one, leaf)]
    singles = [one for one in readings if not _is_panel(one, leaf)]
    if not isinstance(leaf.test, CodedTest):
        return snapshots, singles
    days: dict[tuple[date, date], list[Reading]] = {}
    for reading in singles:
        days.setdefault((reading.lo.date(), reading.hi.date()), []).append(reading)
    for those in days.values():
        results = tuple(result for reading in those for result in reading.results)
        lo, hi = min(one.lo for one in those), max(one.hi for one in those)
        snapshots.append(Reading(results, lo, hi, min(one.inside for one in those)))
    return snapshots, []


def _is_panel(reading: Reading, leaf: ResultLeaf) -> bool:
    """Whether a reading is the panel that is asked for; a blood pressure is none where one of its two is."""
    return any(not result.through.isdisjoint(leaf.keys) for result in reading.results)


def _satisfied(
    leaf: ResultLeaf, readings: Iterable[Reading], context: Context
) -> tuple[Interval, list[str], list[Measurement]]:
    """How many values of these readings satisfy, surely and possibly; why not surely; and those that do."""
    sure = possible = 0
    bases: list[str] = []
    yes = []
    for reading in readings:
        for result in reading.results:
            said = judge(leaf.test, result, context)
            if said.truth == t.UNMET:
                continue
            possible += 1
            if said.truth == t.MET and reading.inside == t.MET:
                sure += 1
                yes.append(result)
            else:
                bases.append(said.basis if said.truth == t.UNKNOWN else t.IMPRECISE)
    return Interval(Fraction(sure), Fraction(possible)), bases, yes
