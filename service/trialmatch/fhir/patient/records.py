"""A patient's raw records: resources by type with the place each came from, and how complete each type is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from trialmatch.eligibility.dates import PAST, parse
from trialmatch.eligibility.facts import RECORD_TYPES, Source
from trialmatch.fhir.elements import Json, Malformed, child, children, relative, text

if TYPE_CHECKING:
    from trialmatch.fhir.patient.needs import Needs

#: Types whose records become facts, and those that others refer to.
FACT_TYPES = tuple(dict.fromkeys(name for names in RECORD_TYPES.values() for name in names))
CONTEXT_TYPES = ("Medication", "Encounter")
KEPT = frozenset(FACT_TYPES + CONTEXT_TYPES)

#: Version numbers with so many digits are none.
_DIGITS = 20

_SUBJECT = ("subject", "patient")

#: Where each type says whose record it is; all others in ``subject`` or ``patient``.
SUBJECTS = {
    "Immunization": ("patient",),
    "AllergyIntolerance": ("patient",),
    "ResearchSubject": ("individual", "subject"),
}


class Record(NamedTuple):
    """One resource and where it came from: ``file:line``, ``entry[3]`` or the server's URL."""

    resource: Json
    place: str


@dataclass
class Records:
    """Raw resources of one patient (or of several, before :func:`of_patient` picks one).

    ``problems`` are lines for standard error: place, what was found, what was expected. ``full_urls`` maps a Bundle's
    ``fullUrl`` to ``Type/id``. ``needs`` are those that a server was asked for; None where everything there is was
    taken in.
    """

    by_type: dict[str, list[Record]] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    full_urls: dict[str, str] = field(default_factory=dict)
    needs: Needs | None = None
    _patients: tuple[int, dict[str, Record]] | None = field(default=None, init=False, repr=False, compare=False)
    _replaced: tuple[int, dict[str, list[str]]] | None = field(default=None, init=False, repr=False, compare=False)

    def source(self, kind: str) -> Source:
        """The source of a type of record; complete and empty unless said otherwise."""
        return self.sources.setdefault(kind, Source(kind))

    def add(self, resource: Json, place: str) -> None:
        """Take in one resource; types that no criterion can look at are left out."""
        kind = resource["resourceType"]
        if kind in KEPT:
            self.by_type.setdefault(kind, []).append(Record(resource, place))

    def take(self, other: Records) -> None:
        """Take in the resources of others; what is said of their sources and problems is left to the caller."""
        for kind, found in other.by_type.items():
            self.by_type.setdefault(kind, []).extend(found)
        self.full_urls |= other.full_urls

    def unreadable(self, kind: str | None, place: str, why: str) -> None:
        """Count a record that could not be read. Without a known type it could have been of any."""
        self.problems.append(f"{place}: {why}")
        for name in [kind] if kind else FACT_TYPES:
            source = self.source(name)
            if source.state == "complete":
                source.state = "partial"
            source.detail = "some records could not be read"

    def patients(self) -> dict[str, Record]:
        """The newest Patient record of every id."""
        held = self.by_type.get("Patient", ())
        if self._patients is None or self._patients[0] != len(held):
            found = {record.resource["id"]: record for record in newest(held) if _has_id(record)}
            self._patients = len(held), found
        return self._patients[1]

    def replaced(self) -> dict[str, list[str]]:
        """By id: the Patients that say they were replaced by it."""
        count = len(self.by_type.get("Patient", ()))
        if self._replaced is None or self._replaced[0] != count:
            found: dict[str, list[str]] = {}
            for identity, record in self.patients().items():
                for other in _links(record.resource, "replaced-by", self):
                    found.setdefault(other, []).append(identity)
            self._replaced = count, found
        return self._replaced[1]


def identity_of(resource: Json) -> str | None:
    """The id of a resource, if it has one."""
    identity = resource.get("id")
    return identity if isinstance(identity, str) else None


def _has_id(record: Record) -> bool:
    return identity_of(record.resource) is not None


def newest(records: Iterable[Record]) -> list[Record]:
    """Each resource of one type once: of those with the same id the newest version."""
    kept: dict[object, Record] = {}
    for record in records:
        identity = record.resource.get("id")
        key = identity if isinstance(identity, str) else id(record.resource)
        if key not in kept or _version(record) >= _version(kept[key]):
            kept[key] = record
    return list(kept.values())


def _version(record: Record) -> tuple[datetime, int]:
    """When a version was made, and its number; what has no time is older than what has."""
    meta = record.resource.get("meta")
    if not isinstance(meta, dict):
        return (PAST, 0)
    updated, version = meta.get("lastUpdated"), meta.get("versionId")
    made = parse(updated, UTC) if isinstance(updated, str) else None
    number = int(version) if isinstance(version, str) and version.isdecimal() and len(version) < _DIGITS else 0
    return (made.lo if made else PAST, number)


def identities(records: Records, patient_id: str) -> tuple[str, frozenset[str]] | None:
    """The id to use for a patient, following ``Patient.link`` of type replaced-by, with all ids that mean the same.

    A Patient that says it was replaced is one of its successor's ids, whether the successor says so or not.
    Returns None where there is no such patient.
    """
    patients = records.patients()
    wanted = plain(records.full_urls.get(patient_id, patient_id))
    if wanted not in patients:
        return None
    same = {wanted}
    current = wanted
    while True:
        following = [other for other in _links(patients[current].resource, "replaced-by", records) if other not in same]
        if not following or following[0] not in patients:
            break
        current = following[0]
        same.add(current)
    replaced = records.replaced()
    pending = list(same)
    while pending:
        one = pending.pop()
        older = _links(patients[one].resource, "replaces", records) if one in patients else []
        for other in (*older, *replaced.get(one, ())):
            if other not in same:
                same.add(other)
                pending.append(other)
    return current, frozenset(same)


def related(records: Records, patient_id: str) -> set[str]:
    """The ids of all Patients that are linked to one, or whom links lead to, whichever way they go and of any type."""
    linked: dict[str, set[str]] = {}
    for record in records.by_type.get("Patient", ()):
        identity = record.resource.get("id")
        if isinstance(identity, str):
            for kind in ("replaced-by", "replaces"):
                for other in _links(record.resource, kind, records):
                    linked.setdefault(identity, set()).add(other)
                    linked.setdefault(other, set()).add(identity)
    found: set[str] = set()
    pending = {patient_id}
    while pending:
        found |= pending
        pending = {other for one in pending for other in linked.get(one, ())} - found
    return found


def plain(reference: str) -> str:
    """The id in a reference, or the id itself."""
    return relative(reference).rpartition("/")[2]


def references(resource: object, full_urls: Mapping[str, str] | None = None) -> Iterable[str]:
    """The Medications and Encounters that a resource names, as ``Type/id``."""
    pending = [resource]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            target = one.get("reference")
            if isinstance(target, str):
                target = full_urls.get(target, target) if full_urls else target
                name = relative(target)
                kind, slash, _ = name.partition("/")
                if slash and kind in CONTEXT_TYPES:
                    yield name
            pending += one.values()
        elif isinstance(one, list):
            pending += one


def _links(patient: Json, kind: str, records: Records) -> list[str]:
    found = []
    try:
        for link in children(patient, "link"):
            reference = (child(link, "other", "link") or {}).get("reference")
            if link.get("type") == kind and isinstance(reference, str):
                found.append(plain(records.full_urls.get(reference, reference)))
    except Malformed:
        pass  # the Patient's own reading reports it
    return found


def is_about(resource: Json, ids: frozenset[str], identifiers: set[tuple[str, str]], records: Records) -> bool | None:
    """Whether a resource is about one of the patient's ids; None where it does not say whose it is.

    Raises Malformed where the element that says so has a wrong JSON type.
    """
    kind = resource["resourceType"]
    if kind == "Patient":
        return identity_of(resource) in ids
    said = False
    for key in SUBJECTS.get(kind, _SUBJECT):
        reference = child(resource, key)
        if reference is None:
            continue
        target = text(reference, "reference", key)
        identifier = child(reference, "identifier", key)
        named = [(identifier.get("system"), identifier.get("value"))] if identifier else []
        if target is not None and "?" in target:
            named += [found] if (found := searched(target)) else []
        elif target is not None:
            said = True
            target = records.full_urls.get(target, target)
            of, slash, identity = relative(target).rpartition("/")
            if identity in ids and (not slash or of == "Patient"):
                return True
        said = said or bool(named) or reference.get("type") not in (None, "Patient")
        if any(all(isinstance(part, str) for part in one) and one in identifiers for one in named):
            return True
    return False if said else None


def searched(reference: str) -> tuple[str, str] | None:
    """The business identifier in a conditional reference (``Patient?identifier=system|value``), if there is one."""
    before, _, query = reference.partition("?")
    if before.rpartition("/")[2] == "Patient":
        for name, value in parse_qsl(query):
            system, bar, own = value.partition("|")
            if name == "identifier" and bar:
                return system, own
    return None


class Whose(NamedTuple):
    """Whom a record is about: by ids of Patients, and by business identifiers (system and value)."""

    ids: tuple[str, ...]
    identifiers: tuple[tuple[str, str], ...]


def subjects(resource: Json, full_urls: Mapping[str, str] | None = None) -> Whose | None:
    """Whose a record is; None where it does not say (see :func:`is_about`).

    Raises Malformed where the element that says so has a wrong JSON type.
    """
    if is_about(resource, frozenset(), set(), Records()) is None:
        return None
    ids: list[str] = []
    identifiers: list[tuple[str, str]] = []
    for key in SUBJECTS.get(resource["resourceType"], _SUBJECT):
        reference = child(resource, key)
        if reference is None:
            continue
        target = reference.get("reference")
        if isinstance(target, str) and "?" in target:
            identifiers += [found] if (found := searched(target)) else []
        elif isinstance(target, str):
            target = full_urls.get(target, target) if full_urls else target
            of, slash, identity = relative(target).rpartition("/")
            if not slash or of == "Patient":
                ids.append(identity)
        identifier = child(reference, "identifier", key)
        if identifier and isinstance(identifier.get("system"), str) and isinstance(identifier.get("value"), str):
            identifiers.append((identifier["system"], identifier["value"]))
    return Whose(tuple(ids), tuple(identifiers))
