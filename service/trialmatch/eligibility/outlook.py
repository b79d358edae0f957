"""From which day a study that rules a patient out may no longer do so, if nothing happens but that time passes.

Washouts end, an event becomes old enough, birthdays come, treatment that goes on grows longer, a result becomes too old
to count. Nothing is foretold but the calendar: what is on record up to the as-of day is judged as of later days, by the
functions that judge it today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding
from trialmatch.eligibility.criteria import AgeLeaf, EventLeaf, ExposureLeaf, Item, Leaf, ResultLeaf, Study
from trialmatch.eligibility.dates import DAY
from trialmatch.eligibility.evaluator import evaluate
from trialmatch.eligibility.verdict import INELIGIBLE, Change, Match, Outlook, conclude

#: How far is looked ahead: two years, longer than all but a few washouts.
WEEKS = 105

_WEEK = timedelta(weeks=1)


class Outlooks:
    """The outlooks of one patient: what is judged on a day is judged once for all studies."""

    def __init__(
        self, as_of: date, context: Callable[[date], Context], judged: Callable[[Study, Context], Match]
    ) -> None:
        """``context`` is the patient's on a later day, ``judged`` a study in it, with what persons answered."""
        self._context, self._judged = context, judged
        ahead = min(WEEKS, (date.max - as_of) // _WEEK)
        self._weeks = [as_of + week * _WEEK for week in range(1, ahead + 1)]
        self._contexts: dict[date, Context] = {}

    def of(self, match: Match) -> Outlook | None:
        """The first day on which a study does not rule the patient out any more; None where time does not bring it.

        An opening counts that lasts to the end of the week (counted from the as-of day) in which it begins.
        """
        if match.verdict != INELIGIBLE or match.deceased:
            return None
        found = self._search(match, self._weeks)
        if found is not None:
            week, _ = found
            found = self._search(match, [week - back * DAY for back in range(6, -1, -1)])
        if found is None:
            return None
        day, then = found
        return Outlook(day, then.verdict, tuple(_changes(match, then)))

    def _search(self, match: Match, days: Sequence[date]) -> tuple[date, Match] | None:
        """The first of some days on which a study is open that a match rules out."""
        number = self._hopeful(match, days, 0)
        while number is not None:
            match = self._judged(match.study, self._at(days[number]))
            if match.verdict != INELIGIBLE:
                return days[number], match
            number = self._hopeful(match, days, number + 1)
        return None

    def _hopeful(self, match: Match, days: Sequence[date], start: int) -> int | None:
        """The position of the first day, from one on, on which the leaves that decide a match do not decide it."""
        asked = [item for item in _deciding(match) if _passes(item.leaf, match.findings[item.link_id])]
        before: tuple[int, ...] = ()
        for number in range(start, len(days) if asked else 0):
            context = self._at(days[number])
            findings = {item.link_id: evaluate(item.leaf, context) for item in asked if item.leaf is not None}
            truths = tuple(finding.truth for finding in findings.values())
            if truths != before and conclude(match.study, {**match.findings, **findings}, False).verdict != INELIGIBLE:
                return number
            before = truths
        return None

    def _at(self, day: date) -> Context:
        context = self._contexts.get(day)
        if context is None:
            context = self._contexts[day] = self._context(day)
        return context


def _deciding(match: Match) -> Iterator[Item]:
    """The leaves that are unmet as is all above them."""
    items = (match.study.places[position].item for position in match.decisive)
    return (item for item in items if item.leaf is not None)


def _passes(leaf: Leaf | None, finding: Finding) -> bool:
    """Whether time alone may change what a leaf says: not what rests on silence, and not what holds at any time."""
    if not finding.facts:
        return False
    if isinstance(leaf, ExposureLeaf):
        return bool(leaf.windows) or leaf.duration is not None
    if isinstance(leaf, EventLeaf):
        return bool(leaf.windows)
    return isinstance(leaf, AgeLeaf | ResultLeaf)


def _changes(match: Match, after: Match) -> Iterator[Change]:
    """The leaves that decide today and no longer do on a later day, with what they then come to."""
    statuses = {link_id: after.statuses[position] for position, link_id, _ in match.study.asking}
    for item in _deciding(match):
        if statuses[item.link_id] != t.UNMET:
            yield Change(item, after.findings[item.link_id])
