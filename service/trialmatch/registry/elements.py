"""Elements of R5 as the criteria language writes them."""

from __future__ import annotations

from typing import Any

from trialmatch.config import BASE
from trialmatch.eligibility.units import UCUM
from trialmatch.terminology.systems import ANCHOR, CONCEPT, JUDGEMENT, LOINC, METHOD, RESULT

Json = dict[str, Any]

TYPES = "http://hl7.org/fhir/fhir-types"
_OFFSET = "http://hl7.org/fhir/characteristic-offset"
_GENDER = "http://hl7.org/fhir/administrative-gender"

#: FHIR's comparators by their signs.
COMPARATORS = {"≤": "<=", "≥": ">=", "<": "<", ">": ">"}


def codeable(system: str, *codes: str) -> Json:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code} for code in codes]}


def quantity(number: str, unit: str, sign: str | None = None) -> Json:
    """A Quantity in a UCUM unit; ``number`` as printed."""
    value = {"value": decimal(number), "unit": unit, "system": UCUM, "code": unit}
    return value | ({"comparator": COMPARATORS[sign]} if sign else {})


def multiple(number: str, limit: str, sign: str) -> Json:
    """A multiple of a limit of normal (``UNL`` or ``LNL``)."""
    unit = "× ULN" if limit == "UNL" else "× LLN"
    return {
        "value": decimal(number), "comparator": COMPARATORS[sign], "unit": unit, "system": _OFFSET, "code": limit,
    }  # fmt: skip


def decimal(number: str) -> int | float:
    """The number that was printed."""
    return float(number) if "." in number else int(number)


def typed(kind: Json, **more: Any) -> Json:
    """``definitionByTypeAndValue``."""
    return {"definitionByTypeAndValue": {"type": kind, **more}}


def result(concept: str, **more: Any) -> Json:
    """A leaf about results of a concept."""
    return typed(codeable(CONCEPT, concept), **more)


def record(kind: str, *concepts: str) -> Json:
    """A leaf about records of a kind: diagnoses, medication, immunizations."""
    return typed(codeable(TYPES, kind), valueCodeableConcept=codeable(CONCEPT, *concepts))


def polarity(concept: str, answer: str) -> Json:
    """A result that is ``positive`` or ``negative``."""
    return result(concept, valueCodeableConcept=codeable(RESULT, answer))


def age(**value: Json) -> Json:
    """A leaf about the age."""
    return typed(codeable(LOINC, "30525-0"), **value)


def sex(code: str) -> Json:
    """A leaf about the administrative sex."""
    return typed(codeable(LOINC, "46098-0"), valueCodeableConcept=codeable(_GENDER, code))


def judgement(code: str) -> Json:
    """A statement that a person judges."""
    return {"definitionCodeableConcept": codeable(JUDGEMENT, code)}


def method(code: str) -> list[Json]:
    """How a result is looked at."""
    return [codeable(METHOD, code)]


def window(anchor: str, low: str | None = None, unit: str = "d") -> list[Json]:
    """``timeFromEvent``: from ``low`` units before an anchor until it; without ``low`` at the anchor."""
    event: Json = {"eventCodeableConcept": codeable(ANCHOR, anchor)}
    if low is not None:
        event["range"] = {"low": quantity(f"-{low}" if low != "0" else "0", unit), "high": quantity("0", unit)}
    return [event]


def extension(name: str, **value: Any) -> Json:
    """An extension of the criteria language."""
    return {"url": f"{BASE}/StructureDefinition/{name}", **value}
