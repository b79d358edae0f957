"""Records that name their patient by a business identifier, alone or beside a reference (records.is_about)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trialmatch.prescreen import closer, survey
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import Screened, folder_of, same, screened
from tests.prescreen.people import condition, hemoglobin, person, three

Json = dict[str, Any]

ONE = {"study_ids": ("NCT06892145",)}


def mrn(value: object, system: object = "urn:mrn") -> Json:
    """A business identifier."""
    return {"system": system, "value": value}


def by(value: object, whose: str = "") -> Json:
    """A subject by identifier, and by reference if ``whose`` is given."""
    return {"identifier": mrn(value)} | ({"reference": f"Patient/{whose}"} if whose else {})


def named_by(**numbers: str) -> list[Json]:
    """Ann and Bea with lupus, Cleo without, who have these numbers."""
    return [
        one | ({"identifier": [{"value": "of no system"}, mrn(numbers[one["id"]])]} if one["id"] in numbers else {})
        for one in three()
    ]


def all_looked_at(engine: Engine, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Screened:
    """The same run where every line is looked at closely, by the function that reads for a single patient."""
    with monkeypatch.context() as patch:
        patch.setattr(survey, "_ODD", -1)
        return screened(engine, source, out, **ONE)


def test_a_reference_with_an_identifier_needs_no_closer_look(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether somebody there has the identifier or nobody."""
    resources = named_by(ann="1", bea="2")
    for one in resources:
        if "subject" in one:
            whose = one["subject"]["reference"].removeprefix("Patient/")
            one["subject"] = by({"ann": "1", "bea": "2", "cleo": "3"}[whose], whose)
    source = folder_of(tmp_path / "in", resources)
    monkeypatch.setattr(closer, "look", None)  # would raise
    done = same(engine, source, tmp_path / "out", **ONE)
    assert sorted(done.rows) == ["Patient/ann", "Patient/bea"]  # Cleo has no lupus
    assert done.counts()["orphans"] == {}


def test_a_record_with_two_names_is_about_both(engine: Engine, tmp_path: Path) -> None:
    """A diagnosis of Ann's has Cleo's number, so that Cleo has lupus, too; Ann's newest hemoglobin has Bea's."""
    resources = [
        *named_by(bea="2", cleo="3"),
        condition("c4", "", subject=by("3", "ann")),
        hemoglobin("o4", "", 11.0, "2026-02-25", subject=by("2", "ann")),
    ]
    study = {"study_ids": ("Universal-CD19-BCMA-autoimmune",)}  # asks for hemoglobin
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **study)
    assert sorted(done.rows) == ["Patient/ann", "Patient/bea", "Patient/cleo"]
    references = {patient: row["evidence"] for patient, (row,) in done.rows.items()}
    assert "Condition/c4" in references["Patient/ann"] and "Condition/c4" in references["Patient/cleo"]
    assert "Observation/o4" in references["Patient/ann"] and "Observation/o4" in references["Patient/bea"]
    assert done.counts()["orphans"] == {}


def test_two_patients_may_have_one_number(engine: Engine, tmp_path: Path) -> None:
    resources = [*named_by(ann="7", cleo="7"), condition("c4", "", subject=by("7"))]
    done = same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)
    assert "Condition/c4" in done.rows["Patient/cleo"][0]["evidence"]
    assert "Condition/c4" in done.rows["Patient/ann"][0]["evidence"]


def test_the_number_of_one_who_was_replaced(engine: Engine, tmp_path: Path) -> None:
    """Cleo was entered twice; the diagnosis has the number of the older entry, which Cleo's does not repeat.

    Of several Patients that mean the same, the number of the one in use is what counts, as in ``match``.
    """
    old = person("old", identifier=[mrn("9")], link=[{"type": "replaced-by", "other": {"reference": "Patient/cleo"}}])
    resources = [*three(), old, condition("c4", "", subject=by("9"))]
    same(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", **ONE)


@pytest.mark.parametrize(
    ("subject", "orphan"),
    [
        (by("1"), False),
        (by("nobody's"), True),
        ({"identifier": mrn("1", "urn:another")}, True),
        (by("1", "nobody"), False),  # Ann is there, whatever the reference says
        (by("nobody's", "ann"), False),
        (by("nobody's", "nobody"), True),
        ({"reference": "Group/5"}, True),
        ({"reference": "Group/5", "identifier": mrn("1")}, False),
        ({"reference": "Patient?identifier=urn:mrn|1"}, False),
        ({"reference": "Patient?identifier=urn:mrn|2"}, True),
        ({"type": "Group", "display": "a family"}, True),
        ({"identifier": {"value": "1"}}, True),
        ({"identifier": mrn(1)}, True),  # a number is no string
        ({"identifier": mrn(1), "reference": "Patient/ann"}, False),
        ({"identifier": mrn("1"), "reference": "ann"}, False),
    ],
    ids=str,
)
def test_whose_record_it_is(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subject: Json, orphan: bool
) -> None:
    """Ann's number is 1. Read closely or not, a record about nobody who is there is counted."""
    resources = [*named_by(ann="1"), condition("c4", "", subject=subject)]
    source = folder_of(tmp_path / "in", resources)
    done = same(engine, source, tmp_path / "out", **ONE)
    assert done.counts()["orphans"] == ({"Condition": 1} if orphan else {})
    closely = all_looked_at(engine, source, tmp_path / "closely", monkeypatch)
    assert closely.rows == done.rows
    assert closely.counts() == done.counts()


def test_a_line_that_says_it_twice_stops_nothing(engine: Engine, tmp_path: Path) -> None:
    """JSON with a key twice: which one counts differs between readers, and here the last one does."""
    source = folder_of(tmp_path / "in", named_by(ann="1"))
    line = json.dumps(condition("c4", "", subject=by("1"))).replace('"value": "1"', '"value": "1", "value": "2"')
    with (source / "Condition.ndjson").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    same(engine, source, tmp_path / "out", **ONE)


@pytest.mark.parametrize("subject", [{"display": "Ann"}, {"reference": "Patient?name=Patient/ann"}], ids=str)
def test_a_name_says_of_nobody_whose_record_it_is(engine: Engine, tmp_path: Path, subject: Json) -> None:
    source = folder_of(tmp_path / "in", [*named_by(ann="1"), hemoglobin("o4", "", 11.0, subject=subject)])
    done = screened(engine, source, tmp_path / "out", **ONE)
    (fault,) = done.run["faults"]
    assert (fault["line"], fault["why"]) == (4, "Observation.subject: none; expected whose record it is")


@pytest.mark.parametrize("identifier", ["1", ["1"], 5], ids=str)
def test_an_identifier_of_a_wrong_type_is_a_fault(engine: Engine, tmp_path: Path, identifier: object) -> None:
    subject = {"reference": "Patient/ann", "identifier": identifier}
    source = folder_of(tmp_path / "in", [*named_by(ann="1"), hemoglobin("o4", "", 11.0, subject=subject)])
    done = screened(engine, source, tmp_path / "out", **ONE)
    (fault,) = done.run["faults"]
    assert (fault["line"], fault["why"].split(":")[0]) == (4, "Observation.subject.identifier")


def test_patients_of_a_file_that_is_read_line_by_line(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One broken line among the Patients, and all of the file is looked at: numbers are found there, too."""
    source = folder_of(tmp_path / "in", [*named_by(cleo="3"), condition("c4", "", subject=by("3", "ann"))])
    path = source / "Patient.ndjson"
    path.write_bytes(path.read_bytes() + b"no json\n" + json.dumps(person("dora")).encode() + b"\n")
    monkeypatch.setattr(survey, "_ODD", 0)
    done = screened(engine, source, tmp_path / "out", **ONE)
    assert "Condition/c4" in done.rows["Patient/cleo"][0]["evidence"]
