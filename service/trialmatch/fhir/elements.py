"""Reading elements of raw FHIR JSON: what has the wrong JSON type is said, with its path, and never guessed at."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from trialmatch.eligibility.values import Coding
from trialmatch.terminology.shapes import json_type
from trialmatch.terminology.systems import CVX, canonical

Json = dict[str, Any]

_ORDINAL = (
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
)

#: Codings with more characters than this are not remembered.
_LONGEST = 500


class Malformed(Exception):
    """An element of a wrong JSON type: its path, what was found and what is expected (never its value)."""

    def __init__(self, path: str, found: object, expected: str) -> None:
        super().__init__(f"{path}: {json_type(found)}; expected {expected}")
        self.path = path


def text(element: Json, key: str, path: str = "") -> str | None:
    """A string element, or None where it is absent."""
    value = element.get(key)
    if value is None or isinstance(value, str):
        return value
    raise Malformed(_join(path, key), value, "a string")


def child(element: Json, key: str, path: str = "") -> Json | None:
    """An object element, or None where it is absent."""
    value = element.get(key)
    if value is None or isinstance(value, dict):
        return value
    raise Malformed(_join(path, key), value, "an object")


def children(element: Json, key: str, path: str = "") -> list[Json]:
    """A list of objects, empty where it is absent."""
    value = element.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(_join(path, key), value, "an array")
    for position, entry in enumerate(value):
        if not isinstance(entry, dict):
            raise Malformed(f"{_join(path, key)}[{position}]", entry, "an object")
    return value


def relative(reference: str) -> str:
    """``Type/id`` of a reference, without its server and its version; what is no such reference as it is."""
    if reference.count("/") < 2:  # nearly all are so
        return reference
    return "/".join(reference.split("/_history/")[0].split("/")[-2:])


def objects(element: object, key: str) -> list[Json]:
    """The objects of an array; whatever stands in place of one, of the array or of the element is left out.

    For what decides nothing by itself: where a wrong JSON type has to be told, :func:`children` tells it.
    """
    found = element.get(key) if isinstance(element, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def next_link(page: Json) -> str | None:
    """The URL of the page that follows one of a Bundle, or of the manifest of an export."""
    links = (link.get("url") for link in objects(page, "link") if link.get("relation") == "next")
    return next((url for url in links if isinstance(url, str)), None)


def codings(element: Json, key: str, path: str = "") -> tuple[tuple[Coding, ...], str]:
    """The codings and the text of a CodeableConcept element."""
    concept = child(element, key, path)
    if concept is None:
        return (), ""
    return concept_codings(concept, _join(path, key))


def concept_codings(concept: Json, path: str) -> tuple[tuple[Coding, ...], str]:
    """The codings and the text of a CodeableConcept."""
    found = []
    for position, entry in enumerate(children(concept, "coding", path)):
        system, code, display = entry.get("system"), entry.get("code"), entry.get("display")
        if type(system) is type(code) is type(display) is str and "extension" not in entry:  # nearly all are so
            short = len(system) + len(code) + len(display) <= _LONGEST
            found.append((_known if short else _coding)(system, code, display))
            continue
        here = f"{path}.coding[{position}]"
        system, code = text(entry, "system", here), text(entry, "code", here)
        if code is not None:
            shown = display if isinstance(display, str) else ""
            found.append(_coding(system or "", code, shown)._replace(ordinal=_ordinal(entry)))
        elif isinstance(display, str) and display:
            found.append(Coding("", "", display))
    return tuple(found), text(concept, "text", path) or ""


def _coding(system: str, code: str, display: str) -> Coding:
    system, code = canonical(system), code.strip()
    return Coding(system, code.zfill(2) if system == CVX and code.isdecimal() else code, display)  # MMR is 03, or 3


_known = lru_cache(maxsize=50_000)(_coding)  # hospitals have many records of few codes


def _ordinal(coding: Json) -> Fraction | None:
    for one in objects(coding, "extension"):
        if one.get("url") in _ORDINAL:
            return number(one.get("valueDecimal"))
    return None


def number(value: object) -> Fraction | None:
    """A JSON number as the decimal that was sent; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return _decimal(value)


@lru_cache(maxsize=50_000)  # results and limits of normal are much the same in all records
def _decimal(value: float) -> Fraction:
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def codes(element: Json, key: str, path: str = "") -> set[str]:
    """The bare codes of a CodeableConcept (or of a code or Coding given in its place), lower case."""
    value = element.get(key)
    if isinstance(value, str):
        return {value.lower()}
    found, words = codings(element, key, path)
    return {coding.code.lower() for coding in found} or ({words.strip().lower()} if words else set())


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
