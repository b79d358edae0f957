"""The CapabilityStatement: read as far as it goes, waited for by nobody, and lived without."""

from __future__ import annotations

import time

import pytest
from trialmatch.errors import SourceUnavailable
from trialmatch.fhir.hospital.capabilities import Capabilities
from trialmatch.fhir.hospital.server import fetch
from trialmatch.usecases.match import Engine

from tests.hospital import faults
from tests.hospital.conftest import Start, known, settings
from tests.hospital.material import condition, patient
from tests.hospital.server import Json


def statement(version: object = "4.0.1", *resources: Json, **rest: object) -> Json:
    return {
        "resourceType": "CapabilityStatement",
        "fhirVersion": version,
        "rest": [{"mode": "server", "resource": list(resources), **rest}],
    }


@pytest.mark.parametrize(
    ("version", "release"),
    [("4.0.1", "R4"), ("4.3.0", "R4B"), ("5.0.0", "R5"), ("3.0.2", "3.0.2"), (None, ""), (4, "")],
)
def test_releases(version: object, release: str) -> None:
    assert Capabilities.read(statement(version)).release == release


def test_what_can_be_searched() -> None:
    """Patient can only be read; a type without interactions is merely there; Condition lists parameters."""
    read = Capabilities.read(
        statement(
            "4.0.1",
            {"type": "Patient", "interaction": [{"code": "read"}]},
            {"type": "Procedure"},
            {
                "type": "Condition",
                "interaction": [{"code": "search-type"}],
                "searchParam": [{"name": "patient"}, {"name": "code"}],
            },
        )
    )
    assert [kind for kind in ("Patient", "Procedure", "Condition", "Observation") if read.lacks(kind)] == [
        "Patient",
        "Observation",
    ]
    assert not read.without("Condition", "code")
    assert read.without("Condition", "category")
    assert not read.without("Procedure", "category")  # it does not say


@pytest.mark.parametrize(
    "poor",
    [
        {},
        {"rest": 5},
        {"rest": [5]},
        {"rest": [{"resource": {"type": "Patient"}}]},
        {"rest": [{"mode": "client", "resource": [{"type": "Patient"}]}]},
        {"rest": [{"resource": [{"interaction": 5}]}]},
    ],
)
def test_a_poor_statement_forbids_nothing(poor: Json) -> None:
    read = Capabilities.read({"resourceType": "CapabilityStatement", **poor})
    assert not read.batch
    assert not read.without("Condition", "code")
    assert read.searches in (None, {})


def test_batch_is_offered() -> None:
    assert Capabilities.read(statement(interaction=[{"code": "transaction"}, {"code": "batch"}])).batch
    assert not Capabilities.read(statement(interaction=[{"code": "transaction"}])).batch


# --- a server's


def test_nobody_waits_for_it(engine: Engine, start: Start) -> None:
    hospital = start([patient()], faults={"metadata": faults.slow(9)})
    for _ in range(2):
        begun = time.monotonic()
        fetch(hospital.url, "p", settings(), engine.needs())
        assert time.monotonic() - begun < 6  # not the nine seconds
    assert len(hospital.asked("metadata")) == 1


def test_it_is_asked_for_once(engine: Engine, start: Start) -> None:
    hospital = start([patient()])
    fetch(hospital.url, "p", settings(), engine.needs())
    known(hospital)
    fetch(hospital.url, "p", settings(), engine.needs())
    assert len(hospital.asked("metadata")) == 1


def test_it_is_asked_for_again_when_it_is_old(engine: Engine, start: Start) -> None:
    hospital = start([patient()])
    brief = settings(fhir_metadata_ttl=0.2)
    fetch(hospital.url, "p", brief, engine.needs())
    known(hospital)
    time.sleep(0.3)
    fetch(hospital.url, "p", brief, engine.needs())
    until = time.monotonic() + 2
    while len(hospital.asked("metadata")) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(hospital.asked("metadata")) == 2


@pytest.mark.parametrize(
    "fault",
    [faults.status(404), faults.status(401), faults.answers(b"<html>"), faults.answers({"resourceType": "Basic"})],
)
def test_a_server_without_one(engine: Engine, start: Start, fault: faults.Fault) -> None:
    """It is done without, and not asked for again with every match."""
    hospital = start([patient(), condition("c")], faults={"metadata": fault})
    for _ in range(3):
        records = fetch(hospital.url, "p", settings(), engine.needs())
        assert {one.state for one in records.sources.values() if one.asked} == {"complete"}
    assert len(hospital.asked("metadata")) == 1


def test_a_type_the_server_lacks(engine: Engine, start: Start) -> None:
    """Asked at first, refused; no longer asked once it is known. Complete it never is."""
    hospital = start([patient(), condition("c")], offers=frozenset({"Condition", "Observation"}))
    first = fetch(hospital.url, "p", settings(), engine.needs()).source("Procedure")
    assert (first.state, first.detail) == ("failed", "it knows no such thing (404)")
    known(hospital)
    hospital.log.clear()
    records = fetch(hospital.url, "p", settings(), engine.needs())
    second = records.source("Procedure")
    assert (second.state, second.detail) == ("failed", "the server has no Procedure that can be searched")
    assert hospital.asked("Procedure") == []
    assert any("Procedure" in line for line in records.problems)
    assert records.source("Condition").state == "complete"


def test_a_release_nobody_here_reads(start: Start) -> None:
    hospital = start([patient()], release="3.0.2")
    fetch(hospital.url, "p", settings())
    known(hospital)
    with pytest.raises(SourceUnavailable, match=r"speaks FHIR 3\.0\.2; expected R4, R4B or R5"):
        fetch(hospital.url, "p", settings())


def test_an_r5_server_is_named(start: Start) -> None:
    hospital = start([patient(), condition("c")], release="5.0.0")
    fetch(hospital.url, "p", settings())
    known(hospital)
    records = fetch(hospital.url, "p", settings())
    assert records.source("Patient").detail == "from a FHIR R5 server"
    assert len(records.by_type["Condition"]) == 1
