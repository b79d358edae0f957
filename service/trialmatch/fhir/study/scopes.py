"""Where a characteristic stands: its resource and linkIds, and what is above it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A characteristic in its resource: raw JSON, element path, and the resource's own scope."""

    raw: dict[str, Any]
    path: str
    scope: Scope


@dataclass(eq=False)
class Scope:
    """One EvidenceVariable: its resource, where it is from, and its characteristics by linkId."""

    resource: dict[str, Any]
    path: str
    contained: list[dict[str, Any]] = field(default_factory=list)
    by_link_id: dict[str, Place] = field(default_factory=dict)


class Above(NamedTuple):
    """What stands above a characteristic: linkId prefix, excludes (odd or not), cohort, depth, references followed."""

    prefix: str = ""
    flipped: bool = False
    cohort: str | None = None
    depth: int = 1
    followed: tuple[object, ...] = ()


def scope_of(resource: dict[str, Any], path: str, contained: list[dict[str, Any]]) -> Scope:
    """An EvidenceVariable with its characteristics found by linkId."""
    scope = Scope(resource, path, contained)
    pending = [(resource.get("characteristic"), f"{path}.characteristic")]
    while pending:
        raw, here = pending.pop()
        for position, entry in enumerate(raw if isinstance(raw, list) else ()):
            if not isinstance(entry, dict):
                continue
            if isinstance(entry.get("linkId"), str):
                scope.by_link_id.setdefault(entry["linkId"], Place(entry, f"{here}[{position}]", scope))
            combination = entry.get("definitionByCombination")
            if isinstance(combination, dict):
                pending.append(
                    (combination.get("characteristic"), f"{here}[{position}].definitionByCombination.characteristic")
                )
    return scope
