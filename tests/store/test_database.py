"""The store itself: its URL, its tables, its promises about disk and locks."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from trialmatch.config import Settings
from trialmatch.errors import StoreUnavailable, UsageError
from trialmatch.store import audit, studies
from trialmatch.store.database import Store
from trialmatch.store.tables import metadata

from tests.store import writers
from tests.store.times import NOW


def scalar(connection: Connection, query: str) -> object:
    """The one value of a query."""
    return connection.execute(text(query)).scalar()


def test_the_migrations_make_the_tables_that_the_code_knows(empty_database: str) -> None:
    with Store.open(empty_database) as store, store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_a_store_is_opened_again_with_all_that_it_holds(database: str) -> None:
    with Store.open(database) as store:
        audit.record(store, writers.event("p1", 1))
    with Store.open(Settings(database=database)) as store:
        assert audit.events(store) == [writers.event("p1", 1)]


def test_to_open_a_store_that_is_up_to_date_runs_no_migration(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Store) -> None:
        raise AssertionError("migrated again")

    monkeypatch.setattr(Store, "_migrate", fail)
    Store.open(database).close()


def test_threads_may_open_stores_at_once(tmp_path: Path) -> None:
    """Each its own: Alembic by itself mixes up migrations that run at the same time."""
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda number: Store.open(f"sqlite:///{tmp_path / str(number)}"), range(8)))
    for number, store in enumerate(stores):
        audit.record(store, writers.event("p1", number))
        assert audit.events(store) == [writers.event("p1", number)]
        store.close()


def test_a_migration_is_done_whole_or_not_at_all(empty_database: str) -> None:
    """The table ``runs`` of somebody else is in the way, and is made last: none of those before it stays."""
    engine = create_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE runs (mine integer)"))
    with pytest.raises(StoreUnavailable, match="its tables cannot be made or changed"):
        Store.open(empty_database)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == ["runs"]
        connection.execute(text("DROP TABLE runs"))
    engine.dispose()
    with Store.open(empty_database) as store:
        assert studies.revision(store) == 0


def test_a_store_of_another_version_is_left_alone(database: str) -> None:
    with Store.open(database) as store, store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="written by another version of trialmatch"):
        Store.open(database)


def test_sqlite_writes_through_to_the_disk(tmp_path: Path) -> None:
    """2 is FULL (https://www.sqlite.org/pragma.html#pragma_synchronous): a commit waits until the disk has its log."""
    with Store.open(f"sqlite:///{tmp_path / 'a.sqlite'}") as store:
        for lasting, level in ((True, 2), (False, 1), (True, 2)):
            with store.writing(lasting=lasting) as connection:
                assert scalar(connection, "PRAGMA synchronous") == level
        with store.reading() as connection:
            assert scalar(connection, "PRAGMA journal_mode") == "wal"
            assert scalar(connection, "PRAGMA foreign_keys") == 1


def test_postgresql_writes_through_to_the_disk_whatever_its_default_is(postgres_database: str) -> None:
    with Store.open(postgres_database) as store, store.writing() as connection:
        name = scalar(connection, "SELECT current_database()")
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    own = f"{postgres_database}&options=-c%20synchronous_commit%3Doff%20-c%20search_path%3Dpublic"
    for url in (postgres_database, own):
        with Store.open(url) as store:
            for lasting, level in ((True, "on"), (False, "off"), (True, "on")):
                with store.writing(lasting=lasting) as connection:
                    assert scalar(connection, "SHOW synchronous_commit") == level
                    assert scalar(connection, "SHOW lock_timeout") == "10s"
    with Store.open(own) as store, store.reading() as connection:
        assert scalar(connection, "SHOW search_path") == "public"


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Names of patients and answers about them are in it; its log gets the same rights."""
    before = os.umask(0)
    try:
        with Store.open(f"sqlite:///{tmp_path / 'a.sqlite'}") as store:
            audit.record(store, writers.event("p1", 1))
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"a.sqlite": 0o600, "a.sqlite-wal": 0o600, "a.sqlite-shm": 0o600}


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_goes_by_all_its_names(postgres_database: str, scheme: str) -> None:
    with Store.open(postgres_database.replace("postgresql+psycopg", scheme, 1)) as store:
        store.check()


@pytest.mark.parametrize(
    "url",
    [
        "", "trialmatch.sqlite", "mysql://me:geheim@db/trials", "postgresql+psycopg2://me:geheim@db/trials",
        "sqlite://", "sqlite:///:memory:", "sqlite:///file:a.sqlite?mode=memory&uri=true", "http://me:geheim@[db/",
        "postgresql://me:geheim@db:port/trials",
    ],
)  # fmt: skip
def test_what_is_no_database_of_ours_is_a_wrong_configuration(url: str) -> None:
    with pytest.raises(UsageError, match="TRIALMATCH_DATABASE: expected sqlite:///FILE or postgresql://") as caught:
        Store.open(url)
    assert "geheim" not in str(caught.value) and "me" not in str(caught.value).split("not")[-1].split()


def test_no_more_than_so_many_connections(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen at once (SQLAlchemy's default), then one has to wait, and is told when it has waited long enough."""
    monkeypatch.setattr("trialmatch.store.database.PATIENCE", 1)
    with Store.open(database) as store:
        with ExitStack() as many:
            for _ in range(15):
                many.enter_context(store.reading())
            with pytest.raises(StoreUnavailable, match="all its connections are in use"):
                store.check()
        store.check()


_FORKED = """
import os, sys
from sqlalchemy import text
from trialmatch.store import audit
from trialmatch.store.database import Store
from tests.store import writers

def session(store):
    with store.reading() as connection:
        known = connection.dialect.name == "postgresql"
        return connection.execute(text("SELECT pg_backend_pid()")).scalar() if known else None

with Store.open(sys.argv[1]) as store:
    audit.record(store, writers.event("before", 0))
    own = session(store)
    children = []
    for name in ("a", "b"):
        child = os.fork()
        if not child:
            for number in range(5):
                audit.record(store, writers.event(name, number))
            os._exit(0)
        children.append(child)
    for number in range(5):
        audit.record(store, writers.event("parent", number))
    print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    assert session(store) == own, "a child has ended the session of its parent"
    audit.record(store, writers.event("after", 0))
    print(sorted(one["id"] for one in audit.events(store)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_may_go_on(database: str) -> None:
    """As under a server that loads the application first and forks its workers then."""
    command = [sys.executable, "-W", "error", "-c", _FORKED, database]
    done = subprocess.run(command, cwd=writers.ROOT, capture_output=True, text=True, check=False, timeout=60)
    expected = sorted(["before-0", "after-0"] + [f"{name}-{one}" for name in ("a", "b", "parent") for one in range(5)])
    assert (done.stdout, done.stderr) == (f"[0, 0]\n{expected}\n", "")


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    audit.record(store, writers.event("p1", 1))
    with store.writing() as connection:
        connection.execute(text("DELETE FROM used_tokens"))
        assert audit.events(store) == [writers.event("p1", 1)]


def test_what_a_failing_block_wrote_is_undone(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        connection.execute(text("INSERT INTO purges VALUES ('x', '2026-01-01', '2026-01-01')"))
        raise ZeroDivisionError
    with store.reading() as connection:
        assert scalar(connection, "SELECT count(*) FROM purges") == 0
    audit.record(store, {**writers.event("p1", 1), "recorded": NOW.isoformat()})


def test_a_file_that_another_one_writes_first(tmp_path: Path) -> None:
    """Before a file has its write-ahead log, SQLite refuses it at once while another one writes; opening waits."""
    path = tmp_path / "store.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):  # what is to be waited for
        sqlite3.connect(path, isolation_level=None, timeout=60).execute("PRAGMA journal_mode=WAL")
    end = threading.Timer(0.3, other.execute, ["COMMIT"])
    end.start()
    try:
        with Store.open(f"sqlite:///{path}") as store:
            store.check()
    finally:
        end.join()
        other.close()
