"""What the evaluator sees of a patient: typed facts in one normal form, and what is known of their sources."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from trialmatch.eligibility.dates import UNKNOWN_TIME, Span
from trialmatch.eligibility.values import Coding, Interval, ReferenceRange, Value

#: How far a fact may be used. ABSENT facts say that something is not there (refuted, not done, not taken).
FINAL, PROVISIONAL, ABSENT, UNREADABLE = "final", "provisional", "absent", "unreadable"

#: Keys under which records stand that deny every allergy, or every allergy to a drug.
NO_ALLERGY, NO_DRUG_ALLERGY = "(no allergy)", "(no drug allergy)"


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """What every fact has: where it came from, what it is about, and how far it may be used.

    ``concepts`` are the concepts whose code sets hold one of its codes. ``display`` is what to print of it; ``named``
    tells whether the record itself gives it a name. ``doubt`` says why its code cannot be trusted (code and display
    contradict each other, or one of its codes is expressly another thing); it is empty for nearly all facts.
    """

    reference: str
    codings: tuple[Coding, ...]
    display: str
    concepts: frozenset[str] = frozenset()
    named: bool = True
    state: str = FINAL
    doubt: str = ""

    def bind(self, concepts: frozenset[str], display: str, doubt: str) -> None:
        """Say what a fact is about, which its codes alone do not tell; only before anybody else has seen it."""
        object.__setattr__(self, "concepts", concepts)
        object.__setattr__(self, "display", display)
        object.__setattr__(self, "doubt", doubt)


@dataclass(frozen=True, slots=True, eq=False)
class Measurement(Fact):
    """A result: an Observation or one of its components.

    ``panel`` names the Observation that a component belongs to, ``through`` are the keys under which it is found by
    the panel's code only; ``flag`` says how its time was found when not by ``effective``.
    """

    time: Span = UNKNOWN_TIME
    value: Value | None = None
    ranges: tuple[ReferenceRange, ...] = ()
    interpretation: tuple[str, ...] = ()
    panel: str = ""
    through: frozenset[str] = frozenset()
    flag: str = ""

    def belong(self, through: frozenset[str]) -> None:
        """Say under which keys only the panel's code finds it; only before anybody else has seen it."""
        object.__setattr__(self, "through", through)


@dataclass(frozen=True, slots=True, eq=False)
class Event(Fact):
    """Something that began and perhaps ended: a diagnosis, procedure, immunization, allergy, encounter …

    ``over``: its record says that it has ended, so that it lasts no longer than the day before the as-of day.
    """

    start: Span = UNKNOWN_TIME
    end: Span = UNKNOWN_TIME
    over: bool = False
    flag: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Dose:
    """What is taken a day.

    ``amount`` is the daily amount in ``unit`` (UCUM mass, or mass by body weight) as an interval, or None with
    ``problem`` saying what is missing.
    """

    amount: Interval | None
    unit: str
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Exposure(Event):
    """A stretch of taking a drug; ``order`` for a mere order, ``single`` for one administration."""

    dose: Dose = field(default_factory=lambda: Dose(None, "", "no dose"))
    order: bool = False
    single: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """The patient: ``birth`` None where not recorded; ``sex`` is FHIR's administrative gender, or None.

    ``name`` and ``record_number`` are for a person who looks at the patient's page, and for nothing else.
    """

    reference: str
    birth: Span | None = None
    birth_printed: str = ""
    sex: str | None = None
    deceased: bool = False
    death: Span | None = None
    readable: bool = True
    name: str = ""
    record_number: str = ""


@dataclass(slots=True)
class Source:
    """How completely one type of record was obtained.

    ``state`` is ``complete``, ``partial`` or ``failed``. ``truncated``: it stopped halfway, so that the newest records
    may be among those not obtained. ``narrowed``: it was asked by code, so that records which only their words connect
    with a criterion are not there. ``asked`` false: no criterion looks at the type, so nobody asked.
    """

    type: str
    state: str = "complete"
    count: int = 0
    detail: str | None = None
    truncated: bool = False
    narrowed: bool = False
    asked: bool = True


#: The kinds of fact by the FHIR resource type that a criterion names, and the types their records come from.
RECORD_TYPES: dict[str, tuple[str, ...]] = {
    "Patient": ("Patient",),
    "Observation": ("Observation",),
    "Condition": ("Condition",),
    "Procedure": ("Procedure",),
    "Immunization": ("Immunization",),
    "AllergyIntolerance": ("AllergyIntolerance",),
    "MedicationRequest": (
        "MedicationRequest",
        "MedicationStatement",
        "MedicationAdministration",
        "MedicationDispense",
    ),
    "ResearchSubject": ("ResearchSubject",),
    "Encounter": ("Encounter",),
    "ImagingStudy": ("ImagingStudy",),
    "DocumentReference": ("DocumentReference",),
}

#: The types of record that say that a drug was ordered, given or taken.
EXPOSURES = RECORD_TYPES["MedicationRequest"]


@dataclass(slots=True)
class Facts:
    """All facts of one patient.

    ``index`` maps (kind, key) to facts, where a key is a concept or ``system|code``; ``hints`` maps (kind, concept) to
    facts whose words, but no known code, name the concept. ``every`` maps a kind to all its facts.
    """

    person: Person
    sources: dict[str, Source]
    index: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    hints: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    every: dict[str, list[Any]] = field(default_factory=dict)

    def about(self, kind: str, keys: tuple[str, ...] | None) -> list[Any]:
        """Facts of a kind about any of ``keys`` (None: all of the kind), each once."""
        if keys is None:
            return self.every.get(kind, [])
        if len(keys) == 1:
            return self.index.get((kind, keys[0]), [])
        found = {id(fact): fact for key in keys for fact in self.index.get((kind, key), ())}
        return list(found.values())

    def hinted(self, kind: str, keys: tuple[str, ...] | None) -> list[Any]:
        """Facts that only their words, or a code that is not specific, connect with one of ``keys``, each once."""
        if not self.hints:
            return []
        found = {id(fact): fact for key in keys or () for fact in self.hints.get((kind, key), ())}
        return list(found.values())

    def until(self, moment: datetime) -> Facts:
        """The facts without those that are dated after ``moment``, a death among them."""

        def kept(facts: dict[Any, list[Any]]) -> dict[Any, list[Any]]:
            found = {key: [fact for fact in held if _dated(fact).lo <= moment] for key, held in facts.items()}
            return {key: held for key, held in found.items() if held}

        person = self.person
        if person.death is not None and person.death.lo > moment:
            person = replace(person, deceased=False, death=None)
        return Facts(person, self.sources, kept(self.index), kept(self.hints), kept(self.every))

    def narrowed(self, kind: str) -> bool:
        """Whether records of a kind may be missing that only their words connect with a criterion."""
        return any(self.sources[name].narrowed for name in RECORD_TYPES[kind] if name in self.sources)

    def incomplete(self, kind: str) -> list[Source]:
        """The sources of a kind that are not complete."""
        return [
            self.sources[name]
            for name in RECORD_TYPES[kind]
            if name in self.sources and self.sources[name].state != "complete"
        ]


def _dated(fact: Any) -> Span:
    when: Span = fact.time if isinstance(fact, Measurement) else fact.start
    return when


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person's answer: by ``link_id`` of a study the requirement's status, by ``judgement`` the statement's truth."""

    met: bool
    by: str
    at: date
    at_text: str
    until: date | None = None
    study: str | None = None
    link_id: str | None = None
    judgement: str | None = None
    concept: str | None = None
