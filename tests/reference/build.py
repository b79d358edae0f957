"""Short ways to write criteria and records down as raw JSON, for the tests of this folder and the generated ones."""

from __future__ import annotations

from typing import Any

from .vocabulary import BASE, CONCEPT, UCUM

Json = dict[str, Any]
FHIR_TYPES = "http://hl7.org/fhir/fhir-types"


def codeable(system: str, code: str) -> Json:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def concept(key: str) -> Json:
    """A concept of the criteria language."""
    return codeable(CONCEPT, key)


def quantity(value: float, unit: str, comparator: str | None = None) -> Json:
    """A Quantity in UCUM."""
    found: Json = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    if comparator:
        found["comparator"] = comparator
    return found


def times_normal(value: float, comparator: str, limit: str = "UNL") -> Json:
    """A multiple of the upper (UNL) or lower (LNL) limit of normal."""
    system = "http://hl7.org/fhir/characteristic-offset"
    return {"value": value, "unit": f"× {limit}", "system": system, "code": limit, "comparator": comparator}


def extended(characteristic: Json, name: str, **value: Any) -> Json:
    """The characteristic with one more extension of the language."""
    entry = {"url": f"{BASE}/StructureDefinition/{name}", **value}
    return {**characteristic, "extension": [*characteristic.get("extension", []), entry]}


def leaf(link_id: str, type_: Json, **parts: Any) -> Json:
    """A leaf by type and value; ``value*``, ``offset`` and ``method`` go into the definition, the rest beside it."""
    inside = {key: parts.pop(key) for key in list(parts) if key.startswith("value") or key in ("offset", "method")}
    if "method" in inside:
        inside["method"] = [codeable(f"{BASE}/CodeSystem/method", inside["method"])]
    return {
        "linkId": link_id,
        "description": f"Criterion {link_id}",
        **parts,
        "definitionByTypeAndValue": {"type": type_, **inside},
    }


def record_leaf(link_id: str, kind: str, key: str, **parts: Any) -> Json:
    """A leaf about a diagnosis, procedure, immunization, allergy or exposure."""
    return leaf(link_id, codeable(FHIR_TYPES, kind), valueCodeableConcept=concept(key), **parts)


def judgement_leaf(link_id: str, code: str, about: str | None = None) -> Json:
    """A leaf that a person has to settle."""
    asked = codeable(f"{BASE}/CodeSystem/judgement", code)
    if about:
        asked["coding"].append({"system": CONCEPT, "code": about})
    return {"linkId": link_id, "description": f"Criterion {link_id}", "definitionCodeableConcept": asked}


def group(link_id: str, code: str, members: list[Json], threshold: int | None = None, **parts: Any) -> Json:
    """A group of characteristics."""
    combination: Json = {"code": code, "characteristic": members}
    if threshold is not None:
        combination["threshold"] = threshold
    return {"linkId": link_id, "description": f"Criterion {link_id}", **parts, "definitionByCombination": combination}


def within(low: tuple[int, str] | None, high: tuple[int, str] | None, anchor: str | None = "screening") -> list[Json]:
    """A window before or after an anchor, e.g. ``within((-6, "mo"), (0, "mo"))``."""
    entry: Json = {"range": {}}
    if anchor:
        entry["eventCodeableConcept"] = codeable(f"{BASE}/CodeSystem/anchor", anchor)
    for end, edge in (("low", low), ("high", high)):
        if edge:
            entry["range"][end] = quantity(*edge)
    return [entry]


def observation(id_: str, system: str, code: str, taken: str | None, status: str = "final", **parts: Any) -> Json:
    """An Observation of patient ``p``; ``low`` and ``high`` are the limits of its reference range."""
    found: Json = {"resourceType": "Observation", "id": id_, "status": status, "code": codeable(system, code)}
    found["subject"] = {"reference": "Patient/p"}
    if taken:
        found["effectiveDateTime"] = taken
    range_ = {end: parts.pop(end) for end in ("low", "high") if parts.get(end)}
    if range_:
        found["referenceRange"] = [range_]
    return {**found, **{key: value for key, value in parts.items() if value is not None}}


def condition(id_: str, system: str, code: str, verification: str | None = "confirmed", **parts: Any) -> Json:
    """A Condition of patient ``p``."""
    found: Json = {"resourceType": "Condition", "id": id_, "code": codeable(system, code)}
    found["subject"] = {"reference": "Patient/p"}
    terminology = "http://terminology.hl7.org/CodeSystem"
    clinical = parts.pop("clinical", None)
    if verification:
        found["verificationStatus"] = codeable(f"{terminology}/condition-ver-status", verification)
    if clinical:
        found["clinicalStatus"] = codeable(f"{terminology}/condition-clinical", clinical)
    return {**found, **{key: value for key, value in parts.items() if value is not None}}


def record(kind: str, id_: str, status: str, what: tuple[str, str, str], **parts: Any) -> Json:
    """Any other record of patient ``p``; ``what`` is its element, system and code."""
    element, system, code = what
    who = "patient" if kind == "Immunization" else "subject"
    found: Json = {"resourceType": kind, "id": id_, "status": status, element: codeable(system, code)}
    found[who] = {"reference": "Patient/p"}
    return {**found, **{key: value for key, value in parts.items() if value is not None}}


def drug(kind: str, id_: str, status: str, system: str, code: str, **parts: Any) -> Json:
    """An order, statement or administration of a drug."""
    found = record(kind, id_, status, ("medicationCodeableConcept", system, code), **parts)
    if kind == "MedicationRequest":
        found.setdefault("intent", "order")
    return found


def patient(**parts: Any) -> Json:
    """Patient ``p``."""
    return {"resourceType": "Patient", "id": "p", **{key: value for key, value in parts.items() if value is not None}}
