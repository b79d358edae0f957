"""A closer look at lines that hold something unusual: they are read by the function that ``match`` reads with.

It says what DuckDB cannot: why a line is no resource, at which line it stands, and whose a record is that does not say
so plainly (a reference without a type, an identifier).
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trialmatch.fhir.elements import Json, Malformed
from trialmatch.fhir.patient.records import Records, Whose, subjects
from trialmatch.fhir.patient.sources import opened, take_line
from trialmatch.prescreen.binding import Binder
from trialmatch.prescreen.inputs import Input

Identifier = tuple[str, str]

#: The type and the id of a record.
Key = tuple[str, str]


@dataclass(frozen=True)
class Fault:
    """Something that could not be read: where, why, and which type it makes incomplete (None: any)."""

    file: int
    line: int
    why: str
    kind: str | None


@dataclass
class Seen:
    """What a closer look at lines of one file found.

    ``subjects`` are the patients that odd records are about, with the gates they speak for; ``identified`` the same by
    business identifier; ``ids`` are those of the records themselves; ``whose`` tells, where the lines were picked,
    which of them these are about; ``counts`` how many records of a type are about the same. ``persons`` are Patients as
    (id, linked).
    """

    faults: list[Fault] = field(default_factory=list)
    lines: int = 0
    types: dict[str, int] = field(default_factory=dict)
    persons: list[tuple[str, bool]] = field(default_factory=list)
    nameless: int = 0
    subjects: dict[str, frozenset[int]] = field(default_factory=dict)
    ids: Counter[Key] = field(default_factory=Counter)
    counts: Counter[tuple[str, Whose]] = field(default_factory=Counter)
    identified: dict[Identifier, frozenset[int]] = field(default_factory=dict)
    whose: list[tuple[int, Whose]] = field(default_factory=list)

    def add(self, other: Seen) -> None:
        """Take in what was found in other lines of the file."""
        self.faults += other.faults
        self.lines += other.lines
        self.persons += other.persons
        self.nameless += other.nameless
        self.whose += other.whose
        self.ids.update(other.ids)
        self.counts.update(other.counts)
        for kind, count in other.types.items():
            self.types[kind] = self.types.get(kind, 0) + count
        for subject, gates in other.subjects.items():
            self.subjects[subject] = self.subjects.get(subject, frozenset()) | gates
        for identifier, gates in other.identified.items():
            self.identified[identifier] = self.identified.get(identifier, frozenset()) | gates


def numbered(file: Input) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers; the last is (0, why) where the file broke off."""
    number = 0
    try:
        with opened(file.path) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as problem:
        yield 0, type(problem).__name__.encode()


def record_of(line: bytes, number: int, kind: str | None) -> tuple[Json | None, str, str | None]:
    """The resource of a line (None: none that matters), or why it cannot be read and which type that makes partial."""
    records = Records()
    take_line(line, "", kind, records, first=number == 1)
    if records.problems:
        why = records.problems[0].removeprefix(": ")
        return None, why, kind if records.sources.keys() == {kind} else None
    found = [record.resource for held in records.by_type.values() for record in held]
    return (found[0] if found else None), "", None


def look(number: int, file: Input, lines: Iterable[tuple[int | None, int, bytes]], binder: Binder) -> Seen:
    """Look at lines of a file: what they were picked by (None: all are read), their numbers, and their bytes."""
    seen = Seen()
    kinds = {gate.kind for gate in binder.gates}
    for row, at, line in lines:
        if at == 0:
            seen.faults.append(Fault(number, 0, f"broke off ({line.decode()}); expected a whole file", file.kind))
            break
        seen.lines += 1
        resource, why, partial = record_of(line, at, file.kind)
        if why:
            seen.faults.append(Fault(number, at, why, partial))
        if resource is None:
            continue
        kind, identity = resource["resourceType"], resource.get("id")
        seen.types[kind] = seen.types.get(kind, 0) + 1
        if isinstance(identity, str):
            seen.ids[kind, identity] += 1
        if kind == "Patient":
            if isinstance(identity, str):
                seen.persons.append((identity, resource.get("link") is not None))
            else:
                seen.nameless += 1
            continue
        if kind == "Medication":
            continue
        try:
            whose = subjects(resource)
        except Malformed as problem:
            seen.faults.append(Fault(number, at, f"{kind}.{problem}", kind))
            continue
        if whose is None:
            seen.faults.append(Fault(number, at, f"{kind}.subject: none; expected whose record it is", kind))
            continue
        if row is not None:
            seen.whose.append((row, whose))
        seen.counts[kind, whose] += 1
        gates = binder.of(resource) if kind in kinds else frozenset()
        for one in whose.ids:
            seen.subjects[one] = seen.subjects.get(one, frozenset()) | gates
        for identifier in whose.identifiers:
            seen.identified[identifier] = seen.identified.get(identifier, frozenset()) | gates
    return seen


def identified(file: Input) -> list[tuple[Identifier, str]]:
    """The business identifiers of the Patients of a file, each with the id of its Patient."""
    found = []
    for number, line in numbered(file):
        if number == 0 or b'"Patient"' not in line:
            continue
        resource, _, _ = record_of(line, number, file.kind)
        if resource is None or resource["resourceType"] != "Patient" or not isinstance(resource.get("id"), str):
            continue
        entries = resource.get("identifier")
        for entry in entries if isinstance(entries, list) else ():
            system, value = (entry.get("system"), entry.get("value")) if isinstance(entry, dict) else (None, None)
            if isinstance(system, str) and isinstance(value, str):
                found.append(((system, value), resource["id"]))
    return found
