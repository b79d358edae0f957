"""Dates as lists of days: what a partial date could mean, calendar arithmetic, windows."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from .answers import NotCovered

#: Earlier than any date a record in these tests could mean.
LONG_AGO = date(2000, 1, 1)

Json = dict[str, Any]


def days_of(text: str) -> list[date]:
    """Every day that a FHIR date or dateTime could mean: 365 or 366 for a year, about 30 for a month, else one.

    Times are only read in UTC and only around noon, so the day is the same in every time zone a site could be in.
    """
    if len(text) == 4:
        first, last = date(int(text), 1, 1), date(int(text), 12, 31)
    elif len(text) == 7:
        year, month = int(text[:4]), int(text[5:])
        first, last = date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
    else:
        if len(text) > 10 and not (text.endswith("Z") and 9 <= int(text[11:13]) <= 15):
            raise NotCovered(f"time {text}: only UTC around noon")
        first = last = date.fromisoformat(text[:10])
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def hours_of(text: str) -> list[int]:
    """Every hour (counted from the year 1) that a FHIR date or dateTime could mean; 24 for a day without a time."""
    if len(text) > 10:
        (day,) = days_of(text)
        return [day.toordinal() * 24 + int(text[11:13])]
    return [day.toordinal() * 24 + hour for day in days_of(text) for hour in range(24)]


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last day where it is shorter (29 Feb clamps to 28 Feb)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def shift(day: date, amount: Fraction, unit: str) -> date:
    """``day`` moved by ``amount`` of the UCUM unit d, wk, mo or a; negative is before."""
    if amount.denominator != 1:
        raise NotCovered(f"{amount} {unit}: only whole units of time")
    if unit == "d":
        return day + timedelta(days=int(amount))
    if unit == "wk":
        return day + timedelta(days=7 * int(amount))
    if unit == "mo":
        return add_months(day, int(amount))
    if unit == "a":
        return add_months(day, 12 * int(amount))
    raise NotCovered(f"unit of time {unit}")


def completed_years(born: date, on: date) -> int:
    """Age in completed years; someone born on 29 February completes a year on 1 March of a common year."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@dataclass(frozen=True)
class Window:
    """The days from ``low`` to ``high``, both included; None is open on that side."""

    low: date | None
    high: date | None

    def holds(self, day: date) -> bool:
        """Whether the day is in the window."""
        return (self.low is None or day >= self.low) and (self.high is None or day <= self.high)

    def meets(self, start: date, end: date) -> bool:
        """Whether any day from ``start`` to ``end`` is in the window."""
        return (self.high is None or start <= self.high) and (self.low is None or end >= self.low)

    def edges(self) -> list[date]:
        """The days at which an answer about the window can change."""
        return [edge + timedelta(days=n) for edge in (self.low, self.high) if edge is not None for n in (-1, 0, 1)]


ALWAYS = Window(None, None)


@dataclass(frozen=True)
class Anchors:
    """The days that windows hang on; ``infusion`` is unknown unless given.

    ``events`` holds, for the linkId of a characteristic that dates an event, the days of all such events; None where
    these are not known to the day.
    """

    as_of: date
    enrolment: date
    infusion: date | None
    events: Mapping[str, list[date] | None] = field(default_factory=dict)

    def named(self, code: str) -> date | None:
        """The day of an anchor of the code system, None where it is not known."""
        return {"screening": self.as_of, "enrolment": self.enrolment, "infusion": self.infusion}[code]


def windows_of(characteristic: Json, anchors: Anchors) -> list[Window | str]:
    """The window of a characteristic: always, a stretch of days, or ``"anchor-unknown"``.

    It is one window, unless it hangs on an event of another characteristic that happened several times.
    """
    entries = characteristic.get("timeFromEvent", [])
    if not entries:
        return [ALWAYS]
    if len(entries) > 1:
        raise NotCovered("several windows")
    entry = entries[0]
    if "eventId" in entry:
        days = anchors.events[entry["eventId"]]
        if days is None:
            raise NotCovered("a window that hangs on an event of a doubtful date")
        return [window_around(day, entry) for day in days] or ["anchor-unknown"]
    coding = entry.get("eventCodeableConcept", {}).get("coding", [{"code": "screening"}])[0]
    anchor = anchors.named(coding["code"])
    return ["anchor-unknown" if anchor is None else window_around(anchor, entry)]


def window_around(anchor: date, entry: Json) -> Window:
    """The window that a range, or a quantity with a comparator, opens around a day."""

    def at(quantity: Json) -> date:
        return shift(anchor, Fraction(str(quantity["value"])), quantity["code"])

    if "range" in entry:
        low, high = entry["range"].get("low"), entry["range"].get("high")
        return Window(at(low) if low else None, at(high) if high else None)
    quantity = entry["quantity"]
    edge, one = at(quantity), timedelta(days=1)
    return {
        ">=": Window(edge, None),
        ">": Window(edge + one, None),
        "<=": Window(None, edge),
        "<": Window(None, edge - one),
    }[quantity["comparator"]]
