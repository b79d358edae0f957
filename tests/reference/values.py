"""What one result says to one limit: true, false, or the reason why it cannot be told."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import pairwise
from typing import Any

from .answers import NotCovered
from .vocabulary import BASE, UNITS, codes_in, meant

Json = dict[str, Any]
Outcome = bool | str  # a truth, or a reason (one of the bases of an unknown)

OFFSETS = (
    "http://hl7.org/fhir/characteristic-offset",
    "http://terminology.hl7.org/CodeSystem/characteristic-offset",
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
TINY = Fraction(1, 10**9)


def exactly(value: Any) -> Fraction:
    """The decimal as it is written: 91.2 is 912/10, whatever the float behind it."""
    return Fraction(str(value))


def in_own_unit(concept: str, quantity: Json) -> Fraction | None:
    """The amount in the concept's own unit; None where there is no unit or one that does not convert."""
    factor = UNITS[concept].get(quantity.get("code", quantity.get("unit", "")))
    return None if factor is None or quantity.get("value") is None else exactly(quantity["value"]) * factor


def decide(
    amount: Fraction, bound: str | None, holds: Callable[[Fraction], bool], landmarks: Iterable[Fraction]
) -> Outcome:
    """Whether a result satisfies ``holds``; a result that is a bound only where every possible value decides alike.

    ``landmarks`` are the points where ``holds`` changes; trying them, the bound itself, and a point on either side of
    and between all of these is as good as trying every number.
    """
    if bound is None:
        return holds(amount)
    points = sorted({amount, *landmarks})
    tries = [point + step for point in points for step in (-1, -TINY, 0, TINY, 1)]
    tries += [(a + b) / 2 for a, b in pairwise(points)]
    found = {holds(x) for x in tries if COMPARE[bound](x, amount)}
    return found.pop() if len(found) == 1 else "imprecise"


def limit_test(wanted: Json) -> tuple[Callable[[Fraction], bool], list[Fraction]]:
    """A Quantity or Range in the concept's own unit as a predicate, and the points where it changes."""
    if "low" in wanted or "high" in wanted:
        low, high = wanted.get("low"), wanted.get("high")
        return (
            lambda x: (low is None or x >= low) and (high is None or x <= high),
            [edge for edge in (low, high) if edge is not None],
        )
    compare = COMPARE[wanted["comparator"]]
    return lambda x: compare(x, wanted["value"]), [wanted["value"]]


def observed_quantity(concept: str, definition: Json, result: Json) -> Outcome:
    """A numeric result (an Observation or a component) against ``valueQuantity`` or ``valueRange``."""
    value = result.get("valueQuantity")
    if value is None:
        return "unusable"  # free text or a code where a number is asked
    amount = in_own_unit(concept, value)
    if amount is None:
        return "unusable"
    limits = own_limits(concept, definition, result)
    if limits is None:
        return "unusable"
    holds, landmarks = limit_test(limits)
    return decide(amount, value.get("comparator"), holds, landmarks)


def own_limits(concept: str, definition: Json, result: Json) -> Json | None:
    """The limits in the concept's own unit; None where they hang on a limit of normal that the result lacks."""
    if "valueRange" in definition:
        limits = {}
        for end, quantity in definition["valueRange"].items():
            limits[end] = in_own_unit(concept, quantity)
        return limits
    wanted = definition["valueQuantity"]
    comparator = wanted.get("comparator", "=")
    if wanted.get("system") in OFFSETS:
        normal = limit_of_normal(concept, wanted["code"], result)
        return None if normal is None else {"comparator": comparator, "value": exactly(wanted["value"]) * normal}
    amount = in_own_unit(concept, wanted)
    assert amount is not None, wanted
    if "offset" in definition:
        (coding,) = definition["offset"]["coding"]
        normal = limit_of_normal(concept, coding["code"], result)
        return None if normal is None else {"comparator": comparator, "value": normal + amount}
    return {"comparator": comparator, "value": amount}


def limit_of_normal(concept: str, code: str, result: Json) -> Fraction | None:
    """The upper or lower limit of normal printed with this very result, in the concept's own unit."""
    ranges = result.get("referenceRange", [])
    if not ranges:
        return None
    if len(ranges) > 1:
        raise NotCovered("several reference ranges")
    end = ranges[0].get({"UNL": "high", "LNL": "low"}[code])
    return None if end is None else in_own_unit(concept, end)


POSITIVE = {("http://snomed.info/sct", "10828004"), ("http://snomed.info/sct", "260373001")}
NEGATIVE = {("http://snomed.info/sct", "260385009"), ("http://snomed.info/sct", "260415000")}
WORDS = {
    "positive": "positive", "reactive": "positive", "detected": "positive", "阳性": "positive",
    "negative": "negative", "non-reactive": "negative", "not detected": "negative", "阴性": "negative",
    "indeterminate": "equivocal", "equivocal": "equivocal",
}  # fmt: skip
FLAGS = {"POS": "positive", "DET": "positive", "NEG": "negative", "ND": "negative", "IND": "equivocal"}
GRADES = ("A", "B", "C", "D", "E")
ANA_CUT_OFF = 80  # a titre of 1:80 and beyond is positive


def signs(result: Json) -> set[str]:
    """Everything that a result says about being positive or negative."""
    found: set[str] = set()
    codes = codes_in(result.get("valueCodeableConcept", {}))
    if codes & POSITIVE:
        found.add("positive")
    if codes & NEGATIVE:
        found.add("negative")
    text = result.get("valueString", "").strip().lower()
    if text in WORDS:
        found.add(WORDS[text])
    elif text.startswith("1:"):
        found.add("positive" if int(text[2:]) >= ANA_CUT_OFF else "negative")
    quantity, ranges = result.get("valueQuantity"), result.get("referenceRange", [])
    if quantity is not None and ranges and "high" in ranges[0]:
        beyond = exactly(quantity["value"]) > exactly(ranges[0]["high"]["value"])
        found.add("positive" if beyond else "negative")
    for interpretation in result.get("interpretation", []):
        found |= {FLAGS[code] for _, code in codes_in(interpretation)}
    return found


def observed_sign(wanted: str, result: Json) -> Outcome:
    """A result against ``positive`` or ``negative``."""
    found = signs(result)
    if not found or {"positive", "negative"} <= found:
        return "unusable"
    if "equivocal" in found:
        return "imprecise"
    return wanted in found


def observed_code(wanted: Json, result: Json) -> Outcome:
    """A coded result (a class or grade) against a concept or code."""
    if "coding" not in wanted:  # a grade such as BILAG's A
        grade = result.get("valueString")
        return grade == wanted["text"] if grade in GRADES else "unusable"
    codes = codes_in(result.get("valueCodeableConcept", {}))
    if not codes:
        return "unusable"
    return bool(codes & meant(wanted)[1])


def observed(concept: str, definition: Json, result: Json) -> Outcome:
    """What one result says to one leaf."""
    if "valueBoolean" in definition:
        return True  # it has been measured at all
    if "valueCodeableConcept" in definition:
        for coding in definition["valueCodeableConcept"].get("coding", []):
            if coding["system"] == f"{BASE}/CodeSystem/result":
                return observed_sign(coding["code"], result)
        return observed_code(definition["valueCodeableConcept"], result)
    return observed_quantity(concept, definition, result)
