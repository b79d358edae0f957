"""Times of FHIR elements as spans: dateTime, Period, Age, Range and words (``onset[x]``, ``effective[x]`` …)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from trialmatch.eligibility.dates import FUTURE, PAST, UNKNOWN_TIME, Span, parse
from trialmatch.fhir.elements import Json, Malformed, child, number, relative, text


@dataclass
class Clock:
    """The site's time zone, and the paths of dates met that are no possible dates.

    Made for one patient: the dates of a visit stand in all of its records, and are read once.
    """

    zone: tzinfo
    impossible: list[str] = field(default_factory=list)
    _read: dict[str, Span] = field(default_factory=dict)

    def read(self, raw: str, path: str) -> Span:
        """The span of a date; unknown (and noted) where it is no possible date."""
        known = self._read.get(raw)
        if known is not None:
            return known
        span = parse(raw.strip(), self.zone)
        if span is None:
            self.impossible.append(path)
            return UNKNOWN_TIME
        self._read[raw] = span
        return span


class Extent(NamedTuple):
    """When something began and when it ended, each as far as it is known; ``open`` where no end was given."""

    start: Span
    end: Span
    open: bool = False


def moment(element: Json, key: str, clock: Clock, path: str = "") -> Span | None:
    """The span of a date element; unknown for an impossible date, None where it is absent."""
    raw = text(element, key, path)
    if raw is None:
        return None
    return clock.read(raw, f"{path}.{key}" if path else key)


def period(value: Json, clock: Clock, path: str) -> Extent:
    """The extent of a Period."""
    start, end = moment(value, "start", clock, path), moment(value, "end", clock, path)
    return Extent(start or (Span(PAST, end.hi) if end else UNKNOWN_TIME), end or Span(FUTURE, FUTURE), end is None)


@lru_cache(maxsize=64)
def _forms(stem: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The elements of ``stem[x]``: those that are a date, and the others."""
    points, others = ("DateTime", "Instant", "Date"), ("Period", "Age", "Range", "Timing", "String")
    return tuple(stem + form for form in points), frozenset(stem + form for form in others)


def extent(element: Json, stem: str, clock: Clock, birth: Span | None) -> Extent | None:
    """When ``stem[x]`` (onset, performed, occurrence, effective …) was; None where no form of it is there."""
    points, others = _forms(stem)
    for key in points:
        if key in element:
            point = moment(element, key, clock)
            if point is not None:
                return Extent(point, point)
    if others.isdisjoint(element):
        return None
    stretch = child(element, f"{stem}Period")
    if stretch is not None:
        return period(stretch, clock, f"{stem}Period")
    age = child(element, f"{stem}Age")
    if age is not None:
        at = _at_age(age, age, birth)
        return Extent(at, at)
    ages = child(element, f"{stem}Range")
    if ages is not None:
        low, high = child(ages, "low", f"{stem}Range"), child(ages, "high", f"{stem}Range")
        at = _at_age(low, high, birth)
        return Extent(at, at)
    timing = child(element, f"{stem}Timing")
    if timing is not None:
        return _timing(timing, clock, f"{stem}Timing")
    if text(element, f"{stem}String") is not None:
        return Extent(UNKNOWN_TIME, UNKNOWN_TIME)
    return None


def _timing(timing: Json, clock: Clock, path: str) -> Extent:
    events = timing.get("event")
    if isinstance(events, list) and events:
        spans = [clock.read(event, path) if isinstance(event, str) else UNKNOWN_TIME for event in events]
        return Extent(min(spans), max(spans))
    bounds = child(child(timing, "repeat", path) or {}, "boundsPeriod", f"{path}.repeat")
    return period(bounds, clock, path) if bounds is not None else Extent(UNKNOWN_TIME, UNKNOWN_TIME)


#: Units of age that are calendar ones, in months.
_MONTHS = {
    "a": Fraction(12),
    "mo": Fraction(1),
    "year": Fraction(12),
    "years": Fraction(12),
    "month": Fraction(1),
    "months": Fraction(1),
}


def _at_age(low: Json | None, high: Json | None, birth: Span | None) -> Span:
    """The time at which someone was so old: from the birthday to the day before the next."""
    if birth is None or (low is None and high is None):
        return UNKNOWN_TIME
    first = _months(low) if low is not None else Fraction(0)
    last = _months(high) if high is not None else None
    if first is None or (high is not None and last is None):
        return UNKNOWN_TIME
    unit = (high or low or {}).get("code") or (high or low or {}).get("unit")
    whole = _MONTHS.get(str(unit), Fraction(1))
    try:
        start = birth.lo + relativedelta(months=int(first))
        end = FUTURE if last is None else birth.hi + relativedelta(months=int(last + whole)) - timedelta(days=1)
    except (OverflowError, ValueError):
        return UNKNOWN_TIME
    return Span(start, end)


def _months(age: Json) -> Fraction | None:
    value, unit = number(age.get("value")), age.get("code") or age.get("unit") or "a"
    if value is None or str(unit) not in _MONTHS:
        return None
    return value * _MONTHS[str(unit)]


def encounter_time(resource: Json, key: str, encounters: dict[str, Json], clock: Clock) -> Span | None:
    """The period of the encounter that a record refers to, where the date hangs on it."""
    reference = (child(resource, key) or {}).get("reference")
    if not isinstance(reference, str):
        return None
    encounter = encounters.get(reference) or encounters.get(relative(reference))
    if encounter is None:
        return None
    try:
        stretch = child(encounter, "period") or child(encounter, "actualPeriod")
        when = period(stretch, clock, "period") if stretch else None
    except Malformed:
        return None
    if when is None:
        return None
    return Span(when.start.lo, when.start.hi if when.open else when.end.hi)
