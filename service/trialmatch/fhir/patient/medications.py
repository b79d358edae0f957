"""MedicationRequest, -Statement, -Administration and -Dispense to exposures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache, partial
from math import ceil

from dateutil.relativedelta import relativedelta

from trialmatch.eligibility.dates import FUTURE, UNKNOWN_TIME, Span, before
from trialmatch.eligibility.facts import ABSENT, FINAL, PROVISIONAL, Dose, Exposure
from trialmatch.eligibility.units import Units
from trialmatch.eligibility.values import Coding
from trialmatch.fhir.elements import Json, child, children, codes, codings, number, relative, text
from trialmatch.fhir.patient.doses import amount_of, daily, strength_of
from trialmatch.fhir.patient.times import Clock, Extent, encounter_time, extent, moment, period

#: By type: statuses that count, those that say it was not taken, those that leave it open; all others never count.
_STATUS = {
    "MedicationRequest": ({"active", "completed", "stopped", "on-hold", "ended"}, set(), {"unknown"}),
    "MedicationStatement": (
        {"active", "completed", "stopped", "on-hold", "recorded"},
        {"not-taken"},
        {"intended", "unknown"},
    ),
    "MedicationAdministration": ({"completed", "in-progress", "stopped", "on-hold"}, {"not-done"}, {"unknown"}),
    "MedicationDispense": ({"completed"}, set(), {"unknown"}),
}

#: Intents that are an order or finer; a proposal or plan never counts, but what a patient reports to take is a plan in
#: the United States (US Core, MedicationRequest).
_ORDERED = {"order", "original-order", "reflex-order", "filler-order", "instance-order"}

#: Words of forms and routes that act where they are applied (criteria language, section 6).
_LOCAL = re.compile(
    r"\b(topical|ophthalmic|ophth|otic|nasal|intranasal|inhal\w*|metered dose|actuat\w*|nebuli\w*|cream|ointment|"
    r"lotion|gel(?!\s*-?\s*cap)|shampoo|eye drops?|ear drops?|patch|intravitreal|vaginal|cutaneous|dermal|foam)\b",
    re.IGNORECASE,
)

#: Units of durations (UCUM, and words) in months and days.
_LENGTHS = {
    unit: length
    for length, units in (
        ((0, Fraction(1, 24)), ("h", "hour", "hours", "stunden")),
        ((0, Fraction(1)), ("d", "day", "days", "tag", "tage", "日", "天")),
        ((0, Fraction(7)), ("wk", "week", "weeks", "woche", "wochen", "周", "週")),
        ((1, Fraction(0)), ("mo", "month", "months", "monat", "monate")),
        ((12, Fraction(0)), ("a", "year", "years", "jahr", "jahre")),
    )
    for unit in units
}

#: Durations of so many units are none.
_LONGEST_SUPPLY = 10_000

#: Words with more characters are not remembered.
_LONGEST = 200


@dataclass(frozen=True)
class Cabinet:
    """What reading medications needs: referenced Medication resources, units, routes that are not systemic."""

    medications: dict[str, Json]
    units: Units
    local_route: Callable[[Coding], bool]


class UnknownMedication(Exception):
    """A record refers to a Medication that is not there, so that nobody can tell which drug it is about."""


def exposures(
    resource: Json, reference: str, clock: Clock, encounters: dict[str, Json], cabinet: Cabinet
) -> Iterator[Exposure]:
    """The exposures that a record tells of, if it counts and is systemic.

    Raises Malformed where what it is, whether it counts or when it was has a wrong JSON type, and UnknownMedication.
    """
    state = _state(resource)
    if state is None:
        return
    found, words, medication = _drug(resource, cabinet)
    dosages = _dosages(resource)
    if _local(dosages, medication, words, found, cabinet):
        return
    when = _when(resource, clock, encounters)
    name = words or next((coding.display for coding in found if coding.display), "")
    kind = resource["resourceType"]
    status = text(resource, "status") or ""
    stopped = status == "stopped"  # what was planned beyond this day was not taken
    over = when.open and status not in ("active", "in-progress", "recorded", "intended")
    taken = partial(
        Exposure,
        reference,
        found,
        name,
        named=bool(name),
        state=state,
        order=kind == "MedicationRequest",
        single=kind == "MedicationAdministration" and when.start == when.end,
    )
    strength = strength_of(medication, cabinet.units)
    if kind == "MedicationAdministration":
        given = child(child(resource, "dosage") or {}, "dose", "dosage")
        dose = _a_day(amount_of(given, strength, cabinet.units), when) if given else _NO_DOSE
        yield taken(start=when.start, end=when.end, over=over, dose=dose)
        return
    staged = [dosage for dosage in dosages if _bounds(dosage, clock) is not None]
    if not staged or len(staged) < len(dosages):
        dose = daily(dosages, strength, cabinet.units)
        yield taken(start=when.start, end=when.end, over=over or stopped, dose=dose)
        return
    stages: dict[tuple[Span, Span], list[Json]] = {}
    for dosage in staged:
        bounds = _bounds(dosage, clock)
        assert bounds is not None
        stages.setdefault((bounds.start, bounds.end), []).append(dosage)
    for (start, end), group in stages.items():
        open_ = end.lo == FUTURE
        begin, finish = (start if start != UNKNOWN_TIME else when.start), (when.end if open_ else end)
        dose = daily(group, strength, cabinet.units)
        yield taken(start=begin, end=finish, over=stopped or (over and open_), dose=dose)


_NO_DOSE = Dose(None, "", "no dose is recorded")


def _a_day(dose: Dose, when: Extent) -> Dose:
    """A single administration is the dose of its day; of one that took days nobody knows how much on which."""
    if dose.amount is None or "/d" in dose.unit:
        return dose
    if when.open or when.end.hi - when.start.lo <= timedelta(days=1):
        return Dose(dose.amount, f"{dose.unit}/d")
    return Dose(dose.amount._replace(lo=Fraction(0)), f"{dose.unit}/d")


def _state(resource: Json) -> str | None:
    kind = resource["resourceType"]
    status = text(resource, "status") or ""
    counts, absent, vague = _STATUS[kind]
    if kind == "MedicationRequest":
        intent = text(resource, "intent")
        if resource.get("doNotPerform") is True:
            return None
        if intent is not None and intent not in _ORDERED:
            return PROVISIONAL if intent == "plan" and _is_reported(resource) and status in counts else None
    if status in counts:
        taken = codes(child(resource, "adherence") or {}, "code") if kind == "MedicationStatement" else set()
        return ABSENT if taken & {"not-taking", "never"} else FINAL
    if status in absent:
        return ABSENT
    return PROVISIONAL if status in vague or not status else None


def _is_reported(resource: Json) -> bool:
    return "reportedReference" in resource or True in (resource.get("reportedBoolean"), resource.get("reported"))


def _drug(resource: Json, cabinet: Cabinet) -> tuple[tuple[Coding, ...], str, Json | None]:
    """Which drug a record is about: its codings, words, and the Medication it refers to."""
    found, words = codings(resource, "medicationCodeableConcept")
    pointer = child(resource, "medicationReference")
    either = child(resource, "medication")  # R5: CodeableReference
    if either is not None:
        more, said = codings(either, "concept", "medication")
        found, words = found + more, words or said
        pointer = pointer or child(either, "reference", "medication")
    if pointer is None:
        if not found and not words:
            raise UnknownMedication
        return found, words, None
    target = text(pointer, "reference", "medicationReference") or ""
    shown = pointer.get("display") if isinstance(pointer.get("display"), str) else ""
    medication = _contained(resource, target) if target.startswith("#") else _referenced(target, cabinet)
    if medication is None:
        if not found and not words and not shown:
            raise UnknownMedication
        return found, words or str(shown), None
    more, said = codings(medication, "code")
    for position, ingredient in enumerate(children(medication, "ingredient")):
        if ingredient.get("isActive") is False:
            continue
        of, named = codings(ingredient, "itemCodeableConcept", f"ingredient[{position}]")
        item = child(ingredient, "item")
        if item is not None:
            of, named = codings(item, "concept", f"ingredient[{position}].item")
        pointed = _ingredient(resource, medication, ingredient, f"ingredient[{position}]", cabinet)
        if pointed is not None:
            of, named = codings(pointed, "code", f"ingredient[{position}].itemReference")
        more, said = more + of, said or named
    if not (found or more or words or said or shown):
        raise UnknownMedication
    return found + more, words or said or str(shown), medication


def _ingredient(resource: Json, medication: Json, ingredient: Json, path: str, cabinet: Cabinet) -> Json | None:
    """The Substance or Medication that an ingredient refers to."""
    item = child(ingredient, "itemReference", path) or {}
    target = text(item, "reference", f"{path}.itemReference") or ""
    if target.startswith("#"):
        return _contained(medication, target) or _contained(resource, target)
    return _referenced(target, cabinet) if target else None


def _contained(resource: Json, target: str) -> Json | None:
    for entry in children(resource, "contained"):
        if entry.get("id") == target[1:]:
            return entry
    return None


def _referenced(target: str, cabinet: Cabinet) -> Json | None:
    return cabinet.medications.get(target) or cabinet.medications.get(relative(target))


def _dosages(resource: Json) -> list[Json]:
    kind = resource["resourceType"]
    if kind == "MedicationAdministration":
        only = child(resource, "dosage")
        return [only] if only else []
    return children(resource, "dosageInstruction" if kind in ("MedicationRequest", "MedicationDispense") else "dosage")


def _local(
    dosages: list[Json], medication: Json | None, words: str, found: tuple[Coding, ...], cabinet: Cabinet
) -> bool:
    """Whether a drug acts only where it is applied."""
    said = [words] + [coding.display for coding in found]
    for dosage in dosages:
        routes, route = codings(dosage, "route")
        if any(cabinet.local_route(coding) for coding in routes):
            return True
        if routes or route:  # a route that is not local decides
            return _acts_locally(route or " ".join(coding.display for coding in routes))
    if medication is not None:
        for key in ("form", "doseForm"):
            forms, form = codings(medication, key)
            said += [form] + [coding.display for coding in forms]
    return any(_acts_locally(one) for one in said if one)


def _acts_locally(words: str) -> bool:
    return _known(words) if len(words) <= _LONGEST else bool(_LOCAL.search(words))


@lru_cache(maxsize=10_000)  # hospitals have many orders of few drugs
def _known(words: str) -> bool:
    return bool(_LOCAL.search(words))


def _bounds(dosage: Json, clock: Clock) -> Extent | None:
    repeat = child(child(dosage, "timing") or {}, "repeat", "timing") or {}
    bounds = child(repeat, "boundsPeriod", "timing.repeat")
    return period(bounds, clock, "timing.repeat.boundsPeriod") if bounds else None


def _when(resource: Json, clock: Clock, encounters: dict[str, Json]) -> Extent:
    """When the drug was taken; ``open`` where no end is known."""
    kind = resource["resourceType"]
    if kind == "MedicationRequest":
        return _ordered(resource, clock, encounters)
    if kind == "MedicationDispense":
        return _dispensed(resource, clock)
    when = extent(resource, "effective", clock, None) or extent(resource, "occurence", clock, None)
    asserted = moment(resource, "dateAsserted", clock)
    if when is None:
        visit = encounter_time(resource, "context", encounters, clock)
        known = visit or (before(asserted) if asserted else UNKNOWN_TIME)
        when = Extent(known, known)
        if kind == "MedicationAdministration":
            return when
        return _until(when.start, resource)
    if kind == "MedicationAdministration" or ("effectivePeriod" in resource and not when.open):
        return when if not when.open else _until(when.start, resource)
    return _until(when.start, resource)


def _until(start: Span, resource: Json) -> Extent:
    """Without an end: to this day while the record is active, else to some day since."""
    active = text(resource, "status") in ("active", "in-progress", "recorded", "intended")
    return Extent(start, Span(FUTURE if active else start.lo, FUTURE), True)


def _ordered(resource: Json, clock: Clock, encounters: dict[str, Json]) -> Extent:
    extents = [bounds for dosage in _dosages(resource) if (bounds := _bounds(dosage, clock)) is not None]
    authored = moment(resource, "authoredOn", clock) or encounter_time(resource, "encounter", encounters, clock)
    starts = [bounds.start for bounds in extents if bounds.start != UNKNOWN_TIME]
    start = min(starts) if starts else authored or UNKNOWN_TIME
    ends = [bounds.end for bounds in extents]
    if ends and not any(bounds.open for bounds in extents):
        return Extent(start, max(ends))
    lengths = [length for dosage in _dosages(resource) if (length := _length(dosage)) is not None]
    one_by_one = len({dosage.get("sequence") for dosage in _dosages(resource)} - {None}) >= len(lengths)
    last = [_last_day(start, chain) for chain in ([lengths] if one_by_one else [[length] for length in lengths])]
    ends = [end for end in last if end is not None]
    return Extent(start, max(ends, key=lambda end: end.hi)) if ends else _until(start, resource)


def _length(dosage: Json) -> tuple[Json | None, Json | None] | None:
    """The least and the greatest duration that the timing of a dosage gives, if any."""
    repeat = child(child(dosage, "timing") or {}, "repeat", "timing") or {}
    length, bounds = child(repeat, "boundsDuration", "timing.repeat"), child(repeat, "boundsRange", "timing.repeat")
    if length is not None:
        return length, length
    return None if bounds is None else (child(bounds, "low"), child(bounds, "high"))


def _last_day(start: Span, lengths: list[tuple[Json | None, Json | None]]) -> Span | None:
    """The last day of durations that follow each other; None where it is not known when they began, or how long."""
    first, last = start.lo, start.hi
    if start == UNKNOWN_TIME or not lengths:
        return None
    try:
        for least, greatest in lengths:
            shortest, longest = _calendar(least or {"value": 1}), _calendar(greatest or {})
            if shortest is None or longest is None:
                return None
            first, last = first + shortest, last + longest
        return Span(first - timedelta(days=1), last - timedelta(days=1))
    except (OverflowError, ValueError):
        return None  # beyond the calendar


def _calendar(length: Json) -> relativedelta | None:
    """A duration of at least a day; without a unit it is in days. None where it cannot be read."""
    value, said = number(length.get("value")), (length.get("code"), length.get("unit"))
    units = [str(unit).lower() for unit in said if unit]
    months, days = next((_LENGTHS[unit] for unit in units if unit in _LENGTHS), (0, Fraction(not units)))
    if value is None or value <= 0 or value >= _LONGEST_SUPPLY or not (months or days):
        return None
    return relativedelta(months=int(value * months), days=max(ceil(value * days), 0 if months else 1))


def _dispensed(resource: Json, clock: Clock) -> Extent:
    start = moment(resource, "whenHandedOver", clock) or moment(resource, "whenPrepared", clock) or UNKNOWN_TIME
    supply = child(resource, "daysSupply")
    days = {"value": supply.get("value")} if supply else {}  # which it is in where its unit is not known
    end = _last_day(start, [(supply, supply)]) or _last_day(start, [(days, days)]) if supply else None
    return Extent(start, end) if end is not None else Extent(start, Span(start.lo, FUTURE), True)
