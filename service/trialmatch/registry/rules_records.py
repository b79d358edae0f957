"""Rules for what is on record: diagnoses, drugs, vaccines, other trials."""

from __future__ import annotations

import re

from trialmatch.registry import elements as r5
from trialmatch.registry.headings import EXCLUSION, INCLUSION
from trialmatch.registry.rules_limits import SUBJECT
from trialmatch.registry.statements import Leaf, Reading
from trialmatch.registry.vocabulary import DRUGS, LIFELONG, PASSING, named
from trialmatch.terminology.mappings import Terminology

_KNOWN = r"(?:(?:known|documented|confirmed|established|diagnosed|an?)\s+)*"
_DIAGNOSED = re.compile(
    rf"(?P<no>no\s+|without\s+)?{SUBJECT}{_KNOWN}(?P<how>(?:previous\s+|prior\s+)?(?:medical\s+)?history\s+of|"
    rf"diagnosis\s+of|diagnosed\s+with|presence\s+of|combined)?\s*"
    rf"{_KNOWN}(?P<name>.+)"
)


def diagnosis(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Diagnosis of SLE``, ``history of stroke``: a disease of the vocabulary, and not a word more."""
    found = _DIAGNOSED.fullmatch(words)
    if found is None or (found["no"] and kind != INCLUSION):
        return None
    lifelong = named(found["name"], LIFELONG)
    passing = named(found["name"], PASSING) if "history" in (found["how"] or "") else None
    concept = LIFELONG[lifelong] if lifelong else PASSING[passing] if passing else None
    return Reading(Leaf(r5.record("Condition", concept), exclude=bool(found["no"]))) if concept else None


_ACTIVE = re.compile(rf"{SUBJECT}(?:any\s+)?active\s+(?P<name>infections?|tuberculosis(?:\s+\(tb\))?|tb)")


def active(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Active infection``, ``active tuberculosis``: on the day of screening."""
    found = _ACTIVE.fullmatch(words)
    if found is None or kind != EXCLUSION:
        return None
    concept = "infection" if found["name"].startswith("infection") else "tuberculosis-active"
    return Reading(Leaf({**r5.record("Condition", concept), "timeFromEvent": r5.window("screening", "0")}))


_TREATED = re.compile(
    rf"{SUBJECT}(?:(?:prior|previous)\s+(?:treatment\s+with|use\s+of|exposure\s+to|therapy\s+with)|"
    r"(?:previously|ever)\s+(?:received|treated\s+with)|history\s+of\s+treatment\s+with|been\s+previously\s+treated\s+with)\s+(?P<name>\S+)"
)


def treated(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Prior treatment with rituximab``: one drug, at any time."""
    found = _TREATED.fullmatch(words)
    name = named(found["name"], DRUGS) if found else None
    return Reading(Leaf(r5.record("MedicationRequest", DRUGS[name]))) if name else None


_SPELL = (
    r"(?:within|in|during)\s+(?:the\s+)?(?:(?:last|past|previous)\s+)?(?P<number>\d{1,3}|one|two|three|four|six)\s+"
    r"(?P<unit>days?|weeks?|months?|years?)\s+"
    r"(?:prior\s+to|before|preceding|of)\s+(?:the\s+)?(?:(?:start\s+of|time\s+of|date\s+of)\s+)?(?P<anchor>screening"
    r"(?:\s+visit)?|enrolment|enrollment)"
)
_NUMBERS = {"one": "1", "two": "2", "three": "3", "four": "4", "six": "6"}
_UNITS = {"d": "d", "w": "wk", "m": "mo", "y": "a"}
_VACCINE = re.compile(
    rf"{SUBJECT}(?:(?:received|receipt\s+of|vaccination\s+with|administration\s+of|use\s+of|immunization\s+with)\s+)?"
    rf"(?:any\s+|an?\s+)?"
    rf"live(?:[ ,-]+attenuated|\s+\(attenuated\)|\s+or\s+live[- ]attenuated)?\s+(?:vaccines?|vaccinations?)\s+{_SPELL}"
)
_TRIAL = re.compile(
    rf"{SUBJECT}(?:participat(?:ion|ed|ing)\s+in|enrol(?:l)?(?:ment|ed)\s+in)\s+(?:any\s+|an)?other\s+"
    rf"(?:interventional\s+)?(?:clinical\s+)?(?:trials?|stud(?:y|ies))\s+{_SPELL}"
)


def _spell(found: re.Match[str]) -> list[r5.Json]:
    anchor = "screening" if found["anchor"].startswith("screening") else "enrolment"
    number = _NUMBERS.get(found["number"]) or str(int(found["number"]))
    return r5.window(anchor, number, _UNITS[found["unit"][0]])


def vaccinated(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Live vaccine within 4 weeks before screening``."""
    found = _VACCINE.fullmatch(words)
    if found is None or kind != EXCLUSION:
        return None
    return Reading(Leaf({**r5.record("Immunization", "live-vaccine"), "timeFromEvent": _spell(found)}))


def participating(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Participation in another clinical trial within 3 months before enrolment``."""
    found = _TRIAL.fullmatch(words)
    if found is None or kind != EXCLUSION:
        return None
    definition = r5.typed(r5.codeable(r5.TYPES, "ResearchSubject"), valueBoolean=True)
    return Reading(Leaf({**definition, "timeFromEvent": _spell(found)}))
