"""Times as intervals, windows around anchors, and calendar arithmetic.

Every time is a :class:`Span` in the site's local time: an instant is a span of no length, ``2021-05`` a month, an
unknown time is open towards the past. What depends on a time is decided only where its whole span decides alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from trialmatch.eligibility.hashing import hashed_once
from trialmatch.eligibility.truth import MET, UNKNOWN, UNMET

PAST = datetime(1, 1, 1)
FUTURE = datetime(9999, 12, 31, 23, 59, 59)
DAY = timedelta(days=1)
#: FHIR allows the second that is put in; Python has none.
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d:)60")
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d))?$")


class Span(NamedTuple):
    """All that is known of a point in time: it lies between ``lo`` and ``hi`` (naive, site-local, inclusive)."""

    lo: datetime
    hi: datetime

    @property
    def exact_day(self) -> bool:
        """Whether the span tells the day."""
        return self.lo.date() == self.hi.date()


UNKNOWN_TIME = Span(PAST, FUTURE)


@lru_cache(maxsize=10_000)  # records and windows have the same few days
def end_of(day: date) -> datetime:
    """The last representable moment of a day."""
    return datetime.combine(day, time.max)


def day_span(first: date, last: date | None = None) -> Span:
    """The span of a whole day, or of all days from ``first`` to ``last``."""
    return Span(datetime.combine(first, time.min), end_of(last or first))


def parse(text: object, zone: tzinfo) -> Span | None:
    """Read a FHIR date, dateTime or instant.

    Returns the span it covers in ``zone``, or None for anything that is not a possible date.
    """
    if not isinstance(text, str) or not text[:4].isdigit():
        return None
    try:
        if len(text) > 10:
            moment = datetime.fromisoformat(text if ":60" not in text else _LEAP_SECOND.sub(r"\g<1>59", text))
            if moment.tzinfo is not None:
                moment = moment.astimezone(zone).replace(tzinfo=None)
            return Span(moment, moment)
        if len(text) == 10:
            return day_span(date.fromisoformat(text))
        partial = _PARTIAL.match(text)
        if partial is None:
            return None
        year, month = int(partial[1]), partial[2]
        if month is None:
            return day_span(date(year, 1, 1), date(year, 12, 31))
        first = date(year, int(month), 1)
        return day_span(first, first + relativedelta(months=1) - DAY)
    except (ValueError, OverflowError):
        return None


def before(span: Span) -> Span:
    """The time of something known only to have begun no later than ``span``."""
    return Span(PAST, span.hi)


class Offset(NamedTuple):
    """A signed calendar distance: ``value`` whole units of ``d``, ``wk``, ``mo`` or ``a`` (UCUM)."""

    value: int
    unit: str

    def from_day(self, day: date) -> date:
        """The day that lies this far from ``day``; months and years are calendar, clamped to the month's end."""
        return _moved(day, self.value, self.unit)


NEXT_DAY, DAY_BEFORE = Offset(1, "d"), Offset(-1, "d")


@lru_cache(maxsize=10_000)  # windows hang on the same few days
def _moved(day: date, value: int, unit: str) -> date:
    try:
        if unit == "d":
            return day + timedelta(days=value)
        if unit == "wk":
            return day + timedelta(weeks=value)
        moved: date = day + relativedelta(months=value * (12 if unit == "a" else 1))
        return moved
    except (OverflowError, ValueError):
        return date.min if value < 0 else date.max


@hashed_once
@dataclass(frozen=True)
class Window:
    """A stretch of time around an anchor (criteria language, section 5).

    ``anchor`` is ``screening``, ``enrolment`` or ``infusion``, a fixed :class:`Span`, or a tuple of leaves whose facts
    date the event. ``low`` and ``high`` are inclusive unless strict; None leaves that side open.
    """

    anchor: object = "screening"
    low: Offset | None = None
    high: Offset | None = None
    low_strict: bool = False
    high_strict: bool = False

    def around(self, anchor: Span) -> Bounds:
        """The days the window covers when its anchor lies somewhere in ``anchor``."""
        first, last = anchor.lo.date(), anchor.hi.date()
        low_min, low_max = _edge(self.low, first, last, date.min)
        high_min, high_max = _edge(self.high, first, last, date.max)
        if self.low_strict:
            low_min, low_max = NEXT_DAY.from_day(low_min), NEXT_DAY.from_day(low_max)
        if self.high_strict:
            high_min, high_max = DAY_BEFORE.from_day(high_min), DAY_BEFORE.from_day(high_max)
        return Bounds(low_min, low_max, high_min, high_max)


def _edge(offset: Offset | None, first: date, last: date, otherwise: date) -> tuple[date, date]:
    if offset is None:
        return otherwise, otherwise
    return offset.from_day(first), offset.from_day(last)


class Bounds(NamedTuple):
    """A window in days whose own ends may be vague: it starts between the lows and ends between the highs."""

    low_min: date
    low_max: date
    high_min: date
    high_max: date

    def holds(self, point: Span) -> int:
        """Whether an event at ``point`` falls into the window."""
        return self.overlaps(point, point)

    def overlaps(self, start: Span, end: Span) -> int:
        """Whether any part of what lasts from ``start`` to ``end`` falls into the window."""
        if start.hi.date() <= self.high_min and end.lo.date() >= self.low_max:
            return MET
        if start.lo.date() > self.high_max or end.hi.date() < self.low_min:
            return UNMET
        return UNKNOWN


ALWAYS = Bounds(date.min, date.min, date.max, date.max)


def meet(first: Bounds, second: Bounds) -> Bounds:
    """The window in which both windows hold."""
    return Bounds(
        max(first.low_min, second.low_min),
        max(first.low_max, second.low_max),
        min(first.high_min, second.high_min),
        min(first.high_max, second.high_max),
    )


def completed(birth: date, day: date, unit: str, leap_birthday: str = "03-01") -> int:
    """Completed ``a``, ``mo``, ``wk`` or ``d`` of someone born on ``birth``, on ``day``.

    Someone born on 29 February completes a year of a common year on 1 March, or on 28 February where
    ``leap_birthday`` is ``02-28`` (a site setting).
    """
    if unit in ("d", "wk"):
        return (day - birth).days // (7 if unit == "wk" else 1)
    months = (day.year - birth.year) * 12 + day.month - birth.month
    if day.day < birth.day:
        leapling = birth.month == 2 and birth.day == 29 and day.month == 2 and day.day == 28
        common = (day + DAY).month == 3
        if not (leapling and common and leap_birthday == "02-28"):
            months -= 1
    return months // 12 if unit == "a" else months
