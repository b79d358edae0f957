"""Definitional resources (studies, eligibility, value sets) out of files and the shipped package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from trialmatch import resources
from trialmatch.config import Settings
from trialmatch.errors import BadInput, FaultyStudy
from trialmatch.fhir.elements import json_type
from trialmatch.fhir.patient.sources import parse
from trialmatch.files import json_files, readable

#: How places of shipped definitions begin.
SHIPPED = "shipped: "


@dataclass(frozen=True)
class Definition:
    """One definitional resource: where it came from and its raw JSON."""

    place: str
    resource: dict[str, Any]

    @property
    def path(self) -> str:
        """File and resource, the root of element paths."""
        return f"{self.place}: {self.resource.get('resourceType')}/{self.resource.get('id', '')}"


def shipped() -> list[Definition]:
    """The definitions of the shipped studies."""
    found = []
    for name, content in resources.studies():
        found += unpacked(orjson.loads(content), f"{SHIPPED}{name}")
    return found


def from_paths(paths: Iterable[Path], settings: Settings) -> list[Definition]:
    """The definitions in files (a Bundle or a single resource each) and folders of them.

    Raises BadInput for what is no JSON, no FHIR resource, too large, or a folder without any.
    """
    found: list[Definition] = []
    for path in paths:
        with readable(path):
            if path.is_dir():
                files = json_files(path)
                if not files:
                    raise BadInput(str(path), "no .json file in it", "Bundles or resources of R5 studies")
            elif path.exists():
                files = [path]
            else:
                raise BadInput(str(path), "no such file or folder", "a study as Bundle or resource (.json)")
        for file in files:
            found += _from_file(file, settings)
    return found


def _from_file(path: Path, settings: Settings) -> list[Definition]:
    with readable(path, "a study as Bundle or resource"), path.open("rb") as stream:
        content = stream.read(settings.study_bytes + 1)
        size = max(path.stat().st_size, len(content))
    if size > settings.study_bytes:
        raise FaultyStudy([f"{path}: {size} bytes; allowed: at most {settings.study_bytes} bytes"])
    return unpacked(parse(content, str(path)), str(path))


def unpacked(data: Any, place: str) -> list[Definition]:
    """The resources of a Bundle, or the one resource."""
    if not isinstance(data, dict) or not isinstance(data.get("resourceType"), str):
        raise BadInput(
            place, json_type(data) if not isinstance(data, dict) else "no resourceType", "a FHIR R5 Bundle or resource"
        )
    if data["resourceType"] != "Bundle":
        return [Definition(place, data)]
    found = []
    entries = data.get("entry") or []
    if not isinstance(entries, list):
        raise BadInput(f"{place}: Bundle.entry", json_type(entries), "an array")
    for position, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise BadInput(f"{place}: Bundle.entry[{position}].resource", json_type(resource), "a resource")
        found.append(Definition(place, resource))
    return found
