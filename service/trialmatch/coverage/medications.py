"""The Medications of a folder, laid out so that each is found by its id while none has to stay in memory.

Hospitals may have as many of them as orders, and all orders of a group of patients are looked at together.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from trialmatch.eligibility.facts import EXPOSURES
from trialmatch.fhir.patient.records import Record, Records, references
from trialmatch.fhir.patient.sources import resource_of, take_line
from trialmatch.prescreen.closer import numbered
from trialmatch.prescreen.inputs import Input
from trialmatch.prescreen.judge import Line
from trialmatch.prescreen.shares import plain

#: A line that may be a Medication; any character of it may be escaped.
_MEDICATION = re.compile(rb'"resourceType"\s*:\s*"(?:Medication"|[^"]*\\)')


@dataclass(frozen=True)
class Shelf:
    """The Medications of one file: their lines, the sorted hashes of their ids, and where the line of each stands.

    ``places`` has the number of the line in its file, its offset in ``lines`` and its length.
    """

    file: Input
    lines: Path
    keys: Path
    places: Path


def shelve(item: tuple[int, Input], folder: Path) -> Shelf:
    """Lay out the Medications of a file."""
    number, file = item
    shelf = Shelf(file, *(folder / f"medications-{number:05}{suffix}" for suffix in ("", "-keys.npy", "-places.npy")))
    keys, places = array("Q"), array("Q")
    with shelf.lines.open("wb") as stream:
        for at, line in numbered(file):
            if at == 0 or not _MEDICATION.search(line):
                continue
            resource = resource_of(line, "", file.kind, Records(), first=at == 1) or {}
            identity = resource.get("id")
            if resource.get("resourceType") == "Medication" and isinstance(identity, str):
                content = plain(line, at == 1)
                keys.append(_hash(identity))
                places.extend((at, stream.tell(), len(content)))
                stream.write(content)
    hashes = np.array(keys, np.uint64)
    order = np.argsort(hashes, kind="stable")
    np.save(shelf.keys, hashes[order])
    np.save(shelf.places, np.array(places, np.uint64).reshape(-1, 3)[order])
    return shelf


def supply(records: Records, shelves: tuple[Shelf, ...]) -> None:
    """Add the Medications that records name, and those these are made of, every version in the order of the files."""
    named: set[str] = set()
    pending = [record for kind in EXPOSURES for record in records.by_type.get(kind, ())] if shelves else []
    while pending:
        for identity in _ids(pending.pop()):
            if identity not in named:
                named.add(identity)
                before = len(records.by_type.get("Medication", ()))
                for shelf in shelves:
                    for line in _found(shelf, identity):
                        take_line(line.content, line.place, line.kind, records)
                pending += records.by_type.get("Medication", ())[before:]


def _ids(record: Record) -> Iterator[str]:
    for name in references(record.resource):
        kind, _, identity = name.partition("/")
        if kind == "Medication":
            yield identity


def _found(shelf: Shelf, identity: str) -> Iterator[Line]:
    """The lines of a Medication; one in 10^19 is another's, which does no harm."""
    keys, places = _index(shelf)
    key = np.uint64(_hash(identity))
    first, last = int(np.searchsorted(keys, key, "left")), int(np.searchsorted(keys, key, "right"))
    if first == last:
        return
    with shelf.lines.open("rb") as stream:
        for at, offset, length in places[first:last].tolist():
            stream.seek(offset)
            yield Line(f"{shelf.file.path}:{at}", shelf.file.kind, stream.read(length))


@lru_cache(maxsize=1024)
def _index(shelf: Shelf) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Mapped from the disk, so that the memory of all processes holds at most one copy."""
    if shelf.lines.stat().st_size == 0:
        return np.empty(0, np.uint64), np.empty((0, 3), np.uint64)
    return np.load(shelf.keys, mmap_mode="r"), np.load(shelf.places, mmap_mode="r")


def _hash(identity: str) -> int:
    return xxhash.xxh3_64_intdigest(identity.encode())
