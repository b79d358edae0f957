"""Real servers, each started once and filled with the same hospitals; what the files say of the same patients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from trialmatch.config import Settings
from trialmatch.demo import hospital_path
from trialmatch.demo.load import load, resources
from trialmatch.fhir.patient.sources import from_path
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.contract import servers
from tests.harness import NOW
from tests.hospital.server import Hospital

Json = dict[str, Any]

#: Every study is asked for, so that nothing of a document stays unseen.
QUESTION = Question(date(2026, 3, 1), everything=True)

SHARED = os.environ.get("TRIALMATCH_SHARED", "")
PUBLIC = Path(SHARED) / "patients" / "public-58"
HAS_PUBLIC = bool(SHARED) and PUBLIC.is_dir()


@dataclass(frozen=True)
class Server:
    """A server with the demo hospital; a real one has the public patients too, where the environment names them.

    ``settings`` are those with which nothing is missed on it.
    """

    name: str
    url: str

    @property
    def settings(self) -> dict[str, str]:
        """Medplum's repository knows no ``:text`` and finds nothing by words: all Observations have to be asked for."""
        return {"fhir_observations": "all"} if self.name == "medplum" else {}


Start = Callable[[str], Server]


@contextmanager
def _loaded(name: str) -> Iterator[Server]:
    with {"hapi": servers.hapi, "medplum": servers.medplum}[name]() as url:
        for folder in (hospital_path(), *([PUBLIC] if HAS_PUBLIC else [])):
            load(url, resources(folder))
        yield Server(name, url)


@contextmanager
def _scripted() -> Iterator[Server]:
    """The server of tests/hospital: its faults prove something only if it is like a real one without them."""
    with Hospital(resources(hospital_path())) as scripted:
        yield Server("scripted", scripted.url)


@pytest.fixture(scope="session")
def start() -> Iterator[Start]:
    """Starts a server the first time it is asked for; all of them end with the tests."""
    there: dict[str, Server | servers.Missing] = {}
    with ExitStack() as stack:

        def server(name: str) -> Server:
            if name not in there:
                try:
                    there[name] = stack.enter_context(_scripted() if name == "scripted" else _loaded(name))
                except servers.Missing as problem:
                    there[name] = problem
            found = there[name]
            if isinstance(found, Server):
                return found
            if os.environ.get("CI") == "true":
                pytest.fail(str(found))
            pytest.skip(str(found))

        yield server


@pytest.fixture(params=["hapi", "medplum", "scripted"])
def server(request: pytest.FixtureRequest, start: Start) -> Server:
    """Every server, one after the other."""
    return start(request.param)


@pytest.fixture(params=["hapi", "medplum"])
def real(request: pytest.FixtureRequest, start: Start) -> Server:
    """Every server of the field, one after the other."""
    return start(request.param)


class Files:
    """What the files of a hospital say: its records, and the document of each patient, worked out once."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.records = from_path(folder)
        self.document = cache(self._document)

    def _document(self, patient: str) -> Json:
        """The document, of which callers change nothing."""
        return match_patient(self.engine, self.records, patient, QUESTION, "files").document(NOW)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The shipped studies and mappings."""
    return Engine.start(Settings.read({}))


@pytest.fixture(scope="session")
def demo(engine: Engine) -> Files:
    """The demo hospital."""
    return Files(engine, hospital_path())


@pytest.fixture(scope="session")
def public(engine: Engine) -> Files:
    """The public patients."""
    if not HAS_PUBLIC:
        pytest.skip("TRIALMATCH_SHARED names no folder with public patients")
    return Files(engine, PUBLIC)
