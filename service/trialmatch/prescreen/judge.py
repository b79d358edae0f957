"""Candidates judged: raw lines → records → facts → findings → rows, by the functions that match a single patient.

Whatever moves the data (processes of one machine, Spark) calls :meth:`Judge.group`; it is pure but for its caches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import NamedTuple

from trialmatch.config import Settings
from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context
from trialmatch.eligibility.criteria import Study
from trialmatch.eligibility.evaluator import evaluate, settled
from trialmatch.eligibility.explain import needed, why
from trialmatch.eligibility.facts import Person, Source
from trialmatch.eligibility.silence import Silences
from trialmatch.eligibility.verdict import INELIGIBLE, Match, conclude
from trialmatch.errors import TrialmatchError
from trialmatch.fhir.patient.facts import Reader
from trialmatch.fhir.patient.needs import observed
from trialmatch.fhir.patient.records import Record, Records, references
from trialmatch.fhir.patient.sources import resource_of, take_line
from trialmatch.matching import context_of, deceased, rules_of
from trialmatch.prescreen.gates import Sieves
from trialmatch.terminology.mappings import Terminology


class Line(NamedTuple):
    """One line of input: where it stands (``file:line``), the type in its file's name, and its bytes."""

    place: str
    kind: str | None
    content: bytes


@dataclass(frozen=True)
class Candidate:
    """A person to judge: the id to use, all ids that mean the same person, and the gates they have records for."""

    id: str
    ids: frozenset[str]
    gates: frozenset[int]


@dataclass(frozen=True)
class Referred:
    """Resources that records refer to or that occur twice, by ``Type/id``: added to whoever needs them."""

    held: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)


class Row(NamedTuple):
    """One patient and one study that is not ineligible (the fields are columns of ``matches.parquet``)."""

    patient: str
    study: str
    cohort: str | None
    cohorts: list[dict[str, str]]
    verdict: str
    score: float | None
    rank: int
    counts: dict[str, int]
    unmet: list[str]
    missing: list[str]
    evidence: list[str]
    reason: str
    needs: list[str]


class Held(NamedTuple):
    """What a later run compares with: a judged patient and study, ineligible or not.

    ``statuses`` has one letter a leaf, in the order of the study: ``m``et, ``u``nmet, or ``?``; ``shown`` are the
    leaves that rest on records, with what they show.
    """

    patient: str
    study: str
    verdict: str
    statuses: str
    shown: list[dict[str, str]]


@dataclass
class Tally:
    """How one study's judged patients came out: ``aside`` before any criterion, by reason; then item by item.

    ``items`` counts (position of the item, status, basis); ``remain``, ``stops`` and ``blocks`` are by position: for
    how many nothing is unmet up to here, for how many it decides against them, for how many it is missing.
    """

    judged: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    items: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    remain: Counter[int] = field(default_factory=Counter)
    stops: Counter[int] = field(default_factory=Counter)
    blocks: Counter[int] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Take in the counts of other patients."""
        self.judged += other.judged
        for name in ("aside", "verdicts", "items", "remain", "stops", "blocks"):
            getattr(self, name).update(getattr(other, name))


@dataclass
class Judged:
    """What came of a group of candidates. ``late`` are lines that are no resources after all, as (type, problem)."""

    rows: list[Row] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    partial: Counter[str] = field(default_factory=Counter)
    late: list[tuple[str | None, str]] = field(default_factory=list)


class Judge:
    """Judges candidates against studies at a date; made once a process."""

    def __init__(
        self,
        studies: Sequence[Study],
        terminology: Terminology,
        settings: Settings,
        as_of: date,
        partial: Iterable[str],
        narrowed: Iterable[str] = (),
    ) -> None:
        """``partial``: types of which records are missing; ``narrowed``: types that were asked for by code."""
        self.terminology, self.settings, self.as_of = terminology, settings, as_of
        self.partial, self.narrowed = frozenset(partial), frozenset(narrowed)
        self.rules = rules_of(settings)
        self.sieves = Sieves.of(studies, self.partial)
        self.used = observed(studies)
        self.silences = Silences()

    def _sources(self) -> dict[str, Source]:
        found = {kind: Source(kind, "partial", detail="some records could not be read") for kind in self.partial}
        for kind in self.narrowed:
            found.setdefault(kind, Source(kind)).narrowed = True
        return found

    def group(self, candidates: Sequence[Candidate], lines: Iterable[tuple[int, Line]], referred: Referred) -> Judged:
        """Judge candidates; ``lines`` are theirs, each with the position of its candidate.

        A patient on whom the judging itself fails costs nobody else the answer: the others are judged without.
        """
        mine: list[list[Line]] = [[] for _ in candidates]
        for position, line in lines:
            mine[position].append(line)
        failed: dict[int, str] = {}
        while True:
            judged = Judged()
            for position, (candidate, own) in enumerate(zip(candidates, mine, strict=True)):
                if position not in failed:
                    try:
                        self._judge(candidate, own, referred, judged)
                    except (MemoryError, TrialmatchError):
                        raise
                    except Exception as problem:  # noqa: BLE001 - a defect of ours, whatever it is
                        failed[position] = type(problem).__name__
                        break
            else:
                break
        for position, name in failed.items():
            place = next((line.place for line in mine[position] if line.kind == "Patient"), mine[position][0].place)
            judged.problems.append(f"{place}: this patient could not be judged (internal error: {name})")
            judged.partial["Patient"] += 1
        return judged

    def _judge(self, candidate: Candidate, lines: Iterable[Line], referred: Referred, judged: Judged) -> None:
        records = Records(sources=self._sources())
        for line in lines:
            before = len(records.problems)
            take_line(line.content, line.place, line.kind, records)
            if len(records.problems) > before:
                if (line.kind is None or line.kind in self.partial) and self.partial:  # known to be incomplete
                    judged.problems.append(records.problems[-1])
                else:
                    judged.late.append((line.kind, records.problems[-1]))
        if judged.late:
            return
        refer(records, referred)
        if candidate.id not in records.patients():
            return
        records.problems.clear()
        reader = Reader(records, candidate.id, candidate.ids, self.terminology, self.settings, self.used)
        context = context_of(reader.facts, self.terminology, self.rules, self.as_of)
        studies = self._studies(candidate, context, judged)
        if studies:
            reader.read()
            self.silences.shared(context)
            words: dict[int, str] = {}
            matches = [self._match(study, context, words, judged) for study in studies]
            ranked = sorted((one for one in matches if one.verdict != INELIGIBLE), key=lambda match: match.order)
            judged.rows += [row_of(match, reader.person, rank) for rank, match in enumerate(ranked, start=1)]
        judged.problems += records.problems
        for kind, source in records.sources.items():
            if source.state != "complete" and kind not in self.partial:
                judged.partial[kind] += 1

    def _studies(self, candidate: Candidate, context: Context, judged: Judged) -> list[Study]:
        """The studies whose necessary conditions a person fulfils."""
        dead = deceased(context)
        kept = []
        for position in self.sieves.candidates(candidate.gates):
            sieve = self.sieves.sieves[position]
            tally = judged.tallies.get(sieve.study.id)
            if tally is None:
                tally = judged.tallies[sieve.study.id] = Tally()
            if dead:
                tally.aside["deceased"] += 1
            elif not self.sieves.passes(position, candidate.gates, lambda leaf: evaluate(leaf, context).truth):
                tally.aside["age or sex"] += 1
            else:
                kept.append(sieve.study)
        return kept

    def _match(self, study: Study, context: Context, words: dict[int, str], judged: Judged) -> Match:
        match = conclude(study, settled(study, context, {}), False)
        tally = judged.tallies[study.id]
        tally.judged += 1
        tally.verdicts[match.verdict] += 1
        _count(match, tally)
        judged.held.append(_held(match, context.facts.person.reference, words))
        return match


def refer(records: Records, referred: Referred) -> None:
    """Add what a patient's records refer to, and other versions of them that name somebody else.

    All in the order of the files: of versions that are equally new the last one counts.
    """
    if not referred.held:
        return
    before = {kind: len(held) for kind, held in records.by_type.items()}
    pending = [record.resource for held in records.by_type.values() for record in held]
    places = {record.place for held in records.by_type.values() for record in held}
    asked: set[str] = set()
    while pending:
        resource = pending.pop()
        for name in (f"{resource['resourceType']}/{resource.get('id')}", *references(resource)):
            for line in referred.held.get(name, ()) if name not in asked else ():
                more = resource_of(line.content, line.place, line.kind, records) if line.place not in places else None
                if more is not None:
                    places.add(line.place)
                    records.add(more, line.place)
                    pending.append(more)
            asked.add(name)
    for kind, held in records.by_type.items():
        if len(held) > before.get(kind, 0):
            held.sort(key=_standing)


def _standing(record: Record) -> tuple[str, int]:
    path, _, line = record.place.rpartition(":")
    return path, int(line)


def _count(match: Match, tally: Tally) -> None:
    study, statuses = match.study, match.statuses
    for top in study.tops:
        if statuses[top] == t.UNMET:
            break
        tally.remain[top] += 1
    tally.blocks.update(match.blocking)
    tally.stops.update(match.decisive)
    bases = [""] * len(statuses)
    for position, link_id, _ in study.asking:
        bases[position] = match.findings[link_id].basis
    for position in study.applicability:
        if match.waived(position):
            bases[position] = t.NOT_APPLICABLE
    tally.items.update(zip(count(), statuses, bases, strict=False))


def row_of(match: Match, person: Person, rank: int) -> Row:
    """The row of a match."""
    best = next((name for name, _, verdict in match.cohorts if verdict == match.verdict), None)
    evidence: dict[str, None] = {}
    for finding in match.findings.values():
        for fact in finding.facts:
            evidence[fact.reference] = None
    open_ = match.open
    return Row(
        person.reference,
        match.study.id,
        best,
        [{"id": name, "verdict": verdict} for name, _, verdict in match.cohorts],
        match.verdict,
        match.score,
        rank,
        dict(match.counts),
        [link_id for position, link_id, _ in match.study.asking if match.statuses[position] == t.UNMET],
        [item.link_id for item, _ in open_],
        list(evidence),
        why(match),
        [needed(item, basis) for item, basis in open_],
    )


_LETTERS = {t.MET: "m", t.UNMET: "u", t.UNKNOWN: "?"}


def _held(match: Match, patient: str, words: dict[int, str]) -> Held:
    """``words`` are what the patient's facts show, by the ``id`` of the findings that rest on them."""
    shown = []
    for link_id, finding in match.findings.items():
        if finding.facts:
            if id(finding) not in words:
                words[id(finding)] = "; ".join(dict.fromkeys([_shown(fact) for fact in finding.facts]))
            if words[id(finding)]:
                shown.append({"linkId": link_id, "words": words[id(finding)]})
    statuses = "".join([_LETTERS[match.statuses[position]] for position, _, _ in match.study.asking])
    return Held(patient, match.study.id, match.verdict, statuses, shown)


def _shown(fact: object) -> str:
    if isinstance(fact, Person):
        return f"born {fact.birth_printed}, {fact.sex or 'sex not recorded'}"
    return str(getattr(fact, "display", ""))
