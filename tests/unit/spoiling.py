"""Documents with elements spoilt: another JSON type, removed, repeated, unknown, of any depth."""

from __future__ import annotations

import copy
import random
from typing import Any

#: What may stand where something else belongs.
VALUES: tuple[Any, ...] = (
    None, 0, 1, -1, 3, 2**64, -(2**70), 10**400, 0.5, 1e308, True, False, "", "x", "\ud800", "a" * 5_000, "a\nb",
    "false", "7", "http://unknown.example", "2026-02-30", "EvidenceVariable/e", "#inner",
    [], [[]], [[[1]]], [None], [1], ["x"], {}, [{}], {"a": 1}, {"\ud800": 1}, {"coding": "x"}, {"reference": 1},
    {"coding": [{"system": 1, "code": 2}]}, {"reference": "EvidenceVariable/e"}, {"reference": "#inner"},
    {"resourceType": "Nothing"}, {"resourceType": [1]}, {"low": {"value": 1}},
    {"value": 10**400, "code": "a", "system": "http://unitsofmeasure.org"},
)  # fmt: skip

#: Names under which something may stand where nothing does.
NAMES = (
    "foreign", "_linkId", "resourceType", "modifierExtension", "extension", "contained", "exclude", "linkId", "coding",
    "characteristic", "definitionByCombination", "definitionId", "definitionReference", "definitionExpression", "url",
    "timeFromEvent", "eventId", "instancesQuantity", "durationRange", "valueBoolean", "threshold", "method", "device",
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """All elements, each as what holds it and its name or position there."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        holder = pending.pop()
        for name, inner in holder.items() if isinstance(holder, dict) else enumerate(holder):
            found.append((holder, name))
            if isinstance(inner, dict | list):
                pending.append(inner)
    return found


def spoilt(
    document: Any, chance: random.Random, values: tuple[Any, ...] = VALUES, names: tuple[str, ...] = NAMES
) -> Any:
    """A copy of a document with one to three elements spoilt."""
    found = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        there = places(found)
        if not there:
            return found
        holder, name = chance.choice(there)
        how = chance.choice(("another", "another", "another", "none", "repeated", "unknown", "borrowed", "in a list"))
        if how == "another":
            holder[name] = copy.deepcopy(chance.choice(values))
        elif how == "none":
            del holder[name]
        elif how == "repeated" and isinstance(holder, list):
            holder.insert(chance.randrange(len(holder) + 1), copy.deepcopy(holder[name]))
        elif how == "unknown" and isinstance(holder, dict):
            holder[chance.choice(names)] = copy.deepcopy(chance.choice(values))
        elif how == "borrowed":
            other, borrowed = chance.choice(there)
            if isinstance(other, dict):
                holder[name] = copy.deepcopy(other.get(borrowed))
        else:
            holder[name] = [holder[name]]
    return found
