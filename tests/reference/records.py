"""Leaves about diagnoses, procedures, immunizations, allergies and exposures to drugs.

A record becomes a :class:`Sighting`: the pairs of (start, end) days it could mean, whether it says that the thing was
there or that it was not, and why it may be doubted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import product
from typing import Any

from .answers import FALSE, Answer, NotCovered, best_of, decided, first_reason, unknown
from .clearance import newest_weight
from .days import ALWAYS, LONG_AGO, Anchors, Window, days_of, shift, windows_of
from .measurements import results_of
from .values import COMPARE, exactly
from .vocabulary import CODES, INGREDIENT, codes_in, extension, meant

Json = dict[str, Any]
Span = tuple[date, date]


@dataclass(frozen=True)
class Sighting:
    """One record: the spans it could mean, and what may be held against it."""

    spans: tuple[Span, ...]
    there: bool = True  # False: it says that the thing was not there (refuted, not done, not taken)
    doubts: frozenset[str] = frozenset()
    ingredient: str = ""
    too_low: bool = False  # it was there, but not in the dose that is asked


def unknown_days(window: Window, as_of: date, *others: date) -> list[date]:
    """What a day could be of which nothing is known.

    It is not after the as-of date, else it would not be on record. Of the days before only the order to the window's
    edges and the other dates of the record matters, so the days around these stand for all.
    """
    near = [day + timedelta(days=n) for day in others for n in (-1, 0, 1)]
    return sorted(day for day in {LONG_AGO, *window.edges(), *near, as_of} if day <= as_of)


def spans_of(starts: list[date], ends: list[date] | None, as_of: date) -> tuple[Span, ...]:
    """Every pair of a start and an end not before it; an end beyond the as-of date is not known of yet."""
    if ends is None:
        return tuple((start, start) for start in starts)
    return tuple((start, min(end, as_of)) for start in starts for end in ends if start <= min(end, as_of))


def spans_when_over(starts: list[date], window: Window, as_of: date) -> tuple[Span, ...]:
    """Every span of something that is over at an unknown time: it ended on a day before the as-of date.

    What began on the as-of date lasted for that day.
    """
    yesterday = as_of - timedelta(days=1)
    ends = [day for day in unknown_days(window, as_of, starts[0], starts[-1], yesterday) if day <= yesterday]
    return spans_of(starts, ends, as_of) + (((as_of, as_of),) if as_of in starts else ())


def from_the_future(sighting: Sighting, as_of: date) -> bool:
    """Nothing dated after the as-of date counts."""
    return bool(sighting.spans) and all(start > as_of for start, _ in sighting.spans)


# --- what each kind of record says -------------------------------------------------------------------------------


def of_condition(record: Json, window: Window, as_of: date) -> Sighting | None:
    """A diagnosis: from its onset to its abatement, to the as-of date while it is active."""
    verification = first_code(record.get("verificationStatus"), "confirmed")
    if verification == "entered-in-error":
        return None
    recorded = days_of(record["recordedDate"]) if "recordedDate" in record else []
    if verification == "refuted":
        return Sighting(spans_of(recorded, None, as_of), there=False)
    if "onsetDateTime" in record:
        starts = days_of(record["onsetDateTime"])
    else:  # the start is no later than the day it was written down
        latest = max(recorded) if recorded else as_of
        starts = [day for day in unknown_days(window, as_of, *recorded[-1:]) if day <= latest]
        if recorded and min(recorded) > as_of:
            return None
    clinical = first_code(record.get("clinicalStatus"), None)
    if "abatementDateTime" in record:
        spans = spans_of(starts, days_of(record["abatementDateTime"]), as_of)
    elif clinical == "active":
        spans = spans_of(starts, [as_of], as_of)
    elif clinical == "resolved":
        spans = spans_when_over(starts, window, as_of)
    else:
        raise NotCovered(f"clinical status {clinical} without an end")
    spans = spans or tuple((start, start) for start in starts)
    doubted = verification in ("provisional", "differential", "unconfirmed")
    return Sighting(spans, doubts=frozenset({"provisional"} if doubted else ()))


def of_procedure(record: Json, window: Window, as_of: date) -> Sighting | None:
    """A procedure: the day it was performed."""
    if record["status"] not in ("completed", "not-done"):
        return None
    return of_event(record, "performedDateTime", window, as_of)


def of_immunization(record: Json, window: Window, as_of: date) -> Sighting | None:
    """An immunization: the day it was given."""
    if record["status"] not in ("completed", "not-done"):
        return None
    return of_event(record, "occurrenceDateTime", window, as_of)


def of_event(record: Json, element: str, window: Window, as_of: date) -> Sighting:
    """An event of one day, or the record that it was not done."""
    starts = days_of(record[element]) if element in record else unknown_days(window, as_of)
    return Sighting(spans_of(starts, None, as_of), there=record["status"] == "completed")


def of_allergy(record: Json, window: Window, as_of: date) -> Sighting | None:
    """An allergy, from the day it was recorded on."""
    verification = first_code(record.get("verificationStatus"), "confirmed")
    if verification == "entered-in-error":
        return None
    starts = days_of(record["recordedDate"]) if "recordedDate" in record else [LONG_AGO]
    return Sighting(
        spans_of(starts, None, as_of),
        there=verification != "refuted",
        doubts=frozenset({"provisional"} if verification == "unconfirmed" else ()),
    )


def of_drug(record: Json, window: Window, as_of: date) -> Sighting | None:
    """An exposure: an order from its date on, what was said to be taken, what was given or handed out."""
    kind, status = record["resourceType"], record["status"]
    doubts: frozenset[str] = frozenset()
    there = True
    if kind == "MedicationRequest":
        if record.get("doNotPerform") or record["intent"] in ("proposal", "plan"):
            return None
        if status not in ("active", "completed", "stopped"):
            return None
        start = record.get("authoredOn")
        bounds = record.get("dosageInstruction", [{}])[0].get("timing", {}).get("repeat", {}).get("boundsPeriod", {})
        end = bounds.get("end")
    elif kind == "MedicationStatement":
        if status not in ("active", "completed", "stopped", "intended", "not-taken"):
            return None
        there = status != "not-taken"
        doubts = frozenset({"provisional"} if status == "intended" else ())
        start, end = record.get("effectivePeriod", {}).get("start"), record.get("effectivePeriod", {}).get("end")
    elif kind == "MedicationAdministration":
        if status not in ("completed", "not-done"):
            return None
        there = status == "completed"
        start = end = record.get("effectiveDateTime")
    else:
        raise NotCovered(kind)
    starts = days_of(start) if start else unknown_days(window, as_of)
    if kind == "MedicationAdministration":
        spans = spans_of(starts, None, as_of)
    elif end:
        spans = spans_of(starts, days_of(end), as_of)
    elif status in ("active", "intended"):
        spans = spans_of(starts, [as_of], as_of)
    else:
        spans = spans_when_over(starts, window, as_of)
    codes = codes_in(record["medicationCodeableConcept"])
    (ingredient,) = {INGREDIENT[code] for code in codes if code in INGREDIENT}
    return Sighting(spans or tuple((s, s) for s in starts), there, doubts, ingredient)


def first_code(codeable: Json | None, default: str | None) -> str | None:
    """The first code of a CodeableConcept."""
    return codeable["coding"][0]["code"] if codeable else default


DRUG_RECORDS = ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense")
READERS = {
    "Condition": (of_condition, "code"),
    "Procedure": (of_procedure, "code"),
    "Immunization": (of_immunization, "vaccineCode"),
    "AllergyIntolerance": (of_allergy, "code"),
    **dict.fromkeys(DRUG_RECORDS, (of_drug, "medicationCodeableConcept")),
}


# --- doses --------------------------------------------------------------------------------------------------------


def dose_outcome(characteristic: Json, record: Json, resources: list[Json], patient: Json, as_of: date) -> bool | str:
    """Whether the record's daily dose satisfies the leaf's; "unusable" without dose, unit, frequency or weight."""
    wanted = extension(characteristic, "daily-dose")
    dosage = (record.get("dosageInstruction") or record.get("dosage") or [{}])[0]
    quantity = (dosage.get("doseAndRate") or [{}])[0].get("doseQuantity", {})
    repeat = dosage.get("timing", {}).get("repeat", {})
    if quantity.get("code") not in ("mg", "g") or "value" not in quantity or "frequency" not in repeat:
        return "unusable"
    if repeat["periodUnit"] not in ("d", "wk"):
        raise NotCovered("a dose by the hour")
    days = exactly(repeat["period"]) * (7 if repeat["periodUnit"] == "wk" else 1)
    milligrams = exactly(quantity["value"]) * (1000 if quantity["code"] == "g" else 1)
    daily: Fraction = milligrams * repeat["frequency"] / days
    if wanted["code"] == "mg/kg/d":
        weights = results_of(CODES["body-weight"], resources, patient["id"], as_of)
        weight = newest_weight(weights) if weights else None
        if weight is None:
            return "unusable"
        daily = daily / weight
    return COMPARE[wanted["comparator"]](daily, exactly(wanted["value"]))


# --- leaves -------------------------------------------------------------------------------------------------------


def sightings_for(
    characteristic: Json, window: Window, resources: list[Json], patient: Json, as_of: date
) -> list[Sighting]:
    """What every record of the named thing says; a record of too low a dose says that it was not there."""
    definition = characteristic["definitionByTypeAndValue"]
    kind = definition["type"]["coding"][0]["code"]
    kinds = DRUG_RECORDS if kind == "MedicationRequest" else (kind,)
    _, codes = meant(definition["valueCodeableConcept"])
    found: list[Sighting] = []
    dosed: list[str] = []
    for record in resources:
        if record["resourceType"] not in kinds:
            continue
        reader, element = READERS[record["resourceType"]]
        if not codes_in(record[element]) & codes:
            continue
        sighting = reader(record, window, as_of)
        if sighting is None or from_the_future(sighting, as_of):
            continue
        if extension(characteristic, "daily-dose") is not None and sighting.there:
            dose = dose_outcome(characteristic, record, resources, patient, as_of)
            if dose is False:
                sighting = replace(sighting, there=False, too_low=True)
            elif isinstance(dose, str):
                sighting = replace(sighting, doubts=sighting.doubts | {dose})
        dosed.append(record["resourceType"])
        found.append(sighting)
    if extension(characteristic, "daily-dose") is not None and len(dosed) > len(set(dosed)):
        raise NotCovered("doses that may be taken side by side")
    return found


def in_window(sighting: Sighting, window: Window, as_of: date, onset_only: bool) -> set[bool]:
    """Whether the record falls into the window, for every span it could mean."""
    return {start <= as_of and window.meets(start, start if onset_only else end) for start, end in sighting.spans}


def is_there(sightings: list[Sighting], window: Window, as_of: date, onset_only: bool) -> Answer:
    """Whether it was there at all in the window: one sure record decides, else any doubt keeps it open."""
    reasons = set()
    for sighting in sightings:
        found = in_window(sighting, window, as_of, onset_only) if sighting.there else {False}
        if found == {True} and not sighting.doubts:
            return decided(True)
        if True in found:
            reasons |= sighting.doubts | ({"imprecise"} if False in found else set())
    return unknown(first_reason(reasons)) if reasons else decided(False)


def how_many(sightings: list[Sighting], window: Window, as_of: date, least: int) -> Answer:
    """Whether there were at least so many distinct ingredients in the window."""
    sure, possible, reasons = set(), set(), set()
    for sighting in sightings:
        found = in_window(sighting, window, as_of, False) if sighting.there else {False}
        if True not in found:
            continue
        possible.add(sighting.ingredient)
        if found == {True} and not sighting.doubts:
            sure.add(sighting.ingredient)
        else:
            reasons |= sighting.doubts | ({"imprecise"} if False in found else set())
    if len(sure) >= least:
        return decided(True)
    if len(possible) < least:
        return decided(False)
    return unknown(*reasons)


def how_long(sightings: list[Sighting], window: Window, as_of: date, least: Json) -> Answer:
    """Whether the union of the exposures, clipped to the window, covers enough days.

    Every record is tried at its shortest and longest, from its earliest and latest start, and left out where it is
    doubted; coverage only grows with each of them, so what these agree on holds for everything between.
    """
    reasons: set[str] = set()
    choices: list[list[Span | None]] = []
    for sighting in sightings:
        if not sighting.there:
            continue
        spans = sighting.spans
        options: list[Span | None] = list(
            {min(spans), max(spans), min(spans, key=lambda s: (s[1], s[0])), max(spans, key=lambda s: s[1] - s[0]),
             min(spans, key=lambda s: s[1] - s[0])}
        )  # fmt: skip
        if len(options) > 1:
            reasons.add("imprecise")
        if sighting.doubts:
            options.append(None)
            reasons |= sighting.doubts
        choices.append(options)
    outcomes = {
        covers_enough([span for span in spans if span is not None], window, as_of, least) for spans in product(*choices)
    }
    return decided(outcomes.pop()) if len(outcomes) == 1 else unknown(*reasons)


def covers_enough(spans: list[Span], window: Window, as_of: date, least: Json) -> bool:
    """Whether the days of the spans, each counted once, are as many as asked.

    Months and years are calendar ones that end with the last covered day: three months up to 28 February are the days
    from 1 December on.
    """
    days = {number for start, end in spans for number in range(start.toordinal(), end.toordinal() + 1)}
    covered = [day for day in map(date.fromordinal, days) if day <= as_of and window.holds(day)]
    if not covered:
        return False
    after = max(covered) + timedelta(days=1)
    needed = (after - shift(after, -exactly(least["value"]), least["code"])).days
    return len(covered) >= needed


def event_days(characteristic: Json, resources: list[Json], patient: Json, as_of: date) -> list[date] | None:
    """The days on which the thing that a characteristic names happened; None where any of them is in doubt."""
    sightings = [s for s in sightings_for(characteristic, ALWAYS, resources, patient, as_of) if s.there]
    if any(s.doubts or len({start for start, _ in s.spans}) > 1 for s in sightings):
        return None
    return sorted({s.spans[0][0] for s in sightings})


def silence(characteristic: Json) -> Answer:
    """What it means that the record says nothing: unknown, unless the criterion takes it as absence."""
    if extension(characteristic, "absence") == "absent":
        return decided(False, "no-record")
    return unknown("no-record")


def record_leaf(characteristic: Json, resources: list[Json], patient: Json, anchors: Anchors) -> Answer:
    """A leaf about a diagnosis, procedure, immunization, allergy or exposure."""
    windows = windows_of(characteristic, anchors)
    return best_of([in_one_window(characteristic, window, resources, patient, anchors) for window in windows])


def in_one_window(
    characteristic: Json, window: Window | str, resources: list[Json], patient: Json, anchors: Anchors
) -> Answer:
    """The leaf's answer for one window; where it hangs on an event, any of the events will do."""
    anchored = ALWAYS if isinstance(window, str) else window
    sightings = sightings_for(characteristic, anchored, resources, patient, anchors.as_of)
    if not sightings:
        answer = silence(characteristic)
        return unknown("anchor-unknown") if isinstance(window, str) and not answer.truth else answer
    if isinstance(window, str):
        answer = in_no_known_window(characteristic, sightings)
    else:
        answer = in_a_known_window(characteristic, sightings, window, anchors.as_of)
    if answer.truth == FALSE and extension(characteristic, "open-list"):
        return unknown("open-list")
    return answer


def in_no_known_window(characteristic: Json, sightings: list[Sighting]) -> Answer:
    """The window hangs on a date that is not known: only what no window at all could change is decided."""
    possible = [s for s in sightings if s.there or s.too_low]
    ingredients = {s.ingredient for s in possible}
    if not possible or len(ingredients) < characteristic.get("instancesQuantity", {}).get("value", 1):
        return decided(False)
    return unknown("anchor-unknown", "imprecise", *(reason for s in possible for reason in s.doubts))


def in_a_known_window(characteristic: Json, sightings: list[Sighting], window: Window, as_of: date) -> Answer:
    """Whether it was there, for long enough, in enough kinds."""
    method = characteristic["definitionByTypeAndValue"].get("method", [{}])[0]
    onset_only = first_code(method, "") == "onset"
    if "durationQuantity" in characteristic:
        return how_long(sightings, window, as_of, characteristic["durationQuantity"])
    if "instancesQuantity" in characteristic:
        return how_many(sightings, window, as_of, int(characteristic["instancesQuantity"]["value"]))
    return is_there(sightings, window, as_of, onset_only)
