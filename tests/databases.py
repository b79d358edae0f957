"""Databases for tests: each has one of its own, and runs on SQLite and on PostgreSQL.

PostgreSQL is a private server for the test run, or that of TRIALMATCH_TEST_POSTGRES, a URL with the right to create
databases. Without either the tests skip, but fail where CI is set. Tables are made once and then copied.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url
from trialmatch.store.database import Store

from tests import postgres

_numbers = itertools.count(1)


def _name() -> str:
    return f"trialmatch_test_{os.getpid()}_{next(_numbers)}"


def _whole(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A server on which databases can be made."""
    given, commands = os.environ.get("TRIALMATCH_TEST_POSTGRES"), postgres.binaries()
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
    elif commands is not None:
        with postgres.running(commands) as url:
            yield url
    else:
        reason = "no PostgreSQL here: install it (Debian: postgresql), or name a server in TRIALMATCH_TEST_POSTGRES"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: URL) -> Iterator[str]:
    """The name of a database that has the tables, to be copied."""
    with postgres.created(postgres_server, _name()) as url:
        Store.open(_whole(url)).close()
        assert url.database is not None
        yield url.database


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that has the tables, to be copied."""
    path = tmp_path_factory.mktemp("tables") / "store.sqlite"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def postgres_database(postgres_server: URL, postgres_tables: str) -> Iterator[str]:
    """The URL of a database on PostgreSQL that has the tables and nothing in them."""
    with postgres.created(postgres_server, _name(), postgres_tables) as url:
        yield _whole(url)


@pytest.fixture
def empty_postgres_database(postgres_server: URL) -> Iterator[str]:
    """The URL of a database on PostgreSQL that has nothing at all."""
    with postgres.created(postgres_server, _name()) as url:
        yield _whole(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that has the tables and nothing in them."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_database"))
    return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_tables'), tmp_path)}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that has nothing at all, not even (SQLite) a file."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("empty_postgres_database"))
    return f"sqlite:///{tmp_path / 'store.sqlite'}"
