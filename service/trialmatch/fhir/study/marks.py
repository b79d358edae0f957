"""The project's extensions on a characteristic, as far as they can be read in whatever stands there."""

from __future__ import annotations

from typing import Any

from trialmatch.fhir.study.extensions import ON_LEAVES, read
from trialmatch.fhir.study.faults import Faults


def marks(raw: dict[str, Any], path: str, faults: Faults) -> dict[str, Any]:
    """The extensions by name, also of a characteristic that is not valid R5: what has not the form of one is none."""
    entries = raw.get("extension")
    if not isinstance(entries, list):
        return {}
    return read({"extension": [one if _has_form(one) else None for one in entries]}, path, faults)


def on_leaves(raw: dict[str, Any], extensions: dict[str, Any]) -> list[str]:
    """What a characteristic carries that only leaves understand."""
    found = [name for name in raw if name.startswith(("timeFromEvent", "instances", "duration"))]
    return found + [f"extension {name}" for name in ON_LEAVES if name in extensions]


def _has_form(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    parts = entry.get("extension", [])
    return isinstance(parts, list) and all(isinstance(part.get("url"), str) for part in parts if isinstance(part, dict))
