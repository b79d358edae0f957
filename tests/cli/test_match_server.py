"""``match --fhir``: a server that answers, one that keeps a type back, one that refuses, one with several pages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.conftest import AS_OF, Run
from tests.hospital import faults
from tests.hospital.material import condition, patient
from tests.hospital.server import Hospital

LUPUS = [condition("a"), condition("b")]


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    """A hospital that has one patient with two records of lupus, and gives one record a page."""
    with Hospital([patient(), *LUPUS], page=1) as hospital:
        yield hospital


def test_every_page_is_followed(run: Run, hospital: Hospital) -> None:
    study = ("--study", "NCT06892145")
    done = run("match", "Patient/p", "--fhir", hospital.url, "--as-of", AS_OF, "--format", "json", *study)
    assert (done.exit_code, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    counts = {one["type"]: one["count"] for one in document["sources"]}
    assert counts["Condition"] == 2
    assert document["matches"][0]["verdict"] == "possible"


def test_only_what_the_studies_in_play_can_use_is_asked_for(run: Run, hospital: Hospital) -> None:
    run("match", "p", "--fhir", hospital.url, "--as-of", AS_OF, "--study", "NCT06892145")
    assert {"ImagingStudy", "DocumentReference"}.isdisjoint({one.target for one in hospital.log})
    assert any(one.values("combo-code") for one in hospital.asked("Observation"))


def test_a_type_that_is_kept_back(run: Run, hospital: Hospital) -> None:
    hospital.faults["Observation"] = faults.status(403)
    done = run("match", "p", "--fhir", hospital.url, "--as-of", AS_OF, "--study", "NCT06892145")
    assert done.exit_code == 5
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{hospital.url}/Observation: ")
    assert "INCOMPLETE  Observation (failed" in " ".join(done.stdout.split(" "))
    assert "Not given by the source" in done.stdout


def test_unknown_patient(run: Run, hospital: Hospital) -> None:
    wrong = run("match", "q", "--fhir", hospital.url)
    assert (wrong.exit_code, wrong.stdout) == (3, "")
    assert wrong.stderr.startswith(f"{hospital.url}: no such patient")


def test_a_server_that_refuses(run: Run, hospital: Hospital) -> None:
    hospital.faults["Patient"] = faults.status(403)
    wrong = run("match", "p", "--fhir", hospital.url)
    assert (wrong.exit_code, wrong.stdout) == (4, "")
    (line,) = wrong.stderr.splitlines()
    assert line.startswith(f"{hospital.url}: refuses access")


def test_no_url(run: Run) -> None:
    wrong = run("match", "p", "--fhir", "hospital")
    assert wrong.exit_code in (2, 3)
    assert len(wrong.stderr.splitlines()) == 1
