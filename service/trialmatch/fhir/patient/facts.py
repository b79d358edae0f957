"""From a patient's raw records to facts: concepts bound, wording checked, everything found by kind and concept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from trialmatch.config import Settings
from trialmatch.eligibility.dates import UNKNOWN_TIME
from trialmatch.eligibility.facts import (
    ABSENT,
    EXPOSURES,
    FINAL,
    UNREADABLE,
    Event,
    Exposure,
    Fact,
    Facts,
    Measurement,
    Person,
)
from trialmatch.eligibility.values import Coding
from trialmatch.errors import PatientMissing
from trialmatch.fhir.elements import Json, Malformed, codings, objects, relative, text
from trialmatch.fhir.patient import events, medications, observations
from trialmatch.fhir.patient.names import called, record_number
from trialmatch.fhir.patient.records import FACT_TYPES, Record, Records, identities, is_about, newest
from trialmatch.fhir.patient.times import Clock
from trialmatch.terminology.mappings import Terminology

#: Codes that stand for a record whose code could not be read.
_CODE_ELEMENT = {"Observation": "code", "Condition": "code", "Procedure": "code", "AllergyIntolerance": "code"}
_CODE_ELEMENT |= {"Immunization": "vaccineCode"} | dict.fromkeys(EXPOSURES, "medicationCodeableConcept")

#: Parts of a record that are read with it, and may be modified by themselves.
_PARTS = {"Observation": ("component", "referenceRange"), "Condition": ("stage",), "AllergyIntolerance": ("reaction",)}
_PARTS |= {"MedicationRequest": ("dosageInstruction",), "MedicationDispense": ("dosageInstruction",)}
_PARTS |= {"MedicationStatement": ("dosage",), "MedicationAdministration": ("dosage",)}

_MODIFIED = "the record has a modifier extension, which may change its meaning"


def facts_of(records: Records, patient_id: str, terminology: Terminology, settings: Settings, place: str) -> Facts:
    """The facts of one patient.

    Records that cannot be read are added to ``records.problems`` and make their source partial. Raises PatientMissing
    where ``place`` (the file, folder or server) does not hold the patient.
    """
    if identities(records, patient_id) is None:
        raise PatientMissing(place)
    return reader_of(records, patient_id, terminology, settings).read()


def reader_of(records: Records, patient_id: str, terminology: Terminology, settings: Settings) -> Reader:
    """The reader of a patient who is there."""
    found = identities(records, patient_id)
    assert found is not None
    return Reader(records, *found, terminology, settings)


#: How many distinct codes with their words are remembered.
_REMEMBERED = 50_000

#: Words that are longer are not remembered: they are a report, and nobody has the same.
_LONGEST = 500


class _Bound(NamedTuple):
    """What codes and words are bound to: ``places`` of the index, by concept and ``system|code``.

    ``named`` only words speak of, ``vague`` are codes with the concepts that they support without proving them;
    ``about`` is what of all these a criterion may look at, ``through`` what only the code of a panel stands for.
    """

    concepts: frozenset[str]
    places: tuple[tuple[str, str], ...]
    named: frozenset[str]
    vague: tuple[tuple[str, str], ...]
    about: frozenset[str]
    doubt: str
    through: frozenset[str]


class Reader:
    """One patient's reading; holds what all kinds of records need."""

    def __init__(
        self,
        records: Records,
        current: str,
        ids: frozenset[str],
        terminology: Terminology,
        settings: Settings,
        used: frozenset[str] | None = None,
    ) -> None:
        """``used``: what of Observations any criterion looks at (concepts, ``system|code``); None for everything."""
        self.used = used
        self.records, self.ids, self.terminology = records, ids, terminology
        self.clock = Clock(settings.zone)
        self.accept_text = settings.text == "accept"
        self.patient = records.patients()[current]
        self.identifiers = identifiers(self.patient.resource)
        self.encounters = self._by_reference("Encounter")
        local = partial(_is_local_route, terminology.local_routes)  # no bound method: it would hold on to the reader
        self.cabinet = medications.Cabinet(self._by_reference("Medication"), terminology.knowledge.units, local)
        self.person = self._person()
        self.facts = Facts(self.person, records.sources)

    def _by_reference(self, kind: str) -> dict[str, Json]:
        found = {}
        for record in newest(self.records.by_type.get(kind, ())):
            identity = record.resource.get("id")
            if isinstance(identity, str):
                found[f"{kind}/{identity}"] = record.resource
        for full_url, reference in self.records.full_urls.items():
            if reference in found:
                found[full_url] = found[reference]
        return found

    def _person(self) -> Person:
        resource, place = self.patient
        reference = f"Patient/{resource['id']}"
        try:
            birth_text = text(resource, "birthDate")
            sex = text(resource, "gender")
            dead, died = resource.get("deceasedBoolean"), text(resource, "deceasedDateTime")
            if dead is not None and not isinstance(dead, bool):
                raise Malformed("deceasedBoolean", dead, "a boolean")
        except Malformed as problem:
            self.records.unreadable("Patient", place, f"Patient.{problem}")
            return Person(reference, readable=False)
        birth = self.clock.read(birth_text, "birthDate") if birth_text else UNKNOWN_TIME
        self._note_dates("Patient", place)
        return Person(
            reference,
            birth=None if birth == UNKNOWN_TIME else birth,
            birth_printed=birth_text or "",
            sex=sex,
            deceased=bool(dead) or died is not None,
            death=self.clock.read(died, "deceasedDateTime") if died else None,
            name=called(resource),
            record_number=record_number(resource),
        )

    def _note_dates(self, kind: str, place: str) -> None:
        for path in self.clock.impossible:
            self.records.problems.append(f"{place}: {kind}.{path}: no possible date; taken as not known")
        self.clock.impossible.clear()

    def read(self) -> Facts:
        """Read all records of the patient."""
        for kind in FACT_TYPES:
            source = self.records.source(kind)
            # By id: whichever way the records came, in files or in a server's pages, the answer has the same words.
            if kind not in self.records.by_type:
                source.count = 0
                continue
            mine = sorted(self._mine(kind), key=lambda record: str(record.resource.get("id", "")))
            source.count = len(mine)
            for record in mine if kind != "Patient" else ():
                self._take(kind, record)
        return self.facts

    def _mine(self, kind: str) -> Iterator[Record]:
        """The patient's records of a type, each once in its newest version."""
        for record in newest(self.records.by_type.get(kind, ())):
            try:
                about = is_about(record.resource, self.ids, self.identifiers, self.records)
            except Malformed as problem:
                self.records.unreadable(kind, record.place, f"{kind}.{problem}")
                continue
            if about is None:
                self.records.unreadable(kind, record.place, f"{kind}.subject: none; expected whose record it is")
            elif about and not self._about_somebody_else(record.resource):
                yield record

    def _about_somebody_else(self, resource: Json) -> bool:
        """An Observation with a focus that is not the patient (a relative, a foetus, a device)."""
        focus = resource.get("focus")
        if resource["resourceType"] != "Observation" or not isinstance(focus, list) or not focus:
            return False
        own = {f"Patient/{one}" for one in self.ids}
        references = {entry.get("reference") for entry in focus if isinstance(entry, dict)}
        resolved = {self.records.full_urls.get(str(one), str(one)) for one in references}
        return not {relative(one) for one in resolved} <= own

    def _take(self, kind: str, record: Record) -> None:
        resource, place = record
        identity = resource.get("id")
        reference = f"{kind}/{identity}" if isinstance(identity, str) else place
        try:
            doubt = _MODIFIED if _is_modified(kind, resource) else ""
            for fact, inherited in self._facts_of(kind, resource, reference):
                if doubt and fact.state == ABSENT:
                    fact = replace(fact, state=FINAL)  # what it denies, it may mean to say
                self._file(_kind(kind), fact, inherited, doubt)
        except Malformed as problem:
            self._could_not(kind, resource, reference, place, f"{kind}.{problem}")
        except medications.UnknownMedication:
            why = f"{kind}.medication: refers to no Medication that is there; expected one that says which drug it is"
            self._could_not(kind, resource, reference, place, why)
        if self.clock.impossible:
            self._note_dates(kind, place)

    def _facts_of(self, kind: str, resource: Json, reference: str) -> Iterable[tuple[Fact, tuple[Coding, ...]]]:
        if kind == "Observation":
            units = self.terminology.knowledge.units
            return observations.measurements(resource, reference, self.clock, self.encounters, units, self._is_used)
        if kind in EXPOSURES:
            found = medications.exposures(resource, reference, self.clock, self.encounters, self.cabinet)
            return ((fact, ()) for fact in found)
        birth = self.person.birth
        return ((fact, ()) for fact in events.events(resource, reference, self.clock, self.encounters, birth))

    def _could_not(self, kind: str, resource: Json, reference: str, place: str, why: str) -> None:
        """A record that could not be read: its type is no longer complete; if its code is clear, its leaves know."""
        self.records.unreadable(kind, place, why)
        try:
            found, words = codings(resource, _CODE_ELEMENT.get(kind, "code"))
        except Malformed:
            return
        if not found:
            return
        make: Callable[..., Fact] = Measurement if kind == "Observation" else Exposure if kind in EXPOSURES else Event
        display = words or next((coding.display for coding in found if coding.display), reference)
        self._file(_kind(kind), make(reference, found, display, state=UNREADABLE), ())

    def _file(self, kind: str, fact: Any, inherited: tuple[Coding, ...], doubt: str = "") -> None:
        """Bind a fact to its concepts and put it where leaves look for it; ``doubt``: why it cannot be trusted."""
        bound = self._bound(kind, fact.codings, inherited, _words(fact))
        named = fact.display if fact.named else f"{self._name(fact, bound.concepts)} {fact.display}".strip()
        fact.bind(bound.concepts, named, doubt or fact.doubt or bound.doubt)
        if bound.through:
            fact.belong(bound.through)
        index = self.facts.index
        for place in bound.places:
            index.setdefault(place, []).append(fact)
        if kind == "AllergyIntolerance" and not bound.concepts.isdisjoint(events.DENIALS):
            self._no_allergy(fact)
            return
        self.facts.every.setdefault(kind, []).append(fact)
        if fact.state != ABSENT and (bound.named or bound.vague):
            self._hint(kind, fact, bound)

    def _is_used(self, found: tuple[Coding, ...], inherited: tuple[Coding, ...], words: str) -> bool:
        """Whether any criterion looks at a measurement that is named so."""
        if self.used is None:
            return True
        return not self.used.isdisjoint(self._bound("Observation", found, inherited, words.strip()).about)

    def _bound(self, kind: str, found: tuple[Coding, ...], inherited: tuple[Coding, ...], words: str) -> _Bound:
        """What the codes and words of a fact are bound to: worked out once for all records that have the same."""
        known = self.terminology.sets.worked_out
        asked = (kind, found, inherited, words, self.accept_text)
        bound: _Bound | None = known.get(asked)
        if bound is None:
            if len(known) > _REMEMBERED:  # hospitals send any number of codes and words
                known.clear()
            bound = self._bind(kind, found, inherited, words)
            if len(words) <= _LONGEST:
                known[asked] = bound
        return bound

    def _bind(self, kind: str, found: tuple[Coding, ...], inherited: tuple[Coding, ...], words: str) -> _Bound:
        sets = self.terminology.sets
        concepts, keys = sets.bound(found)
        named = self._named(kind, found, words) if not concepts and not sets.bound(inherited)[0] else frozenset()
        if named and self.accept_text:
            concepts |= named
        own = concepts | keys
        for more, into in zip(sets.bound(inherited), (concepts, keys), strict=True):
            into |= more
        held = frozenset(concepts)
        vague = tuple(
            (coding.code, concept)
            for coding in found
            for concept in sorted(sets.supported(coding.system, coding.code) - held)
        )
        places = tuple((kind, key) for key in sorted(held | keys))
        about = held | keys | named | {concept for _, concept in vague}
        return _Bound(held, places, named - held, vague, about, self._doubt(found, held), (held | keys) - own)

    def _hint(self, kind: str, fact: Any, bound: _Bound) -> None:
        """Note what a record speaks for without proving it: by its words alone, or by a code that is not specific."""
        if bound.named:
            worded = replace(fact, concepts=bound.named, doubt="only words, no known code")
            for concept in bound.named:
                self.facts.hints.setdefault((kind, concept), []).append(worded)
        for code, concept in bound.vague:
            unproved = replace(fact, doubt=f"{code} supports it but does not prove it")
            self.facts.hints.setdefault((kind, concept), []).append(unproved)

    def _name(self, fact: Any, concepts: frozenset[str]) -> str:
        """A name for a record that gives none: its code's display in the mappings, its concept's, or the code."""
        for coding in fact.codings:
            shown = self.terminology.displays.get((coding.system, coding.code))
            if shown:
                return shown.split(" [")[0].split(" (")[0]
        if concepts:
            return self.terminology.label(min(sorted(concepts), key=len))
        return next((coding.code for coding in fact.codings), "a record without a name")

    def _no_allergy(self, fact: Any) -> None:
        """“No known allergy” denies every allergy, “no known drug allergy” those to drugs; others deny none asked for.

        A denial that is itself refuted, or over, denies nothing; one that is not confirmed leaves them open.
        """
        if fact.state == ABSENT or fact.over:
            return
        denial = replace(fact, state=ABSENT) if fact.state == FINAL and not fact.doubt else fact
        for denied, speaks_of in events.DENIED.items():
            if denied in fact.concepts:
                self.facts.index.setdefault(("AllergyIntolerance", speaks_of), []).append(denial)
        if events.NO_KNOWN_ALLERGY in fact.concepts:
            self.facts.every.setdefault("AllergyIntolerance", []).append(denial)

    def _named(self, kind: str, codes: tuple[Coding, ...], own: str) -> frozenset[str]:
        """The concepts that only a record's words name, with all that take them in."""
        names = self.terminology.names
        words = {own} | {coding.display for coding in codes if coding.display}
        if kind == "MedicationRequest":
            words |= {coding.code for coding in codes if not coding.display}  # which may be the drug's name
            found = {concept for said in words for concept in names.drugs_in(said)}
        else:
            found = {concept for said in words for concept in names.exactly(said)}
            if kind != "Observation":  # which a server is searched for by their names
                found |= {concept for said in words for concept in names.titled(said)}
        return frozenset(wide for concept in found for wide in self.terminology.sets.containing(concept))

    def _doubt(self, codes: tuple[Coding, ...], concepts: frozenset[str]) -> str:
        """Why a fact's codes cannot be trusted, if so: a display that names another thing, or codes that disagree."""
        terminology = self.terminology
        for coding in codes:
            held = terminology.sets.concepts(coding.system, coding.code)
            if held and coding.display:
                official = [terminology.displays.get((coding.system, coding.code), "")]
                if terminology.names.contradicts(coding.display, held, official):
                    return f"code {coding.code} and its display “{coding.display}” contradict each other"
        if len(codes) > 1:
            for coding in codes:
                held = terminology.sets.concepts(coding.system, coding.code)
                for concept in sorted(concepts - held - terminology.sets.supported(coding.system, coding.code)):
                    if terminology.sets.excluded(concept, coding.system, coding.code):
                        what = terminology.label(concept)
                        return f"its codes contradict each other: {coding.code} is expressly not {what}"
        return ""


def _is_modified(kind: str, resource: Json) -> bool:
    """Whether a record carries a modifier extension, itself or in the parts that are read of it.

    Such an extension may turn the meaning of what it stands on around, and none is known.
    """
    if resource.get("modifierExtension"):
        return True
    parts = (part for key in _PARTS.get(kind, ()) for part in _listed(resource.get(key)))
    return any(isinstance(part, dict) and part.get("modifierExtension") for part in parts)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_local_route(routes: frozenset[str], coding: Coding) -> bool:
    return f"{coding.system}|{coding.code}" in routes


def _kind(resource_type: str) -> str:
    return "MedicationRequest" if resource_type in EXPOSURES else resource_type


def _words(fact: Any) -> str:
    """A record's own words; a measurement's value is not part of them."""
    if isinstance(fact, Measurement):
        value = observations.printed(fact.value)
        return fact.display.removesuffix(value).strip() if value else fact.display
    return str(fact.display)


def identifiers(patient: Json) -> set[tuple[str, str]]:
    """The business identifiers of a patient, as system and value."""
    pairs = ((one.get("system"), one.get("value")) for one in objects(patient, "identifier"))
    return {(system, value) for system, value in pairs if isinstance(system, str) and isinstance(value, str)}
