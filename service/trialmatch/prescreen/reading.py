"""From files to candidates and their lines: survey, closer look, who is who, fetch."""

from __future__ import annotations

import pickle
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from functools import partial as bound
from pathlib import Path

from trialmatch.errors import BadInput
from trialmatch.fhir.patient.records import FACT_TYPES, Records, Whose, identities, identity_of, references
from trialmatch.prescreen import closer, people
from trialmatch.prescreen.binding import Binder
from trialmatch.prescreen.blocks import Blocks, Lines, Rows, counted, digest_of, merged, rows_of
from trialmatch.prescreen.closer import Fault, Identifier, Seen
from trialmatch.prescreen.fetch import GROUP, Spooled, Wanted, fetch, referred, spooled
from trialmatch.prescreen.gates import Sieves
from trialmatch.prescreen.inputs import Input
from trialmatch.prescreen.judge import Candidate, Line, Referred
from trialmatch.prescreen.progress import Progress
from trialmatch.prescreen.repeats import repeats
from trialmatch.prescreen.shares import BOM, Cut, Piece, Share, by_ids, pieces
from trialmatch.prescreen.survey import Survey, room
from trialmatch.prescreen.workers import Shared, Workers, shared

#: How many repeated records are named by their place; all are counted.
_NAMED_REPEATS = 1_000


@dataclass
class Reading:
    """What is known when all bytes have been read; everything that the judging of candidates needs."""

    files: list[Input]
    digests: list[str]
    lines: list[int]
    types: list[dict[str, int]]
    persons: int
    replaced: int
    nameless: int
    candidates: list[Candidate]
    slices: dict[int, list[tuple[Path, int, int]]]
    passed: Counter[int]
    partial: frozenset[str]
    faults: list[Fault]
    repeats: int
    repeated: list[tuple[int, int]]
    orphans: dict[str, int]
    referred: Path

    def lines_of(self, group: int) -> list[tuple[int, Line]]:
        """The lines of a group's candidates, in the order of the files."""
        return lines_of(self.files, self.slices.get(group, ()))


def lines_of(files: Sequence[Input], slices: Iterable[tuple[Path, int, int]]) -> list[tuple[int, Line]]:
    """Spooled lines, each with its candidate's position in the group."""
    found = []
    for path, offset, length in slices:
        for candidate, file, at, content in spooled(path, offset, length):
            line = Line(f"{files[file].path}:{at}", files[file].kind, content)
            found.append((candidate % GROUP, line))
    return found


@dataclass
class Reader:
    """Reads a folder. ``told`` are types known to be incomplete beforehand, ``late`` faults found in judging.

    ``everybody`` makes every patient a candidate, whatever studies ask for, each under every id. Files in which nothing
    can be read are no error then, since nothing is concluded from silence; and what records refer to is not looked up.
    """

    files: list[Input]
    workers: Workers
    own: Shared
    work: Path
    told: frozenset[str] = frozenset()
    late: list[Fault] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)
    everybody: bool = False

    def read(self) -> Reading:
        """Read everything."""
        sieves = Sieves.of(self.own.studies, self.told)
        binder = Binder(sieves.gates, self.own.terminology, self.own.settings)
        total = sum(file.size for file in self.files)
        survey = self.workers.survey(self.work / "scratch", total)
        try:
            with room(survey.scratch):
                return self._read(survey, sieves, binder)
        finally:
            survey.close()

    def _read(self, survey: Survey, sieves: Sieves, binder: Binder) -> Reading:
        size = sum(file.size for file in self.files)
        self.progress.begin("survey", size)
        survey.read_all(self.files, binder, self.progress.advance)
        self.progress.begin("blocks", size)
        blocks = blocks_of(self.files, self.workers, self.progress)
        counts = survey.files
        cuts = {n: Cut(n, self.files[n], Lines(blocks[n]), counts[n].lines) for n in counts}
        seen = self._look(cuts, survey)
        if not self.everybody:
            self._check(survey, seen)
        faults = sorted({*self.late, *(fault for one in seen.values() for fault in one.faults)}, key=_place)
        partial = self.told | {kind for fault in faults for kind in ([fault.kind] if fault.kind else FACT_TYPES)}
        asked = sieves.gates
        if partial != self.told:
            sieves = Sieves.of(self.own.studies, partial)
        persons, replaced, same = self._who(survey, seen)
        self._bearers(survey, seen)
        wide = self._gates(survey, seen, same)
        if self.everybody:
            judged, passed = people.everybody(survey, same), Counter[int]()
        else:
            judged, passed = people.candidates(survey, sieves, asked, wide, same, replaced)
        found = self._fetch(survey, cuts, seen, self._wanted(survey, judged))
        slices: dict[int, list[tuple[Path, int, int]]] = {}
        for left in found:
            for group, offset, length in left.slices:
                slices.setdefault(group, []).append((left.path, offset, length))
        ids: Counter[closer.Key] = Counter()
        for one in seen.values():
            ids.update(one.ids)
        survey.add_records(ids)
        again = repeats(survey, cuts, self._closely(survey, cuts), ids, self.workers)
        held = {"/".join(key): tuple(self._line(*one) for one in lines) for key, lines in again.crossing.items()}
        if not self.everybody:
            held |= self._referred(survey, seen, [left.path for left in found])
        referred = self.work / f"referred-{uuid.uuid4().hex}.pickle"  # processes remember it by its name
        referred.write_bytes(pickle.dumps(Referred(held)))
        orphans = Counter(survey.orphans()) + self._orphans(survey, seen)
        return Reading(
            self.files,
            [digest_of(ranges) for ranges in blocks],
            [counts[n].lines or seen[n].lines for n in counts],
            [dict(Counter(counts[n].types) + Counter(seen[n].types)) for n in counts],
            persons - len(replaced),
            len(replaced),
            sum(one.nameless for one in seen.values()),
            judged,
            slices,
            passed,
            frozenset(partial),
            faults,
            len(again.places),
            again.places[:_NAMED_REPEATS],
            dict(sorted(orphans.items())),
            referred,
        )

    def _look(self, cuts: Mapping[int, Cut], survey: Survey) -> dict[int, Seen]:
        """Look closely at odd lines, and at all lines of files that the survey could not read."""
        seen = {number: Seen() for number in cuts}
        work = self._closely(survey, cuts)
        for share, one in self.workers.each(bound(_look, told=self.told), work):
            seen[share.number].add(one)
            survey.add_persons(share.number, one.persons)
        return seen

    def _closely(self, survey: Survey, cuts: Mapping[int, Cut]) -> list[Share]:
        work: list[Share] = []
        for number, cut in cuts.items():
            if survey.files[number].unsure:
                work.append(cut.whole())
            elif survey.files[number].odd:
                odd = survey.odd(number)
                work += cut.shares(Rows(odd, odd))
        return work

    def _fetch(
        self, survey: Survey, cuts: Mapping[int, Cut], seen: Mapping[int, Seen], wanted: Wanted
    ) -> list[Spooled]:
        """Fetch the lines that are wanted; what was spooled, in the order of the files."""
        told = self.work / f"wanted-{uuid.uuid4().hex}.pickle"  # processes remember it by its name
        told.write_bytes(pickle.dumps(wanted))
        spool = self.work / "spool"
        spool.mkdir(parents=True, exist_ok=True)
        plain = survey.lines(wanted.owners, wanted.identified)
        work: list[Share] = []
        for number, cut in cuts.items():
            if survey.files[number].unsure:
                work.append(cut.whole())
            else:
                odd = rows_of([(row, owner) for row, whose in seen[number].whose for owner in wanted.of(whose)])
                work += cut.shares(merged(plain[number], odd) if number in plain else odd)
        self.progress.begin("fetch", len(work))
        found = []
        for _, left in self.workers.each(bound(_fetch, wanted=told, folder=spool), work):
            found.append(left)
            self.progress.advance("fetch", 1)
        return sorted(found, key=lambda left: left.path)

    def _check(self, survey: Survey, seen: Mapping[int, Seen]) -> None:
        """A file without a single resource is no NDJSON at all."""
        for number, one in seen.items():
            lines = [fault for fault in one.faults if fault.line]  # and not that the file broke off behind its last
            if lines and len(lines) >= (survey.files[number].lines or one.lines):
                fault = lines[0]
                raise BadInput(f"{self.files[number].path}:{fault.line}", fault.why.split(";")[0], "NDJSON of FHIR")

    def _who(self, survey: Survey, seen: Mapping[int, Seen]) -> tuple[int, set[str], dict[str, frozenset[str]]]:
        """How many patients there are, who is replaced by another, and who has several ids."""
        linked = survey.linked()
        if not linked:
            return survey.persons(), set(), {}
        records = self._patients(self._holding({"Patient"}, survey, seen), frozenset(linked))
        targets = {one for record in records.by_type.get("Patient", ()) for one in people.targets(record.resource)}
        present = {str(record.resource.get("id")) for record in records.by_type.get("Patient", ())}
        for other in sorted(survey.known(sorted(targets - present))):
            records.add({"resourceType": "Patient", "id": other}, "")
        replaced: set[str] = set()
        same: dict[str, frozenset[str]] = {}
        for identity in sorted(records.patients()):
            found = identities(records, identity)
            if found is None:
                continue
            current, ids = found
            if current != identity:
                replaced.add(identity)
            if len(ids) > 1:
                same[current] = same.get(current, frozenset()) | ids
        return survey.persons(), replaced - same.keys(), same  # in a circle of links nobody is the last

    def _patients(self, numbers: Iterable[int], ids: frozenset[str]) -> Records:
        records = Records()
        wanted = frozenset(one.encode() for one in ids)
        for _, at, line in self._by_ids(numbers, wanted):
            resource, _, _ = closer.record_of(line, at, None)
            if resource is not None and resource["resourceType"] == "Patient" and identity_of(resource) in ids:
                records.add(resource, "")
        return records

    def _by_ids(self, numbers: Iterable[int], ids: frozenset[bytes]) -> Iterator[tuple[int, int, bytes]]:
        """Lines of files that have one of these ids anywhere: the number of the file, of the line, and its bytes."""
        work = pieces((number, self.files[number]) for number in numbers)
        done = {(piece.number, piece.start): one for piece, one in self.workers.each(bound(by_ids, ids=ids), work)}
        before: Counter[int] = Counter()
        for (number, _), (count, lines) in sorted(done.items()):
            yield from ((number, before[number] + at, line) for at, line in lines)
            before[number] += count

    def _bearers(self, survey: Survey, seen: Mapping[int, Seen]) -> None:
        """Find who bears the business identifiers by which records name their patients."""
        survey.bearers.add_claimed(identifier for one in seen.values() for identifier in one.identified)
        if not survey.bearers.asked():
            return
        unsure = []
        for number in self._holding({"Patient"}, survey, seen):
            if survey.files[number].unsure:
                unsure.append(self.files[number])
            else:
                survey.read_bearers(self.files[number])
        for _, found in self.workers.each(closer.identified, unsure):
            survey.bearers.add(found)

    def _gates(
        self, survey: Survey, seen: Mapping[int, Seen], same: Mapping[str, frozenset[str]]
    ) -> dict[str, frozenset[int]]:
        """Who has records that gates ask for, by the id of the person."""
        owners = people.owners(same)
        wide: dict[str, frozenset[int]] = {}

        def add(subject: str, gates: frozenset[int]) -> None:
            for person in owners.get(subject, (subject,)):
                wide[person] = wide.get(person, frozenset()) | gates

        for subject, gates in survey.gates(owners):
            add(subject, gates)
        asked: dict[Identifier, frozenset[int]] = {}
        for one in seen.values():
            for subject, gates in one.subjects.items():
                add(subject, gates)
            for identifier, gates in one.identified.items():
                asked[identifier] = asked.get(identifier, frozenset()) | gates
        for identifier, patient in survey.bearers.of(asked):
            add(patient, asked[identifier])
        return wide

    def _holding(self, types: set[str], survey: Survey, seen: Mapping[int, Seen]) -> list[int]:
        """The files that hold records of any of these types."""
        return [number for number, one in seen.items() if types & {*survey.files[number].types, *one.types}]

    def _wanted(self, survey: Survey, candidates: list[Candidate]) -> Wanted:
        owners: dict[str, tuple[int, ...]] = {}
        for number, candidate in enumerate(candidates):
            for identity in candidate.ids:
                owners[identity] = (*owners.get(identity, ()), number)
        identified: dict[Identifier, tuple[int, ...]] = {}
        for identifier, patient in survey.bearers.borne(owners):
            identified[identifier] = tuple(sorted({*identified.get(identifier, ()), *owners[patient]}))
        return Wanted(owners, identified)

    def _orphans(self, survey: Survey, seen: Mapping[int, Seen]) -> Counter[str]:
        """By type: records among those looked at closely that are about nobody who is there."""
        counts = sum((one.counts for one in seen.values()), Counter[tuple[str, Whose]]())
        ids = survey.known(sorted({identity for _, whose in counts for identity in whose.ids}))
        identifiers = dict(survey.bearers.of({one for _, whose in counts for one in whose.identifiers}))
        found: Counter[str] = Counter()
        for (kind, whose), count in counts.items():
            if ids.isdisjoint(whose.ids) and identifiers.keys().isdisjoint(whose.identifiers):
                found[kind] += count
        return found

    def _line(self, file: int, at: int, content: bytes) -> Line:
        plain = content.removeprefix(BOM if at == 1 else b"")
        return Line(f"{self.files[file].path}:{at}", self.files[file].kind, plain)

    def _referred(self, survey: Survey, seen: Mapping[int, Seen], spool: list[Path]) -> dict[str, tuple[Line, ...]]:
        """The Medications and Encounters that candidates' records name and that are not among their own."""
        holds = self._holding({"Medication", "Encounter"}, survey, seen)
        if not holds:
            return {}
        asked: set[str] = set()
        own: set[str] = set()
        for _, (named, there) in self.workers.each(referred, spool):
            asked |= named
            own |= there
        held: dict[str, list[tuple[int, int, bytes]]] = {}
        while wanted := asked - own:
            own |= wanted
            ids = frozenset(one.split("/")[1].encode() for one in wanted)
            for number, at, line in self._by_ids(holds, ids):
                resource, _, _ = closer.record_of(line, at, self.files[number].kind)
                key = f"{(resource or {}).get('resourceType')}/{(resource or {}).get('id')}"
                if key in wanted:
                    held.setdefault(key, []).append((number, at, line.rstrip()))
                    asked.update(references(resource))  # an ingredient is a Medication, too
        return {key: tuple(self._line(*place) for place in sorted(found)) for key, found in sorted(held.items())}


def blocks_of(files: Sequence[Input], workers: Workers, progress: Progress | None = None) -> list[list[Blocks]]:
    """The blocks of files, range by range."""
    found: dict[int, list[Blocks]] = {number: [] for number in range(len(files))}
    for piece, blocks in workers.each(_blocks, pieces(enumerate(files))):
        found[piece.number].append(blocks)
        if progress is not None:
            progress.advance("blocks", piece.stop - piece.start)
    return [sorted(ranges, key=lambda blocks: blocks.start) for ranges in found.values()]


def _place(fault: Fault) -> tuple[int, int, str]:
    return fault.file, fault.line, fault.why


# What processes are given to do.


def _fetch(share: Share, wanted: Path, folder: Path) -> Spooled:
    return fetch(share, wanted, folder)


def _blocks(piece: Piece) -> Blocks:
    return counted(piece.file, piece.start, piece.stop)


def _look(share: Share, told: frozenset[str]) -> Seen:
    own = shared()
    sieves = Sieves.of(own.studies, told)
    binder = Binder(sieves.gates, own.terminology, own.settings)
    return closer.look(share.number, share.file, share.numbered(), binder)


@lru_cache(maxsize=1)
def referred_of(path: Path) -> Referred:
    """What candidates' records refer to, as it was kept."""
    with path.open("rb") as stream:
        found: Referred = pickle.load(stream)
    return found
