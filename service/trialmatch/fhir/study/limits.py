"""Quantities, ranges, windows and durations of a characteristic."""

from __future__ import annotations

from datetime import date, tzinfo
from fractions import Fraction
from typing import Any, NamedTuple

from trialmatch.eligibility.dates import Offset, Span, Window, parse
from trialmatch.eligibility.units import UCUM, Units
from trialmatch.eligibility.values import Interval
from trialmatch.fhir.elements import json_type, number
from trialmatch.fhir.study.faults import Faults
from trialmatch.terminology.systems import ANCHOR

_OFFSET_SYSTEMS = (
    "http://hl7.org/fhir/characteristic-offset",
    "http://terminology.hl7.org/CodeSystem/characteristic-offset",
)
_COMPARATORS = ("<", "<=", ">=", ">")
_CALENDAR = ("d", "wk", "mo", "a")
_ANCHORS = ("screening", "enrolment", "infusion")

#: Ends of months, short and long, in leap years and others.
_SOME_DAYS = tuple(date(year, month, day) for year in (2023, 2024) for month in range(1, 13) for day in (1, 28))


class Limit(NamedTuple):
    """A limit on a number in ``unit`` (UCUM; None: none given), or a multiple of ``reference`` (``UNL``, ``LNL``)."""

    interval: Interval
    unit: str | None
    reference: str | None = None


def quantity(raw: Any, path: str, units: Units, faults: Faults) -> Limit | None:
    """The limit that a Quantity sets; without comparator it means equal."""
    if not isinstance(raw, dict):
        faults.add(path, json_type(raw), "a Quantity")
        return None
    value, comparator = number(raw.get("value")), raw.get("comparator")
    if value is None:
        faults.add(f"{path}.value", "no number", "a number")
        return None
    if comparator is not None and comparator not in _COMPARATORS:
        faults.add(f"{path}.comparator", f"“{comparator}”", "<, <=, >=, > or none")
        return None
    interval = Interval.of(value, comparator)
    system, code = raw.get("system"), raw.get("code")
    if system in _OFFSET_SYSTEMS:
        if code not in ("UNL", "LNL"):
            faults.add(f"{path}.code", f"“{code}”", "UNL, LNL")
            return None
        return Limit(interval, None, str(code))
    if system is None and code is None and raw.get("unit") in (None, "", "1"):
        return Limit(interval, None)
    if system != UCUM or not isinstance(code, str) or not units.is_ucum(code):
        shown = f"“{code if code is not None else raw.get('unit')}” of {system or 'no system'}"
        faults.add(f"{path}.code", shown, f"a UCUM unit with system {UCUM}")
        return None
    return Limit(interval, code)


def range_(raw: Any, path: str, units: Units, faults: Faults) -> Limit | None:
    """The limit that a Range sets; its bounds are inclusive."""
    if not isinstance(raw, dict) or not (raw.get("low") or raw.get("high")):
        faults.add(path, "no bounds", "a Range with low, high or both")
        return None
    parts: dict[str, Limit] = {}
    for key in ("low", "high"):
        if raw.get(key) is not None:
            part = quantity(raw[key], f"{path}.{key}", units, faults)
            if part is None:
                return None
            if part.interval.exact is None:
                faults.add(f"{path}.{key}.comparator", "a comparator", "none: the bounds of a Range are inclusive")
                return None
            parts[key] = part
    first = next(iter(parts.values()))
    bounds: dict[str, Fraction | None] = {"low": None, "high": None}
    for key, part in parts.items():
        if part.reference != first.reference:
            faults.add(path, "bounds of different kinds", "two multiples of the same limit of normal, or two units")
            return None
        conversion = units.conversion(part.unit or "1", first.unit or "1")
        if conversion is None:
            faults.add(f"{path}.{key}.code", f"“{part.unit}”", f"a unit that converts to {first.unit}")
            return None
        exact = part.interval.exact
        assert exact is not None
        bounds[key] = conversion(exact)
    low, high = bounds["low"], bounds["high"]
    if low is not None and high is not None and low > high:
        faults.add(path, "low is above high", "a Range that holds some number")
        return None
    return Limit(Interval(low, high), first.unit, first.reference)


def count(raw: dict[str, Any], path: str, units: Units, faults: Faults) -> Interval | None:
    """``instancesQuantity`` or ``instancesRange``: a limit on a number of instances."""
    limit = _either(raw, "instances", path, units, faults)
    if limit is None:
        return None
    if limit.reference is not None or (limit.unit is not None and units.conversion(limit.unit, "1") is None):
        faults.add(f"{path}.instances[x]", f"“{limit.unit or limit.reference}”", "a plain number (unit 1)")
        return None
    return limit.interval


def calendar(raw: dict[str, Any], stem: str, path: str, units: Units, faults: Faults) -> Limit | None:
    """``durationQuantity`` or ``durationRange``: whole d, wk, mo or a."""
    limit = _either(raw, stem, path, units, faults)
    if limit is None:
        return None
    if limit.unit not in _CALENDAR:
        faults.add(f"{path}.{stem}[x]", f"“{limit.unit or limit.reference}”", "d, wk, mo or a")
        return None
    for bound in (limit.interval.lo, limit.interval.hi):
        if bound is not None and bound.denominator != 1:
            whole = _whole(bound, limit.unit)
            if whole is None:
                faults.add(f"{path}.{stem}[x]", f"{float(bound):g} {limit.unit}", "a whole number")
                return None
    if any(bound is not None and bound.denominator != 1 for bound in limit.interval[:2]):  # half years: months
        return Limit(limit.interval.map(Fraction(12)), "mo")
    return limit


def _either(raw: dict[str, Any], stem: str, path: str, units: Units, faults: Faults) -> Limit | None:
    if f"{stem}Quantity" in raw and f"{stem}Range" in raw:
        faults.refuse(f"{path}.{stem}[x]", "both a Quantity and a Range", "one of them")
        return None
    if f"{stem}Quantity" in raw:
        return quantity(raw[f"{stem}Quantity"], f"{path}.{stem}Quantity", units, faults)
    if f"{stem}Range" in raw:
        return range_(raw[f"{stem}Range"], f"{path}.{stem}Range", units, faults)
    return None


def _whole(value: Fraction, unit: str) -> Offset | None:
    if value.denominator == 1:
        return Offset(int(value), unit)
    if unit == "a" and (value * 12).denominator == 1:
        return Offset(int(value * 12), "mo")
    return None


def offset(raw: Any, path: str, units: Units, faults: Faults) -> Offset | None:
    """A calendar distance: a Quantity or Duration in whole d, wk, mo or a."""
    limit = quantity(
        {k: v for k, v in raw.items() if k != "comparator"} if isinstance(raw, dict) else raw, path, units, faults
    )
    if limit is None:
        return None
    exact = limit.interval.exact
    found = _whole(exact, limit.unit) if exact is not None and limit.unit in _CALENDAR else None
    if found is None:
        faults.add(path, f"{'' if exact is None else float(exact):g} {limit.unit}", "a whole number of d, wk, mo or a")
    return found


def window(raw: Any, path: str, anchor: object, units: Units, faults: Faults) -> Window | None:
    """One ``timeFromEvent`` around an anchor that is already known."""
    if "quantity" in raw and "range" in raw:
        faults.refuse(path, "both quantity and range", "one of them")
        return None
    if "range" in raw:
        stretch = raw["range"]
        if not isinstance(stretch, dict) or not (stretch.get("low") or stretch.get("high")):
            faults.add(f"{path}.range", "no bounds", "a Range with low, high or both")
            return None
        ends = {}
        for key in ("low", "high"):
            if stretch.get(key) is not None:
                ends[key] = offset(stretch[key], f"{path}.range.{key}", units, faults)
                if ends[key] is None:
                    return None
                if stretch[key].get("comparator") is not None:
                    allowed = "none: the bounds of a Range are inclusive"
                    faults.add(f"{path}.range.{key}.comparator", "a comparator", allowed)
                    return None
        if _is_reversed(ends.get("low"), ends.get("high")):
            faults.add(f"{path}.range", "low is after high", "a Range that holds some day; negative is before")
            return None
        return Window(anchor, ends.get("low"), ends.get("high"))
    if "quantity" in raw:
        distance = offset(raw["quantity"], f"{path}.quantity", units, faults)
        comparator = raw["quantity"].get("comparator") if isinstance(raw["quantity"], dict) else None
        if distance is None:
            return None
        if comparator in (">", ">="):
            return Window(anchor, low=distance, low_strict=comparator == ">")
        if comparator in ("<", "<="):
            return Window(anchor, high=distance, high_strict=comparator == "<")
        return Window(anchor, distance, distance)
    return Window(anchor)


def _is_reversed(low: Offset | None, high: Offset | None) -> bool:
    """Whether a window holds no day, on whichever day its anchor falls (30 days may be more or less than a month)."""
    if low is None or high is None:
        return False
    return all(low.from_day(day) > high.from_day(day) for day in _SOME_DAYS)


def named_anchor(raw: Any, path: str, zone: tzinfo, faults: Faults) -> object | None:
    """The anchor of a ``timeFromEvent`` that is no other characteristic: a named date, or a fixed one."""
    events = [key for key in raw if key.startswith("event") and raw[key] is not None]
    if len(events) > 1:
        faults.refuse(path, " and ".join(sorted(events)), "one event[x]")
        return None
    if not events:
        return "screening"
    if events[0] == "eventDateTime":
        span = parse(raw["eventDateTime"], zone)
        if span is None:
            faults.add(f"{path}.eventDateTime", "no possible date", "a FHIR dateTime")
        return Span(*span) if span else None
    if events[0] == "eventCodeableConcept":
        entries = raw["eventCodeableConcept"].get("coding") if isinstance(raw["eventCodeableConcept"], dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("system") == ANCHOR and entry.get("code") in _ANCHORS:
                return str(entry["code"])
        found = [f"{e.get('system')}|{e.get('code')}" for e in entries or () if isinstance(e, dict)]
        faults.add(f"{path}.eventCodeableConcept", ", ".join(found) or "no coding", f"{ANCHOR}: {', '.join(_ANCHORS)}")
        return None
    faults.add(
        f"{path}.{events[0]}", "an event that is not understood", "eventCodeableConcept, eventId or eventDateTime"
    )
    return None
