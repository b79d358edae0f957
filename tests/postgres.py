"""A private PostgreSQL server for tests: in a folder of its own, reached by a socket file, gone afterwards."""

from __future__ import annotations

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

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

_WAIT = 60  # seconds for a server to come up, on a busy machine
_OPTIONS = {
    "listen_addresses": "",  # its socket file is the only way in
    "fsync": "off",  # tests kill clients, not the machine
    "full_page_writes": "off",
    "max_connections": "200",
}


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: by the PATH, by ``pg_config``, or the newest of Debian's versions."""
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


@contextmanager
def created(server: URL, name: str, template: str = "template0") -> Iterator[URL]:
    """A database that is made like another one, empty if not said, and dropped in the end."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        try:
            yield server.set(database=name)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()
