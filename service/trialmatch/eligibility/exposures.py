"""Judging exposure to drugs: whether, for how long, to how many, at which dose (criteria language, section 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import lru_cache

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, unknown, unmet
from trialmatch.eligibility.criteria import DoseLimit, DurationLimit, ExposureLeaf
from trialmatch.eligibility.dates import NEXT_DAY, Bounds, Offset
from trialmatch.eligibility.dosing import Dosed, dose_of, side_by_side, together
from trialmatch.eligibility.events import Vote, current, decided, in_window, lasting, silence, unusable
from trialmatch.eligibility.facts import ABSENT, PROVISIONAL, Dose, Event, Exposure
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.wording import interval, limit_words

#: Code systems whose codes are drugs and products (RxNorm, NDC); in ATC those of a substance have seven characters.
_PRODUCTS = ("http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/ndc")
_ATC, _SUBSTANCE = "http://www.whocc.no/atc", 7


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """One exposure in one window: its vote, and the days it surely and possibly covers."""

    vote: Vote
    sure: tuple[date, date] | None
    possible: tuple[date, date] | None


def evaluate(leaf: ExposureLeaf, context: Context) -> Finding:
    """Judge a leaf about exposure, in any of the windows that it may mean."""
    records = [record for record in current(leaf, context) if isinstance(record, Exposure)]
    if not records:
        return silence(leaf, context)
    windows: Sequence[Bounds | None] = context.bounds(leaf.windows) or (None,)
    records = _days_together(_required(records, context), leaf)
    findings = []
    for window in windows:
        beside = side_by_side(records, leaf.dose, window, context)
        stretches = [_stretch(one, leaf.dose, window, context, beside.get(id(one), ())) for one in records]
        findings.append(_judge(stretches, leaf, context))
    return t.telling(findings, max)


def _judge(stretches: list[Stretch], leaf: ExposureLeaf, context: Context) -> Finding:
    parts = []
    if leaf.count is not None:
        parts.append(_count(stretches, leaf, context))
    if leaf.duration is not None:
        parts.append(_duration(stretches, leaf.duration, leaf, context))
    if not parts:
        parts.append(decided([stretch.vote for stretch in stretches], leaf, context))
    return t.telling(parts, min)


def _required(records: list[Exposure], context: Context) -> list[Exposure]:
    """Where the site requires proof of taking, an order alone is provisional."""
    if not context.rules.require_taking:
        return records
    return [replace(one, state=PROVISIONAL) if one.order and one.state != ABSENT else one for one in records]


def _days_together(records: list[Exposure], leaf: ExposureLeaf) -> list[Exposure]:
    """Administrations of the same drug on one day are one daily dose."""
    if leaf.dose is None:
        return records
    days: dict[tuple[object, object], list[Exposure]] = defaultdict(list)
    for record in records:
        together = record.single and record.start.exact_day and record.dose.amount is not None
        drug: object = record.concepts or frozenset((coding.system, coding.code) for coding in record.codings)
        days[(record.start.lo.date(), drug) if together else (id(record), drug)].append(record)
    summed = []
    for group in days.values():
        first = group[0]
        if len(group) > 1 and len({one.dose.unit for one in group}) == 1:
            amounts = [one.dose.amount for one in group if one.dose.amount is not None]
            nothing = Fraction(0)
            total = Interval(
                sum((a.lo or nothing for a in amounts), nothing), sum((a.hi or nothing for a in amounts), nothing)
            )
            summed.append(replace(first, dose=Dose(total, first.dose.unit)))
        else:
            summed += group
    return summed


def _stretch(
    record: Exposure, limit: DoseLimit | None, window: Bounds | None, context: Context, beside: tuple[Exposure, ...]
) -> Stretch:
    """An exposure in a window; shared by all leaves that ask for the same dose of it and of those ``beside`` it."""
    key = ("stretch", id(record), limit, window, tuple(map(id, beside)))
    found: Stretch | None = context.memo.get(key)
    if found is None:
        found = _worked_out(record, limit, window, context, beside)
        context.memo[key] = found  # holds on to the record, and its id
    return found


def _worked_out(
    record: Exposure, limit: DoseLimit | None, window: Bounds | None, context: Context, beside: tuple[Exposure, ...]
) -> Stretch:
    dosed = dose_of(record, limit, context)
    if beside and limit is not None and dosed.there is not None:
        dosed = together(dosed, [dose_of(other, limit, context).there for other in beside], limit)
    one = _vote(record, dosed, window, context)
    if window is None:
        return Stretch(one, None, None)
    start, end = record.start, lasting(record, context)
    last = context.as_of
    enough = dosed.truth == t.MET
    sure = _clip(start.hi.date(), end.lo.date(), window.low_max, min(window.high_min, last)) if enough else None
    possible = _clip(start.lo.date(), end.hi.date(), window.low_min, min(window.high_max, last))
    return Stretch(one, sure, possible)


def _counts_as(record: Event, leaf: ExposureLeaf, context: Context) -> str | None:
    """What an exposure counts as where distinct ingredients (or mechanisms) are counted; None if it is not known."""
    drug = context.knowledge.drug(record.concepts)
    if leaf.distinct_by == "mechanism":
        return drug.mechanism if drug else None
    return drug.ingredient if drug else _own_code(record, leaf)


def _own_code(record: Event, leaf: ExposureLeaf) -> str | None:
    """A code that the leaf names itself stands for its own ingredient; a class of drugs for none."""
    for coding in record.codings:
        key = f"{coding.system}|{coding.code}"
        if leaf.keys is None or key in leaf.keys:
            return key
    return None


def _clip(first: date, last: date, low: date, high: date) -> tuple[date, date] | None:
    first, last = max(first, low), min(last, high)
    return (first, last) if first <= last else None


def _vote(record: Exposure, dosed: Dosed, window: Bounds | None, context: Context) -> Vote:
    if record.state == ABSENT:
        return Vote(t.UNMET, t.EVIDENCE, record, lambda: f"{record.display}: recorded as not taken")
    problem = unusable(record)
    if window is None:
        basis = t.first_basis([t.ANCHOR_UNKNOWN] + ([problem] if problem else []))
        return Vote(t.UNKNOWN, basis, record, lambda: "the date that its window hangs on is not known")
    inside = in_window(record, window, False, context)
    if inside == t.UNMET:
        return Vote(t.UNMET, t.EVIDENCE, record, lambda: f"{record.display} lies outside the window")
    words = dosed.words
    if dosed.truth == t.UNMET:
        return Vote(t.UNMET, t.EVIDENCE, record, words)
    bases = [problem] if problem else []
    if dosed.truth == t.UNKNOWN:
        bases.append(dosed.basis)
    if inside == t.UNKNOWN:
        bases.append(t.IMPRECISE)
    if bases:
        otherwise = record.doubt or ("only provisional" if problem else "its dates are too vague to decide")
        return Vote(t.UNKNOWN, t.first_basis(bases), record, lambda: f"{record.display}: {words() or otherwise}")
    return Vote(t.MET, t.EVIDENCE, record, lambda: ": ".join(filter(None, (record.display, words()))))


def _count(stretches: list[Stretch], leaf: ExposureLeaf, context: Context) -> Finding:
    """The number of distinct ingredients (or mechanisms) with exposure."""
    assert leaf.count is not None
    known: dict[str, int] = {}
    vague: list[set[str]] = []
    vague_sure = 0
    for stretch in stretches:
        truth = stretch.vote.truth
        name = _counts_as(stretch.vote.fact, leaf, context)
        if name is not None:
            known[name] = max(known.get(name, t.UNMET), truth)
        else:
            vague_sure = max(vague_sure, int(truth == t.MET))
            if truth >= t.UNKNOWN:
                vague = _with(vague, _products(stretch.vote.fact))
    sure = sum(truth == t.MET for truth in known.values())
    possible = sum(truth >= t.UNKNOWN for truth in known.values()) + len(vague)
    number = Interval(Fraction(max(sure, vague_sure)), Fraction(possible))
    count = leaf.count
    return _settle(
        number.within(count),
        lambda: Interval(lo=number.lo).within(count),
        stretches,
        leaf,
        context,
        lambda: f"{interval(number)} distinct {_plural(leaf)}; limit {limit_words(count)}",
    )


def _products(record: Event) -> set[str]:
    """The codes of a record that name one drug or product, and no class of drugs."""
    return {
        f"{one.system}|{one.code}"
        for one in record.codings
        if one.system in _PRODUCTS or (one.system == _ATC and len(one.code) == _SUBSTANCE)
    }


def _with(drugs: list[set[str]], codes: set[str]) -> list[set[str]]:
    """Drugs by their codes with one more record: records that share a code are of one drug."""
    same = [drug for drug in drugs if drug & codes]
    return [drug for drug in drugs if not drug & codes] + [codes.union(*same)]


def _plural(leaf: ExposureLeaf) -> str:
    return "mechanisms" if leaf.distinct_by == "mechanism" else "ingredients"


def _duration(stretches: list[Stretch], limit: DurationLimit, leaf: ExposureLeaf, context: Context) -> Finding:
    """Days covered by the union of the exposures, against calendar units that end with the last covered day."""
    sure = union([s.sure for s in stretches if s.vote.truth == t.MET or _only_dates(s)])
    possible = union([s.possible for s in stretches if s.vote.truth >= t.UNKNOWN])
    least, most = _days(sure), _days(possible)
    if any(s.vote.truth == t.UNKNOWN and s.possible is None for s in stretches):  # a window whose anchor is not known
        verdict = t.UNKNOWN
    else:
        verdict = _compare(least, most, sure, possible, limit)
    last = sure[-1][1] if sure else context.as_of

    def words() -> str:
        shown = f"{least} days" if least == most else f"{least} to {most} days"
        if possible and possible[0][0] == date.min:
            shown = f"at least {least} days (the beginning is not known)"
        return f"{shown} covered; limit {limit_words(limit.limit, limit.unit)}"

    def more() -> int:
        return Interval(lo=Fraction(least)).within(_in_days(limit, last))

    return _settle(verdict, more, stretches, leaf, context, words)


def _only_dates(stretch: Stretch) -> bool:
    """Whether vague dates are all that keeps an exposure from counting; then its sure days still count."""
    return stretch.vote.basis == t.IMPRECISE and stretch.sure is not None and not unusable(stretch.vote.fact)


def _compare(
    least: int, most: int, sure: list[tuple[date, date]], possible: list[tuple[date, date]], limit: DurationLimit
) -> int:
    """The days against the limit, whose length in days may differ for the two ends of what is possible."""
    if (least, most) == (0, 0):
        return Interval.of(Fraction(0)).within(limit.limit)
    verdicts = set()
    for days, pieces in ((least, sure), (most, possible)):
        last = pieces[-1][1] if pieces else (possible[-1][1])
        verdicts.add(Interval.of(Fraction(days)).within(_in_days(limit, last)))
    return verdicts.pop() if len(verdicts) == 1 else t.UNKNOWN


@lru_cache(maxsize=10_000)  # most stretches end today
def _in_days(limit: DurationLimit, last: date) -> Interval:
    """A limit in days when the calendar units end with ``last``."""
    end = NEXT_DAY.from_day(last)

    def days(bound: Fraction | None) -> Fraction | None:
        return None if bound is None else Fraction((end - Offset(-int(bound), limit.unit).from_day(end)).days)

    return limit.limit._replace(lo=days(limit.limit.lo), hi=days(limit.limit.hi))


def union(pieces: Sequence[tuple[date, date] | None]) -> list[tuple[date, date]]:
    """Pieces of time merged: overlaps once, gaps not; first and last day belong to a piece."""
    merged: list[tuple[date, date]] = []
    for first, last in sorted(piece for piece in pieces if piece is not None):
        if merged and first <= NEXT_DAY.from_day(merged[-1][1]):
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _days(pieces: list[tuple[date, date]]) -> int:
    return sum((last - first).days + 1 for first, last in pieces)


def _settle(
    verdict: int,
    more: Callable[[], int],
    stretches: list[Stretch],
    leaf: ExposureLeaf,
    context: Context,
    note: Callable[[], str],
) -> Finding:
    """The finding of a count or duration; ``more`` is the verdict if records that were not obtained added to it."""
    yes = [stretch.vote.fact for stretch in stretches if stretch.vote.truth == t.MET]
    open_ = [stretch.vote for stretch in stretches if stretch.vote.truth == t.UNKNOWN]
    facts = yes or [stretch.vote.fact for stretch in stretches]
    if verdict == t.UNKNOWN:
        basis = t.first_basis([one.basis for one in open_] or [t.IMPRECISE])
        return unknown(basis, [one.fact for one in open_] or facts, note)
    if context.facts.incomplete(leaf.kind) and more() != verdict:
        return unknown(t.SOURCE_FAILED, facts, lambda: f"{note()}; records could not all be obtained")
    return Finding(t.MET, t.EVIDENCE, tuple(facts), note) if verdict == t.MET else unmet(facts, note)
