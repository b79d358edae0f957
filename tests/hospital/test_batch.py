"""Searches as one batch: where it is worth it, what its entries mean, and going on without."""

from __future__ import annotations

import pytest
from trialmatch.fhir.hospital.capabilities import Pace
from trialmatch.fhir.hospital.server import fetch
from trialmatch.fhir.patient.records import Records
from trialmatch.usecases.match import Engine

from tests.hospital import faults
from tests.hospital.conftest import Start, known, settings
from tests.hospital.material import condition, medication, observation, order, patient
from tests.hospital.server import Hospital

ALWAYS = settings(fhir_batch="always")
RESOURCES = [
    patient(),
    *(observation(f"o{number}") for number in range(5)),
    condition("c"),
    order("o", "Medication/m"),
    medication("m"),
]


def counts(records: Records) -> dict[str, int]:
    return {kind: len(found) for kind, found in records.by_type.items()}


def singly(hospital: Hospital) -> list[str]:
    """What was asked for one by one, with the number of its page where it is not the first."""
    return sorted(
        one.target + (f" {page[0]}" if (page := one.values("page")) else "")
        for one in hospital.log
        if one.method == "GET" and one.target not in ("metadata", "Patient", "Medication")
    )


@pytest.fixture
def hospital(start: Start) -> Hospital:
    return start(RESOURCES, batch=True)


def test_the_same_records(engine: Engine, hospital: Hospital) -> None:
    one_by_one = fetch(hospital.url, "p", settings(fhir_batch="never"), engine.needs())
    hospital.log.clear()
    together = fetch(hospital.url, "p", ALWAYS, engine.needs())
    assert counts(together) == counts(one_by_one)
    assert counts(together)["Observation"] == 5
    assert singly(hospital) == []
    assert len(hospital.asked("batch")) == 1


def test_further_pages_are_followed(engine: Engine, start: Start) -> None:
    hospital = start(RESOURCES, batch=True, page=2)
    records = fetch(hospital.url, "p", ALWAYS, engine.needs())
    assert counts(records)["Observation"] == 5
    assert singly(hospital) == ["Observation 2", "Observation 4"]


@pytest.mark.parametrize("code", [401, 403, 404, 500])
def test_an_entry_that_fails(engine: Engine, start: Start, code: int) -> None:
    hospital = start(RESOURCES, batch=True, faults={"Condition": faults.status(code)})
    records = fetch(hospital.url, "p", ALWAYS, engine.needs())
    assert records.source("Condition").state == "failed"
    assert f"({code})" in str(records.source("Condition").detail)
    assert records.source("Observation").state == "complete"
    assert singly(hospital) == []


def test_an_entry_that_fails_for_a_passing_reason(engine: Engine, start: Start) -> None:
    hospital = start(RESOURCES, batch=True, faults={"Condition": [faults.status(503)]})
    records = fetch(hospital.url, "p", ALWAYS, engine.needs())
    assert records.source("Condition").state == "complete"
    assert singly(hospital) == ["Condition"]


def test_an_entry_that_is_refused_is_asked_otherwise(engine: Engine, start: Start) -> None:
    hospital = start(RESOURCES, batch=True, lacks=frozenset({"combo-code"}), strict=True)
    records = fetch(hospital.url, "p", ALWAYS, engine.needs())
    assert records.source("Observation").state == "complete"
    assert counts(records)["Observation"] == 5


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(405),
        faults.status(500),
        faults.answers(b"no JSON"),
        faults.answers({"resourceType": "Bundle", "type": "batch-response", "entry": []}),
        faults.reset(0),
    ],
)
def test_a_batch_that_is_refused(engine: Engine, start: Start, fault: faults.Fault) -> None:
    hospital = start(RESOURCES, batch=True, faults={"batch": fault})
    records = fetch(hospital.url, "p", settings(fhir_batch="always", fhir_retries=1), engine.needs())
    assert counts(records)["Observation"] == 5
    assert {one.state for one in records.sources.values() if one.asked} == {"complete"}


def test_a_server_without_batch_is_asked_once(engine: Engine, start: Start) -> None:
    hospital = start(RESOURCES)
    fetch(hospital.url, "p", ALWAYS, engine.needs())
    fetch(hospital.url, "p", ALWAYS, engine.needs())
    assert len(hospital.asked("batch")) == 1


@pytest.mark.parametrize("offered", [True, False])
def test_by_itself_only_where_it_is_offered(engine: Engine, start: Start, offered: bool) -> None:
    hospital = start(RESOURCES, batch=offered)
    fetch(hospital.url, "p", settings(), engine.needs())
    assert hospital.asked("batch") == []  # nobody knows yet whether it is offered
    known(hospital)
    fetch(hospital.url, "p", settings(), engine.needs())
    assert bool(hospital.asked("batch")) is offered


SLOWLY = dict.fromkeys(("Observation", "Condition", "Procedure"), faults.slow(0.3))


@pytest.mark.parametrize(
    ("slowly", "batches"), [({"batch": faults.slow(0.3)}, 1), (SLOWLY, 5)], ids=["batch", "one by one"]
)
def test_the_faster_way_is_taken(engine: Engine, start: Start, slowly: dict, batches: int) -> None:
    """One by one, then as a batch, then four times as it was faster."""
    hospital = start(RESOURCES, batch=True, faults=slowly)
    fetch(hospital.url, "p", settings(), engine.needs())
    known(hospital)
    for _ in range(5):
        assert counts(fetch(hospital.url, "p", settings(), engine.needs()))["Observation"] == 5
    assert len(hospital.asked("batch")) == batches


def test_more_searches_than_run_side_by_side(engine: Engine, start: Start) -> None:
    """They would come in rounds: the batch is taken, slow as it was the first time."""
    hospital = start(RESOURCES, batch=True, faults={"batch": [faults.slow(0.5)]})
    fetch(hospital.url, "p", settings(fhir_parallel=4), engine.needs())
    known(hospital)
    for _ in range(3):
        fetch(hospital.url, "p", settings(fhir_parallel=4), engine.needs())
    assert len(hospital.asked("batch")) == 3


def test_the_slower_way_is_tried_again_now_and_then() -> None:
    """A server may have been busy when it was slow."""
    pace = Pace(one_by_one=0.1, as_batch=0.2)
    turns = [pace.batch_is_next() for _ in range(50)]
    assert [number for number, batch in enumerate(turns, 1) if batch] == [25, 50]
    for _ in range(10):
        pace.took(0.01, batch=True)
    assert pace.batch_is_next()


def test_never(engine: Engine, hospital: Hospital) -> None:
    fetch(hospital.url, "p", settings(fhir_batch="never", fhir_parallel=2), engine.needs())
    assert hospital.asked("batch") == []
