"""Fixtures of CDS Hooks: the demo hospital as the EHR's FHIR server, the service, and the EHR."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from trialmatch.demo import hospital_path

from tests.cds.ehr import Ehr
from tests.hospital.server import Hospital, resources_of
from tests.web.world import service_of


@pytest.fixture(scope="session")
def demo() -> Iterator[Hospital]:
    """The demo hospital, for tests that change nothing of it."""
    with Hospital(resources_of(hospital_path()), page=20) as hospital:
        yield hospital


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    """A demo hospital of a test's own."""
    with Hospital(resources_of(hospital_path()), page=20) as hospital:
        yield hospital


@pytest.fixture(scope="module")
def app(demo: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The service of a module; it may ask the EHR's server."""
    folder = tmp_path_factory.mktemp("cds")
    return service_of(folder, fhir_allowed=demo.url, rate_limit="100000 per minute", fhir_retries=0)


@pytest.fixture
def ehr(app: Flask, demo: Hospital) -> Ehr:
    """An EHR on this machine, whose calls need no token."""
    return Ehr(app.test_client(), demo)


@pytest.fixture
def fresh(hospital: Hospital, tmp_path: Path) -> Ehr:
    """An EHR with a hospital and a service of its own, for tests that leave traces."""
    app = service_of(tmp_path, fhir_allowed=hospital.url, fhir_retries=0)
    return Ehr(app.test_client(), hospital)
