"""The store itself: which database, its transactions, its migrations."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, Pool, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from trialmatch.config import Settings
from trialmatch.errors import BadInput, StoreUnavailable, TrialmatchError, UsageError
from trialmatch.store.failures import LOCKED, is_busy, meaning
from trialmatch.store.tables import REVISION

#: How long to wait for a lock, a connection of the pool, or a server that does not answer, in seconds.
PATIENCE = 10

_KEPT = "what is to be kept"

# Alembic keeps the migration that it runs in globals of its modules: one at a time in a process.
_one_migration = threading.Lock()


class Store:
    """A database that is open and has the tables of this version. Threads may share it, and so may a forked child."""

    def __init__(self, url: URL) -> None:
        self.place = f"the store {_shown(url)}"
        self.engine = _engine(url)
        self._turn = threading.Lock()
        self._inherited: list[Pool] = []
        _alive.add(self)

    @classmethod
    def open(cls, database: str | Settings) -> Store:
        """Open a database by its URL (or that of the settings) and bring its tables up to date.

        Several workers may do so at once. SQLite's file is made where there is none, readable for its owner only.
        Raises UsageError for what is no URL of a database, StoreUnavailable where the database cannot be used or was
        written by a newer version.
        """
        url = _url(database.database if isinstance(database, Settings) else database)
        store = cls(url)
        try:
            if url.database and url.get_backend_name() == "sqlite":
                store._prepare_file(Path(url.database))
            if store._revision() != REVISION:
                store._migrate()
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    def check(self) -> None:
        """See whether the database can be written to, without doing so (else StoreUnavailable).

        One that may only be read, such as a standby, would let nothing of a patient be told: nothing can be audited.
        """
        with self.writing(lasting=False) as connection:
            connection.execute(text("UPDATE purges SET kind = kind WHERE 1 = 0"))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, alone: str | None = None, *, lasting: bool = True) -> Iterator[Connection]:
        """A transaction that writes; what it wrote is on disk when the block has ended without an error.

        ``alone`` names a purpose that one transaction at a time may pursue. (SQLite has one writer at a time anyway.)
        What is not ``lasting`` does not wait for the disk: it survives the end of this process, however that comes
        about, but a power failure only after the next write that is. (Both databases write one log, in order.)
        """
        writes = "lasting" if lasting else "passing"
        with (
            self._told(),
            self._in_turn(),
            self.engine.connect().execution_options(writes=writes) as connection,
            connection.begin(),
        ):
            if connection.dialect.name == "postgresql":
                if not lasting:
                    connection.execute(text("SET LOCAL synchronous_commit = off"))
                if alone is not None:
                    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:purpose))"), {"purpose": alone})
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """SQLite's writers come one after the other: within a process they queue here, not at the file."""
        if self.engine.dialect.name != "sqlite":
            yield
            return
        turn = self._turn
        if not turn.acquire(timeout=PATIENCE):
            raise StoreUnavailable(f"{self.place}: {LOCKED}")
        try:
            yield
        finally:
            turn.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what a database can run into into the project's own errors, without values and credentials."""
        try:
            yield
        except PoolTimeout:
            raise StoreUnavailable(f"{self.place}: all its connections are in use") from None
        except (DataError, UnicodeEncodeError):
            raise BadInput(_KEPT, "a text or number that the database cannot hold", "Unicode without NUL") from None
        except (StatementError, sqlite3.Error) as problem:
            cause = problem.orig if isinstance(problem, StatementError) else problem
            if isinstance(cause, TrialmatchError):
                raise cause from None
            reason = meaning(cause)
            if reason is None:
                raise
            raise StoreUnavailable(f"{self.place}: {reason}") from None

    def _prepare_file(self, path: Path) -> None:
        """Make the file, and give it a write-ahead log (which it remembers) so that readers and writers do not wait."""
        try:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as problem:
            raise StoreUnavailable(f"{self.place}: its file cannot be made ({problem.strerror})") from None
        with self._told(), closing(self.engine.raw_connection()) as connection:
            _asking()(connection.cursor().execute, "PRAGMA journal_mode=WAL")  # does not wait for a writer by itself

    def _revision(self) -> str | None:
        """The newest migration that the database has seen."""
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def _migrate(self) -> None:
        """Run the migrations that are missing: all or none, and one worker at a time; the others find them done."""
        from alembic import command  # slow to load, and needed once in the life of a store
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "trialmatch.store:migrations")
        with _one_migration, self.writing(alone="migrations") as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except DBAPIError as problem:
                if meaning(problem.orig) is not None:
                    raise
                raise StoreUnavailable(
                    f"{self.place}: its tables cannot be made or changed; expected a database of trialmatch's own"
                ) from None
            except CommandError:
                raise StoreUnavailable(
                    f"{self.place}: it was written by another version of trialmatch (this one ends with {REVISION})"
                ) from None

    def _leave_to_parent(self) -> None:
        """In a forked child: connect anew. The parent's connections are kept, unused and open: to close them would end
        the parent's sessions on PostgreSQL, and SQLite allows a child nothing at all with them
        (https://www.sqlite.org/howtocorrupt.html)."""
        self._turn = threading.Lock()
        self._inherited.append(self.engine.pool)
        self.engine.dispose(close=False)


_alive: weakref.WeakSet[Store] = weakref.WeakSet()


def _after_fork() -> None:
    for store in _alive:
        store._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def insert_new(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that leaves alone what has the same key already: what it returns tells who came first."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()


def _url(database: str) -> URL:
    """The URL with its driver; UsageError (which does not repeat it: it may hold a password) if it is none of ours."""
    expected = "TRIALMATCH_DATABASE: expected sqlite:///FILE or postgresql://USER@HOST/NAME"
    try:
        url = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", database))
    except (ArgumentError, ValueError):
        raise UsageError(f"{expected}, not this (no URL of a database)") from None
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise UsageError(f"{expected}, not {url.drivername}")
    if url.drivername == "sqlite" and (url.database in (None, "", ":memory:") or "uri" in url.query):
        raise UsageError(f"{expected}, not a database in memory or a file: URI")
    return url


def _shown(url: URL) -> str:
    """The URL for messages, without who logs in and how."""
    return URL.create(url.get_backend_name(), None, None, url.host, url.port, url.database).render_as_string()


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {
        "hide_parameters": True,  # nobody's values in a message
        "json_serializer": _json,
        "json_deserializer": orjson.loads,
        "pool_timeout": PATIENCE,
    }
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, **options)
        event.listen(engine, "connect", _prepare_connection)
        event.listen(engine, "begin", _begin)
        return engine
    given = {"connect_timeout": PATIENCE, "tcp_user_timeout": 1000 * PATIENCE, "application_name": "trialmatch"}
    session = {name: value for name, value in given.items() if name not in url.query}
    # What is acknowledged is on disk, whatever the server's, the database's or the role's own default.
    lasting = f"-c synchronous_commit=on -c lock_timeout={1000 * PATIENCE} -c TimeZone=UTC"
    session["options"] = f"{url.query.get('options', '')} {lasting}".strip()
    return create_engine(url, connect_args=session, pool_pre_ping=True, **options)


def _prepare_connection(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # Python's own transactions begin late; ours begin where they say so
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={1000 * PATIENCE}")


def _asking() -> Retrying:
    """Asks often: SQLite's own waiting sleeps longer and longer, and some of many writers would wait for seconds."""
    return Retrying(
        retry=retry_if_exception(is_busy),
        stop=stop_after_delay(PATIENCE),
        wait=wait_random(0.0005, 0.002),
        reraise=True,
    )


def _begin(connection: Connection) -> None:
    execute = connection.connection.cursor().execute
    writes = connection.get_execution_options().get("writes")
    if not writes:
        execute("BEGIN")
        return
    execute(f"PRAGMA synchronous={'FULL' if writes == 'lasting' else 'NORMAL'}")
    # A writer takes the lock at its beginning: to take it in the middle could fail without any waiting.
    execute("PRAGMA busy_timeout=0")
    try:
        _asking()(execute, "BEGIN IMMEDIATE")
    finally:
        execute(f"PRAGMA busy_timeout={1000 * PATIENCE}")


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise BadInput(_KEPT, "no plain JSON", "Unicode, and numbers of 64 bits at most") from None
