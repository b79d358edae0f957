"""Which codes and units of a patient source no mapping knows, and for how many patients each concept is recorded."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trialmatch.config import Settings
from trialmatch.eligibility.criteria import EventLeaf, ExposureLeaf, ResultLeaf
from trialmatch.eligibility.facts import Event, Fact, Facts, Measurement
from trialmatch.eligibility.values import Coding, Quantity
from trialmatch.fhir.patient.apart import apart
from trialmatch.fhir.patient.facts import reader_of
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.study.studies import StudySet
from trialmatch.terminology.mappings import Terminology
from trialmatch.terminology.names import bare
from trialmatch.usecases.match import Engine

#: How alike a name must be to be offered as the nearest (difflib's ratio): a hint for a person, never used to match.
_ALIKE = 0.8

#: Kinds of record whose unknown codes matter even where no study asks for the kind yet.
_CLINICAL = frozenset(
    ("Observation", "Condition", "Procedure", "MedicationRequest", "Immunization", "AllergyIntolerance")
)

#: How many distinct codes are remembered.
_REMEMBERED = 50_000


class UnknownCode(NamedTuple):
    """A code that no mapping knows: how many records and patients have it, and the concept of the most similar name."""

    kind: str
    system: str
    code: str
    display: str
    records: int
    patients: int
    nearest: str | None


class UnknownUnit(NamedTuple):
    """A unit that is not understood, with the concepts (or codes) whose results are given in it."""

    unit: str
    records: int
    about: tuple[str, ...]


class ConceptUse(NamedTuple):
    """A concept that studies ask for, and how many patients have any record of that kind about it."""

    kind: str
    concept: str
    label: str
    studies: tuple[str, ...]
    patients: int


@dataclass
class Coverage:
    """What a source has and the mappings know. ``problems`` are lines for standard error."""

    patients: int = 0
    records: int = 0
    codes: list[UnknownCode] = field(default_factory=list)
    units: list[UnknownUnit] = field(default_factory=list)
    concepts: list[ConceptUse] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    complete: bool = True


#: A kind of record, and a concept or ``system|code``.
Asked = tuple[str, str]


@dataclass
class _Unknown:
    """How many records and patients have a code that no mapping knows, and the first display of it."""

    records: int = 0
    patients: int = 0
    display: str = ""


@dataclass
class _Unit:
    """How many results have a unit that is not understood, and what they are about."""

    records: int = 0
    about: set[str] = field(default_factory=set)


@dataclass
class Tally:
    """What was counted of some patients; tallies of different patients add up.

    ``codes`` are by kind, system and code; ``holders`` says how many patients have a record about what studies ask for.
    """

    patients: int = 0
    records: int = 0
    codes: dict[tuple[str, str, str], _Unknown] = field(default_factory=dict)
    units: dict[str, _Unit] = field(default_factory=dict)
    holders: Counter[Asked] = field(default_factory=Counter)
    problems: dict[str, None] = field(default_factory=dict)
    complete: bool = True

    def heard(self, records: Records) -> None:
        """Keep what is said of records that could not be read."""
        self.problems.update(dict.fromkeys(records.problems))
        self.complete &= all(source.state == "complete" for source in records.sources.values())

    def add(self, other: Tally) -> None:
        """Take in what was counted of other patients, who come behind these."""
        self.patients += other.patients
        self.records += other.records
        self.holders.update(other.holders)
        self.problems.update(other.problems)
        self.complete &= other.complete
        for key, more in other.codes.items():
            unknown = self.codes.setdefault(key, _Unknown())
            unknown.records += more.records
            unknown.patients += more.patients
            unknown.display = unknown.display or more.display
        for name, those in other.units.items():
            unit = self.units.setdefault(name, _Unit())
            unit.records += those.records
            unit.about |= those.about


@dataclass(frozen=True)
class Wanted:
    """What studies ask for, and the kinds of record whose unknown codes matter."""

    keys: frozenset[Asked]
    kinds: frozenset[str]

    @classmethod
    def of(cls, studies: StudySet) -> Wanted:
        """What these studies ask for."""
        keys = frozenset(_asked(studies))
        return cls(keys, _CLINICAL.union(kind for kind, _ in keys))


class Count:
    """Counts patients one after the other into a tally."""

    def __init__(self, terminology: Terminology, settings: Settings, asked: Wanted) -> None:
        self.terminology, self.settings, self.asked = terminology, settings, asked
        self.tally = Tally()
        self._named: dict[tuple[str, frozenset[str], tuple[Coding, ...]], frozenset[Asked]] = {}

    def take(self, records: Records, patient: str) -> None:
        """Count one patient; ``records`` has what is about this one, and little more."""
        facts = reader_of(records, patient, self.terminology, self.settings).read()
        tally = self.tally
        tally.patients += 1
        holds: set[Asked] = set()
        lacks: set[tuple[str, str, str]] = set()
        for kind, fact in _each(facts):
            tally.records += 1
            holds |= self._about(kind, fact)
            if not fact.concepts and kind in self.asked.kinds:
                key = _key(kind, fact)
                lacks.add(key)
                unknown = tally.codes.setdefault(key, _Unknown())
                unknown.records += 1
                unknown.display = unknown.display or _name(fact)
            unit = _unknown_unit(fact)
            if unit:
                of = tally.units.setdefault(unit, _Unit())
                of.records += 1
                of.about.add(min(fact.concepts, default=_key(kind, fact)[2]))
        tally.holders.update(holds)
        for key in lacks:
            tally.codes[key].patients += 1
        tally.heard(records)

    def _about(self, kind: str, fact: Fact) -> frozenset[Asked]:
        """What of all that studies ask for a fact is about: worked out once for all that have the same codes."""
        known = self._named.get((kind, fact.concepts, fact.codings))
        if known is None:
            keys, codes_of = set(fact.concepts), self.terminology.sets.codes_of
            for coding in fact.codings:
                keys |= {f"{system}|{code}" for system, code in codes_of(coding.system, coding.code)}
            known = self.asked.keys.intersection((kind, key) for key in keys)
            if len(self._named) > _REMEMBERED:
                self._named.clear()
            self._named[kind, fact.concepts, fact.codings] = known
        return known


def coverage(engine: Engine, records: Records) -> Coverage:
    """Hold every record of a source against the mappings."""
    count = Count(engine.terminology, engine.settings, Wanted.of(engine.studies))
    for patient, own in apart(records):
        count.take(own, patient)
    tally = Tally()
    tally.heard(records)
    tally.add(count.tally)
    return concluded(engine, tally)


def concluded(engine: Engine, tally: Tally) -> Coverage:
    """What a tally of all patients comes to, most frequent first."""
    names = _Nearest(engine.terminology)
    codes = [
        UnknownCode(kind, system, code, one.display, one.records, one.patients, names.of(kind, one.display))
        for (kind, system, code), one in tally.codes.items()
    ]
    units = [UnknownUnit(unit, one.records, tuple(sorted(one.about))) for unit, one in tally.units.items()]
    return Coverage(
        tally.patients,
        tally.records,
        sorted(codes, key=lambda one: (-one.records, one.kind, one.system, one.code)),
        sorted(units, key=lambda one: -one.records),
        _uses(engine.studies, engine.terminology, tally.holders),
        list(tally.problems),
        tally.complete,
    )


def _each(facts: Facts) -> Iterator[tuple[str, Fact]]:
    """All facts with their kinds, each once."""
    seen: set[int] = set()
    for kind, those in facts.every.items():
        for fact in those:
            if id(fact) not in seen:
                seen.add(id(fact))
                yield kind, fact


def _key(kind: str, fact: Fact) -> tuple[str, str, str]:
    """What an unknown record is counted under: its first code, or its words."""
    coding = next((one for one in fact.codings if one.code), Coding("", ""))
    return (kind, coding.system, coding.code) if coding.code else (kind, "", f"“{_name(fact)}”")


def _name(fact: Fact) -> str:
    shown = next((coding.display for coding in fact.codings if coding.display), "")
    if shown:
        return shown
    if isinstance(fact, Measurement) and isinstance(fact.value, Quantity):
        return fact.display.removesuffix(fact.value.printed).strip()
    return fact.display if isinstance(fact, Event) else ""


def _unknown_unit(fact: Fact) -> str:
    if isinstance(fact, Measurement) and isinstance(fact.value, Quantity) and fact.value.unit is None:
        return fact.value.raw_unit
    return ""


def _asked(studies: StudySet) -> dict[Asked, set[str]]:
    """What studies ask for, as (kind of record, concept or code), with the studies."""
    asked: dict[Asked, set[str]] = defaultdict(set)
    for study in studies.studies:
        for item in study.walk():
            leaf = item.leaf
            if isinstance(leaf, ResultLeaf | EventLeaf | ExposureLeaf):
                kind = "Observation" if isinstance(leaf, ResultLeaf) else leaf.kind
                for key in leaf.keys or ():
                    asked[(kind, key)].add(study.id)
    return asked


def _uses(studies: StudySet, terminology: Terminology, holders: Counter[Asked]) -> list[ConceptUse]:
    """The concepts that studies ask for, rarest first: what nobody has, nobody can be matched on."""
    uses = [
        ConceptUse(kind, key, terminology.label(key), tuple(sorted(those)), holders[kind, key])
        for (kind, key), those in _asked(studies).items()
    ]
    return sorted(uses, key=lambda one: (one.patients, one.concept))


class _Nearest:
    """The concept whose name is most like a display; remembered, since displays repeat."""

    def __init__(self, terminology: Terminology) -> None:
        self._names = {bare(name): concept for concept, said in terminology.designations.items() for name in said}
        self._listed = list(self._names)
        self._columns = {letter: n for n, letter in enumerate(sorted(set().union(*self._listed)))}
        self._lengths = np.array([len(name) for name in self._listed])
        self._letters = np.array([self._count(name) for name in self._listed]).reshape(-1, len(self._columns))
        self._drugs_in = terminology.names.drugs_in
        self._known: dict[str, str | None] = {}

    def of(self, kind: str, display: str) -> str | None:
        """The nearest concept, or None where no name is alike; of a drug the one that its name holds."""
        drugs = self._drugs_in(display) if kind == "MedicationRequest" else None
        if drugs:
            return min(drugs)
        if display not in self._known:
            words = bare(display)
            best = difflib.get_close_matches(words, self._possible(words), n=1, cutoff=_ALIKE) if display else []
            self._known[display] = self._names[best[0]] if best else None
        return self._known[display]

    def _possible(self, words: str) -> list[str]:
        """The names with enough letters in common, in whatever order: hospitals have many codes, and few pass.

        This is the bound that difflib itself calls ``quick_ratio``, of all names at once.
        """
        common = np.minimum(self._letters, self._count(words)).sum(axis=1)
        likely = np.flatnonzero(2.0 * common / np.maximum(self._lengths + len(words), 1) >= _ALIKE)
        return [self._listed[one] for one in likely.tolist()]

    def _count(self, words: str) -> NDArray[np.int32]:
        """How often each letter of any name is in the words."""
        found = np.zeros(len(self._columns), np.int32)
        for letter, count in Counter(words).items():
            if letter in self._columns:
                found[self._columns[letter]] = count
        return found


def document(found: Coverage) -> dict[str, Any]:
    """Coverage as JSON."""
    return {
        "patients": found.patients,
        "records": found.records,
        "codes": [one._asdict() for one in found.codes],
        "units": [one._asdict() for one in found.units],
        "concepts": [one._asdict() for one in found.concepts],
    }
