"""What is wrong with the input: counted, located, never silent, and for matching a single patient just the same."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from trialmatch.eligibility.evaluator import settled
from trialmatch.errors import BadInput, UsageError
from trialmatch.prescreen import judge
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import folder_of, same, screened
from tests.prescreen.people import condition, hemoglobin, person, three

ONE = {"study_ids": ("NCT06892145",)}


def verdicts(rows: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    return {patient: found[0]["verdict"] for patient, found in rows.items()}


def test_who_is_a_candidate(engine: Engine, tmp_path: Path) -> None:
    """Lupus is a gate: Cleo has none on record, so the study is not for her."""
    done = same(engine, folder_of(tmp_path / "in", three()), tmp_path / "out", **ONE)
    assert verdicts(done.rows) == {"Patient/ann": "possible", "Patient/bea": "possible"}
    (study,) = done.run["studies"]
    assert study["setAside"] == {"no-record-of-disease": 1, "deceased": 0, "age-or-sex": 0}
    assert study["judged"] == 2
    assert done.run["state"] == "complete"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"not json", "no JSON"),
        (b'{"resourceType":"Observation","id":"x","subj', "no JSON"),
        (b'{"id":"x"}', "resourceType"),
        (b'["Observation"]', "an array"),
        (b'{"resourceType":"Observations","id":"x","subject":{"reference":"Patient/ann"}}', "not known"),
        (b'{"resourceType":"OBSERVATION","id":"x","subject":{"reference":"Patient/ann"}}', "not known"),
        (b'{"resourceType":"Coding","code":"x"}', "not known"),
        (b'{"resourceType":7,"id":"x"}', "resourceType"),
        (b'{"resourceType":"Observation","id":"x","status":"final"}', "expected whose record it is"),
        (b'{"resourceType":"Observation","id":"x","subject":{"display":"Ann"}}', "expected whose record it is"),
        (b'{"resourceType":"Observation","id":"x","subject":"Patient/ann"}', "expected an object"),
        (b'{"resourceType":"Observation","id":"x","subject":{"reference":7}}', "expected a string"),
        (b'{"resourceType":"Observation","id":"\xff","subject":{"reference":"Patient/ann"}}', "no JSON"),
    ],
)
def test_a_line_that_cannot_be_read(engine: Engine, tmp_path: Path, line: bytes, why: str) -> None:
    """It makes its type incomplete for everybody, as it does for a patient matched alone."""
    source = folder_of(tmp_path / "in", three())
    path = source / "Observation.ndjson"
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(first + b"\n" + line + b"\n" + rest)
    done = same(engine, source, tmp_path / "out", **ONE)
    (fault,) = done.run["faults"]
    assert (fault["file"], fault["line"], fault["type"]) == ("Observation.ndjson", 2, "Observation")
    assert why in fault["why"]
    assert done.run["state"] == "incomplete"
    assert not done.summary.complete
    assert done.summary.problems[0].startswith(f"{path}:2: ")


def test_a_misspelt_type_gates_nobody(engine: Engine, tmp_path: Path) -> None:
    """It could have been Cleo's lupus, as any other line that cannot be read."""
    source = folder_of(tmp_path / "in", three())
    lupus = condition("c9", "cleo", "55464009") | {"resourceType": "Conditon"}
    with (source / "Condition.ndjson").open("a") as stream:
        stream.write(json.dumps(lupus) + "\n")
    done = same(engine, source, tmp_path / "out", **ONE)
    assert set(done.rows) >= {"Patient/ann", "Patient/cleo"}
    assert [fault["type"] for fault in done.run["faults"]] == ["Condition"]


@pytest.mark.parametrize("kind", ["Specimen", "Claim", "MedicinalProduct", "Transport"])
def test_a_type_that_no_criterion_asks_for(engine: Engine, tmp_path: Path, kind: str) -> None:
    """R4, R4B and R5 each have some of their own: nothing is wrong with them."""
    source = folder_of(tmp_path / "in", [*three(), {"resourceType": kind, "id": "x"}])
    done = same(engine, source, tmp_path / "out", **ONE)
    assert done.run["state"] == "complete" and not done.run["faults"]


def test_a_diagnosis_that_cannot_be_read_gates_nobody(engine: Engine, tmp_path: Path) -> None:
    """It could have been Cleo's lupus: that there is no record of it is no longer known."""
    source = folder_of(tmp_path / "in", three())
    with (source / "Condition.ndjson").open("ab") as stream:
        stream.write(b"{oops\n")
    done = same(engine, source, tmp_path / "out", **ONE)
    assert set(done.rows) >= {"Patient/ann", "Patient/cleo"}


@pytest.mark.parametrize("wrong", [{"onsetDateTime": 2020}, {"clinicalStatus": 5}, {"abatementPeriod": []}])
def test_a_diagnosis_with_an_element_of_a_wrong_type(engine: Engine, tmp_path: Path, wrong: dict[str, object]) -> None:
    """It cannot be read, and could say anything of this patient; of others it says nothing."""
    resources = [*three(), person("dora"), condition("c4", "cleo", "38341003", **wrong)]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)
    assert "Patient/cleo" in done.rows
    assert "Patient/dora" not in done.rows
    assert done.counts()["patientsWithUnreadableRecords"] == {"Condition": 1}
    assert done.run["state"] == "incomplete"
    assert len(done.run["problems"]) == 1
    assert done.run["problems"][0].split(": ")[0].endswith("Condition.ndjson:4")


def test_what_only_a_strict_reading_refuses(engine: Engine, tmp_path: Path) -> None:
    """NaN is no JSON, though DuckDB reads it: found when the candidate's lines are read, and then everything anew."""
    source = folder_of(tmp_path / "in", three())
    path = source / "Observation.ndjson"
    path.write_bytes(path.read_bytes().replace(b"12.1", b"NaN"))
    done = same(engine, source, tmp_path / "out", **ONE)
    (fault,) = done.run["faults"]
    assert (fault["file"], fault["line"], fault["type"]) == ("Observation.ndjson", 1, "Observation")


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [condition("c9", "cleo")],
        [condition("c9", "cleo"), hemoglobin("o9", "cleo", 12)],
        [{"resourceType": "Organization", "id": "o"}],
        [5],
        "none",
    ],
    ids=["nothing", "a diagnosis", "two records", "what nobody asks for", "no resource", "no array"],
)
@pytest.mark.parametrize("name", ['"Bundle"', '"\\u0042undle"'])
def test_a_line_that_is_a_bundle(engine: Engine, tmp_path: Path, entries: Any, name: str) -> None:
    """Bulk Data has one resource a line. Whatever is in it could be of any type and anybody's, such as Cleo's lupus."""
    source = folder_of(tmp_path / "in", three())
    inside = [{"resource": one} for one in entries] if isinstance(entries, list) else entries
    with (source / "Condition.ndjson").open("a") as stream:
        stream.write(f'{{"resourceType": {name}, "type": "collection", "entry": {json.dumps(inside)}}}\n')
    done = screened(engine, source, tmp_path / "out", **ONE)
    why = "a Bundle; expected one resource a line"
    assert done.run["faults"] == [{"file": "Condition.ndjson", "line": 4, "why": why, "type": None}]
    assert {"Condition", "Observation", "Patient"} <= set(done.run["partial"])
    assert set(done.rows) == {"Patient/ann", "Patient/bea", "Patient/cleo"}


def test_a_folder_of_bundles(engine: Engine, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", three())
    (source / "all.ndjson").write_text('{"resourceType": "Bundle", "type": "collection"}\n' * 3)
    with pytest.raises(BadInput, match=r"all\.ndjson:1: a Bundle; expected NDJSON of FHIR"):
        screened(engine, source, tmp_path / "out")


def test_a_file_that_breaks_off(engine: Engine, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", three())
    many = b"".join(json.dumps(hemoglobin(f"x{n}", "ann", 11 + n / 100)).encode() + b"\n" for n in range(500))
    packed = gzip.compress(many)
    (source / "Observation.1.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    done = same(engine, source, tmp_path / "out", **ONE)
    (fault,) = done.run["faults"]
    assert (fault["file"], fault["line"]) == ("Observation.1.ndjson.gz", None)
    assert "broke off" in fault["why"]


def test_records_that_are_there_again(engine: Engine, tmp_path: Path) -> None:
    """The newest version counts, wherever it stands; each repeat is counted and located."""
    old = hemoglobin("o1", "ann", 6.0, meta={"versionId": "1", "lastUpdated": "2026-02-20T10:00:00Z"})
    new = hemoglobin("o1", "ann", 12.5, meta={"versionId": "2", "lastUpdated": "2026-02-21T10:00:00Z"})
    resources = [person("ann"), condition("c1", "ann"), new, old, old]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)
    assert done.counts()["repeated"] == 2
    assert done.run["repeated"] == [
        {"file": "Observation.ndjson", "line": 2},
        {"file": "Observation.ndjson", "line": 3},
    ]


def test_a_record_that_was_given_to_somebody_else(engine: Engine, tmp_path: Path) -> None:
    """Its newest version is about Bea, so that it is Ann's no longer."""
    old = condition("c9", "ann", meta={"versionId": "1", "lastUpdated": "2026-02-20T10:00:00Z"})
    new = condition("c9", "bea", meta={"versionId": "2", "lastUpdated": "2026-02-21T10:00:00Z"})
    resources = [person("ann"), person("bea"), old, new]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)
    assert set(done.rows) == {"Patient/bea"}


def test_a_patient_on_whom_the_judging_fails(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours: everybody else is judged as without this patient, and what failed is said."""
    source = folder_of(tmp_path / "in", three())
    without = folder_of(tmp_path / "without", [one for one in three() if one["id"] != "ann"])
    others = screened(engine, without, tmp_path / "others")

    def fails(study: Any, context: Any, attested: Any) -> Any:
        if context.facts.person.reference == "Patient/ann":
            raise OverflowError("date value out of range")
        return settled(study, context, attested)

    monkeypatch.setattr(judge, "settled", fails)
    done = screened(engine, source, tmp_path / "out")
    assert done.rows == others.rows
    assert sorted(done.rows) == ["Patient/bea"]
    why = "this patient could not be judged (internal error: OverflowError)"
    assert done.summary.problems == [f"{source / 'Patient.ndjson'}:1: {why}"]
    assert (done.run["state"], done.run["problems"]) == ("incomplete", [f"Patient.ndjson:1: {why}"])


def test_records_about_nobody(engine: Engine, tmp_path: Path) -> None:
    resources = [*three(), hemoglobin("o8", "nobody", 9), condition("c8", "nobody"), hemoglobin("o9", "nobody", 9)]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)
    assert done.counts()["orphans"] == {"Condition": 1, "Observation": 2}
    assert done.run["state"] == "complete"


def test_a_record_without_an_id(engine: Engine, tmp_path: Path) -> None:
    """Its evidence is its place: file and line."""
    nameless = condition("x", "ann")
    del nameless["id"]
    source = folder_of(tmp_path / "in", [*three(), nameless])
    done = same(engine, source, tmp_path / "out", **ONE)
    assert f"{source / 'Condition.ndjson'}:4" in done.rows["Patient/ann"][0]["evidence"]


def test_a_person_with_two_patients(engine: Engine, tmp_path: Path) -> None:
    """Ann's diagnosis is on an old Patient that hers replaces."""
    resources = [
        person("ann", link=[{"type": "replaces", "other": {"reference": "Patient/old"}}]),
        person("old", link=[{"type": "replaced-by", "other": {"reference": "Patient/ann"}}]),
        condition("c1", "old"),
        hemoglobin("o1", "ann", 12),
    ]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)
    assert set(done.rows) == {"Patient/ann"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (1, 1)


def test_a_drug_and_a_date_that_are_referred_to(engine: Engine, tmp_path: Path) -> None:
    """The Medication says which drug it is, the Encounter when it was; neither is found by the patient's id."""
    resources = [
        *three(),
        {
            "resourceType": "Medication",
            "id": "m1",
            "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "8640"}]},
        },
        {
            "resourceType": "MedicationRequest",
            "id": "r1",
            "status": "active",
            "intent": "order",
            "medicationReference": {"reference": "Medication/m1"},
            "encounter": {"reference": "Encounter/e1"},
            "subject": {"reference": "Patient/ann"},
        },
        {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": "Patient/somebody"},
            "period": {"start": "2025-06-01", "end": "2025-06-01"},
        },
    ]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out")
    assert any("MedicationRequest/r1" in row["evidence"] for row in done.rows["Patient/ann"])


def test_a_drug_whose_ingredient_is_another_medication(engine: Engine, tmp_path: Path) -> None:
    """Two steps lead from the order to the code."""
    code = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "8640"}]}
    subject = {"reference": "Patient/ann"}
    order = {
        "resourceType": "MedicationRequest", "id": "r1", "status": "active", "intent": "order", "subject": subject,
        "authoredOn": "2025-06-01", "medicationReference": {"reference": "Medication/m1"},
    }  # fmt: skip
    named = {"itemReference": {"reference": "Medication/m2"}}
    whole = {"resourceType": "Medication", "id": "m1", "ingredient": [named]}
    part = {"resourceType": "Medication", "id": "m2", "code": code}
    done = same(engine, folder_of(tmp_path / "in", [*three(), order, whole, part]), tmp_path / "out")
    evidence = {reference for row in done.rows["Patient/ann"] for reference in row["evidence"]}
    assert "MedicationRequest/r1" in evidence


def test_what_is_no_hospital(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadInput, match="no such folder"):
        screened(engine, tmp_path / "nowhere", out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no NDJSON in it"):
        screened(engine, tmp_path / "empty", out)
    table = tmp_path / "table"
    table.mkdir()
    (table / "Patient.ndjson").write_text("id,name\n1,2\n")
    with pytest.raises(BadInput, match=r"Patient\.ndjson:1: no JSON"):
        screened(engine, table, out)
    with pytest.raises(UsageError, match="no such study"):
        screened(engine, folder_of(tmp_path / "in", three()), out, study_ids=("NCT0",))
    assert not (out / "run.json").exists()


def test_a_missing_type_is_complete_and_empty(engine: Engine, tmp_path: Path) -> None:
    resources = [one for one in three() if one["resourceType"] != "Observation"]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)
    assert done.run["state"] == "complete"
