"""Validity of definitional resources as FHIR R5, through fhir.resources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fhir.resources import get_fhir_model_class
from pydantic import ValidationError

from trialmatch.fhir.elements import json_type
from trialmatch.fhir.study.definition_files import Definition
from trialmatch.fhir.study.faults import Faults

_KINDS = ("ResearchStudy", "EvidenceVariable")
_ALLOWED = "what FHIR R5 defines"

#: How many objects and arrays may stand inside each other in what is held against a model at once: the models are
#: recursive and would overrun Python's stack.
_MOST_NESTED = 50

Location = tuple[int | str, ...]


def validate(definitions: Sequence[Definition], depth: int, faults: Faults) -> frozenset[str]:
    """Hold ResearchStudy and EvidenceVariable against R5, as far as fhir.resources knows it.

    ``depth`` is how deep characteristics may nest. Returns the paths of resources and characteristics that cannot be
    read.
    """
    unreadable: set[str] = set()
    for definition in definitions:
        kind = definition.resource.get("resourceType")
        if kind not in _KINDS or _too_deep(definition, depth, faults, unreadable):
            continue
        for root, resource in _resources(definition):
            for model, location, piece in _pieces(resource):
                for inside, words in _found(model, piece):
                    _not_r5(root, (*location, *inside), words, faults, unreadable)
    return frozenset(unreadable)


def _resources(definition: Definition) -> Iterator[tuple[str, dict[str, Any]]]:
    """A resource and the EvidenceVariables that it contains, each with its path; what contains one leaves it out."""
    pending = [(definition.path, definition.resource)]
    while pending:
        path, resource = pending.pop()
        contained = resource.get("contained")
        if isinstance(contained, list):
            blocks = [one for one in contained if _is_block(one)]
            pending += [(f"{path}#{one['id']}", one) for one in blocks]
            rest = [{"resourceType": "Basic", "code": {}} if _is_block(one) else one for one in contained]
            resource = {**resource, "contained": rest}
        yield path, resource


def _is_block(contained: Any) -> bool:
    return (
        isinstance(contained, dict)
        and contained.get("resourceType") == "EvidenceVariable"
        and isinstance(contained.get("id"), str)
    )


def _pieces(resource: dict[str, Any]) -> Iterator[tuple[str, Location, dict[str, Any]]]:
    """A resource in pieces that do not nest: itself, and each characteristic, members left out.

    The models are recursive and would overrun Python's stack long before a study reaches the depth it may have.
    """
    yield resource["resourceType"], (), _without_members(resource, "characteristic")
    pending: list[tuple[Location, Any]] = [(("characteristic",), resource.get("characteristic"))]
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


def _found(model: str, piece: dict[str, Any]) -> Iterator[tuple[Location, str]]:
    """What is wrong with a piece: where in it, and in words."""
    unfit = list(_unfit(piece))
    if unfit:  # the model would not survive it
        yield from unfit
        return
    yield from _no_booleans(piece)
    try:
        get_fhir_model_class(model).model_validate(piece)
    except ValidationError as problem:
        for error in problem.errors(include_url=False):
            yield _told(error["loc"], str(error["type"]), str(error["msg"]), error["input"])


def _unfit(piece: dict[str, Any]) -> Iterator[tuple[Location, str]]:
    """Resources inside whose type is none, and what nests too deep: the models take neither."""
    level: list[tuple[Location, Any]] = [((), piece)]
    for _ in range(_MOST_NESTED):
        inside: list[tuple[Location, Any]] = []
        for location, value in level:
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                if key == "resourceType" and location and not _is_type(inner):
                    name = f"“{inner}”" if isinstance(inner, str) else json_type(inner)
                    yield (*location, key), f"{name}, which is no type of resource"
                if isinstance(inner, dict | list):
                    inside.append(((*location, key), inner))
        level = inside
    for location, _ in level[:1]:
        yield location[:3], f"nested more than {_MOST_NESTED} deep"


def _no_booleans(piece: dict[str, Any]) -> Iterator[tuple[Location, str]]:
    """What stands in place of a boolean: the models take "no", "false" and 0 for one, and nobody who reads it does."""
    pending: list[tuple[Location, Any]] = [((), piece)]
    while pending:
        location, value = pending.pop()
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, dict | list):
                pending.append(((*location, key), inner))
            elif isinstance(key, str) and key.endswith("Boolean") and not isinstance(inner, bool | None):
                yield (*location, key), f"{json_type(inner)} in place of a boolean"


def _is_type(name: Any) -> bool:
    """Whether a name is one of a model of R5."""
    try:
        return isinstance(name, str) and bool(get_fhir_model_class(name))
    except (KeyError, ValueError):
        return False


def _told(location: Location, kind: str, message: str, value: Any) -> tuple[Location, str]:
    """Where and what a model found, in the words of JSON rather than of Python."""
    if kind == "fhir-validation-wrong-resource-type":
        return (*location[:-1], "resourceType"), "the type of another element or resource"
    if location[-1:] == ("root",):
        return location[:-1], f"{json_type(value)} in place of an object"
    if kind == "json_invalid":
        return location, "a string in place of an object"
    return location, " ".join(message.removeprefix("Value error, ").split())


def _not_r5(root: str, location: Location, words: str, faults: Faults, unreadable: set[str]) -> None:
    path, holder = root, ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            if path.rsplit(".", 1)[-1].startswith("characteristic["):
                holder = path
        else:
            path += f".{part}"
    faults.add(path, f"not valid R5 ({words})", _ALLOWED, ambiguous=not holder)
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
