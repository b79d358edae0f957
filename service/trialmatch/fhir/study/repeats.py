"""Validity once: a characteristic that says what an earlier, valid one said need not be held against R5 again.

Studies are written from a few patterns, with other words and another linkId each time, and what is valid by its content
is valid in every place. Only what is valid is remembered: a fault is found and told wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from fhir.resources import get_fhir_model_class
from pydantic import TypeAdapter, ValidationError

from trialmatch.fhir.study.definition_files import Definition
from trialmatch.fhir.study.faults import Faults
from trialmatch.fhir.study.leaves import content
from trialmatch.fhir.study.r5 import validate

#: Elements that differ in every characteristic and are plain values, valid or not whatever stands beside them.
_OWN = ("linkId", "description")

#: How deep the JSON of a study may nest to have anything left out, for each level that its characteristics may nest and
#: in all: less than what is refused, so that what is left out never hides that a study nests too deep.
_LEVELS, _MOST_LEVELS = 4, 100

#: In place of the number of members of what has none.
_NO_GROUP = -1


def validate_once(definitions: Sequence[Definition], depth: int, faults: Faults) -> frozenset[str]:
    """What :func:`trialmatch.fhir.study.r5.validate` finds and returns, looking at equal characteristics once."""
    unreadable: set[str] = set()
    known: dict[bytes, int] = {}
    for definition in definitions:
        one = _Pieces(known, min(_LEVELS * depth, _MOST_LEVELS))
        resource = one.left(definition.resource)
        found = Faults(lenient=faults.lenient)
        unreadable |= validate([replace(definition, resource=resource)], depth, found)
        if not found.faults and not found.warnings:
            known.update(one.new)
        faults.take(found)
    return frozenset(unreadable)


@dataclass
class _Pieces:
    """The characteristics of one resource: ``known`` ones need not be looked at, ``new`` ones have to be.

    Both hold by what a characteristic says how deep its JSON nests.
    """

    known: dict[bytes, int]
    levels: int
    new: dict[bytes, int] = field(default_factory=dict)

    def left(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource with null in place of every characteristic that is known to be valid."""
        members = resource.get("characteristic")
        if resource.get("resourceType") != "EvidenceVariable" or not isinstance(members, list):
            return resource
        return {**resource, "characteristic": self._members(members, 1)}

    def _members(self, members: list[Any], level: int) -> list[Any]:
        """Those that stand in an array with so many objects and arrays around it; the known ones behind the last go."""
        left = [self._entry(entry, level + 1) if isinstance(entry, dict) else entry for entry in members]
        while left and left[-1] is None:
            left.pop()
        return left

    def _entry(self, entry: dict[str, Any], level: int) -> dict[str, Any] | None:
        """The characteristic, without members that are known; None where all of it is."""
        if level > self.levels:
            return entry
        combination = entry.get("definitionByCombination")
        members = combination.get("characteristic") if isinstance(combination, dict) else None
        if not isinstance(combination, dict) or not isinstance(members, list):
            return None if self._is_known(entry, level, _NO_GROUP) else entry
        rest = {name: value for name, value in combination.items() if name != "characteristic"}
        known = self._is_known({**entry, "definitionByCombination": rest}, level, len(members))
        left = self._members(members, level + 2)
        if known and not left:
            return None
        return {**entry, "definitionByCombination": {**combination, "characteristic": left}}

    def _is_known(self, said: dict[str, Any], level: int, members: int) -> bool:
        """Whether a characteristic, and how many members it has where it is a group, is known to be valid."""
        key = _key(said, members)
        if key is not None and key not in self.known:
            self.new[key] = _nesting(said)
        return key in self.known and level + self.known[key] <= self.levels


def _key(characteristic: dict[str, Any], members: int) -> bytes | None:
    """What a characteristic says, apart from its own words and linkId; None where that cannot be told."""
    own = [name for name in _OWN if isinstance(characteristic.get(name), str)]
    try:
        for name in own:
            _type_of(name).validate_python(characteristic[name])
    except ValidationError:
        return None
    return content([own, members, {name: one for name, one in characteristic.items() if name not in own}])


@cache
def _type_of(name: str) -> TypeAdapter[Any]:
    """The type that an element of a characteristic has in R5."""
    annotation: Any = get_fhir_model_class("EvidenceVariableCharacteristic").model_fields[name].annotation
    return TypeAdapter(annotation)


def _nesting(value: Any) -> int:
    """How many objects and arrays stand inside each other below a value."""
    depth, level = -1, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return depth
