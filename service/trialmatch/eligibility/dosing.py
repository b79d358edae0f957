"""Daily doses: against a limit, by body weight, as prednisone, side by side (criteria language, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding
from trialmatch.eligibility.criteria import DoseLimit
from trialmatch.eligibility.dates import ALWAYS, Bounds
from trialmatch.eligibility.derived import WEIGHT, newest
from trialmatch.eligibility.events import lasting
from trialmatch.eligibility.facts import FINAL, Exposure
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.wording import interval, limit_words


class Dosed(NamedTuple):
    """Whether an exposure has the daily dose that a leaf asks for, its basis where unknown, and in words."""

    truth: int
    basis: str = t.EVIDENCE
    words: Callable[[], str] = str
    there: Interval | None = None


def together(own: Dosed, others: list[Interval | None], limit: DoseLimit) -> Dosed:
    """The dose of exposures side by side: it may be that of one, replaced by the other, or of all of them together."""
    assert own.there is not None
    highest = own.there.hi
    for other in others:
        if other is not None and highest is not None:
            highest = None if other.hi is None else highest + other.hi
    verdict = own.there._replace(hi=highest).within(limit.limit)
    if verdict == own.truth:
        return own
    return Dosed(t.UNKNOWN, t.IMPRECISE, lambda: f"{own.words()}; another is taken beside it, perhaps both")


def side_by_side(
    records: list[Exposure], limit: DoseLimit | None, window: Bounds | None, context: Context
) -> dict[int, tuple[Exposure, ...]]:
    """Beside each exposure those of the same type of record that go on, surely, throughout it in the window.

    A hospital orders 20 mg and 2.5 mg for 22.5 mg; one that leaves an order standing when it writes the next looks the
    same. An order that follows another, with a few days in common, adds nothing; nor does a dispense to its order.
    Where there is an upper limit, what goes on only during an exposure is beside it, too.
    """
    if limit is None or window is None or len(records) < 2:
        return {}
    upper = limit.limit.hi is not None
    stretches = [
        (record, record.reference.partition("/")[0], *days)
        for record in records
        if (days := _sure_days(record, window, context)) is not None
    ]
    found = {}
    for record, kind, first, last in stretches:
        others = tuple(
            other
            for other, its_kind, from_, to in stretches
            if other.reference != record.reference
            and its_kind == kind
            and ((from_ <= first and last <= to) or (upper and first <= from_ and to <= last))
        )
        if others:
            found[id(record)] = others
    return found


def _sure_days(record: Exposure, window: Bounds, context: Context) -> tuple[date, date] | None:
    """The first and the last day on which a drug was surely taken in a window; None where there is none."""
    if record.state != FINAL or record.doubt or record.single or record.dose.amount is None:
        return None
    first = max(record.start.hi.date(), window.low_min)
    last = min(lasting(record, context).lo.date(), window.high_max, context.as_of)
    return (first, last) if first <= last else None


def dose_of(record: Exposure, limit: DoseLimit | None, context: Context) -> Dosed:
    """Whether an exposure has the daily dose."""
    if limit is None:
        return _ANY_DOSE
    dose = record.dose
    if dose.amount is None:
        return Dosed(t.UNKNOWN, t.UNUSABLE, lambda: dose.problem)
    amount, unit = dose.amount, dose.unit
    drug = context.knowledge.drug(record.concepts)
    if drug is not None and drug.equivalent is not None:
        amount = _equivalent(amount, drug.equivalent)
    by_weight, own_weight = "/kg" in limit.unit, "/kg" in unit
    if by_weight != own_weight:
        weight = newest(WEIGHT, "kg", ALWAYS, context)
        if isinstance(weight, Finding):
            problem = weight.note
            return Dosed(t.UNKNOWN, t.UNUSABLE, lambda: f"no usable body weight ({problem()})")
        amount = _by_weight(amount, weight.number) if by_weight else _times_weight(amount, weight.number)
        unit = unit.replace("/d", "/kg/d") if by_weight else unit.replace("/kg", "")
    conversion = context.knowledge.units.conversion(unit, limit.unit)
    if conversion is None:
        return Dosed(t.UNKNOWN, t.UNUSABLE, lambda: f"its dose in {unit} cannot be given in {limit.unit}")
    there = amount.map(*conversion)
    verdict = there.within(limit.limit)
    equals = " prednisone-equivalent" if drug is not None and drug.equivalent is not None else ""
    return Dosed(
        verdict,
        t.EVIDENCE if verdict else t.IMPRECISE,
        lambda: f"{interval(there, limit.unit)}{equals}; limit {limit_words(limit.limit, limit.unit)}",
        there,
    )


_ANY_DOSE = Dosed(t.MET)


def _by_weight(amount: Interval, kilograms: Interval) -> Interval:
    """A dose by body weight; both may be known as intervals only."""
    lo = amount.lo / kilograms.hi if amount.lo is not None and kilograms.hi else None
    hi = amount.hi / kilograms.lo if amount.hi is not None and kilograms.lo else None
    return Interval(lo, hi, amount.lo_strict or kilograms.hi_strict, amount.hi_strict or kilograms.lo_strict)


def _times_weight(amount: Interval, kilograms: Interval) -> Interval:
    """A dose a day out of one by body weight."""
    lo = amount.lo * kilograms.lo if amount.lo is not None and kilograms.lo is not None else None
    hi = amount.hi * kilograms.hi if amount.hi is not None and kilograms.hi is not None else None
    return Interval(lo, hi, amount.lo_strict or kilograms.lo_strict, amount.hi_strict or kilograms.hi_strict)


def _equivalent(amount: Interval, five_of_prednisone: Interval) -> Interval:
    """A dose in mg of prednisone; the equivalents of some drugs are a range."""
    low, high = five_of_prednisone.lo, five_of_prednisone.hi
    assert low is not None and high is not None
    lo = None if amount.lo is None else amount.lo * 5 / high
    hi = None if amount.hi is None else amount.hi * 5 / low
    return Interval(lo, hi, amount.lo_strict, amount.hi_strict)
