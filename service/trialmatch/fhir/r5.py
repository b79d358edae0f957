"""Validity of definitional resources as FHIR R5, through fhir.resources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fhir.resources import get_fhir_model_class
from pydantic import ValidationError

from trialmatch.fhir.definition_files import Definition
from trialmatch.fhir.faults import Faults


def validate(definitions: Sequence[Definition], depth: int, faults: Faults) -> frozenset[str]:
    """Hold ResearchStudy and EvidenceVariable against R5, as far as fhir.resources knows it.

    ``depth`` is how deep characteristics may nest. Returns the paths of resources and characteristics that cannot be
    read.
    """
    unreadable: set[str] = set()
    for definition in definitions:
        kind = definition.resource.get("resourceType")
        if kind not in ("ResearchStudy", "EvidenceVariable") or _too_deep(definition, depth, faults, unreadable):
            continue
        for model, location, piece in _pieces(definition.resource):
            try:
                get_fhir_model_class(model).model_validate(piece)
            except ValidationError as problem:
                for error in problem.errors(include_url=False, include_input=False):
                    _not_r5(definition, (*location, *error["loc"]), str(error["msg"]), faults, unreadable)
    return frozenset(unreadable)


def _pieces(resource: dict[str, Any]) -> Iterator[tuple[str, tuple[int | str, ...], dict[str, Any]]]:
    """A resource in pieces that do not nest: itself, and each characteristic, members left out.

    The models are recursive and would overrun Python's stack long before a study reaches the depth it may have.
    """
    yield resource["resourceType"], (), _without_members(resource, "characteristic")
    pending: list[tuple[tuple[int | str, ...], Any]] = [(("characteristic",), resource.get("characteristic"))]
    while pending:
        location, members = pending.pop()
        for position, entry in enumerate(members if isinstance(members, list) else ()):
            if not isinstance(entry, dict):
                continue
            here = (*location, position)
            combination = entry.get("definitionByCombination")
            piece = entry
            if isinstance(combination, dict):
                piece = {**entry, "definitionByCombination": _without_members(combination, "characteristic")}
                pending.append(
                    ((*here, "definitionByCombination", "characteristic"), combination.get("characteristic"))
                )
            yield "EvidenceVariableCharacteristic", here, piece


def _without_members(element: dict[str, Any], key: str) -> dict[str, Any]:
    members = element.get(key)
    return {**element, key: [{}] * len(members)} if isinstance(members, list) else element


def _not_r5(
    definition: Definition, location: tuple[int | str, ...], message: str, faults: Faults, unreadable: set[str]
) -> None:
    path, holder = definition.path, ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            if path.rsplit(".", 1)[-1].startswith("characteristic["):
                holder = path
        else:
            path += f".{part}"
    words = message.removeprefix("Value error, ")
    faults.add(path, f"not valid R5 ({words})", "what FHIR R5 defines", ambiguous=not holder)
    if holder:
        unreadable.add(holder)


def _too_deep(definition: Definition, most: int, faults: Faults, unreadable: set[str]) -> bool:
    depth = 0
    level: list[dict[str, Any] | list[Any]] = [definition.resource]
    while level and depth <= 12 * most:
        depth += 1
        inside = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in inside if isinstance(inner, dict | list)]
    if level:
        allowed = f"characteristics at most {most} deep"
        faults.refuse(definition.path, "nested too deep", allowed)
        unreadable.add(definition.path)
    return bool(level)
