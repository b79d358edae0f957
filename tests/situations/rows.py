"""The printed rows of the shipped studies (``rows_<study>.csv``) and the studies as files, their blocks taken in.

A row is a criterion as the record prints it: its ``linkId``, ``kind`` (inclusion, exclusion), ``class`` (how much of it
a program can compute: computable, partly, not) and ``printed`` text. ``rows_<study>.json`` holds what else a test knows
of a study by heart: ``counts`` of rows, ``readings`` (linkId: kind of reading), ``silent`` (where silence counts as
absence), ``shared`` (the blocks it takes in) and ``closer`` (rows of which more is computed than their class says, and
why).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "profiles" / "studies"
BASE = "https://trialmatch.example.org/fhir"

Json = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A characteristic in its place: its full linkId, whether an odd number of negations stands on it and above it, and
    whether it came in with a block."""

    link_id: str
    raw: Json
    excluded: bool
    shared: bool

    @property
    def kind(self) -> str:
        """``inclusion`` or ``exclusion``, as it is shown."""
        by_logic = "exclusion" if self.excluded else "inclusion"
        return str(extension(self.raw, "printed-as").get("valueCode", by_logic))


def extension(raw: Json, name: str) -> Json:
    """An extension of the language on a characteristic, or nothing."""
    found = [one for one in raw.get("extension", []) if one["url"] == f"{BASE}/StructureDefinition/{name}"]
    return found[0] if found else {}


def resources(name: str) -> list[Json]:
    """What a file of the shipped studies holds."""
    loaded = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return [entry["resource"] for entry in loaded["entry"]] if loaded["resourceType"] == "Bundle" else [loaded]


@cache
def blocks() -> dict[str, list[Json]]:
    """The characteristics of the shared blocks, by canonical."""
    files = [resources(path.name)[0] for path in sorted(FOLDER.glob("shared-*.json"))]
    return {one["url"]: one["characteristic"] for one in files}


def members(raw: Json) -> list[Json]:
    """The characteristics right below one, those of a block included."""
    below: list[Json] = raw.get("definitionByCombination", {}).get("characteristic", [])
    return below or blocks().get(raw.get("definitionCanonical", ""), [])


def parts(raw: Json, prefix: str = "", above: bool = False, shared: bool = False) -> Iterator[Part]:
    """A characteristic and all below it, blocks taken in and their linkIds prefixed."""
    link_id = prefix + raw["linkId"]
    excluded = above != bool(raw.get("exclude"))
    yield Part(link_id, raw, excluded, shared)
    block = "definitionCanonical" in raw
    at_most = raw.get("definitionByCombination", {}).get("code") == "at-most"
    for member in members(raw):
        yield from parts(member, f"{link_id}." if block else prefix, excluded != at_most, shared or block)


@dataclass(frozen=True)
class Study:
    """A shipped study with its printed rows."""

    id: str
    rows: tuple[dict[str, str], ...]
    known: Json

    @property
    def characteristics(self) -> list[Json]:
        """The top level of its eligibility."""
        variable = next(one for one in resources(f"{self.id}.json") if one["resourceType"] == "EvidenceVariable")
        listed: list[Json] = variable["characteristic"]
        return listed

    @property
    def parts(self) -> dict[str, Part]:
        """Everything that it asks, by linkId."""
        return {part.link_id: part for raw in self.characteristics for part in parts(raw)}

    def below(self, link_id: str) -> list[Part]:
        """The leaves of an item; the item itself where it is one."""
        start = self.parts[link_id]
        prefix = link_id.removesuffix(start.raw["linkId"])
        return [part for part in parts(start.raw, prefix) if not members(part.raw)]


def studies() -> list[Study]:
    """The shipped studies of which the printed rows are listed."""
    return [_study(path) for path in sorted(HERE.glob("rows_*.csv"))]


def _study(path: Path) -> Study:
    wanted = path.stem.removeprefix("rows_")
    ids = [one.stem for one in sorted(FOLDER.glob("*.json")) if one.stem.lower().startswith(wanted.lower())]
    assert len(ids) == 1, f"{path.name} names no shipped study: {ids}"
    with path.open(encoding="utf-8", newline="") as file:
        rows = tuple(csv.DictReader(file))
    beside = path.with_suffix(".json")
    return Study(ids[0], rows, json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {})
