"""A whole run: read, judge, write; gone on with where it was killed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial as bound
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from trialmatch import __version__
from trialmatch.config import Settings
from trialmatch.eligibility.criteria import Study
from trialmatch.errors import BadInput, UsageError
from trialmatch.fhir.study.studies import StudySet
from trialmatch.prescreen import attrition, outputs
from trialmatch.prescreen.alone import alone
from trialmatch.prescreen.attrition_page import page
from trialmatch.prescreen.blocks import digest_of
from trialmatch.prescreen.closer import Fault
from trialmatch.prescreen.fetch import GROUP
from trialmatch.prescreen.inputs import Input, find
from trialmatch.prescreen.judge import Held, Judged, Row, Tally
from trialmatch.prescreen.places import ordered, place_of
from trialmatch.prescreen.progress import Progress
from trialmatch.prescreen.reading import Reader, Reading, blocks_of, lines_of, referred_of
from trialmatch.prescreen.since import Change, Earlier, changes, write_changed, write_changes
from trialmatch.prescreen.work import Work, publish, told_disk
from trialmatch.prescreen.workers import Shared, Workers, judge_of
from trialmatch.terminology.mappings import Terminology

#: The files that a finished run leaves, in the order of being written; run.json comes last.
OUTPUTS = (
    "findings.parquet",
    "matches.parquet",
    "screening-log.csv",
    "candidates.ndjson",
    "attrition.parquet",
    "attrition.html",
)

#: The files that a run with ``--since`` leaves besides.
CHANGES = ("changes.parquet", "changes.csv")

#: Settings that may change answers; others (addresses, limits of servers) do not tell runs apart.
_ANSWERS = ("timezone", "validity", "leap_birthday", "text", "exposure", "ana_titre", "unreviewed_codes")

#: Faults that run.json names one by one; all are counted.
_NAMED_FAULTS = 10_000


@dataclass(frozen=True)
class Order:
    """What to run: which folder into which, for whom, and how.

    ``partial`` are types that the source could not give whole, with the reason, ``narrowed`` those that were asked for
    by code; ``export`` is what run.json says of a server's export. ``since`` is the folder of an earlier run to compare
    with.
    """

    source: Path
    out: Path
    as_of: date
    study_ids: tuple[str, ...] = ()
    jobs: int = 1
    resume: bool = False
    since: Path | None = None
    partial: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    narrowed: frozenset[str] = frozenset()
    export: Mapping[str, Any] | None = None


@dataclass
class Summary:
    """What came of a run."""

    run: dict[str, Any]
    ways: list[attrition.Way]
    problems: list[str]
    changes: list[Change] | None = None

    @property
    def complete(self) -> bool:
        """Whether every type of record was read completely."""
        return bool(self.run["state"] == "complete")


def run(
    order: Order,
    studies: StudySet,
    terminology: Terminology,
    settings: Settings,
    progress: Progress | None = None,
    workers: Callable[[Shared, Path], Workers] | None = None,
) -> Summary:
    """Prescreen a folder. ``workers`` makes those who do the work, given the work folder; processes if not given.

    Raises UsageError for unknown studies, for a resumed run that was about something else and for a folder that another
    run is writing into, BadInput for input that is not what it should be, and TrialmatchError where the disk is full.
    """
    made = workers or (lambda own, folder: Workers(own, order.jobs))
    return _Run(order, studies, terminology, settings, progress or Progress(), made).go()


class _Run:
    def __init__(
        self,
        order: Order,
        studies: StudySet,
        terminology: Terminology,
        settings: Settings,
        progress: Progress,
        workers: Callable[[Shared, Path], Workers],
    ) -> None:
        self.workers = workers
        self.order, self.terminology, self.settings, self.progress = order, terminology, settings, progress
        self.set = studies.only(order.study_ids)
        self.studies: tuple[Study, ...] = tuple(one for one in self.set.matchable if one.items)
        self.own = Shared(self.studies, terminology, settings, order.as_of, order.narrowed)
        self.began = datetime.now(settings.zone)
        self.work = Work(order.out)
        self.late: list[Fault] = []
        self.earlier: Earlier | None = None

    def go(self) -> Summary:
        order = self.order
        if order.since is not None and order.since.resolve() == order.out.resolve():
            raise UsageError("--since: it is the folder of --out; expected that of an earlier run")
        self.earlier = Earlier.of(order.since) if order.since is not None else None
        files = find(order.source)
        with told_disk(order.out):
            if order.out.exists() and order.out.samefile(order.source):  # candidates are NDJSON, too
                raise UsageError("--out: it is the folder that is read; expected another one")
        with alone(order.out):
            return self._prescreen(files)

    def _prescreen(self, files: list[Input]) -> Summary:
        order = self.order
        going_on = self.work.begin(self._plan(files), order.resume)
        with self.workers(self.own, self.work.folder) as workers:
            reading = self._resumed(files, workers) if going_on else None
            while True:
                if reading is None:
                    reading = self._read(files, workers)
                late = self._judge(reading, workers)
                if not late:
                    break
                self.late += late  # lines that only a strict reading found out: everything anew, knowing of them
                reading = None
        return self._write(reading)

    def _plan(self, files: list[Input]) -> dict[str, Any]:
        return {
            "version": __version__,
            "studies": self.set.digest,
            "mappings": self.terminology.digest,
            "settings": {name: getattr(self.settings, name) for name in _ANSWERS},
            "only": sorted(one.id for one in self.studies),
            "asOf": self.order.as_of.isoformat(),
            "since": str(self.order.since.resolve()) if self.order.since else None,
            "inputs": [[file.path.name, file.size] for file in files],
            "source": [sorted(self.order.partial), sorted(self.order.narrowed)],
        }

    def _resumed(self, files: list[Input], workers: Workers) -> Reading:
        """The reading that was kept, if the files still are what was read."""
        reading: Reading = self.work.load("reading.pickle")
        for file, blocks, digest in zip(files, blocks_of(files, workers), reading.digests, strict=True):
            if digest_of(blocks) != digest:
                raise UsageError(f"--resume: {file.path} changed since the run in {self.order.out} began; run it anew")
        return reading

    def _read(self, files: list[Input], workers: Workers) -> Reading:
        self.work.forget("reading.pickle")
        self.work.forget("group-*")
        self.work.forget("spool")
        told = frozenset(self.order.partial)
        reader = Reader(files, workers, self.own, self.work.folder, told, self.late, self.progress)
        with told_disk(self.work.folder):
            reading = reader.read()
        if not reading.persons + reading.replaced and reading.orphans and "Patient" not in reading.partial:
            found = f"no Patient, and {sum(reading.orphans.values()):,} records of patients"
            raise BadInput(str(self.order.source), found, "the Patients that the records are about")
        self.work.forget("scratch")
        self.work.keep("reading.pickle", reading)
        return reading

    def _judge(self, reading: Reading, workers: Workers) -> list[Fault]:
        groups = range((len(reading.candidates) + GROUP - 1) // GROUP)
        self.progress.begin("judge", len(reading.candidates))
        kept = self.work.names()
        left = []
        for group in groups:
            if _name(group) in kept:
                self.progress.advance("judge", len(_members(reading, group)))
            else:
                left.append((group, _members(reading, group), reading.slices.get(group, [])))
        do = bound(
            _judge, files=reading.files, partial=reading.partial, referred=reading.referred, folder=self.work.folder
        )
        late: list[Fault] = []
        for (_, members, _), found in workers.each(do, left):
            self.progress.advance("judge", len(members))
            late += [_fault(reading.files, kind, problem) for kind, problem in found]
        return sorted(set(late), key=lambda fault: (fault.file, fault.line))

    def _groups(self, reading: Reading) -> Iterator[Judged]:
        for group in range((len(reading.candidates) + GROUP - 1) // GROUP):
            yield self.work.load(_name(group))

    def _write(self, reading: Reading) -> Summary:
        out, since = self.order.out, self.earlier
        tallies: dict[str, Tally] = {}
        problems: list[str] = []
        partial: Counter[str] = Counter()
        listed: list[list[Row]] = []

        def held() -> Iterator[list[Held]]:
            for judged in self._groups(reading):
                listed.append(judged.rows)
                for name, tally in judged.tallies.items():
                    tallies.setdefault(name, Tally()).add(tally)
                problems.extend(judged.problems)
                partial.update(judged.partial)
                yield judged.held

        with told_disk(out):
            for name in ("run.json", *CHANGES):
                (out / name).unlink(missing_ok=True)  # those of an earlier run are not about the files that now come
        publish(out / "findings.parquet", lambda path: outputs.write_parquet(path, outputs.FINDINGS, held()))
        rows = list(chain.from_iterable(listed))
        passed = {self.studies[position].id: count for position, count in reading.passed.items()}
        ways = attrition.ways(self.studies, reading.persons, passed, tallies)
        known = {f"{reading.files[fault.file].path}:{fault.line}: {fault.why}" for fault in reading.faults}
        said = [words for words in ordered(problems, reading.files) if words not in known]
        titles = {study.id: study.title for study in self.studies}
        incomplete = self._incomplete(reading, partial)
        facts = {
            "asOf": self.order.as_of.isoformat(),
            "persons": reading.persons,
            "version": __version__,
            "incomplete": incomplete,
            "undetermined": [(one.id, one.title) for one in self.set.matchable if not one.items],
        }
        publish(out / "matches.parquet", lambda path: outputs.write_parquet(path, outputs.MATCHES, listed))
        publish(out / "screening-log.csv", lambda path: outputs.write_log(path, rows, titles))
        publish(out / "candidates.ndjson", lambda path: outputs.write_subjects(path, rows))
        counted = [row for way in ways for row in attrition.rows(way)]
        publish(out / "attrition.parquet", lambda path: outputs.write_parquet(path, attrition.COLUMNS, [counted]))
        publish(out / "attrition.html", lambda path: path.write_text(page(ways, facts), "utf-8"))
        found = None
        names = list(OUTPUTS)
        if since is not None:
            found = told = changes(since, out, self.studies, reading, self.order.as_of, self._engine())
            publish(out / "changes.parquet", lambda path: write_changed(path, told))
            publish(out / "changes.csv", lambda path: write_changes(path, told))
            names += CHANGES
        run = self._run(reading, ways, said, partial, names)
        content = orjson.dumps(run, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        publish(out / "run.json", lambda path: path.write_bytes(content))
        self.work.end()
        return Summary(run, ways, self._told(reading, said), found)

    def _incomplete(self, reading: Reading, partial: Counter[str]) -> str:
        parts = []
        if reading.faults:
            parts.append(f"{len(reading.faults)} lines could not be read ({', '.join(sorted(reading.partial))}).")
        elif reading.partial:
            parts.append(f"the source did not give all of {', '.join(sorted(reading.partial))}.")
        if partial:
            parts.append(f"For some patients a record of {', '.join(sorted(partial))} could not be read.")
        return " ".join(parts)

    def _told(self, reading: Reading, problems: list[str]) -> list[str]:
        """Lines for standard error."""
        lines = [*self.order.problems]
        lines += [
            f"{reading.files[fault.file].path}{f':{fault.line}' if fault.line else ''}: {fault.why}"
            for fault in reading.faults
        ]
        return lines + problems

    def _engine(self) -> dict[str, str]:
        """What run.json says of versions."""
        digests = {"studies": self.set.digest, "mappings": self.terminology.digest}
        return {"version": __version__, **{name: f"sha256:{digest}" for name, digest in digests.items()}}

    def _run(
        self,
        reading: Reading,
        ways: list[attrition.Way],
        problems: list[str],
        partial: Counter[str],
        names: list[str],
    ) -> dict[str, Any]:
        """What run.json holds. Only ``timing`` differs between two runs of the same on the same."""
        ended = datetime.now(self.settings.zone)
        incomplete = bool(reading.partial or partial)
        names_of = [file.path.name for file in reading.files]
        faults = [
            {"file": names_of[fault.file], "line": fault.line or None, "why": fault.why, "type": fault.kind}
            for fault in reading.faults[:_NAMED_FAULTS]
        ]
        return {
            "state": "incomplete" if incomplete else "complete",
            "asOf": self.order.as_of.isoformat(),
            "engine": self._engine(),
            "inputs": [
                {
                    "file": file.path.name,
                    "bytes": file.size,
                    "digest": digest,
                    "lines": lines,
                    "types": dict(sorted(types.items())),
                }
                for file, digest, lines, types in zip(
                    reading.files, reading.digests, reading.lines, reading.types, strict=True
                )
            ],
            "export": self.order.export,
            "counts": {
                "patients": reading.persons,
                "replaced": reading.replaced,
                "withoutId": reading.nameless,
                "candidates": len(reading.candidates),
                "records": sum(sum(types.values()) for types in reading.types),
                "orphans": reading.orphans,
                "repeated": reading.repeats,
                "faults": len(reading.faults),
                "patientsWithUnreadableRecords": dict(sorted(partial.items())),
            },
            "partial": {
                kind: self.order.partial.get(kind, "some lines could not be read") for kind in sorted(reading.partial)
            },
            "faults": faults,
            "repeated": [{"file": names_of[file], "line": line} for file, line in reading.repeated],
            "problems": [words.removeprefix(f"{self.order.source}/") for words in problems[:_NAMED_FAULTS]],
            "studies": [
                {
                    "id": way.study.id,
                    "title": way.study.title,
                    "setAside": way.aside,
                    "judged": way.tally.judged,
                    **{name: way.verdict(name) for name in attrition.VERDICTS},
                    "leaves": [item.link_id for item in way.study.walk() if item.leaf is not None],
                }
                for way in ways
            ],
            "undetermined": [study.id for study in self.set.matchable if not study.items],
            "outputs": {name: f"sha256:{_sha256(self.order.out / name)}" for name in names},
            "timing": {
                "started": self.began.isoformat(timespec="seconds"),
                "ended": ended.isoformat(timespec="seconds"),
                "seconds": round((ended - self.began).total_seconds(), 1),
                "jobs": self.order.jobs,
            },
        }


def _members(reading: Reading, group: int) -> list[Any]:
    return reading.candidates[group * GROUP : (group + 1) * GROUP]


def _name(group: int) -> str:
    return f"group-{group:06}"


def _fault(files: list[Input], kind: str | None, problem: str) -> Fault:
    number, line, why = place_of(problem, files)
    return Fault(number, line, why, kind)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _judge(
    item: tuple[int, list[Any], list[Any]], files: list[Input], partial: frozenset[str], referred: Path, folder: Path
) -> list[tuple[str | None, str]]:
    """Judge a group and keep what came of it; returns lines that are no resources after all."""
    group, members, slices = item
    found = judge_of(partial).group(members, lines_of(files, slices), referred_of(referred))
    if not found.late:
        work = Work(folder.parent)
        work.keep(_name(group), found)
    return found.late
