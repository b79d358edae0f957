"""One patient's records out of a folder that may hold a whole hospital; what matters to others only is let go at once.

The folder is read twice: for who the patient is, then for the records. What these refer to (Medications, Encounters),
and versions of them that are about somebody else, is then read where it stands.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from trialmatch.fhir.elements import Json, Malformed
from trialmatch.fhir.patient.facts import identifiers
from trialmatch.fhir.patient.records import (
    KEPT,
    Record,
    Records,
    identities,
    identity_of,
    is_about,
    plain,
    references,
    related,
)
from trialmatch.fhir.patient.sources import files_of, kind_of, lines_of, resource_of, resources_of

#: Where a record stands: the position of its file, the number of its line.
Place = tuple[int, int]


def of_patient(folder: Path, patient_id: str) -> Records:
    """What :func:`trialmatch.fhir.patient.sources.from_folder` reads, as far as it may matter to one patient.

    Raises BadInput where the folder holds no NDJSON.
    """
    files = files_of(folder)
    people = _people(files, plain(patient_id))
    found = identities(people, patient_id)
    if found is None:
        return people
    current, ids = found
    numbers = identifiers(people.patients()[current].resource)
    known = {identity_of(record.resource) for record in people.by_type["Patient"]} - {None}

    def matters(resource: Json) -> bool:
        kind = resource["resourceType"]
        if kind in ("Patient", "Medication"):
            return kind == "Patient" and identity_of(resource) in known
        try:
            return is_about(resource, ids, numbers, people) is not False
        except Malformed:
            return True  # the reading of facts tells it

    reading = _Reading(files)
    reading.read(matters)
    while reading.add_all({hash(key) for key in reading.wanted()}):
        pass  # what was added may refer to more
    return reading.records()


class _Reading:
    """The second reading: the records that matter; of all others only where they stand, by a hash of type and id."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.kept: dict[Place, Record] = {}
        self.told = Records()
        self.keys = [array("q") for _ in files]
        self.lines = [array("q") for _ in files]

    def read(self, matters: Callable[[Json], bool]) -> None:
        """Read all files."""
        for file, path in enumerate(self.files):
            keys, lines = self.keys[file], self.lines[file]
            for number, resource, place in resources_of(path, self.told):
                kind, identity = resource["resourceType"], identity_of(resource)
                if kind not in KEPT:
                    continue
                if identity is not None:
                    keys.append(hash((kind, identity)))
                    lines.append(number)
                if matters(resource):
                    self.kept[file, number] = Record(resource, place)

    def wanted(self) -> Iterator[tuple[str, ...]]:
        """The types and ids of the records that are kept, and of those that they refer to."""
        for record in self.kept.values():
            if isinstance(record.resource.get("id"), str):
                yield record.resource["resourceType"], record.resource["id"]
            for name in references(record.resource):
                yield tuple(name.split("/"))

    def add_all(self, wanted: Collection[int]) -> bool:
        """Keep all records with these hashes; whether any was not kept yet."""
        before = len(self.kept)
        for file, path in enumerate(self.files):
            standing = zip(self.keys[file], self.lines[file], strict=True)
            numbers = {number for key, number in standing if key in wanted and (file, number) not in self.kept}
            for number, line in enumerate(lines_of(path, Records()) if numbers else (), start=1):
                if number in numbers:
                    place = f"{path}:{number}"
                    resource = resource_of(line, place, kind_of(path), Records(), first=number == 1)
                    if resource is not None:
                        self.kept[file, number] = Record(resource, place)
        return len(self.kept) > before

    def records(self) -> Records:
        """What is kept, in the order of the files."""
        for _, record in sorted(self.kept.items(), key=lambda one: one[0]):
            self.told.add(*record)
        return self.told


def _people(files: Sequence[Path], patient_id: str) -> Records:
    """The Patient, and all who are linked to it in any way."""
    people = _patients(files, lambda one: identity_of(one) == patient_id or one.get("link") is not None)
    same = related(people, patient_id)
    if same == {patient_id}:
        held = people.by_type.get("Patient", ())
        people.by_type["Patient"] = [one for one in held if identity_of(one.resource) in same]
        return people
    return _patients(files, lambda one: identity_of(one) in same)


def _patients(files: Sequence[Path], wanted: Callable[[Json], bool]) -> Records:
    people = Records()
    for path in files:
        for number, line in enumerate(lines_of(path, Records()), start=1):
            if b'"Patient"' in line or b"\\u" in line:
                place = f"{path}:{number}"
                resource = resource_of(line, place, None, Records(), first=number == 1)
                if resource is not None and resource["resourceType"] == "Patient" and wanted(resource):
                    people.add(resource, place)
    return people
