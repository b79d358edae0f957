"""The raw lines of those patients who may be candidates, laid out by groups of patients.

The survey says in which lines of a file they stand; files that it could not read are parsed line by line. Each share of
the work leaves one spool file, whose lines are ordered by group, some thousands at a time, so that a group is read back
as a few slices of each.
"""

from __future__ import annotations

import os
import pickle
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain, groupby, islice
from pathlib import Path
from struct import Struct

from trialmatch.fhir.elements import Malformed
from trialmatch.fhir.patient.records import Whose, subjects
from trialmatch.prescreen.closer import Identifier, numbered, record_of
from trialmatch.prescreen.shares import LINES, Found, Share, changed, plain

#: Candidates that are judged together, and kept in memory together.
GROUP = 256

_REFERENCE = re.compile(rb'"(?:[^"\\]*/)?((?:Medication|Encounter)/[^"/\\]+)')
_ENCOUNTER = re.compile(rb'"resourceType"\s*:\s*"Encounter"')

#: Of a spooled line: the candidate's number, the number of the file, of the line, its length.
_HEAD = Struct("<IHqI")

@dataclass(frozen=True)
class Wanted:
    """Whose lines are wanted: candidates' numbers by id (of any of their Patients) and by business identifier."""

    owners: Mapping[str, tuple[int, ...]]
    identified: Mapping[Identifier, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def names(self) -> Mapping[int, list[bytes]]:
        """The ids of each candidate, and the values of the business identifiers."""
        found: dict[int, list[bytes]] = {}
        identifiers = ((value, numbers) for (_, value), numbers in self.identified.items())
        for name, numbers in chain(self.owners.items(), identifiers):
            for number in numbers:
                found.setdefault(number, []).append(name.encode())
        return found

    def of(self, whose: Whose) -> set[int]:
        """The candidates that a record is about."""
        found = {one for identity in whose.ids for one in self.owners.get(identity, ())}
        return found | {one for identifier in whose.identifiers for one in self.identified.get(identifier, ())}


@dataclass(frozen=True)
class Spooled:
    """What a share left: (group, offset, length) of the slices of its spool file."""

    path: Path
    slices: tuple[tuple[int, int, int], ...]


def fetch(share: Share, wanted: Path, folder: Path) -> Spooled:
    """Take the wanted lines of a share into a spool file in ``folder``.

    Raises BadInput where the file is not what was surveyed any more.
    """
    whose = _wanted(wanted)
    found = _closely(share, whose) if share.picked is None else _checked(share, whose)
    path = folder / f"{share.number:05}-{share.part:08}"
    slices: list[tuple[int, int, int]] = []
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")  # another machine may be at the same share
    with aside.open("wb") as stream:
        while batch := sorted(islice(found, LINES), key=lambda one: one[:2]):  # by candidate, then as in the file
            for group, own in groupby(batch, key=lambda one: one[0] // GROUP):
                held = b"".join(_HEAD.pack(one, share.number, at, len(line)) + line for one, at, line in own)
                slices.append((group, stream.tell(), len(held)))
                stream.write(held)
    os.replace(aside, path)
    return Spooled(path, tuple(slices))


def spooled(path: Path, offset: int, length: int) -> Iterator[tuple[int, int, int, bytes]]:
    """The lines of a slice: candidate, file, number of the line, bytes."""
    with path.open("rb") as stream:
        stream.seek(offset)
        held = stream.read(length)
    at = 0
    while at < len(held):
        candidate, file, line, size = _HEAD.unpack_from(held, at)
        at += _HEAD.size
        yield candidate, file, line, held[at : at + size]
        at += size


def referred(path: Path) -> tuple[set[str], set[str]]:
    """The Medications and Encounters that spooled lines name, and the Encounters that are among them."""
    named: set[str] = set()
    own: set[str] = set()
    for _, _, _, line in spooled(path, 0, path.stat().st_size):
        named |= {one.decode() for one in _REFERENCE.findall(line)}
        if _ENCOUNTER.search(line):
            resource, _, _ = record_of(line, 2, None)  # what cannot be read is told when it is judged
            if resource is not None and resource["resourceType"] == "Encounter":
                own.add(f"Encounter/{resource.get('id')}")
    return named, own


@lru_cache(maxsize=2)
def _wanted(path: Path) -> Wanted:
    with path.open("rb") as stream:
        return pickle.load(stream)


def _checked(share: Share, wanted: Wanted) -> Iterator[Found]:
    """Lines, each seen to be about its owner: a file that changed after the survey has others in their place."""
    for owner, number, line in share.lines():
        if not any(name in line for name in wanted.names[owner]) and owner not in _owners(share, number, line, wanted):
            raise changed(share.file)
        yield owner, number, line


def _closely(share: Share, wanted: Wanted) -> Iterator[Found]:
    for number, line in numbered(share.file):
        if number == 0:
            return
        found = _owners(share, number, line, wanted)
        if found:
            for candidate in sorted(found):
                yield candidate, number, plain(line, number == 1)


def _owners(share: Share, number: int, line: bytes, wanted: Wanted) -> set[int]:
    """The candidates that a line is about, whatever it looks like."""
    resource, _, _ = record_of(line, number, share.file.kind)
    if resource is None or resource["resourceType"] == "Medication":
        return set()
    if resource["resourceType"] == "Patient":
        return wanted.of(Whose((resource["id"],) if isinstance(resource.get("id"), str) else (), ()))
    try:
        whose = subjects(resource)
    except Malformed:
        return set()
    return wanted.of(whose) if whose else set()
