"""PostgreSQL for tests: a private server that lives as long as the test run, and a fresh database for each test.

The binaries are found on the PATH, through ``pg_config`` or in Debian's place. TRIALMATCH_TEST_POSTGRES, a URL with the
right to create databases, names another server to use. Without either the tests skip, but fail where CI is set.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

_WAIT = 60  # seconds for a server to come up, on a busy machine
_OPTIONS = {
    "listen_addresses": "",  # its socket file is the only way in
    "fsync": "off",  # tests kill clients, not the machine
    "full_page_writes": "off",
    "max_connections": "200",
}


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``; the newest version's where Debian has several."""
    folders = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    if shutil.which("pg_config"):
        told = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        folders.append(Path(told))
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(versions, key=lambda path: int("0" + path.parent.name.split(".")[0]), reverse=True)
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


@contextmanager
def running(commands: Path) -> Iterator[URL]:
    """Start a server in a folder of its own, and stop and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="trialmatch-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        identity = _identity()
        if identity:
            os.chown(folder, identity["user"], identity["group"])
        shared: dict[str, Any] = {"cwd": folder, **identity}
        make = [commands / "initdb", "--no-sync", "-A", "trust", "-U", "trialmatch", "-E", "UTF8", "--locale=C"]
        made = subprocess.run([*make, "-D", folder / "data"], capture_output=True, text=True, check=False, **shared)
        assert made.returncode == 0, made.stderr
        serve = [commands / "postgres", "-D", folder / "data", "-k", folder]
        serve += [word for setting, value in _OPTIONS.items() for word in ("-c", f"{setting}={value}")]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(serve, stdout=log, stderr=log, **shared)
        url = URL.create("postgresql+psycopg", "trialmatch", database="postgres", query={"host": str(folder)})
        try:
            _wait(server, url, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # at once, without waiting for clients
            server.wait(_WAIT)


def _identity() -> dict[str, int]:
    """As whom the server runs: as oneself, but PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid}
    raise AssertionError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def _wait(server: subprocess.Popen[bytes], url: URL, log: Path) -> None:
    engine = create_engine(url)
    until = time.monotonic() + _WAIT
    while True:
        try:
            with engine.connect():
                break
        except OperationalError:
            assert server.poll() is None and time.monotonic() < until, log.read_text("utf-8")
            time.sleep(0.05)
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A server on which databases can be made."""
    given = os.environ.get("TRIALMATCH_TEST_POSTGRES")
    commands = binaries()
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
    elif commands is not None:
        with running(commands) as url:
            yield url
    else:
        reason = "no PostgreSQL here: install it (Debian: postgresql), or name a server in TRIALMATCH_TEST_POSTGRES"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


_numbers = itertools.count(1)


@pytest.fixture
def postgres_database(postgres_server: URL) -> Iterator[str]:
    """The URL of a new, empty database, removed after the test."""
    name = f"trialmatch_test_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        yield postgres_server.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database: each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite'}"
    url = request.getfixturevalue("postgres_database")
    assert isinstance(url, str)
    return url
