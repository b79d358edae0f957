"""Judging diagnoses, procedures, immunizations, allergies and other records that something was (section 4, 5, 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, met, unknown, unmet
from trialmatch.eligibility.criteria import EventLeaf, ExposureLeaf
from trialmatch.eligibility.dates import DAY_BEFORE, Bounds, Span, end_of
from trialmatch.eligibility.facts import ABSENT, PROVISIONAL, UNREADABLE, Event, Exposure
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.wording import interval, limit_words


class Vote(NamedTuple):
    """What one record says: whether it is so, on which basis, and in words."""

    truth: int
    basis: str
    fact: Event
    note: Callable[[], str]


def evaluate(leaf: EventLeaf, context: Context) -> Finding:
    """Judge a leaf about records of a kind."""
    records = current(leaf, context)
    if not records:
        return silence(leaf, context)
    windows = context.bounds(leaf.windows)
    votes = [vote(record, leaf, windows, context) for record in records]
    if leaf.count is not None:
        return counted(votes, leaf, context)
    return decided(votes, leaf, context)


def current(leaf: EventLeaf | ExposureLeaf, context: Context) -> list[Event]:
    """The records about a leaf's concepts that are not dated after the as-of day.

    Those that only their words (or a code that is not specific) connect with it are among them, in doubt: they never
    decide, but what is decided without them might be wrong.
    """
    records = context.facts.about(leaf.kind, leaf.keys) + context.facts.hinted(leaf.kind, leaf.keys)
    return [fact for fact in records if context.past(fact.start) is not None]


def vote(record: Event, leaf: EventLeaf, windows: list[Bounds] | None, context: Context) -> Vote:
    """What one record says of a leaf."""
    if record.state == ABSENT:
        return Vote(t.UNMET, t.EVIDENCE, record, lambda: f"{record.display}: recorded as not so")
    usable = unusable(record)
    if windows is None:
        basis = t.first_basis([t.ANCHOR_UNKNOWN] + ([usable] if usable else []))
        return Vote(t.UNKNOWN, basis, record, lambda: "the date that its window hangs on is not known")
    inside = max(in_window(record, window, leaf.onset, context) for window in windows)
    if inside == t.UNMET:
        return Vote(t.UNMET, t.EVIDENCE, record, lambda: f"{record.display} lies outside the window")
    if usable:
        return Vote(t.UNKNOWN, usable, record, lambda: f"{record.display}: {_problem(record)}")
    if inside == t.UNKNOWN:
        return Vote(t.UNKNOWN, t.IMPRECISE, record, lambda: f"{record.display}: its dates are too vague to decide")
    return Vote(t.MET, t.EVIDENCE, record, lambda: record.display)


def unusable(record: Event) -> str | None:
    """The basis on which a record cannot be used, if so."""
    if record.state == UNREADABLE:
        return t.SOURCE_FAILED
    if record.doubt:
        return t.UNUSABLE
    return t.PROVISIONAL if record.state == PROVISIONAL else None


def _problem(record: Event) -> str:
    if record.state == UNREADABLE:
        return "the record could not be read"
    return record.doubt or "only provisional"


def in_window(record: Event, window: Bounds, onset: bool, context: Context) -> int:
    """Whether a record's active period (its beginning only, with ``onset``) falls into a window."""
    start = context.past(record.start) or record.start
    return window.overlaps(start, start if onset else lasting(record, context))


def lasting(record: Event, context: Context) -> Span:
    """When a record's active period ended; one that is said to be over ended before the as-of day."""
    if not record.over:
        return record.end
    latest = max(end_of(DAY_BEFORE.from_day(context.as_of)), record.start.lo)  # what began today lasted today
    if record.end.hi <= latest:
        return record.end
    planned = isinstance(record, Exposure) and record.end.lo > latest  # an end to come of what is over was a plan
    return Span(record.start.lo if planned else min(record.end.lo, latest), latest)


def decided(votes: Sequence[Vote], leaf: EventLeaf | ExposureLeaf, context: Context) -> Finding:
    """One record that says so is enough; that none does needs the source to be complete."""
    yes = [one for one in votes if one.truth == t.MET]
    if yes:
        return met([one.fact for one in yes], lambda: "; ".join(dict.fromkeys(one.note() for one in yes)))
    open_ = [one for one in votes if one.truth == t.UNKNOWN]
    if open_:
        basis = t.first_basis(one.basis for one in open_)
        those = [one for one in open_ if one.basis == basis]
        return unknown(basis, [one.fact for one in those], lambda: "; ".join(dict.fromkeys(o.note() for o in those)))
    facts = [one.fact for one in votes]
    if context.facts.incomplete(leaf.kind):
        return unknown(t.SOURCE_FAILED, facts, lambda: f"{leaf.kind} records could not all be obtained")
    return unmet(facts, lambda: "; ".join(dict.fromkeys(one.note() for one in votes)))


def counted(votes: Sequence[Vote], leaf: EventLeaf, context: Context) -> Finding:
    """How many records say so, against the leaf's count."""
    assert leaf.count is not None
    sure = [one for one in votes if one.truth == t.MET]
    open_ = [one for one in votes if one.truth == t.UNKNOWN]
    number = Interval(Fraction(len(sure)), Fraction(len(sure) + len(open_)))
    verdict = number.within(leaf.count)
    facts = [one.fact for one in sure] or [one.fact for one in votes]
    words = f"{interval(number)} such records; limit {limit_words(leaf.count)}"
    if verdict == t.UNKNOWN:
        return unknown(t.first_basis(one.basis for one in open_), [one.fact for one in open_], lambda: words)
    incomplete = context.facts.incomplete(leaf.kind)
    if incomplete and Interval(number.lo, None).within(leaf.count) != verdict:
        return unknown(t.SOURCE_FAILED, facts, lambda: words)
    return Finding(verdict, t.EVIDENCE, tuple(facts), lambda: words)


def silence(leaf: EventLeaf | ExposureLeaf, context: Context) -> Finding:
    """The record says nothing of it: unknown, unless the criterion takes silence as absence (section 7)."""
    incomplete = context.facts.incomplete(leaf.kind)
    if incomplete:
        names = ", ".join(source.type for source in incomplete)
        return unknown(t.SOURCE_FAILED, (), lambda: f"{names} could not all be obtained")
    if leaf.absent:
        return Finding(t.UNMET, t.NO_RECORD, (), lambda: f"no record of “{leaf.label}”")
    if context.bounds(leaf.windows) is None:
        return unknown(t.ANCHOR_UNKNOWN, (), lambda: "the date that its window hangs on is not known")
    return unknown(t.NO_RECORD, (), lambda: f"the record says nothing of “{leaf.label}”")
