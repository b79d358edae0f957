"""One patient out of a folder: what is read of it says the same as all of it, and others are not held in memory."""

from __future__ import annotations

import copy
import gzip
from pathlib import Path
from typing import Any

import pytest
from trialmatch.demo import hospital_path
from trialmatch.errors import BadInput, PatientMissing
from trialmatch.fhir.patient.folder import of_patient
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_folder
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.harness import NOW
from tests.prescreen.hospital import AS_OF, folder_of
from tests.prescreen.people import condition, hemoglobin, person, three
from tests.prescreen.test_lines import messy
from tests.spark.hospital import generated

Json = dict[str, Any]


def answer(engine: Engine, records: Records, patient: str) -> tuple[Json, list[str]]:
    """The match document, and the lines for standard error."""
    given = match_patient(engine, records, patient, Question(AS_OF, everything=True), "folder")
    return given.document(NOW), given.problems


def alike(engine: Engine, folder: Path) -> None:
    """Every patient's answer is that of the whole folder."""
    whole = from_folder(folder)
    for patient in sorted(whole.patients()):
        own = Records(whole.by_type, copy.deepcopy(whole.sources), list(whole.problems), whole.full_urls)
        assert answer(engine, of_patient(folder, patient), patient) == answer(engine, own, patient), patient


def test_the_demo_hospital(engine: Engine) -> None:
    alike(engine, hospital_path())


def test_lines_of_every_kind(engine: Engine, tmp_path: Path) -> None:
    """Broken ones, records of nobody, of no id, by identifier, by an id without its type."""
    alike(engine, messy(tmp_path / "in"))


def test_a_hospital_with_everything_that_makes_reading_hard(engine: Engine, tmp_path: Path) -> None:
    """Many files, packed ones, replaced patients, repeats, drugs in a file of their own."""
    alike(engine, generated(tmp_path / "in", patients=30))


def test_others_are_let_go(tmp_path: Path) -> None:
    """Of three patients with a diagnosis and a result each, one stays; of Medications and visits those referred to."""
    visits = [{"resourceType": "Encounter", "id": f"e{n}", "subject": {"reference": "Patient/bea"}} for n in (1, 2)]
    drugs = [{"resourceType": "Medication", "id": f"m{n}"} for n in (1, 2)]
    order = {
        "resourceType": "MedicationRequest", "id": "r1", "subject": {"reference": "Patient/ann"},
        "medicationReference": {"reference": "Medication/m2"}, "encounter": {"reference": "Encounter/e1"},
    }  # fmt: skip
    records = of_patient(folder_of(tmp_path / "in", [*three(), *visits, *drugs, order]), "ann")
    held = {record.resource["id"] for those in records.by_type.values() for record in those}
    assert held == {"ann", "c1", "o1", "r1", "m2", "e1"}


def test_a_newer_version_about_somebody_else(engine: Engine, tmp_path: Path) -> None:
    """Ann's result was entered for the wrong patient and corrected: it is Bea's, and Ann has none."""
    newer = hemoglobin("o1", "bea", 9.9, meta={"lastUpdated": "2026-02-28T08:00:00Z"})
    folder = folder_of(tmp_path / "in", [*three(), newer])
    alike(engine, folder)
    names = [one.resource["subject"]["reference"] for one in of_patient(folder, "ann").by_type["Observation"]]
    assert names == ["Patient/ann", "Patient/bea"]  # the older version alone would count


@pytest.mark.parametrize("linked", ["old", "ann"])
def test_links(engine: Engine, tmp_path: Path, linked: str) -> None:
    """Old was replaced by Ann, who says it or who alone says it; an older version of Cleo's Patient had such a link."""
    older = {"lastUpdated": "2025-01-01T00:00:00Z"}
    to_ann = {"type": "replaced-by", "other": {"reference": "Patient/ann"}}
    resources = [one for one in three() if one["id"] != "ann"]
    ann = person("ann", link=[{"type": "replaces", "other": {"reference": "Patient/old"}}] if linked == "ann" else [])
    old = person("old", link=[to_ann] if linked == "old" else [])
    resources += [ann, old, condition("c9", "old"), person("cleo", meta=older, link=[to_ann])]
    alike(engine, folder_of(tmp_path / "in", resources))


def test_a_folder_that_lacks_the_patient(engine: Engine, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", three())
    with pytest.raises(PatientMissing, match="no such patient"):
        answer(engine, of_patient(folder, "dora"), "dora")
    with pytest.raises(BadInput, match="no NDJSON in it"):
        of_patient(tmp_path, "ann")


def test_a_packed_file_that_breaks_off(engine: Engine, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", three())
    path = folder / "Observation.ndjson"
    packed = gzip.compress(path.read_bytes() * 50)
    path.unlink()
    (folder / "Observation.ndjson.gz").write_bytes(packed[: len(packed) - 20])
    alike(engine, folder)
    assert [line.split(": ")[1] for line in of_patient(folder, "ann").problems] == [
        "broke off (EOFError); expected a whole file"
    ]
