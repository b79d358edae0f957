"""Fixtures of the web service: one application for all tests that leave no trace, fresh ones for those that do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from trialmatch.config import Settings
from trialmatch.fhir.study.studies import Definition, shipped
from trialmatch.store.database import Store
from trialmatch.usecases.match import Engine
from trialmatch.web.app import create_app

from tests.web.world import hospital_served, settings_of


@pytest.fixture(scope="session", autouse=True)
def _shipped_studies_are_read_once() -> Iterator[None]:
    """Each application would read and check the same shipped studies again, which is most of what it takes to make one.

    Whatever else is loaded (added studies, other mappings) is read as ever, and so are these in tests of processes.
    """
    plain = Engine.of(shipped(), Settings.read({}))
    read, known = Engine.of, [one.resource for one in shipped()]

    def of(definitions: list[Definition], settings: Settings, *, lenient: bool = False) -> Engine:
        if settings.mappings is None and not lenient and [one.resource for one in definitions] == known:
            return replace(plain, settings=settings)
        return read(definitions, settings, lenient=lenient)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "of", staticmethod(of))
        yield


@pytest.fixture(scope="session")
def hospital() -> Iterator[str]:
    """The base URL of the demo hospital."""
    with hospital_served() as url:
        yield url


@pytest.fixture(scope="module")
def app(hospital: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application with the demo hospital behind it, shared by the tests of a module."""
    return create_app(settings_of(tmp_path_factory.mktemp("web"), fhir_server=hospital, rate_limit="100000 per minute"))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller on this machine."""
    return app.test_client()


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An empty store, on SQLite and on PostgreSQL."""
    with Store.open(database) as opened:
        yield opened


@pytest.fixture
def fresh(hospital: str, store: Store, tmp_path: Path) -> FlaskClient:
    """A caller of an application of its own, on both databases."""
    return create_app(settings_of(tmp_path, fhir_server=hospital), store=store).test_client()
