"""Studies from an R5 server: all of them, or none."""

from __future__ import annotations

import json

import pytest
from trialmatch.config import Settings
from trialmatch.errors import SourceUnavailable
from trialmatch.fhir.hospital.server import study_definitions
from trialmatch.resources import studies
from trialmatch.usecases.match import Engine

from tests.hospital import faults
from tests.hospital.conftest import Start, settings
from tests.hospital.server import Json


def shipped() -> list[Json]:
    """The shipped studies' resources."""
    bundles = [json.loads(content) for _, content in studies()]
    entries = [entry for bundle in bundles for entry in bundle.get("entry", [{"resource": bundle}])]
    return [entry["resource"] for entry in entries]


@pytest.mark.parametrize("page", [1, 3, 200])
def test_every_page(start: Start, page: int) -> None:
    resources = shipped()
    found = study_definitions(start(resources, page=page, release="5.0.0").url, settings())
    assert sorted(one.resource["id"] for one in found) == sorted(one["id"] for one in resources)


def test_they_are_the_shipped_ones(start: Start) -> None:
    hospital = start(shipped(), page=2, release="5.0.0")
    from_server = Engine.start(Settings.read({}, studies=hospital.url))
    assert {one.id for one in from_server.studies.studies} == {
        one.id for one in Engine.start(Settings.read({})).studies.studies
    }


def test_what_may_pass_is_asked_for_again(start: Start) -> None:
    hospital = start(shipped(), faults={"ResearchStudy": [faults.status(503), faults.reset()]})
    assert len(study_definitions(hospital.url, settings())) == len(shipped())


@pytest.mark.parametrize("kind", ["ResearchStudy", "EvidenceVariable"])
@pytest.mark.parametrize(
    "fault",
    [
        faults.status(403),
        faults.status(500),
        faults.answers(b"<html>"),
        faults.remarks("error"),
        faults.changed(lambda page: page.update(total=999)),
        faults.next_page("http://127.0.0.1:1/fhir/ResearchStudy"),
    ],
)
def test_some_of_them_are_none(start: Start, kind: str, fault: faults.Fault) -> None:
    """A study that is missing would be a match that nobody hears of."""
    hospital = start(shipped(), faults={kind: fault})
    with pytest.raises(SourceUnavailable, match=f"/{kind}: "):
        study_definitions(hospital.url, settings())
