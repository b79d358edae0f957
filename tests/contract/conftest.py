"""Real servers, each started once and filled with the same hospitals; what the files say of the same patients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from trialmatch.config import Settings
from trialmatch.fhir.records import Records
from trialmatch.fhir.sources import from_path
from trialmatch.usecases import Engine

from tests.contract import hospital, servers

SHARED = os.environ.get("TRIALMATCH_SHARED", "")
PUBLIC = Path(SHARED) / "patients" / "public-58"
HAS_PUBLIC = bool(SHARED) and PUBLIC.is_dir()
SERVERS = {"hapi": servers.hapi, "medplum": servers.medplum}


@dataclass(frozen=True)
class Server:
    """A server with the demo hospital, and the public patients where the environment names a folder of them."""

    name: str
    url: str


def _or_skipped(server: AbstractContextManager[str]) -> Iterator[str]:
    """The server's URL; a test that is skipped, and says why, where the machine lacks what it needs (never in CI)."""
    try:
        with server as url:
            yield url
    except servers.Missing as problem:
        if os.environ.get("CI") == "true":
            pytest.fail(str(problem))
        pytest.skip(str(problem))


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    for url in _or_skipped(SERVERS[request.param]()):
        for folder in (hospital.DEMO, *([PUBLIC] if HAS_PUBLIC else [])):
            hospital.load(url, hospital.resources(folder))
        yield Server(request.param, url)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The shipped studies and mappings."""
    return Engine.start(Settings.read({}))


@pytest.fixture(scope="session")
def demo() -> Records:
    """The demo hospital, from its files."""
    return from_path(hospital.DEMO)


@pytest.fixture(scope="session")
def public() -> Records:
    """The public patients, from their files."""
    if not HAS_PUBLIC:
        pytest.skip("TRIALMATCH_SHARED names no folder with public patients")
    return from_path(PUBLIC)
