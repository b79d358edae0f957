"""Studies as JSON that can be written again: into the digest of all studies, the store, answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import orjson

from trialmatch.fhir.study.definition_files import Definition
from trialmatch.fhir.study.faults import Faults

#: What orjson writes: numbers of 64 bits, and so many objects and arrays inside each other (it stops at 254).
_LEAST, _MOST, _MOST_NESTED = -(2**63), 2**64 - 1, 250

#: Halves of surrogate pairs, which JSON in Python may hold and UTF-8 may not.
HALVES = re.compile(r"[\ud800-\udfff]")


def digest_of(definitions: Sequence[Definition], faults: Faults) -> str:
    """A digest of all that definitions say; what cannot be written is refused."""
    digest = hashlib.sha256()
    for definition in definitions:
        try:
            digest.update(orjson.dumps(definition.resource, option=orjson.OPT_SORT_KEYS))
        except TypeError:
            _tell(definition, faults)
    return digest.hexdigest()


def _tell(definition: Definition, faults: Faults) -> None:
    """Tell what orjson does not write, each with its path; or at least that there is something."""
    before = len(faults.faults)
    level: list[tuple[str, Any]] = [(definition.path, definition.resource)]
    _check(*level[0], faults)
    for _ in range(_MOST_NESTED):
        level = [inside for path, value in level for inside in _inside(path, value)]
        for path, value in level:
            _check(path, value, faults)
    for path, _ in level[:1]:
        faults.refuse(
            f"{path[:200]}…", "nested too deep", f"at most {_MOST_NESTED} objects and arrays inside each other"
        )
    if len(faults.faults) == before:
        faults.refuse(definition.path, "something that is no JSON", "JSON")


def _inside(path: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"{path}.{name}", inner) for name, inner in value.items()]
    return [(f"{path}[{position}]", inner) for position, inner in enumerate(value)] if isinstance(value, list) else []


def _check(path: str, value: Any, faults: Faults) -> None:
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        faults.refuse(path, "a whole number of more than 64 bits", "a number that fits into 64 bits")
    elif isinstance(value, str) and HALVES.search(value):
        faults.refuse(path, "half a surrogate pair", "a string of Unicode characters")
    elif isinstance(value, dict) and any(HALVES.search(name) for name in value):
        faults.refuse(path, "half a surrogate pair in the name of an element", "names of FHIR R5")
