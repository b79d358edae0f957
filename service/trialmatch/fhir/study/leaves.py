"""Leaves made once: a characteristic that asks what an earlier one asked is the same leaf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from trialmatch.fhir.study.extensions import ON_LEAVES
from trialmatch.fhir.study.faults import Faults

#: Definitions whose leaf hangs on nothing but what the characteristic says.
_DEFINITIONS = ("definitionByTypeAndValue", "definitionCodeableConcept")

#: What a characteristic says that its leaf does not hang on; of its extensions it hangs on some.
_WORDS = ("linkId", "description", "note", "exclude", "extension")


@dataclass
class Noticed(Faults):
    """Faults that count how often one was added, the same line again too."""

    times: int = 0

    def add(self, path: str, found: str, allowed: str, *, ambiguous: bool = False) -> None:
        """Note a fault."""
        self.times += 1
        super().add(path, found, allowed, ambiguous=ambiguous)

    def warn(self, path: str, words: str) -> None:
        """Note what is accepted but should be known."""
        self.times += 1
        super().warn(path, words)


def asked(raw: dict[str, Any], definition: str | None, extensions: dict[str, Any]) -> bytes | None:
    """What a characteristic asks, the same for all that ask it; None where that hangs on other characteristics."""
    if definition not in _DEFINITIONS:
        return None
    windows = raw.get("timeFromEvent")
    if any(isinstance(entry, dict) and "eventId" in entry for entry in (windows if isinstance(windows, list) else ())):
        return None
    said = {name: value for name, value in raw.items() if name not in _WORDS}
    marks = {name: extensions[name] for name in ON_LEAVES if name in extensions}
    return content([definition, said, marks])


def content(value: Any) -> bytes | None:
    """A JSON value as bytes that are the same for equal values only; None where there are no such bytes."""
    try:
        found = orjson.dumps(value)
    except TypeError:  # numbers that JSON cannot carry
        return None
    return None if b"null" in found else found  # what is no number (NaN) would be written as null too
