"""The second reading: the raw lines of those patients who may be candidates, laid out by groups of patients.

Of a plain file only the bytes after ``Patient/`` are looked at (after ``"id":`` where Patients stand): a line that
names a wanted patient is taken along, whoever it is about; the reading of facts decides that. Files that hold anything
unusual are parsed line by line. Each piece of work leaves one spool file, ordered by group, so that a group is read
back as one slice of each.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from trialmatch.fhir.elements import Malformed
from trialmatch.fhir.sources import opened
from trialmatch.prescreen.closer import Identifier, numbered, record_of, subjects
from trialmatch.prescreen.inputs import Input
from trialmatch.prescreen.inputs import checksums as checksums_of

#: Candidates that are judged together, and kept in memory together.
GROUP = 256

#: Bytes read at once, few enough for the processor's caches; and bytes looked at once for anybody who is wanted.
_READ, _LOOK = 128 << 10, 64 << 10

#: Who is named: by a reference, or by an id (a Patient's own). JSON may write the solidus of a reference in two other
#: ways, both with a backslash; where there is none, the plain pattern finds the same in two thirds of the time.
_NAMED = re.compile(rb'Patient(?:\\?/|\\u002[fF])([^"/\\]+)')
_PLAINLY_NAMED = re.compile(rb'Patient/([^"/\\]+)')
_WITH_ID = re.compile(rb'"id"\s*:\s*"([^"/\\]+)')
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')

#: What some programs put before the first line of a file.
BOM = b"\xef\xbb\xbf"

#: Of a spooled line: the candidate's number, the number of the file, the line (below 0: −1 − its offset), its length.
_HEAD = Struct("<IHqI")


@dataclass(frozen=True)
class Wanted:
    """Whose lines are wanted: candidates' numbers by id (of any of their Patients) and by business identifier."""

    owners: Mapping[bytes, tuple[int, ...]]
    identified: Mapping[Identifier, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """A piece of a file. ``closely``: line by line; ``persons``: Patients are in it, found by their own id."""

    number: int
    file: Input
    start: int
    stop: int
    closely: bool
    persons: bool


@dataclass(frozen=True)
class Spooled:
    """What a task left: its checksums, and (group, offset, length) of the slices of its spool file."""

    path: Path
    checksums: tuple[int, ...]
    slices: tuple[tuple[int, int, int], ...]
    lines: int


def tasks(files: Iterable[tuple[int, Input]], closely: set[int], persons: set[int]) -> list[Task]:
    """The work of reading files, the largest pieces first."""
    found = []
    for number, file in files:
        ranges = [(0, file.size)] if number in closely else file.ranges
        found += [Task(number, file, start, stop, number in closely, number in persons) for start, stop in ranges]
    return sorted(found, key=lambda task: (-(task.stop - task.start), task.number, task.start))


def fetch(task: Task, wanted: Path, folder: Path) -> Spooled:
    """Take the wanted lines of a task into a spool file in ``folder``."""
    whose = _wanted(wanted)
    checksums: list[int] = []
    if task.closely or task.file.zipped:
        checksums = checksums_of(task.file.path)
    found = _closely(task, whose) if task.closely else _plainly(task, whose, checksums)
    lines = sorted(found, key=lambda one: (one[0], one[1] if one[1] > 0 else -1 - one[1]))  # as in the file
    path = folder / f"{task.number:05}-{task.start:014}"
    slices: list[tuple[int, int, int]] = []
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")  # another machine may be at the same task
    with aside.open("wb") as stream:
        for candidate, at, line in lines:
            group, begin = candidate // GROUP, stream.tell()
            stream.write(_HEAD.pack(candidate, task.number, at, len(line)))
            stream.write(line)
            if slices and slices[-1][0] == group:
                slices[-1] = (group, slices[-1][1], stream.tell() - slices[-1][1])
            else:
                slices.append((group, begin, stream.tell() - begin))
    os.replace(aside, path)
    return Spooled(path, tuple(checksums), tuple(slices), len(lines))


def spooled(path: Path, offset: int, length: int) -> Iterator[tuple[int, int, int, bytes]]:
    """The lines of a slice: candidate, file, line (or −1 − offset), bytes."""
    with path.open("rb") as stream:
        stream.seek(offset)
        held = stream.read(length)
    at = 0
    while at < len(held):
        candidate, file, line, size = _HEAD.unpack_from(held, at)
        at += _HEAD.size
        yield candidate, file, line, held[at : at + size]
        at += size


def by_ids(task: Task, ids: frozenset[bytes]) -> tuple[int, list[tuple[int, bytes]]]:
    """Lines of a task that have one of these ids anywhere: for what others refer to.

    Returns how many lines it has, and those lines with their numbers in it.
    """
    count, found = 0, []
    with suppress(OSError, EOFError, zlib.error):
        for block in whole_lines(task):
            for line in io.BytesIO(block):
                count += 1
                if not ids.isdisjoint(_ID.findall(line)):
                    found.append((count, line))
    return count, found


def whole_lines(task: Task) -> Iterator[bytes]:
    """The lines that begin in a task's range, in blocks of some size, unpacked."""
    with opened(task.file.path) as stream:
        for _, block in _streamed(stream) if task.file.zipped else _blocks(stream, task, []):
            yield block


def _blocks(stream: BinaryIO, task: Task, checksums: list[int]) -> Iterator[tuple[int, bytes]]:
    """Blocks of whole lines with their offsets; the CRC-32 of the range itself is added to ``checksums``.

    A line belongs to the range in which it begins.
    """
    at, checksum = task.start, 0
    stream.seek(max(at - 1, 0))
    before = at > 0 and stream.read(1) != b"\n"  # a line that began before the range
    while at < task.stop:
        block = b"" if before else stream.read(min(_READ, task.stop - at))
        if not block.endswith(b"\n"):
            block += stream.readline()
        if not block:
            break
        inside = task.stop - at
        checksum = zlib.crc32(block if len(block) <= inside else block[:inside], checksum)
        if not before:
            yield at, block
        at, before = at + len(block), False
    checksums.append(checksum)


@lru_cache(maxsize=2)
def _wanted(path: Path) -> Wanted:
    with path.open("rb") as stream:
        return pickle.load(stream)


def _plainly(task: Task, wanted: Wanted, checksums: list[int]) -> Iterator[tuple[int, int, bytes]]:
    with opened(task.file.path) as stream:
        for base, block in _streamed(stream) if task.file.zipped else _blocks(stream, task, checksums):
            yield from _looked_through(block, base, wanted.owners, task.persons)


def _looked_through(
    block: bytes, base: int, owners: Mapping[bytes, tuple[int, ...]], persons: bool
) -> Iterator[tuple[int, int, bytes]]:
    """The lines of a block that name anybody who is wanted; ``base`` is its offset in the file."""
    names, at = owners.keys(), 0
    while at < len(block):
        end = block.rfind(b"\n", at, at + _LOOK) + 1 or block.find(b"\n", at) + 1 or len(block)
        patterns = [_PLAINLY_NAMED if block.find(b"\\", at, end) < 0 else _NAMED] + ([_WITH_ID] if persons else [])
        for pattern in patterns:
            if not names.isdisjoint(pattern.findall(block, at, end)):
                yield from _lines(block[at:end], base + at, owners, patterns)
                break
        at = end


def _lines(
    block: bytes, base: int, owners: Mapping[bytes, tuple[int, ...]], patterns: Sequence[re.Pattern[bytes]]
) -> Iterator[tuple[int, int, bytes]]:
    named: dict[int, set[bytes]] = {}
    for pattern in patterns:
        for found in pattern.finditer(block):
            if found[1] in owners:
                named.setdefault(block.rfind(b"\n", 0, found.start()) + 1, set()).add(found[1])
    for at, names in sorted(named.items()):
        line = block[at : block.find(b"\n", at) + 1 or len(block)].removeprefix(b"" if base + at else BOM).rstrip()
        for candidate in sorted({one for name in names for one in owners[name]}):
            yield candidate, -1 - (base + at), line


def _streamed(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    base, rest = 0, b""
    while piece := stream.read(_READ):
        held = rest + piece
        cut = held.rfind(b"\n") + 1
        if cut:
            yield base, held[:cut]
        base, rest = base + cut, held[cut:]
    if rest:
        yield base, rest


def _closely(task: Task, wanted: Wanted) -> Iterator[tuple[int, int, bytes]]:
    for number, line in numbered(task.file):
        if number == 0:
            return
        resource, _, _ = record_of(line, number, task.file.kind)
        if resource is None or resource["resourceType"] == "Medication":
            continue
        ids: list[str] = []
        identifiers: list[Identifier] = []
        if resource["resourceType"] == "Patient":
            ids = [resource["id"]] if isinstance(resource.get("id"), str) else []
        else:
            with suppress(Malformed):
                ids, identifiers = subjects(resource) or ([], [])
        found = {one for identity in ids for one in wanted.owners.get(identity.encode(), ())}
        found |= {one for identifier in identifiers for one in wanted.identified.get(identifier, ())}
        if found:
            plain = line.removeprefix(BOM if number == 1 else b"").rstrip()
            for candidate in sorted(found):
                yield candidate, number, plain
