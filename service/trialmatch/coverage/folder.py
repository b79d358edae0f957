"""The same for a folder that may hold a whole hospital: read as a prescreen reads it, with everybody as a candidate.

The lines are laid out by groups of patients in a temporary folder, so that only some groups are in memory at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial as bound
from pathlib import Path

from trialmatch.coverage.codes import Count, Coverage, Tally, Wanted, concluded
from trialmatch.coverage.medications import Shelf, shelve, supply
from trialmatch.errors import TrialmatchError
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import take_line
from trialmatch.prescreen.fetch import GROUP
from trialmatch.prescreen.inputs import Input, find
from trialmatch.prescreen.judge import Candidate, Line, refer
from trialmatch.prescreen.places import ordered
from trialmatch.prescreen.progress import Progress
from trialmatch.prescreen.reading import Reader, Reading, lines_of, referred_of
from trialmatch.prescreen.work import told_disk
from trialmatch.prescreen.workers import Shared, Workers, shared
from trialmatch.usecases.match import Engine

#: The number of a group, its patients, and the slices of their lines.
Group = tuple[int, list[Candidate], list[tuple[Path, int, int]]]


def coverage_of_folder(engine: Engine, folder: Path, jobs: int, progress: Progress | None = None) -> Coverage:
    """Hold every record of a folder of NDJSON against the mappings, in ``jobs`` processes.

    Raises BadInput where there is no NDJSON in it, and TrialmatchError where the temporary folder is full.
    """
    files, heard = find(folder), progress or Progress()
    own = Shared((), engine.terminology, engine.settings, date.max)  # nothing is judged, at whatever date
    with tempfile.TemporaryDirectory(prefix="trialmatch-") as scratch, Workers(own, jobs, wait=True) as workers:
        work = Path(scratch) / "records"
        with told_disk(work):
            reading = Reader(files, workers, own, work, progress=heard, everybody=True).read()
            tally = _counted(reading, workers, Wanted.of(engine.studies), heard)
    found = concluded(engine, tally)
    found.problems = ordered(found.problems, files)
    return found


def _counted(reading: Reading, workers: Workers, asked: Wanted, progress: Progress) -> Tally:
    faults = [
        f"{reading.files[fault.file].path}{f':{fault.line}' if fault.line else ''}: {fault.why}"
        for fault in reading.faults
    ]
    tally = Tally(problems=dict.fromkeys(faults), complete=not reading.partial)
    progress.begin("tally", len(reading.candidates))
    drugs = [(n, reading.files[n]) for n, types in enumerate(reading.types) if "Medication" in types]
    shelves = {item[0]: shelf for item, shelf in workers.each(bound(shelve, folder=reading.referred.parent), drugs)}
    in_order = tuple(shelf for _, shelf in sorted(shelves.items()))
    do = bound(_tally, files=reading.files, referred=reading.referred, shelves=in_order, asked=asked)
    for (_, members, _), found in _in_order(workers.each(do, _groups(reading))):
        progress.advance("tally", len(members))
        tally.add(found)
    return tally


def _groups(reading: Reading) -> Iterator[Group]:
    for number, at in enumerate(range(0, len(reading.candidates), GROUP)):
        yield number, reading.candidates[at : at + GROUP], reading.slices.get(number, [])


def _in_order(found: Iterable[tuple[Group, Tally]]) -> Iterator[tuple[Group, Tally]]:
    """What came of groups, by their numbers."""
    waiting: dict[int, tuple[Group, Tally]] = {}
    following = 0
    for one in found:
        waiting[one[0][0]] = one
        while following in waiting:
            yield waiting.pop(following)
            following += 1


def _tally(
    group: Group, files: list[Input], referred: Path, shelves: tuple[Shelf, ...], asked: Wanted
) -> Tally:
    """Count a group of patients."""
    _, members, slices = group
    own = shared()
    count = Count(own.terminology, own.settings, asked)
    mine: list[list[Line]] = [[] for _ in members]
    for position, line in lines_of(files, slices):
        mine[position].append(line)
    for candidate, lines in zip(members, mine, strict=True):
        records = Records()
        for line in lines:
            take_line(line.content, line.place, line.kind, records)
        refer(records, referred_of(referred))
        supply(records, shelves)
        patient = records.patients().get(candidate.id)
        if patient is None:  # a line that is no JSON after all
            count.tally.heard(records)
            continue
        try:
            count.take(records, candidate.id)
        except (MemoryError, TrialmatchError):
            raise
        except Exception as problem:  # noqa: BLE001 - a defect of ours costs nobody else the answer
            name = type(problem).__name__
            count.tally.problems[f"{patient.place}: this patient could not be read (internal error: {name})"] = None
            count.tally.complete = False
    return count.tally
