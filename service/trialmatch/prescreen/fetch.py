"""The second reading: the raw lines of those patients who may be candidates, laid out by groups of patients.

The survey says in which lines of a file they stand, and their blocks say where these begin. Packed files, and those
with lines that have nothing in them, are read from their beginning; files that hold anything unusual are parsed line by
line. Each share of the work leaves one spool file, ordered by group, so that a group is read back as one slice of each.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from struct import Struct
from typing import BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from trialmatch.errors import BadInput
from trialmatch.fhir.elements import Malformed
from trialmatch.fhir.sources import opened
from trialmatch.prescreen.blocks import BLOCK, Lines, Rows, newlines
from trialmatch.prescreen.closer import Identifier, numbered, record_of, subjects
from trialmatch.prescreen.inputs import Input

#: Candidates that are judged together, and kept in memory together.
GROUP = 256

#: Lines that are fetched and laid out together.
_LINES = 8192

_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')

_REFERENCE = re.compile(rb'"(?:[^"\\]*/)?((?:Medication|Encounter)/[^"/\\]+)')
_ENCOUNTER = re.compile(rb'"resourceType"\s*:\s*"Encounter"')

#: What some programs put before the first line of a file.
BOM = b"\xef\xbb\xbf"

#: Of a spooled line: the candidate's number, the number of the file, of the line, its length.
_HEAD = Struct("<IHqI")

#: A line: what it was picked by (the number of a candidate), its own number in the file (from 1), its bytes.
Found = tuple[int, int, bytes]


@dataclass(frozen=True)
class Wanted:
    """Whose lines are wanted: candidates' numbers by id (of any of their Patients) and by business identifier."""

    owners: Mapping[str, tuple[int, ...]]
    identified: Mapping[Identifier, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def names(self) -> Mapping[int, list[bytes]]:
        """The ids of each candidate."""
        found: dict[int, list[bytes]] = {}
        for identity, numbers in self.owners.items():
            for number in numbers:
                found.setdefault(number, []).append(identity.encode())
        return found


    def of(self, ids: Iterable[str], identifiers: Iterable[Identifier]) -> set[int]:
        """The candidates that a record with these subjects is about."""
        found = {one for identity in ids for one in self.owners.get(identity, ())}
        return found | {one for identifier in identifiers for one in self.identified.get(identifier, ())}


@dataclass(frozen=True)
class Standing:
    """Lines by where they stand: the offset of a block, how many lines end in it before each, the lines' own numbers.

    ``owners`` is what they were picked by.
    """

    offsets: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]
    owners: NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """A share of the reading of one file: some of its lines, or all of them (None)."""

    number: int
    file: Input
    part: int
    picked: Standing | Rows | None

    def lines(self) -> Iterator[Found]:
        """The lines that are picked."""
        assert self.picked is not None
        return _counted(self.file, self.picked) if isinstance(self.picked, Rows) else _standing(self.file, self.picked)

    def numbered(self) -> Iterator[tuple[int | None, int, bytes]]:
        """What each line was picked by (None: all are read), its number (0: the file broke off), its bytes (why)."""
        if self.picked is None:
            return ((None, number, line) for number, line in numbered(self.file))
        return self.lines()


@dataclass(frozen=True)
class Cut:
    """A file that can be cut into shares: where its lines stand, and in how many the survey found anything."""

    number: int
    file: Input
    lines: Lines
    count: int

    def whole(self) -> Share:
        """All of it."""
        return Share(self.number, self.file, 0, None)

    def shares(self, rows: Rows) -> Iterator[Share]:
        """Some of its lines; together where they have to be counted from the beginning of the file."""
        if self.file.zipped or self.lines.count != self.count:
            if len(rows.lines):
                yield Share(self.number, self.file, 0, rows)
            return
        offsets, ends = self.lines.blocks(rows.lines)
        for part, at in enumerate(range(0, len(offsets), _LINES)):
            own = slice(at, at + _LINES)
            picked = Standing(offsets[own], ends[own], rows.lines[own], rows.owners[own])
            yield Share(self.number, self.file, part, picked)


@dataclass(frozen=True)
class Spooled:
    """What a share left: (group, offset, length) of the slices of its spool file."""

    path: Path
    slices: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Piece:
    """A piece of a file, whose lines are those that begin in it."""

    number: int
    file: Input
    start: int
    stop: int


def pieces(files: Iterable[tuple[int, Input]]) -> list[Piece]:
    """Files in pieces, the largest first."""
    found = [Piece(number, file, start, stop) for number, file in files for start, stop in file.ranges]
    return sorted(found, key=lambda piece: (-(piece.stop - piece.start), piece.number, piece.start))


def fetch(share: Share, wanted: Path, folder: Path) -> Spooled:
    """Take the wanted lines of a share into a spool file in ``folder``.

    Raises BadInput where the file is not what was surveyed any more.
    """
    whose = _wanted(wanted)
    found = _closely(share, whose) if share.picked is None else _checked(share, whose)
    lines = sorted(found, key=lambda one: one[:2])  # as in the file
    path = folder / f"{share.number:05}-{share.part:08}"
    slices: list[tuple[int, int, int]] = []
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")  # another machine may be at the same share
    with aside.open("wb") as stream:
        for group, own in groupby(lines, key=lambda one: one[0] // GROUP):
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


def references(path: Path) -> tuple[set[str], set[str]]:
    """The Medications and Encounters that spooled lines name, and the Encounters that are among them."""
    named: set[str] = set()
    own: set[str] = set()
    for _, _, _, line in spooled(path, 0, path.stat().st_size):
        named |= {one.decode() for one in _REFERENCE.findall(line)}
        if _ENCOUNTER.search(line):
            resource = orjson.loads(line)
            if resource.get("resourceType") == "Encounter":
                own.add(f"Encounter/{resource.get('id')}")
    return named, own


def by_ids(piece: Piece, ids: frozenset[bytes]) -> tuple[int, list[tuple[int, bytes]]]:
    """Lines of a piece that have one of these ids anywhere: for what others refer to.

    Returns how many lines it has, and those lines with their numbers in it.
    """
    count, found = 0, []
    with suppress(OSError, EOFError, zlib.error):
        for block in whole_lines(piece):
            for line in io.BytesIO(block):
                count += 1
                if not ids.isdisjoint(_ID.findall(line)):
                    found.append((count, line))
    return count, found


def whole_lines(piece: Piece) -> Iterator[bytes]:
    """The lines of a piece, in blocks of some size, unpacked."""
    with opened(piece.file.path) as stream:
        if piece.file.zipped:
            while block := stream.read(BLOCK):
                yield block + stream.readline()
            return
        at, stop = line_at(stream, piece.start), line_at(stream, piece.stop)
        stream.seek(at)
        while at < stop:
            block = stream.read(min(BLOCK, stop - at))
            if not block.endswith(b"\n"):
                block += stream.readline()
            if not block:
                return
            yield block
            at += len(block)


def line_at(stream: BinaryIO, offset: int) -> int:
    """Where the first line begins that begins at an offset or behind it."""
    stream.seek(max(offset - 1, 0))
    if offset:
        stream.readline()
    return stream.tell()


@lru_cache(maxsize=2)
def _wanted(path: Path) -> Wanted:
    with path.open("rb") as stream:
        return pickle.load(stream)


def _standing(file: Input, picked: Standing) -> Iterator[Found]:
    columns = (picked.offsets, picked.ends, picked.lines, picked.owners)
    places = zip(*(column.tolist() for column in columns), strict=True)
    with file.path.open("rb") as stream:
        for offset, own in groupby(places, key=lambda place: place[0]):
            stream.seek(offset)
            block = stream.read(BLOCK)
            ends = np.flatnonzero(newlines(block)).tolist()
            for _, before, row, owner in own:
                begin = ends[before - 1] + 1 if before else 0
                if before < len(ends):
                    line = block[begin : ends[before]]
                else:
                    stream.seek(offset + len(block))
                    line = block[begin:] + stream.readline()
                yield owner, row + 1, _plain(line, row == 0)


def _counted(file: Input, wanted: Rows) -> Iterator[Found]:
    owners: dict[int, list[int]] = {}
    for line, owner in zip(wanted.lines.tolist(), wanted.owners.tolist(), strict=True):
        owners.setdefault(line, []).append(owner)
    for count, (number, line) in enumerate(numbered(file)):
        if number == 0:
            return
        for owner in owners.get(count, ()):
            yield owner, number, _plain(line, number == 1)


def _plain(line: bytes, first: bool) -> bytes:
    return line.removeprefix(BOM if first else b"").rstrip()


def _checked(share: Share, wanted: Wanted) -> Iterator[Found]:
    """Lines, each seen to be about its owner: a file that changed after the survey has others in their place."""
    for owner, number, line in share.lines():
        if not any(name in line for name in wanted.names[owner]) and owner not in _owners(share, number, line, wanted):
            raise BadInput(str(share.file.path), "changed while it was read", "a file that stays as it is")
        yield owner, number, line


def _closely(share: Share, wanted: Wanted) -> Iterator[Found]:
    for number, line in numbered(share.file):
        if number == 0:
            return
        found = _owners(share, number, line, wanted)
        if found:
            plain = _plain(line, number == 1)
            for candidate in sorted(found):
                yield candidate, number, plain


def _owners(share: Share, number: int, line: bytes, wanted: Wanted) -> set[int]:
    """The candidates that a line is about, whatever it looks like."""
    resource, _, _ = record_of(line, number, share.file.kind)
    if resource is None or resource["resourceType"] == "Medication":
        return set()
    if resource["resourceType"] == "Patient":
        return wanted.of([resource["id"]] if isinstance(resource.get("id"), str) else [], ())
    try:
        return wanted.of(*(subjects(resource) or ((), ())))
    except Malformed:
        return set()
