"""A prescreen says of every patient what matching that patient alone says, field by field."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest
from trialmatch.demo import hospital_path
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import Json, folder_of, patients, same, screened
from tests.prescreen.people import condition, hemoglobin, person, three

SHARED = os.environ.get("TRIALMATCH_SHARED", "")
PUBLIC = Path(SHARED) / "patients" / "public-58"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "hospital"
    shutil.copytree(hospital_path(), folder)
    return folder


def test_the_demo_hospital(engine: Engine, demo: Path, tmp_path: Path) -> None:
    done = same(engine, demo, tmp_path / "out")
    verdicts = {row["verdict"] for rows in done.rows.values() for row in rows}
    assert verdicts >= {"eligible", "likely", "possible"} or len(verdicts) > 1  # the comparison is about something
    assert len(done.rows) > 10


def test_one_study_of_the_demo_hospital(engine: Engine, demo: Path, tmp_path: Path) -> None:
    done = same(engine, demo, tmp_path / "out", study_ids=("NCT06892145",))
    assert {row["study"] for rows in done.rows.values() for row in rows} == {"NCT06892145"}


@pytest.mark.skipif(not SHARED, reason="TRIALMATCH_SHARED names no public patients")
def test_the_public_patients(engine: Engine, tmp_path: Path) -> None:
    assert PUBLIC.is_dir(), f"{PUBLIC} is not there"
    done = same(engine, PUBLIC, tmp_path / "out")
    assert done.counts()["patients"] == 58


def test_the_cut_of_the_files_does_not_matter(engine: Engine, demo: Path, tmp_path: Path) -> None:
    """Several files a type, packed or not, types mixed in one file, lines in another order: the same rows."""
    plain = screened(engine, demo, tmp_path / "plain")
    other = tmp_path / "other"
    other.mkdir()
    mixed = []
    for path in sorted(demo.glob("*.ndjson")):
        lines = path.read_bytes().splitlines(keepends=True)
        kind = path.name.split(".")[0]
        if kind in ("Procedure", "Immunization", "Condition"):
            mixed += lines
        elif kind == "Observation":
            half = len(lines) // 2
            (other / "Observation.000.ndjson").write_bytes(b"".join(lines[:half]))
            (other / "Observation.001.ndjson.gz").write_bytes(gzip.compress(b"".join(lines[half:])))
        elif kind == "Patient":
            (other / "Patient.0.ndjson.gz").write_bytes(gzip.compress(b"".join(reversed(lines))))
        else:
            (other / path.name).write_bytes(b"\n".join(lines))  # with blank lines between
    (other / "things.ndjson").write_bytes(b"".join(reversed(mixed)))
    done = screened(engine, other, tmp_path / "out")
    keep = ("patient", "study", "verdict", "score", "counts", "unmet", "missing", "cohorts", "reason", "rank")
    expected = {name: [{key: row[key] for key in keep} for row in rows] for name, rows in plain.rows.items()}
    found = {name: [{key: row[key] for key in keep} for row in rows] for name, rows in done.rows.items()}
    assert found == expected
    same(engine, other, tmp_path / "again")


def lines(*resources: Json) -> bytes:
    """Resources as the lines of a file."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in resources)


LUPUS = lines(condition("y1", "cleo"))
RESULTS = lines(*(hemoglobin(f"x{number}", "ann", 11) for number in range(3)))
MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n \n",
        LUPUS.rstrip(),
        LUPUS.replace(b"\n", b"\r\n"),
        b"\n\n" + LUPUS,
        MARK + LUPUS,
        MARK + RESULTS + LUPUS,
    ],
    ids=["empty", "blank", "no end", "two ends", "blank lines", "byte order mark", "byte order mark and more"],
)
def test_how_a_file_begins_and_ends(engine: Engine, tmp_path: Path, content: bytes, packed: bool) -> None:
    """Cleo's diagnosis in a file of its own, as one program or another would write it."""
    source = folder_of(tmp_path / "in", three())
    name = "Condition.1.ndjson.gz" if packed else "Condition.1.ndjson"
    (source / name).write_bytes(gzip.compress(content) if packed else content)
    done = same(engine, source, tmp_path / "out", study_ids=("NCT06892145",))
    assert done.run["state"] == "complete"
    assert ("Patient/cleo" in done.rows) == (LUPUS.rstrip() in content)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", None),
        (gzip.compress(RESULTS) + gzip.compress(LUPUS), None),
        (gzip.compress(LUPUS[:50]) + gzip.compress(LUPUS[50:]), None),
        (gzip.compress(LUPUS) + b"\0" * 512, None),
        (gzip.compress(LUPUS) + b"more", "BadGzipFile"),
        (gzip.compress(RESULTS) + gzip.compress(LUPUS)[:-9], "EOFError"),
        (LUPUS, "BadGzipFile"),
    ],
    ids=["no byte", "two members", "a line of two", "padded", "something behind", "cut off", "not packed"],
)
def test_how_a_file_is_packed(engine: Engine, tmp_path: Path, content: bytes, fault: str | None) -> None:
    source = folder_of(tmp_path / "in", three())
    (source / "Condition.1.ndjson.gz").write_bytes(content)
    done = same(engine, source, tmp_path / "out", study_ids=("NCT06892145",))
    expected = [] if fault is None else [f"broke off ({fault}); expected a whole file"]
    assert [one["why"] for one in done.run["faults"]] == expected


def test_a_byte_order_mark_before_somebody_who_is_replaced(engine: Engine, tmp_path: Path) -> None:
    """The old Patient, whose link leads to the new one, stands on the first line."""
    old = person("old", link=[{"type": "replaced-by", "other": {"reference": "Patient/ann"}}])
    new = person("ann", link=[{"type": "replaces", "other": {"reference": "Patient/old"}}])
    source = folder_of(tmp_path / "in", [condition("c1", "old"), hemoglobin("o1", "ann", 12)])
    (source / "Patient.ndjson").write_bytes(MARK + lines(old, new))
    done = same(engine, source, tmp_path / "out", study_ids=("NCT06892145",))
    assert set(done.rows) == {"Patient/ann"}
    assert done.counts()["replaced"] == 1


def test_a_byte_order_mark_before_what_others_refer_to(engine: Engine, tmp_path: Path) -> None:
    """The Medication that an order names stands on the first line of its file, behind the mark."""
    rituximab = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "121191"}]}
    order = {
        "resourceType": "MedicationRequest",
        "id": "r1",
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": "Medication/m1"},
        "authoredOn": "2026-02-01",
        "subject": {"reference": "Patient/ann"},
    }
    source = folder_of(tmp_path / "in", [*three(), order])
    (source / "Medication.ndjson").write_bytes(
        MARK + lines({"resourceType": "Medication", "id": "m1", "code": rituximab})
    )
    done = same(engine, source, tmp_path / "out")
    assert done.run["state"] == "complete"
    assert any("MedicationRequest/r1" in row["evidence"] for row in done.rows["Patient/ann"])


def test_types_that_hide_in_a_file_of_another_name(engine: Engine, demo: Path, tmp_path: Path) -> None:
    """Conditions, which gates ask for, in a file called Observation."""
    hidden = tmp_path / "hidden"
    shutil.copytree(demo, hidden)
    conditions = (hidden / "Condition.ndjson").read_bytes()
    (hidden / "Condition.ndjson").unlink()
    with (hidden / "Observation.ndjson").open("ab") as stream:
        stream.write(conditions)
    assert screened(engine, hidden, tmp_path / "out").rows == screened(engine, demo, tmp_path / "demo-out").rows


def test_processes_change_nothing(engine: Engine, demo: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    screened(engine, demo, one)
    screened(engine, demo, two, jobs=2)
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir())
    for name in names:
        if name != "run.json":
            assert (one / name).read_bytes() == (two / name).read_bytes(), name
    runs = [json.loads((out / "run.json").read_bytes()) for out in (one, two)]
    for run in runs:
        del run["timing"]  # the only part that may differ
    assert runs[0] == runs[1]


def test_references_in_every_spelling(engine: Engine, demo: Path, tmp_path: Path) -> None:
    """Absolute URLs, versions, ids alone, business identifiers, escaped slashes: the same patients' records."""
    spelled = tmp_path / "spelled"
    shutil.copytree(demo, spelled)
    path = spelled / "Patient.ndjson"
    people = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for one in people:
        one["identifier"] = [{"system": "http://hospital.example/mrn", "value": f"M-{one['id']}"}]
    path.write_text("".join(json.dumps(one) + "\n" for one in people), "utf-8")
    forms = [
        lambda one: {"reference": f"https://hospital.example/fhir/Patient/{one}"},
        lambda one: {"reference": f"Patient/{one}/_history/3"},
        lambda one: {"reference": one},
        lambda one: {"identifier": {"system": "http://hospital.example/mrn", "value": f"M-{one}"}},
        lambda one: {"display": "somebody", "reference": f"Patient/{one}"},
        lambda one: {"reference": f"Patient?identifier=http://hospital.example/mrn|M-{one}"},
    ]
    for path in spelled.glob("*.ndjson"):
        if path.name == "Patient.ndjson":
            continue
        lines = []
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            resource = json.loads(line)
            for key in ("subject", "patient", "individual"):
                if key in resource:
                    patient = resource[key]["reference"].removeprefix("Patient/")
                    resource[key] = forms[number % len(forms)](patient)
            text = json.dumps(resource)
            lines.append(text.replace("/", "\\/") if number % 7 == 0 else text)
        path.write_text("\n".join(lines) + "\n", "utf-8")
    assert len(patients(spelled)) > 10
    same(engine, spelled, tmp_path / "out")
