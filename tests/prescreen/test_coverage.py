"""Codes that no mapping knows, of a whole hospital: counted by groups of patients as of each among all records."""

from __future__ import annotations

import difflib
import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trialmatch import demo
from trialmatch.coverage import codes as coverage
from trialmatch.coverage import folder as coverage_folder
from trialmatch.coverage.codes import Count, Coverage, Wanted, concluded, document
from trialmatch.coverage.folder import coverage_of_folder
from trialmatch.errors import TrialmatchError
from trialmatch.fhir.patient import facts
from trialmatch.fhir.patient.apart import apart
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_bundle, from_path
from trialmatch.prescreen import fetch, reading
from trialmatch.prescreen.progress import Progress
from trialmatch.terminology.names import bare
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import folder_of
from tests.prescreen.people import condition, hemoglobin, person, three
from tests.prescreen.test_lines import messy
from tests.spark.hospital import generated

Json = dict[str, Any]

MRN = {"system": "urn:mrn", "value": "2"}
GONE = "MedicationRequest.medication: refers to no Medication that is there; expected one that says which drug it is"
NOBODY = "Observation.subject: none; expected whose record it is"


def local(identity: str, whose: str, code: str, display: str = "", **more: Any) -> Json:
    """A result with a code of the laboratory's own, in a unit of its own."""
    coding = {"system": "urn:lab", "code": code} | ({"display": display} if display else {})
    value = {"value": 5, "unit": "mumpitz"}
    return hemoglobin(identity, whose, 0, code={"coding": [coding]}, valueQuantity=value) | more


def version(day: int) -> Json:
    """When a version was written."""
    return {"meta": {"lastUpdated": f"2026-02-{day:02}T10:00:00Z"}}


def order(identity: str, whose: str, drug: str) -> Json:
    """An order of a Medication."""
    return {
        "resourceType": "MedicationRequest",
        "id": identity,
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": f"Medication/{drug}"},
        "subject": {"reference": f"Patient/{whose}"},
        "authoredOn": "2026-01-10",
    }


def drug(identity: str, code: str, display: str, **more: Any) -> Json:
    """A Medication with a code of the pharmacy's own."""
    coding = {"system": "urn:drug", "code": code, "display": display}
    return {"resourceType": "Medication", "id": identity, "code": {"coding": [coding]}, **more}


def two() -> list[Json]:
    """Ann and Bea, entered in every awkward way.

    Ann has 6 records: c1, o1, o3 as it is now, two parts of o7, m1. Bea has 4: c2, o2, o4 as it is now, o6.
    """
    parts = [
        {"code": {"coding": [{"system": "urn:lab", "code": "C1", "display": "Qwertz part"}]}, "valueInteger": 1},
        {key: hemoglobin("", "", 12.0)[key] for key in ("code", "valueQuantity")},
    ]
    panel = local("o7", "ann", "PAN", "Qwertz panel", component=parts)
    del panel["valueQuantity"]
    nobodys = local("o8", "ann", "XY1")
    del nobodys["subject"]
    return [
        person("ann"),
        person("bea", identifier=[MRN]),
        person("ann"),  # there again
        {"resourceType": "Patient", "gender": "female"},  # nobody can refer to her
        condition("c1", "ann"),
        condition("c2", "bea") | {"code": {"text": "Schulterschmerz"}},
        hemoglobin("o1", "ann", 12.1),
        local("o2", "bea", "XY1", "Qwertz B"),
        local("o3", "ann", "XY1", "Qwertz A", **version(2)),
        local("o3", "ann", "OLD", "Qwertz of old", **version(1)),  # the version before it
        local("o4", "ann", "XY1", **version(1)),
        local("o4", "bea", "XY1", **version(2)),  # was entered as Ann's
        local("o5", "nobody", "XY1"),
        hemoglobin("o6", "", 11.0, subject={"identifier": MRN}),
        panel,
        nobodys,
        order("m1", "ann", "d1"),
        order("m2", "bea", "gone"),
        drug("d1", "D1", "Methotrexate 10 mg", **version(2)),
        drug("d1", "D0", "Prednisone 5 mg", **version(1)),
    ]


def expected(found: Coverage) -> None:
    """What two() comes to, by hand."""
    told = document(found)
    assert (told["patients"], told["records"]) == (2, 10)
    assert [tuple(one.values()) for one in told["codes"]] == [
        ("Observation", "urn:lab", "XY1", "Qwertz A", 3, 2, None),  # o2, o3, o4; Ann comes before Bea
        ("Condition", "", "“Schulterschmerz”", "Schulterschmerz", 1, 1, None),
        ("MedicationRequest", "urn:drug", "D1", "Methotrexate 10 mg", 1, 1, "methotrexate"),
        ("Observation", "urn:lab", "C1", "Qwertz part", 1, 1, None),
    ]
    assert told["units"] == [{"unit": "mumpitz", "records": 3, "about": ("XY1",)}]
    held = {one["concept"]: one["patients"] for one in told["concepts"] if one["patients"]}
    assert held == {"hemoglobin": 2, "complete-blood-count": 2, "sle": 1, "ctd": 1}  # each with what takes it in
    assert not found.complete


def lines_of(folder: Path) -> int:
    """How many lines the files of a folder have."""
    return sum(path.read_bytes().count(b"\n") for path in folder.iterdir() if not path.name.endswith(".gz"))


def plainly(engine: Engine, records: Records) -> Coverage:
    """Each patient looked for among the records of all: what is meant, and too slow for more than a few."""
    count = Count(engine.terminology, engine.settings, Wanted.of(engine.studies))
    for patient in sorted(records.patients()):
        count.take(records, patient)
    count.tally.heard(records)
    return concluded(engine, count.tally)


@pytest.mark.parametrize("form", ["plain", "blank lines", "packed", "in one file"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_by_hand(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, jobs: int
) -> None:
    """Whatever way it is read, and with each patient in a group of her own."""
    for module in (fetch, reading, coverage_folder):
        monkeypatch.setattr(module, "GROUP", 1)
    names = {one["resourceType"]: "all.ndjson" for one in two()} if form == "in one file" else None
    source = folder_of(tmp_path / "in", two(), names)
    last = source / ("all.ndjson" if names else "Observation.ndjson")
    last.write_bytes(last.read_bytes() + b"no json\n")
    for path in list(source.iterdir()):
        content = path.read_bytes()
        if form == "blank lines":
            path.write_bytes(content.replace(b"\n", b"\n\n"))
        elif form == "packed":
            path.with_suffix(".ndjson.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + content))
            path.unlink()
    found = coverage_of_folder(engine, source, jobs)
    expected(found)
    factor = 2 if form == "blank lines" else 1
    places = {
        "in one file": ["all.ndjson:16", "all.ndjson:18", "all.ndjson:21"],
        "packed": ["MedicationRequest.ndjson.gz:2", "Observation.ndjson.gz:10", "Observation.ndjson.gz:11"],
    }.get(form, [f"MedicationRequest.ndjson:{factor + 1}", f"Observation.ndjson:{9 * factor + 1}"])
    gone, nobody = f": {GONE}", f": {NOBODY}"
    kinds = [nobody, gone] if form == "in one file" else [gone, nobody]
    told = [line.removeprefix(f"{source}/") for line in found.problems]
    assert told[:2] == [place + why for place, why in zip(places, kinds, strict=False)]
    (broken,) = told[2:]
    assert "no JSON" in broken and broken.endswith("; expected one resource a line")


def test_a_bundle_by_hand(engine: Engine) -> None:
    """Its records refer to each other by fullUrl; those that cannot be read are told once, and not once a patient."""
    urls = {("Patient", "ann"): "urn:uuid:0a", ("Patient", "bea"): "urn:uuid:0b", ("Medication", "d1"): "urn:uuid:0d"}
    entries = [{"resource": one} for one in two()]
    text = json.dumps(entries)
    for (kind, identity), url in urls.items():
        text = text.replace(f'"{kind}/{identity}"', f'"{url}"')
    entries = json.loads(text)
    for entry in entries:
        url = urls.get((entry["resource"]["resourceType"], entry["resource"].get("id")))
        entry |= {"fullUrl": url} if url else {}
    found = coverage.coverage(engine, from_bundle({"resourceType": "Bundle", "entry": entries}, "b.json"))
    expected(found)
    assert found.problems == [f"b.json: entry[15]: {NOBODY}", f"b.json: entry[17]: {GONE}"]


@pytest.mark.parametrize("made", [lambda path: demo.hospital_path(), messy, generated], ids=["demo", "messy", "large"])
def test_every_way_counts_as_a_patient_among_all_records(
    engine: Engine, tmp_path: Path, made: Callable[[Path], Path]
) -> None:
    """The large one has a Patient who is replaced by another, a record of two, and versions that are equally new."""
    source = made(tmp_path / "in")
    meant = plainly(engine, from_path(source))
    for found in (
        coverage.coverage(engine, from_path(source)),
        coverage_of_folder(engine, source, 1),
        coverage_of_folder(engine, source, 2),
    ):
        assert document(found) == document(meant)
        assert set(found.problems) == set(meant.problems)
        assert len(found.problems) == len(set(found.problems))
        assert found.complete == meant.complete


def test_everything_is_read_once(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many readings of facts as patients, each of three records and the drug that the order names."""
    everybody = [one for name in range(300) for one in _someone(f"p{name}")]
    source = folder_of(tmp_path / "in", [*everybody, drug("d1", "D1", "Qwertz")])
    held: list[int] = []
    taken: list[bytes] = []
    reader, take_line = facts.Reader.__init__, coverage_folder.take_line

    def made(self: facts.Reader, records: Records, *given: Any) -> None:
        held.append(sum(map(len, records.by_type.values())))
        reader(self, records, *given)

    monkeypatch.setattr(facts.Reader, "__init__", made)
    monkeypatch.setattr(
        coverage_folder, "take_line", lambda line, *given: (taken.append(line), take_line(line, *given))
    )
    folder = coverage_of_folder(engine, source, 1)
    assert len(taken) == 300 * 3
    assert (len(held), sum(held)) == (300, 300 * 4)
    held.clear()
    assert document(coverage.coverage(engine, from_path(source))) == document(folder)
    assert (len(held), sum(held)) == (300, 300 * 4)


def _someone(name: str) -> list[Json]:
    return [person(name), local(f"o-{name}", name, "XY1"), order(f"m-{name}", name, "d1")]


def test_taking_apart_a_bundle_looks_at_each_record_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    subjects = apart.__globals__["subjects"]
    monkeypatch.setitem(
        apart.__globals__, "subjects", lambda one, urls: (looked.append(one["id"]), subjects(one, urls))[1]
    )
    entries = [{"resource": one} for name in range(100) for one in _someone(f"p{name}")]
    parts = dict(apart(from_bundle({"resourceType": "Bundle", "entry": entries}, "b")))
    assert len(looked) == 200
    assert all(sum(map(len, own.by_type.values())) == 3 for own in parts.values())


def test_of_equally_new_versions_the_last_counts(engine: Engine, tmp_path: Path) -> None:
    """It stands in the second file and is Ann's; neither the other version nor its place makes it anybody else's."""
    source = folder_of(tmp_path / "in", [person("ann"), person("cleo")])
    for name, one in {"a": local("o9", "cleo", "AAA"), "b": local("o9", "ann", "BBB")}.items():
        (source / f"Observation.{name}.ndjson").write_text(json.dumps(one) + "\n", "utf-8")
    found = coverage_of_folder(engine, source, 1)
    assert [(one.code, one.records, one.patients) for one in found.codes] == [("BBB", 1, 1)]


def test_drugs_are_found_however_they_are_written(engine: Engine, tmp_path: Path) -> None:
    """Behind a byte order mark, under the name of another type, with escaped letters; the newest version wins."""
    source = folder_of(tmp_path / "in", [person("ann"), *(order(f"m{n}", "ann", f"d{n}") for n in range(3))])
    lines = [json.dumps(drug("d0", "D0", "Qwertz 0")), json.dumps(drug("d1", "D1", "Qwertz 1"))]
    written = "\ufeff" + "\n".join(lines) + "\n"
    assert written.count('"Medication"') == 2
    written = written.replace('"Medication"', '"\\u004dedication"')
    (source / "Basic.ndjson").write_text(written, "utf-8")
    versions = [drug("d2", "D2", "Qwertz 2", **version(2)), drug("d2", "OLD", "Qwertz of old", **version(1))]
    for name, one in zip("ab", versions, strict=True):
        (source / f"Medication.{name}.ndjson").write_text(json.dumps(one) + "\n", "utf-8")
    found = coverage_of_folder(engine, source, 1)
    assert [one.code for one in found.codes] == ["D0", "D1", "D2"]
    assert found.complete


def test_lines_that_are_no_json_after_all(engine: Engine, tmp_path: Path) -> None:
    """DuckDB takes NaN for a number; nothing of such a line counts, be it a result or a Patient, and each is told."""
    lines = [person("dora", multipleBirthInteger=float("nan")), local("o4", "ann", "XY1", x=float("nan"))]
    source = folder_of(tmp_path / "in", [*three(), *lines])
    found = coverage_of_folder(engine, source, 1)
    assert (found.patients, found.records) == (3, 6)
    assert [one.code for one in found.codes] == ["59621000"]  # Cleo's hypertension; no study asks for it
    places = [str(source / name) for name in ("Observation.ndjson:4", "Patient.ndjson:4")]
    assert [line.split(": no JSON")[0] for line in found.problems] == places
    assert not found.complete


def test_drugs_that_are_made_of_others(engine: Engine, tmp_path: Path) -> None:
    """The mixture has no code of its own: it is known by what is in it, in a folder as in a Bundle."""
    parts = [{"itemReference": {"reference": "Medication/d1"}}]
    mixed = {"resourceType": "Medication", "id": "d0", "ingredient": parts}
    records = [person("ann"), order("m0", "ann", "d0"), mixed, drug("d1", "D1", "Qwertz 1")]
    found = coverage_of_folder(engine, folder_of(tmp_path / "in", records), 1)
    assert [one.code for one in found.codes] == ["D1"]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": one} for one in records]}
    assert document(coverage.coverage(engine, from_bundle(bundle, "b"))) == document(found)


def test_a_patient_on_whom_the_reading_fails(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours: the others are counted all the same."""
    read = facts.Reader.read

    def fail(self: facts.Reader) -> Any:
        return 1 / 0 if "bea" in self.ids else read(self)

    monkeypatch.setattr(facts.Reader, "read", fail)
    source = folder_of(tmp_path / "in", three())
    found = coverage_of_folder(engine, source, 1)
    assert (found.patients, found.records, found.complete) == (2, 4, False)
    place = f"{source / 'Patient.ndjson'}:2"
    assert found.problems == [f"{place}: this patient could not be read (internal error: ZeroDivisionError)"]


@pytest.mark.parametrize("stage", ["survey", "fetch", "tally", None])
def test_nothing_of_a_patient_stays_behind(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str | None
) -> None:
    """Done or interrupted: the temporary folder is gone."""
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))

    def begin(begun: str, size: int) -> None:
        assert list(room.iterdir())
        if begun == stage:
            raise KeyboardInterrupt

    source = folder_of(tmp_path / "in", three())
    if stage is None:
        assert coverage_of_folder(engine, source, 2, Progress(begin)).complete
    else:
        with pytest.raises(KeyboardInterrupt):
            coverage_of_folder(engine, source, 2, Progress(begin))
    assert not list(room.iterdir())


@pytest.mark.parametrize("writes", ["trialmatch.prescreen.reading.fetch", "trialmatch.coverage.folder.shelve"])
def test_no_room(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: str) -> None:
    """The line names the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "room"))
    (tmp_path / "room").mkdir()

    def full(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writes, full)
    source = folder_of(tmp_path / "in", [*three(), drug("d1", "D1", "Qwertz")])
    with pytest.raises(TrialmatchError, match=r"room/.*: cannot be written \(No space left on device\)"):
        coverage_of_folder(engine, source, 1)
    assert not list((tmp_path / "room").iterdir())


@pytest.mark.parametrize("display", ["Haemoglobn", "transplant-histori", "Qwertz", "—", "", "\U0001d6fc", "LDH " * 100])
def test_the_nearest_name_is_that_of_difflib(engine: Engine, display: str) -> None:
    nearest = coverage._Nearest(engine.terminology)
    names = {bare(name): concept for concept, said in engine.terminology.designations.items() for name in said}
    best = difflib.get_close_matches(bare(display), names, n=1, cutoff=0.8) if display else []
    assert nearest.of("Observation", display) == (names[best[0]] if best else None)
