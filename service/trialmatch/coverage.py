"""Which codes and units of a patient source no mapping knows, and for how many patients each concept is recorded."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from trialmatch.eligibility.criteria import EventLeaf, ExposureLeaf, ResultLeaf
from trialmatch.eligibility.facts import Event, Fact, Measurement
from trialmatch.eligibility.values import Coding, Quantity
from trialmatch.fhir.facts import reader_of
from trialmatch.fhir.records import Records
from trialmatch.fhir.studies import StudySet
from trialmatch.terminology.mappings import Terminology
from trialmatch.terminology.names import bare
from trialmatch.usecases import Engine

#: How alike a name must be to be offered as the nearest (difflib's ratio): a hint for a person, never used to match.
_ALIKE = 0.8

#: Kinds of record whose unknown codes matter even where no study asks for the kind yet.
_CLINICAL = {"Observation", "Condition", "Procedure", "MedicationRequest", "Immunization", "AllergyIntolerance"}


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
    """What a source has and the mappings know."""

    patients: int = 0
    records: int = 0
    codes: list[UnknownCode] = field(default_factory=list)
    units: list[UnknownUnit] = field(default_factory=list)
    concepts: list[ConceptUse] = field(default_factory=list)


def coverage(engine: Engine, records: Records) -> Coverage:
    """Hold every record of a source against the mappings; problems with records are added to ``records.problems``."""
    terminology = engine.terminology
    names = _Nearest(terminology)
    unknown: dict[tuple[str, str, str], list[Any]] = defaultdict(lambda: [0, set(), ""])
    units: Counter[str] = Counter()
    unit_about: dict[str, set[str]] = defaultdict(set)
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    found = Coverage(patients=len(records.patients()))
    asked = {kind for kind, _ in _asked(engine.studies)} | _CLINICAL
    for patient in sorted(records.patients()):
        for kind, fact in _facts(engine, records, patient):
            found.records += 1
            for concept in fact.concepts:
                holders[(kind, concept)].add(patient)
            for coding in fact.codings:
                for system, code in terminology.sets.codes_of(coding.system, coding.code):
                    holders[(kind, f"{system}|{code}")].add(patient)
            if not fact.concepts and kind in asked:
                entry = unknown[_key(kind, fact)]
                entry[0] += 1
                entry[1].add(patient)
                entry[2] = entry[2] or _name(fact)
            unit = _unknown_unit(fact)
            if unit:
                units[unit] += 1
                unit_about[unit].add(min(fact.concepts, default=_key(kind, fact)[2]))
    for (kind, system, code), (count, who, display) in unknown.items():
        found.codes.append(UnknownCode(kind, system, code, display, count, len(who), names.of(kind, display)))
    found.codes.sort(key=lambda one: (-one.records, one.kind, one.system, one.code))
    found.units = [UnknownUnit(unit, count, tuple(sorted(unit_about[unit]))) for unit, count in units.most_common()]
    found.concepts = _uses(engine.studies, terminology, holders)
    return found


def _facts(engine: Engine, records: Records, patient: str) -> Iterator[tuple[str, Fact]]:
    facts = reader_of(records, patient, engine.terminology, engine.settings).read()
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


def _asked(studies: StudySet) -> dict[tuple[str, str], set[str]]:
    """What studies ask for, as (kind of record, concept or code), with the studies."""
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for study in studies.studies:
        for item in study.walk():
            leaf = item.leaf
            if isinstance(leaf, ResultLeaf | EventLeaf | ExposureLeaf):
                kind = "Observation" if isinstance(leaf, ResultLeaf) else leaf.kind
                for key in leaf.keys or ():
                    asked[(kind, key)].add(study.id)
    return asked


def _uses(studies: StudySet, terminology: Terminology, holders: dict[tuple[str, str], set[str]]) -> list[ConceptUse]:
    """The concepts that studies ask for, rarest first: what nobody has, nobody can be matched on."""
    uses = [
        ConceptUse(kind, key, terminology.label(key), tuple(sorted(those)), len(holders.get((kind, key), ())))
        for (kind, key), those in _asked(studies).items()
    ]
    return sorted(uses, key=lambda one: (one.patients, one.concept))


class _Nearest:
    """The concept whose name is most like a display; remembered, since displays repeat."""

    def __init__(self, terminology: Terminology) -> None:
        self._names = {bare(name): concept for concept, said in terminology.designations.items() for name in said}
        self._drugs_in = terminology.names.drugs_in
        self._known: dict[str, str | None] = {}

    def of(self, kind: str, display: str) -> str | None:
        """The nearest concept, or None where no name is alike; of a drug the one that its name holds."""
        drugs = self._drugs_in(display) if kind == "MedicationRequest" else None
        if drugs:
            return min(drugs)
        if display not in self._known:
            best = difflib.get_close_matches(bare(display), self._names, n=1, cutoff=_ALIKE) if display else []
            self._known[display] = self._names[best[0]] if best else None
        return self._known[display]


def document(found: Coverage) -> dict[str, Any]:
    """Coverage as JSON."""
    return {
        "patients": found.patients,
        "records": found.records,
        "codes": [one._asdict() for one in found.codes],
        "units": [one._asdict() for one in found.units],
        "concepts": [one._asdict() for one in found.concepts],
    }
