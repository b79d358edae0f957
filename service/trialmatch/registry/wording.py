"""Text of a record: without the escapes of its markup, as it is shown; and in one spelling, as rules read it."""

from __future__ import annotations

import html
import re

#: Markdown puts a backslash before what it would take for markup (the API's texts are CommonMark).
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")

#: What FHIR allows in no string: control characters, and halves of surrogate pairs.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff\ufffe\uffff]+")
_SPACES = re.compile(r"[^\S\n]+")

_ONE_SPELLING = (
    (re.compile(r"[‐‑‒–—−]"), "-"),
    (re.compile(r"[’‘`´]"), "'"),
    (re.compile(r"[“”„]"), '"'),
    (re.compile(r"[μµ]"), "µ"),
    (re.compile(r"[≧⩾]|>\s?/?\s?=|=\s?>"), "≥"),
    (re.compile(r"[≦⩽]|<\s?/?\s?=|=\s?<"), "≤"),
    (re.compile(r"\s+"), " "),
)

_NUMBER = r"(?=\s*\d)"

#: Comparators in words, longest first; only before a number.
_COMPARATORS = tuple(
    (re.compile(rf"\b(?:{words})\b{_NUMBER}"), sign)
    for words, sign in (
        (
            "(?:greater|more|higher) than or equal to|equal to or (?:greater|more|higher) than|at least|(?:not|no) "
            "(?:less|lower|fewer) than|(?:a )?minimum of",
            "≥",
        ),
        (
            "(?:less|lower) than or equal to|equal to or (?:less|lower) than|at most|(?:not|no) (?:more|greater|"
            "higher) "
            "than|not exceeding|(?:a )?maximum of",
            "≤",
        ),
        ("greater than|more than|higher than|above|exceeding|over", ">"),
        ("less than|lower than|fewer than|below|under", "<"),
    )
)

_UNIT_OF_AGE = r"(?:\s*-?\s*(?:years?|yrs?|months?|weeks?)(?:\s*-?\s*(?:of age|old))?)?"
_OR_MORE = re.compile(
    rf"(?<![\d.,≥≤<>-])(?<![≥≤<>-] )(\d+(?:\.\d+)?)(%?{_UNIT_OF_AGE})\s+(?:or|and)\s+"
    r"(more|greater|higher|above|older|over|up|less|lower|fewer|below|younger)(\s+of age)?\b"
)
_LESS = ("less", "lower", "fewer", "below", "younger")


def printed(text: str) -> str:
    """Text as the registry shows it: escapes and entities resolved, in lines."""
    plain = html.unescape(_ESCAPED.sub(r"\1", text))
    plain = plain.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _SPACES.sub(" ", _UNWRITABLE.sub(" ", plain)).strip()


def spelled(text: str) -> str:
    """Printed text in the one spelling that rules read: small letters, single spaces, comparators as signs."""
    plain = text.lower()
    for pattern, replacement in _ONE_SPELLING:
        plain = pattern.sub(replacement, plain)
    plain = _OR_MORE.sub(lambda found: f"{_sign(found[3])} {found[1]}{found[2]}{found[4] or ''}", plain)
    for pattern, sign in _COMPARATORS:
        plain = pattern.sub(sign, plain)
    return plain.strip(" .;,")


def vocabulary(words: str) -> frozenset[str]:
    """Words as a set."""
    return frozenset(words.split())


def _sign(word: str) -> str:
    return "≤" if word in _LESS else "≥"
