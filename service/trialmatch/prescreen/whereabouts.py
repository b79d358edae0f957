"""Where somebody has gone who was a candidate in an earlier run: replaced, deceased, set aside, or not there at all."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from trialmatch.eligibility.criteria import Study
from trialmatch.fhir.elements import Json
from trialmatch.fhir.patient.records import Records, identities, identity_of
from trialmatch.prescreen.attrition import DECEASED, GATE, PERSON
from trialmatch.prescreen.closer import numbered, record_of
from trialmatch.prescreen.gates import Sieves
from trialmatch.prescreen.inputs import Input
from trialmatch.prescreen.people import targets
from trialmatch.prescreen.reading import Reading

NOT_THERE, NO_RECORD = "not there", GATE

_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')


@dataclass(frozen=True)
class Whereabouts:
    """What the input says of patients who are not judged: their Patients, and for whom which studies are in play."""

    records: Records
    in_play: dict[str, frozenset[str]]
    as_of: date

    @classmethod
    def of_run(cls, reading: Reading, studies: Sequence[Study], as_of: date, ids: Collection[str]) -> Whereabouts:
        """The whereabouts of some patients, by id, in what was read."""
        sieves = Sieves.of(studies, reading.partial)
        in_play = {
            one.id: frozenset(sieves.sieves[position].study.id for position in sieves.candidates(one.gates))
            for one in (reading.candidates if ids else ())
            if one.id in ids
        }
        files = [file for file, types in zip(reading.files, reading.types, strict=True) if "Patient" in types]
        return cls(_patients(files, ids), in_play, as_of)

    def of(self, patient: str, study: str) -> tuple[str, str]:
        """Why a patient (by id) is not judged for a study: a stage of the attrition or ``NOT_THERE``, and in words."""
        found = identities(self.records, patient)
        if found is None:
            return NOT_THERE, "no such Patient is there any longer"
        if found[0] != patient:
            return NOT_THERE, f"replaced by Patient/{found[0]}, who is looked at instead"
        if study not in self.in_play.get(patient, ()):
            return NO_RECORD, "no record any longer of what the study must find on record"
        if self._deceased(self.records.patients()[patient].resource):
            return DECEASED, "deceased"
        return PERSON, "age or sex outside the study's limits"

    def _deceased(self, patient: Json) -> bool:
        died = patient.get("deceasedDateTime")
        return patient.get("deceasedBoolean") is True or (isinstance(died, str) and died[:10] <= self.as_of.isoformat())


def _patients(files: Iterable[Input], ids: Collection[str]) -> Records:
    """The Patients with some ids, and all whom they are linked to."""
    records = Records()
    asked: set[str] = set()
    wanted = set(ids)
    while wanted:
        asked |= wanted
        sought = {one.encode() for one in wanted}
        for file in files:
            for number, line in numbered(file):
                if number and (b"\\" in line or not sought.isdisjoint(_ID.findall(line))):
                    resource, _, _ = record_of(line, number, file.kind)
                    if resource and resource["resourceType"] == "Patient" and identity_of(resource) in wanted:
                        records.add(resource, "")
        linked = {one for held in records.by_type.values() for record in held for one in targets(record.resource)}
        wanted = linked - asked
    return records
