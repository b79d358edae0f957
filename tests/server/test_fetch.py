"""One patient's records from a FHIR server: every page, and every way in which a server fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import pytest
from trialmatch import demo
from trialmatch.config import Settings
from trialmatch.errors import BadInput, PatientMissing, SourceUnavailable
from trialmatch.fhir.server import fetch
from trialmatch.fhir.sources import from_path
from trialmatch.usecases import Engine, Question, match_patient

from tests.harness import NOW
from tests.server.hospital import Hospital, served

QUESTION = Question(date(2026, 3, 1), everything=True)
PATIENT = demo.SHOWCASE[0][0]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.start(Settings.read({}))


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    yield Hospital(demo.hospital_path())


def _document(engine: Engine, records, patient: str, now: datetime = NOW) -> dict:
    return match_patient(engine, records, patient, QUESTION, "here").document(now)


def test_the_same_answer_as_from_files(engine: Engine, hospital: Hospital) -> None:
    files = from_path(demo.hospital_path())
    with served(hospital) as url:
        for patient, _ in demo.SHOWCASE:
            fetched = fetch(url, patient, engine.settings)
            assert _document(engine, fetched, patient) == _document(engine, files, patient)


def test_every_page_is_followed(engine: Engine, hospital: Hospital) -> None:
    observations = hospital.search("Observation", PATIENT)
    assert len(observations) > 2 * hospital.page
    with served(hospital) as url:
        records = fetch(url, PATIENT, engine.settings)
    assert len(records.by_type["Observation"]) == len(observations)
    assert records.source("Observation").state == "complete"


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("500", "failed"),
        ("401", "failed"),
        ("403", "failed"),
        ("404", "failed"),
        ("text", "failed"),
        ("breaks", "partial"),
        ("loop", "partial"),
        ("elsewhere", "partial"),
    ],
)
def test_what_a_server_does_not_give_is_said(engine: Engine, hospital: Hospital, fault: str, state: str) -> None:
    hospital.faults["Observation"] = fault
    with served(hospital) as url:
        records = fetch(url, PATIENT, engine.settings)
        asked = len(hospital.asked)
    assert asked < 60
    answer = match_patient(engine, records, PATIENT, QUESTION, url)
    source = next(one for one in answer.sources if one.type == "Observation")
    assert source.state == state
    assert source.detail
    assert not answer.complete
    assert any("Observation" in line for line in answer.problems)
    assert not any(PATIENT in line for line in answer.problems)
    match = next(one for one in answer.document(NOW)["matches"] if one["study"]["id"] == "NCT06892145")
    basis = {one["linkId"]: one["basis"] for one in match["missing"]}
    assert basis["I4"] == "source-failed"
    assert match["verdict"] == "possible"


def test_an_unknown_patient(engine: Engine, hospital: Hospital) -> None:
    with served(hospital) as url, pytest.raises(PatientMissing, match="no such patient"):
        fetch(url, "nobody", engine.settings)


@pytest.mark.parametrize("fault", ["401", "403", "500", "text"])
def test_a_patient_that_is_refused(engine: Engine, hospital: Hospital, fault: str) -> None:
    hospital.faults["Patient"] = fault
    with served(hospital) as url, pytest.raises(SourceUnavailable):
        fetch(url, PATIENT, engine.settings)


def test_a_server_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        fetch("http://127.0.0.1:9/fhir", PATIENT, engine.settings)


def test_no_url(engine: Engine) -> None:
    with pytest.raises(BadInput, match="no URL"):
        fetch("ftp://hospital.example/fhir", PATIENT, engine.settings)
