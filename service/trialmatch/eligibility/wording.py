"""Words for numbers, limits and units in reasons; and the normal form of words that are compared."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from trialmatch.eligibility.values import Interval

_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}
_FILLER = {
    "class",
    "grade",
    "stage",
    "type",
    "category",
    "functional",
    "of",
    "the",
    "level",
    "nyha",
    "bilag",
    "classification",
}

#: Units of the calendar (UCUM) for people: one, and any other number.
CALENDAR = {"d": ("day", "days"), "wk": ("week", "weeks"), "mo": ("month", "months"), "a": ("year", "years")}

#: FHIR's codes for the limits of normal (http://hl7.org/fhir/characteristic-offset) as people write them.
NORMAL = {"UNL": "ULN", "LNL": "LLN"}

_WORD = re.compile(r"[^\W_]+")


def normal(text: str) -> str:
    """The normal form of a graded or coded answer in words: ``NYHA class III``, ``iii`` and ``Ⅲ`` are all ``3``."""
    plain = unicodedata.normalize("NFKC", text).lower().split("(")[0]
    words = [_ROMAN.get(word, word) for word in _WORD.findall(plain) if word not in _FILLER]
    return " ".join(words)


def decimal(value: Fraction, digits: int = 4) -> str:
    """A number for people: at most ``digits`` significant digits, no exponent, no trailing zeros."""
    if value.denominator == 1:
        return str(value.numerator)
    shown = float(value)
    return (
        f"{shown:.{digits}g}"
        if 1e-3 <= abs(shown) < 10**digits
        else f"{shown:.0f}"
        if abs(shown) >= 1
        else f"{shown:g}"
    )


def interval(number: Interval, unit: str = "") -> str:
    """An interval for people: ``≥ 7``, ``18 to 70 a``, ``5``."""
    suffix = f" {unit}" if unit and unit != "1" and not unit.startswith("{") else ""
    if number.exact is not None:
        return f"{decimal(number.exact)}{suffix}"
    if number.lo is not None and number.hi is not None:
        return f"{decimal(number.lo)} to {decimal(number.hi)}{suffix}"
    if number.lo is not None:
        return f"{'>' if number.lo_strict else '≥'} {decimal(number.lo)}{suffix}"
    if number.hi is not None:
        return f"{'<' if number.hi_strict else '≤'} {decimal(number.hi)}{suffix}"
    return "any number"


def limit_words(limit: Interval, unit: str = "") -> str:
    """A limit for people; an exact one is said to be equal."""
    words = interval(limit, unit)
    return f"= {words}" if limit.exact is not None else words
