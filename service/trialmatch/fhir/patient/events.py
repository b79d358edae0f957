"""Conditions, procedures, immunizations, allergies and the like to events."""

from __future__ import annotations

from collections.abc import Iterator

from trialmatch.eligibility.dates import FUTURE, UNKNOWN_TIME, Span, before
from trialmatch.eligibility.facts import ABSENT, FINAL, NO_ALLERGY, NO_DRUG_ALLERGY, PROVISIONAL, Event
from trialmatch.eligibility.values import Coding
from trialmatch.fhir.elements import Json, child, children, codes, codings, concept_codings, objects, text
from trialmatch.fhir.patient.times import Clock, Extent, encounter_time, extent, moment, period

_NEVER_ENDED = Span(FUTURE, FUTURE)

_VERIFICATION = {"refuted": ABSENT, "provisional": PROVISIONAL, "differential": PROVISIONAL, "unconfirmed": PROVISIONAL}
_VERIFICATION |= {"presumed": PROVISIONAL, "confirmed": FINAL}

#: Germany's mark of how certain a diagnosis is, an extension (fhir.de, ``icd-10-gm-diagnosesicherheit``): excluded,
#: suspected, certain, and the state after it.
_CERTAINTY = "/icd-10-gm-diagnosesicherheit"
_CERTAIN = {"A": ABSENT, "V": PROVISIONAL, "G": FINAL, "Z": FINAL}

#: By type: statuses that count, those that say it was not, those that leave it open; all others never count.
_STATUS = {
    "Procedure": ({"completed", "in-progress", "on-hold", "stopped"}, {"not-done"}, {"unknown"}),
    "Immunization": ({"completed"}, {"not-done"}, set()),
    "Encounter": (
        {
            "finished",
            "in-progress",
            "arrived",
            "triaged",
            "onleave",
            "completed",
            "discharged",
            "on-hold",
            "discontinued",
        },
        set(),
        {"unknown"},
    ),
    "ImagingStudy": ({"available", "registered", "inactive"}, set(), {"unknown"}),
    "DocumentReference": ({"current", "superseded"}, set(), set()),
    "ResearchSubject": (
        {"active", "follow-up", "off-study", "on-study", "on-study-intervention", "on-study-observation", "withdrawn"}
        | {"retired"},
        set(),
        {"unknown", "draft"},
    ),
}

#: Statuses of what still goes on; a visit or a participation without an end and with another status is over.
_GOING_ON = {"in-progress", "arrived", "triaged", "onleave", "on-hold", "active", "follow-up", "on-study"}
_GOING_ON |= {"on-study-intervention", "on-study-observation"}

#: Where each type says what it is.
_CODES = {
    "Condition": ("code",),
    "Procedure": ("code",),
    "Immunization": ("vaccineCode",),
    "AllergyIntolerance": ("code",),
    "Encounter": ("type", "class"),
    "ImagingStudy": ("modality", "procedureCode"),
    "DocumentReference": ("type", "category"),
    "ResearchSubject": (),
}

_ONGOING = {"active", "recurrence", "relapse"}
_ENDED = {"inactive", "remission", "resolved"}

#: What is no allergy but the statement that there is none (SNOMED CT), and where what it denies is looked for.
NO_KNOWN_ALLERGY = "no-known-allergy"
DENIED = {NO_KNOWN_ALLERGY: NO_ALLERGY, "no-known-drug-allergy": NO_DRUG_ALLERGY}
DENIALS = frozenset({*DENIED, "no-known-food-or-environmental-allergy"})


def names(resource: Json) -> tuple[tuple[Coding, ...], str]:
    """What a record is about: its codings and its words."""
    found: tuple[Coding, ...] = ()
    words = ""
    for key in _CODES[resource["resourceType"]]:
        value = resource.get(key)
        for entry in value if isinstance(value, list) else [value]:
            if entry is None:
                continue
            more, said = _named(entry, key)
            found, words = found + more, words or said
    if resource["resourceType"] == "Condition":
        for position, stage in enumerate(children(resource, "stage")):
            found += codings(stage, "summary", f"stage[{position}]")[0]
    if resource["resourceType"] == "AllergyIntolerance":
        for position, reaction in enumerate(children(resource, "reaction")):
            found += codings(reaction, "substance", f"reaction[{position}]")[0]
    return found, words


def _named(entry: object, key: str) -> tuple[tuple[Coding, ...], str]:
    if isinstance(entry, dict) and "coding" not in entry and ("code" in entry or "system" in entry):
        return concept_codings({"coding": [entry]}, key)  # a Coding where later versions have a CodeableConcept
    return codings({key: entry}, key)


def state_of(resource: Json) -> str | None:
    """How far a record may be used; None where it never counts.

    Raises Malformed where the element that says so has a wrong JSON type.
    """
    kind = resource["resourceType"]
    if kind in ("Condition", "AllergyIntolerance"):
        verification = codes(resource, "verificationStatus")
        if "entered-in-error" in verification:
            return None
        marks = {_CERTAIN.get(mark, PROVISIONAL) for mark in _certainty(resource)}
        said = {_VERIFICATION[code] for code in verification if code in _VERIFICATION} | marks
        if marks and {ABSENT, FINAL} <= said:
            return PROVISIONAL
        otherwise = PROVISIONAL if verification else FINAL  # a status that is not understood confirms nothing
        return next((state for state in (ABSENT, PROVISIONAL, FINAL) if state in said), otherwise)
    status = text(resource, "status") or ""
    if kind == "DocumentReference" and resource.get("docStatus") in ("entered-in-error", "cancelled"):
        return None
    counts, absent, vague = _STATUS[kind]
    if status in counts or (not status and kind != "ResearchSubject"):
        return FINAL if status else PROVISIONAL
    if status in absent:
        return ABSENT
    return PROVISIONAL if status in vague else None


def _certainty(resource: Json) -> set[str]:
    """The marks of a German diagnosis, on its code or one of its codings."""
    code = resource.get("code")
    extensions = (one for holder in (code, *objects(code, "coding")) for one in objects(holder, "extension"))
    found = (
        coding.get("code") if isinstance(coding := one.get("valueCoding"), dict) else one.get("valueCode")
        for one in extensions
        if str(one.get("url")).endswith(_CERTAINTY)
    )
    return {mark.strip().upper() for mark in found if isinstance(mark, str)}


def events(
    resource: Json, reference: str, clock: Clock, encounters: dict[str, Json], birth: Span | None
) -> Iterator[Event]:
    """The event that a record tells of, if it counts.

    Raises Malformed where what it is, whether it counts or when it was has a wrong JSON type.
    """
    found, words = names(resource)
    state = state_of(resource)
    if state is None:
        return
    when, flag = _when(resource, clock, encounters, birth)
    name = words or next((coding.display for coding in found if coding.display), "")
    over = resource["resourceType"] in ("Condition", "AllergyIntolerance") and ended(resource)
    yield Event(
        reference, found, name, named=bool(name), state=state, start=when.start, end=when.end, over=over, flag=flag
    )


def _when(resource: Json, clock: Clock, encounters: dict[str, Json], birth: Span | None) -> tuple[Extent, str]:
    kind = resource["resourceType"]
    if kind in ("Condition", "AllergyIntolerance"):
        return _course(resource, clock, encounters, birth)
    stems = {"Procedure": ("performed", "occurrence"), "Immunization": ("occurrence",)}.get(kind, ())
    for stem in stems:
        when = extent(resource, stem, clock, birth)
        if when is not None:
            return _running(when, resource), ""
    stretch = child(resource, "period") or child(resource, "actualPeriod")
    if stretch is not None and kind in ("Encounter", "ResearchSubject"):
        return _running(period(stretch, clock, "period"), resource), ""
    for key in ("started", "date"):
        point = moment(resource, key, clock)
        if point is not None:
            return Extent(point, point), ""
    visit = encounter_time(resource, "encounter", encounters, clock)
    if visit is not None:
        return Extent(visit, visit), "dated by its encounter"
    recorded = moment(resource, "recorded", clock)
    if recorded is not None:
        return Extent(before(recorded), before(recorded)), "known only when it was recorded"
    return Extent(UNKNOWN_TIME, UNKNOWN_TIME), "undated"


def _running(when: Extent, resource: Json) -> Extent:
    """A period without an end goes on only while its record says so; else it ended on some day since."""
    if not when.open or text(resource, "status") in _GOING_ON:
        return when
    return Extent(when.start, Span(when.start.lo, FUTURE))


def _course(resource: Json, clock: Clock, encounters: dict[str, Json], birth: Span | None) -> tuple[Extent, str]:
    """From onset to abatement; the date of recording only bounds the onset from above."""
    flag = ""
    onset = extent(resource, "onset", clock, birth)
    start = onset.start if onset else None
    if onset is not None and "onsetPeriod" in resource and not onset.open:
        start = Span(onset.start.lo, max(onset.start.lo, onset.end.hi))  # some day of the period (FHIR R5, onset[x])
    if start is None:
        recorded = moment(resource, "recordedDate", clock) or moment(resource, "assertedDate", clock)
        visit = encounter_time(resource, "encounter", encounters, clock)
        known = min((span for span in (recorded, visit) if span is not None), key=lambda span: span.hi, default=None)
        start, flag = (
            (before(known), "onset known only to be before its recording") if known else (UNKNOWN_TIME, "undated")
        )
    abatement = extent(resource, "abatement", clock, birth)
    clinical = codes(resource, "clinicalStatus")
    if abatement is not None:
        end = abatement.end if not abatement.open else abatement.start
        start = Span(start.lo, max(start.lo, min(start.hi, end.hi)))  # what has ended had begun
        if clinical & _ONGOING:
            end = Span(end.lo, FUTURE)  # said to be over and to go on
    elif onset is not None and "onsetPeriod" in resource and not onset.open and not clinical & _ONGOING:
        end = onset.end
    elif clinical & _ONGOING:
        end = _NEVER_ENDED
    else:
        end = Span(start.lo, FUTURE)
    return Extent(start, _no_later_start(start, end)), flag


def _no_later_start(start: Span, end: Span) -> Span:
    """An end is never before its beginning may have been."""
    return Span(max(end.lo, start.lo), max(end.hi, start.lo))


def ended(resource: Json) -> bool:
    """Whether a condition's record says that it is over."""
    clinical = codes(resource, "clinicalStatus")
    return bool(clinical & _ENDED) or ("Z" in _certainty(resource) and not clinical & _ONGOING)
