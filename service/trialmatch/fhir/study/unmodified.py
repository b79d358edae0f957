"""Studies without modifier extensions: whatever carries one may mean something else than it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from trialmatch.fhir.study.definition_files import Definition
from trialmatch.fhir.study.faults import Faults

_NAME = "modifierExtension"
_KINDS = ("ResearchStudy", "EvidenceVariable", "ValueSet")


def refuse_modifiers(definitions: Sequence[Definition], faults: Faults) -> None:
    """Refuse every modifier extension of studies, criteria and value sets, at whatever depth it stands."""
    for definition in definitions:
        if definition.resource.get("resourceType") in _KINDS and _may_hold(definition.resource):
            for path, found in _modifiers(definition.path, definition.resource):
                faults.refuse(path, _shown(found), "none: it could change the meaning")


def _may_hold(resource: dict[str, Any]) -> bool:
    """Whether it is worth looking everywhere."""
    try:
        return f'"{_NAME}"'.encode() in orjson.dumps(resource)
    except TypeError:  # what cannot be written is told elsewhere
        return True


def _modifiers(path: str, resource: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    pending: list[tuple[str, Any]] = [(path, resource)]
    while pending:
        here, value = pending.pop()
        if isinstance(value, dict):
            if value.get(_NAME) is not None:
                yield f"{here}.{_NAME}", value[_NAME]
            inside = [(f"{here}.{name}", inner) for name, inner in value.items() if name != _NAME]
        else:
            inside = [(f"{here}[{position}]", inner) for position, inner in enumerate(value)]
        pending += reversed([one for one in inside if isinstance(one[1], dict | list)])


def _shown(found: Any) -> str:
    urls = [str(one.get("url")) for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return ", ".join(urls) or "one"
