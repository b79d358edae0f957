"""Files cut into shares of work: some of their lines, found by their numbers, or all of them.

A file's blocks say where its lines begin. Packed files, and those with lines that have nothing in them, are read from
their beginning.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from trialmatch.errors import BadInput
from trialmatch.fhir.patient.sources import opened
from trialmatch.prescreen.blocks import BLOCK, Lines, Rows, newlines
from trialmatch.prescreen.closer import numbered
from trialmatch.prescreen.inputs import Input

#: Lines that are taken together, and kept in memory together.
LINES = 8192

_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')

#: What some programs put before the first line of a file.
BOM = b"\xef\xbb\xbf"

#: A line: what it was picked by (the number of a candidate), its own number in the file (from 1), its bytes.
Found = tuple[int, int, bytes]


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
        for part, at in enumerate(range(0, len(offsets), LINES)):
            own = slice(at, at + LINES)
            picked = Standing(offsets[own], ends[own], rows.lines[own], rows.owners[own])
            yield Share(self.number, self.file, part, picked)


def changed(file: Input) -> BadInput:
    """What is raised where a file has other lines than the survey saw."""
    return BadInput(str(file.path), "changed while it was read", "a file that stays as it is")


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


def _standing(file: Input, picked: Standing) -> Iterator[Found]:
    columns = (picked.offsets, picked.ends, picked.lines, picked.owners)
    places = zip(*(column.tolist() for column in columns), strict=True)
    with file.path.open("rb") as stream:
        for offset, own in groupby(places, key=lambda place: place[0]):
            stream.seek(offset)
            block = stream.read(BLOCK)
            ends = np.flatnonzero(newlines(block)).tolist()
            for _, before, row, owner in own:
                if before > len(ends):
                    raise changed(file)
                begin = ends[before - 1] + 1 if before else 0
                if before < len(ends):
                    line = block[begin : ends[before]]
                else:
                    stream.seek(offset + len(block))
                    line = block[begin:] + stream.readline()
                yield owner, row + 1, plain(line, row == 0)


def _counted(file: Input, wanted: Rows) -> Iterator[Found]:
    owners: dict[int, list[int]] = {}
    for line, owner in zip(wanted.lines.tolist(), wanted.owners.tolist(), strict=True):
        owners.setdefault(line, []).append(owner)
    for count, (number, line) in enumerate(numbered(file)):
        if number == 0:
            return
        for owner in owners.get(count, ()):
            yield owner, number, plain(line, number == 1)


def plain(line: bytes, first: bool) -> bytes:
    """A line without its end, the first one without what stands before it."""
    return line.removeprefix(BOM if first else b"").rstrip()
