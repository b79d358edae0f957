"""Judging result leaves: which of a patient's measurements count, and what they say (criteria language, sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, met, unknown, unmet
from trialmatch.eligibility.criteria import PolarityTest, QuantityTest, RecordedTest, ResultLeaf
from trialmatch.eligibility.dates import Bounds, Offset, meet
from trialmatch.eligibility.derived import cockcroft_gault
from trialmatch.eligibility.facts import PROVISIONAL, UNREADABLE, Measurement
from trialmatch.eligibility.judging import Judged, judge
from trialmatch.eligibility.numbers import Unusable, number, ratio
from trialmatch.eligibility.values import ANY_NUMBER, Interval
from trialmatch.eligibility.wording import interval, limit_words

#: Methods that look at the newest result, which the default validity therefore bounds.
_NEWEST = frozenset({"latest", "relative-change", "absolute-change", "cockcroft-gault"})


class Reading(NamedTuple):
    """A result in time: one measurement, or those of one panel taken together; ``inside`` the window or not."""

    results: tuple[Measurement, ...]
    lo: datetime
    hi: datetime
    inside: int


@dataclass(slots=True)
class Selection:
    """The results a leaf looks at, for one window: final and provisional readings that may lie in it, newest first."""

    bounds: Bounds
    finals: list[Reading]
    drafts: list[Reading]
    outdated: list[Reading]

    @property
    def certain(self) -> list[Reading]:
        """Final readings that surely lie in the window."""
        return [reading for reading in self.finals if reading.inside == t.MET]


def evaluate(leaf: ResultLeaf, context: Context) -> Finding:
    """Judge a leaf about results; its truth is the statement's, before any ``exclude``."""
    finding = _over_windows(leaf, context)
    if leaf.negated:
        finding = Finding(-finding.truth, finding.basis, finding.facts, finding.note)
    return finding


def _over_windows(leaf: ResultLeaf, context: Context) -> Finding:
    windows = context.bounds(leaf.windows)
    if windows is None:
        bases = [t.ANCHOR_UNKNOWN]
        if not any(result.value is not None for result in context.facts.about("Observation", leaf.keys)):
            bases.append(t.MISSING_DATA)
        return unknown(t.first_basis(bases), (), lambda: "the date that its window hangs on is not known")
    limit = _validity(leaf, context)
    if limit is not None:
        windows = [meet(window, limit) for window in windows]
    findings = [_in_window(leaf, window, context) for window in windows]
    if len(findings) == 1:
        return findings[0]
    best = max(finding.truth for finding in findings)
    same = [finding for finding in findings if finding.truth == best]
    if best != t.UNKNOWN:
        return same[0]
    basis = t.first_basis(finding.basis for finding in same)
    return next(finding for finding in same if finding.basis == basis)


def _validity(leaf: ResultLeaf, context: Context) -> Bounds | None:
    """How old results may be where the leaf has no window of its own (section 5)."""
    validity = leaf.validity
    if validity is None:
        by_default = leaf.method in _NEWEST and not leaf.windows and not isinstance(leaf.test, RecordedTest)
        if not by_default:
            return None
        validity = context.rules.validity
    first = Offset(-validity.value, validity.unit).from_day(context.as_of)
    return Bounds(first, first, date.max, date.max)


def only_number(leaf: ResultLeaf, context: Context) -> Interval | None:
    """The one number that decides a leaf about the latest result, whatever its limit.

    None where the case is not so simple (several results, a doubtful one, none): then each leaf is judged for itself.
    Leaves that differ in their limit only share the answer.
    """
    if leaf.method != "latest" or leaf.count is not None or leaf.negated or not isinstance(leaf.test, QuantityTest):
        return None
    windows = context.bounds(leaf.windows)
    if windows is None or len(windows) != 1 or leaf.test.additive or context.facts.incomplete("Observation"):
        return None
    limit = _validity(leaf, context)
    selection = select(leaf, windows[0] if limit is None else meet(windows[0], limit), context)
    certain = selection.certain
    if not certain or selection.drafts:
        return None
    newest = max(reading.lo for reading in certain)
    candidates = [reading for reading in selection.finals if reading.hi >= newest]
    if len(candidates) != 1 or len(candidates[0].results) != 1:
        return None
    result = candidates[0].results[0]
    if result.state == UNREADABLE or result.doubt:
        return None
    try:
        if leaf.test.reference is None:
            return number(result, leaf.test.unit, context)
        ratios = ratio(result, leaf.test.reference, context)
    except Unusable:
        return None
    return ratios[0][0] if len(ratios) == 1 else None


def select(leaf: ResultLeaf, window: Bounds, context: Context) -> Selection:
    """The results that may count for a leaf in one window; shared by leaves that ask about the same ones."""
    flags = isinstance(leaf.test, PolarityTest)
    key = ("selection", leaf.keys, window, flags)
    if key not in context.memo:
        context.memo[key] = _select(leaf.keys, window, flags, context)
    selection: Selection = context.memo[key]
    return selection


def _select(keys: tuple[str, ...], window: Bounds, flags: bool, context: Context) -> Selection:
    """``flags``: an interpretation without a value is a result too."""
    selection = Selection(window, [], [], [])
    panels: dict[str, list[Measurement]] = {}
    for result in context.facts.about("Observation", keys):
        if result.value is None and not (flags and result.interpretation) and result.state != UNREADABLE:
            continue
        panels.setdefault(result.panel or result.reference, []).append(result)
    for results in panels.values():
        time = context.past(results[0].time)
        if time is None:
            continue
        inside = window.holds(time)
        reading = Reading(tuple(results), time.lo, time.hi, inside)
        if inside == t.UNMET:
            if time.hi.date() < window.low_min:
                selection.outdated.append(reading)
        elif results[0].state == PROVISIONAL:
            selection.drafts.append(reading)
        else:
            selection.finals.append(reading)
    for readings in (selection.finals, selection.drafts, selection.outdated):
        readings.sort(key=lambda reading: (reading.hi, reading.lo), reverse=True)
    return selection


def _in_window(leaf: ResultLeaf, window: Bounds, context: Context) -> Finding:
    selection = select(leaf, window, context)
    if leaf.method == "cockcroft-gault":
        measured = None
        if selection.finals:
            measured = latest(leaf, selection, context)
        elif selection.drafts or selection.outdated:
            measured = _flawed(leaf, selection, context)
        return cockcroft_gault(leaf, measured, window, context)
    if not selection.finals:
        return _nothing(leaf, selection, context)
    truncated = any(source.truncated or source.state == "failed" for source in context.facts.incomplete("Observation"))
    if leaf.count is not None:
        finding = _count(leaf, selection, context)
    elif leaf.method in ("any", "all") or isinstance(leaf.test, RecordedTest):
        finding = _any(leaf, selection, context) if leaf.method != "all" else _all(leaf, selection, context)
    elif leaf.method in ("max", "min"):
        finding = _extreme(leaf, selection, context)
    elif leaf.method in ("relative-change", "absolute-change"):
        finding = _change(leaf, selection, context)
    else:
        finding = latest(leaf, selection, context)
    if truncated and not (finding.truth == t.MET and leaf.method == "any"):
        return unknown(t.SOURCE_FAILED, finding.facts, lambda: "not all results could be obtained")
    return finding


def _nothing(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """No final result may lie in the window: why not?"""
    incomplete = context.facts.incomplete("Observation")
    if incomplete and not selection.drafts:
        return unknown(t.SOURCE_FAILED, (), lambda: "Observations could not all be obtained")
    if selection.drafts or selection.outdated:
        return _flawed(leaf, selection, context)
    hints = context.facts.hinted("Observation", leaf.keys)
    if hints:
        return unknown(t.UNUSABLE, hints, lambda: f"only words, no known code: {hints[0].display}")
    if leaf.absent:
        return Finding(t.UNMET, t.NO_RECORD, (), lambda: f"no result of {leaf.label} on record")
    return unknown(t.MISSING_DATA, (), lambda: f"no result of {leaf.label}")


def _flawed(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """There are only preliminary results, or only too old ones: the newest of them with all its flaws."""
    newest = (selection.drafts or selection.outdated)[0]
    old = newest in selection.outdated
    if old and leaf.method == "all":
        return unknown(t.MISSING_DATA, newest.results, lambda: "no result in the window")
    bases = [t.STALE] if old else []
    if newest.results[0].state == PROVISIONAL:
        bases.append(t.PROVISIONAL)
    said = read(leaf, newest, context)
    if said.truth == t.UNKNOWN and not isinstance(leaf.test, RecordedTest):
        bases.append(said.basis)
    basis = t.first_basis(bases)
    words = {t.STALE: f"the last result, of {newest.hi.date()}, is too old", t.PROVISIONAL: "only preliminary results"}
    return unknown(basis, newest.results, lambda: words.get(basis) or said.note())


def read(leaf: ResultLeaf, reading: Reading, context: Context) -> Judged:
    """What one reading says; of a panel's components any may satisfy."""
    judged = [judge(leaf.test, result, context) for result in reading.results]
    if len(judged) == 1:
        return judged[0]
    best = max(one.truth for one in judged)
    same = [one for one in judged if one.truth == best]
    if best == t.UNKNOWN:
        basis = t.first_basis(one.basis for one in same)
        return next(one for one in same if one.basis == basis)
    return same[0]


def latest(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """The newest result decides; all that could be the newest must decide alike."""
    certain = selection.certain
    newest = max(reading.lo for reading in certain) if certain else None
    candidates = [reading for reading in selection.finals if newest is None or reading.hi >= newest]
    judged = [read(leaf, reading, context) for reading in candidates]
    finding = _agree(candidates, judged, bool(certain))
    for draft in selection.drafts:
        if newest is not None and draft.hi <= newest:
            continue
        said = read(leaf, draft, context)
        if said.truth not in (t.UNKNOWN, finding.truth):
            bases = [t.PROVISIONAL] + ([finding.basis] if finding.truth == t.UNKNOWN else [])
            facts = finding.facts + draft.results
            return unknown(t.first_basis(bases), facts, lambda: "a newer preliminary result would decide otherwise")
    return finding


def _agree(candidates: list[Reading], judged: list[Judged], surely_inside: bool) -> Finding:
    facts = tuple(result for reading in candidates for result in reading.results)
    if len(judged) == 1 and surely_inside:
        only = judged[0]
        return Finding(only.truth, only.basis, facts, only.note)
    unknowns = [one for one in judged if one.truth == t.UNKNOWN]
    if not surely_inside:
        basis = t.first_basis([t.IMPRECISE] + [one.basis for one in unknowns])
        return unknown(basis, facts, lambda: "its date is too vague to tell whether it counts")
    if unknowns:
        basis = t.first_basis(one.basis for one in unknowns)
        worst = next(one for one in unknowns if one.basis == basis)
        return unknown(basis, facts, worst.note)
    if len({one.truth for one in judged}) == 1:
        return Finding(judged[0].truth, t.EVIDENCE, facts, judged[0].note)
    if len({(reading.lo, reading.hi) for reading in candidates}) == 1:
        return unknown(t.UNUSABLE, facts, lambda: "results of the same time contradict each other")
    return unknown(t.IMPRECISE, facts, lambda: "it is not known which of these results is the newest")


def _any(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    yes: list[Measurement] = []
    no: list[Measurement] = []
    open_: list[tuple[str, tuple[Measurement, ...]]] = []
    note: Callable[[], str] | None = None
    for reading in selection.finals:
        said = read(leaf, reading, context)
        if said.truth == t.MET and reading.inside == t.MET:
            yes += reading.results
            note = note or said.note
        elif said.truth == t.UNMET:
            no += reading.results
        else:
            open_.append((said.basis if said.truth == t.UNKNOWN else t.IMPRECISE, reading.results))
    if yes:
        return met(yes, note or (lambda: "recorded"))
    for draft in selection.drafts:
        if read(leaf, draft, context).truth == t.MET:
            open_.append((t.PROVISIONAL, draft.results))
    return _open(open_) or unmet(no, lambda: "no result in the window is so")


def _all(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    no: list[Measurement] = []
    open_: list[tuple[str, tuple[Measurement, ...]]] = []
    for reading in selection.finals:
        said = read(leaf, reading, context)
        if said.truth == t.UNMET and reading.inside == t.MET:
            no += reading.results
        elif said.truth == t.UNKNOWN or said.truth == t.UNMET:
            open_.append((said.basis if said.truth == t.UNKNOWN else t.IMPRECISE, reading.results))
    if no:
        return unmet(no, lambda: "not throughout the window")
    for draft in selection.drafts:
        if read(leaf, draft, context).truth == t.UNMET:
            open_.append((t.PROVISIONAL, draft.results))
    if not selection.certain:
        open_.append((t.IMPRECISE, selection.finals[0].results))
    everything = [result for reading in selection.finals for result in reading.results]
    return _open(open_) or met(everything, lambda: "throughout the window")


def _open(findings: list[tuple[str, tuple[Measurement, ...]]]) -> Finding | None:
    """What stays open because of single results: the first basis, with the results that have it."""
    if not findings:
        return None
    basis = t.first_basis(basis for basis, _ in findings)
    facts = [result for one, results in findings if one == basis for result in results]
    return unknown(basis, facts, lambda: "a result that would decide cannot be used")


def _extreme(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """The highest (lowest) result; those that cannot be used or may lie outside could be anything."""
    assert isinstance(leaf.test, QuantityTest)
    highest = leaf.method == "max"
    found: list[tuple[Interval, Reading, str]] = []
    for reading in selection.finals:
        for result in reading.results:
            try:
                found.append((number(result, leaf.test.unit, context), reading, ""))
            except Unusable:
                basis = t.SOURCE_FAILED if result.state == UNREADABLE else t.UNUSABLE
                found.append((ANY_NUMBER, reading, basis))
    sure = [value for value, reading, _ in found if reading.inside == t.MET]
    values = [value for value, _, _ in found]
    if not sure:
        return unknown(
            t.IMPRECISE, selection.finals[0].results, lambda: "its date is too vague to tell whether it counts"
        )
    value = _highest(sure, values) if highest else _flip(_highest([_flip(v) for v in sure], [_flip(v) for v in values]))
    facts = tuple(result for reading in selection.finals for result in reading.results)
    verdict = value.within(leaf.test.limit)
    words = f"{'highest' if highest else 'lowest'} value {interval(value, leaf.test.unit)}"
    words += f"; limit {limit_words(leaf.test.limit, leaf.test.unit)}"
    if verdict == t.UNKNOWN:
        return unknown(t.first_basis([basis for _, _, basis in found if basis] + [t.IMPRECISE]), facts, lambda: words)
    return Finding(verdict, t.EVIDENCE, facts, lambda: words)


def _highest(sure: list[Interval], possible: list[Interval]) -> Interval:
    """The interval of the maximum, when ``sure`` values count and further ``possible`` ones may."""
    floors = [(value.lo, not value.lo_strict) for value in sure if value.lo is not None]
    lo = max(floors) if floors else (None, True)
    if any(value.hi is None for value in possible):
        return Interval(lo=lo[0], lo_strict=not lo[1])
    hi = max((value.hi, not value.hi_strict) for value in possible if value.hi is not None)
    return Interval(lo[0], hi[0], not lo[1], not hi[1])


def _flip(value: Interval) -> Interval:
    return value.map(Fraction(-1))


def _change(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """Latest against earliest value in the window; a decrease is negative."""
    assert isinstance(leaf.test, QuantityTest)
    readings = selection.finals
    if not leaf.windows:  # validity bounds the newest only, the earliest may be any
        readings = readings + selection.outdated
    if any(reading.inside == t.UNKNOWN for reading in readings):
        return unknown(t.IMPRECISE, readings[0].results, lambda: "a date is too vague to tell whether it counts")
    last = [reading for reading in readings if reading.hi >= max(other.lo for other in readings)]
    first = [reading for reading in readings if reading.lo <= min(other.hi for other in readings)]
    facts = tuple({id(r): r for reading in last + first for r in reading.results}.values())
    pairs = [(a, b) for a in first for b in last if a is not b and a.lo != b.lo]
    if not pairs:
        return unknown(t.MISSING_DATA, facts, lambda: "one result only: no change can be told")
    verdicts = []
    note: Callable[[], str] = lambda: "change of results"  # noqa: E731
    for early, late in pairs:
        try:
            difference = _difference(leaf, early.results[0], late.results[0], context)
        except Unusable as problem:
            return unknown(t.UNUSABLE, facts, lambda reason=str(problem): reason)  # type: ignore[misc]
        verdicts.append(difference.within(leaf.test.limit))
        unit = leaf.test.unit
        note = lambda d=difference, u=unit: (  # type: ignore[misc]  # noqa: E731
            f"change {interval(d, u)}; limit {limit_words(leaf.test.limit, u)}"
        )
    if len(set(verdicts)) == 1 and verdicts[0] != t.UNKNOWN:
        return Finding(verdicts[0], t.EVIDENCE, facts, note)
    return unknown(t.UNUSABLE if _same_times(first) or _same_times(last) else t.IMPRECISE, facts, note)


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


def _count(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """How many values satisfy. Of panels only the newest counts (unless method any); single results each count."""
    assert leaf.count is not None
    singles = [reading for reading in selection.finals if not reading.results[0].panel]
    panels = [reading for reading in selection.finals if reading.results[0].panel]
    counted = singles + panels
    alternatives = [Interval(Fraction(0), Fraction(0))]
    if panels and leaf.method != "any":
        newest = max((panel.lo for panel in panels if panel.inside == t.MET), default=None)
        candidates = [panel for panel in panels if newest is None or panel.hi >= newest]
        alternatives = [_satisfied(leaf, [panel], context)[0] for panel in candidates]
        counted = singles + candidates
    base, bases, yes = _satisfied(leaf, singles if alternatives and leaf.method != "any" else counted, context)
    if panels and leaf.method != "any":
        for panel in candidates:
            _, more, those = _satisfied(leaf, [panel], context)
            bases, yes = bases + more, yes + those
    lows = [Fraction((base.lo or 0) + (one.lo or 0)) for one in alternatives]
    highs = [Fraction((base.hi or 0) + (one.hi or 0)) for one in alternatives]
    number_of = Interval(min(lows), max(highs))
    drafts = [draft for draft in selection.drafts if read(leaf, draft, context).truth == t.MET]
    if drafts:
        number_of, bases = number_of._replace(hi=max(highs) + len(drafts)), bases + [t.PROVISIONAL]
    verdict = number_of.within(leaf.count)
    facts = yes or [result for reading in counted for result in reading.results]
    words = f"{interval(number_of)} such values; limit {limit_words(leaf.count)}"
    if verdict == t.UNKNOWN:
        return unknown(t.first_basis(bases + [t.IMPRECISE]), facts, lambda: words)
    return Finding(verdict, t.EVIDENCE, tuple(facts), lambda: words)


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
