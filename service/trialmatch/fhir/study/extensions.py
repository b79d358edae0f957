"""The project's extensions on a characteristic (StructureDefinitions in ``profiles/``)."""

from __future__ import annotations

from typing import Any

from trialmatch.config import BASE
from trialmatch.fhir.study.faults import Faults

#: How the URLs of the project's extensions begin.
PREFIX = f"{BASE}/StructureDefinition/"

#: Extensions on a characteristic and the type of their value (criteria language; StructureDefinitions in profiles/).
EXTENSIONS = {
    "absence": "valueCode",
    "applicability": "valueBoolean",
    "cohort": "valueString",
    "daily-dose": "valueQuantity",
    "distinct-by": "valueCode",
    "open-list": "valueBoolean",
    "printed-as": "valueCode",
    "reading": "valueCode",
    "validity": "valueDuration",
}

#: Those that only leaves understand, and on which what a leaf asks hangs.
ON_LEAVES = ("absence", "daily-dose", "distinct-by", "open-list", "validity")

_CODES = {
    "absence": ("absent", "unknown"),
    "distinct-by": ("ingredient", "mechanism"),
    "printed-as": ("inclusion", "exclusion"),
    "reading": ("as-printed", "inferred", "corrected"),
}
_JSON = {"valueCode": str, "valueBoolean": bool, "valueString": str, "valueQuantity": dict, "valueDuration": dict}


def read(raw: dict[str, Any], path: str, faults: Faults) -> dict[str, Any]:
    """The project's extensions by name; foreign ones do not matter, unknown ones of ours are faults."""
    found: dict[str, Any] = {}
    entries = raw.get("extension")
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        url = entry.get("url") if isinstance(entry, dict) else None
        if not isinstance(url, str) or not url.startswith(PREFIX):
            continue
        name, here = url.removeprefix(PREFIX), f"{path}.extension[{position}]"
        if name not in EXTENSIONS:
            faults.add(f"{here}.url", f"“{name}”", ", ".join(EXTENSIONS))
            continue
        parts = {part.get("url"): part for part in entry.get("extension", ()) if isinstance(part, dict)}
        if name == "reading" and "code" in parts:
            value = parts["code"].get("valueCode")
            found["reading-note"] = parts.get("note", {}).get("valueString")
        else:
            value = entry.get(EXTENSIONS[name])
        if not isinstance(value, _JSON[EXTENSIONS[name]]):
            faults.add(here, f"no {EXTENSIONS[name]}", EXTENSIONS[name])
        elif name in _CODES and value not in _CODES[name]:
            faults.add(f"{here}.{EXTENSIONS[name]}", f"“{value}”", ", ".join(_CODES[name]))
        elif name in found:
            faults.add(here, f"extension {name} again", "once")
        else:
            found[name] = value
    return found
