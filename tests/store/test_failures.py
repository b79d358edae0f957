"""What happens to the store is said in one line, without values, names and passwords."""

from __future__ import annotations

import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, event, make_url, text
from trialmatch.errors import StoreUnavailable
from trialmatch.store import attestations, audit, studies
from trialmatch.store.database import Store
from trialmatch.store.failures import meaning

from tests.store import writers
from tests.store.times import NOW

SECRETS = ("geheim", "mueller")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and servers are waited for one second only."""
    monkeypatch.setattr("trialmatch.store.database.PATIENCE", 1)


def refused(url: str) -> str:
    """What is said about a store that cannot be opened."""
    with pytest.raises(StoreUnavailable) as caught:
        Store.open(url)
    assert (caught.value.exit_code, caught.value.http_status) == (4, 503)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert caught.value.__suppress_context__
    assert len(caught.value.lines) == 1
    return str(caught.value)


def _listening() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    return server


def test_a_server_that_is_not_there() -> None:
    with closing(_listening()) as server:  # bound, so that nobody else gets the port, but not listening
        port = server.getsockname()[1]
        said = refused(f"postgresql://mueller:geheim@127.0.0.1:{port}/trials?sslpassword=geheim")
    assert said == f"the store postgresql://127.0.0.1:{port}/trials: it cannot be reached, or refuses the user"


def test_a_server_that_accepts_and_says_nothing(impatient: None) -> None:
    with closing(_listening()) as server:
        server.listen()
        assert "it cannot be reached" in refused(f"postgresql://mueller:geheim@127.0.0.1:{server.getsockname()[1]}/x")


def test_a_server_that_is_none() -> None:
    with closing(_listening()) as server:
        server.listen()

        def answer() -> None:
            with closing(server.accept()[0]) as client:
                client.recv(1000)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert "it cannot be reached" in refused(f"postgresql://mueller:geheim@127.0.0.1:{server.getsockname()[1]}/x")
        thread.join(10)


def test_a_database_and_a_user_that_the_server_does_not_know(postgres_database: str) -> None:
    url = make_url(postgres_database)
    assert "cannot be reached, or refuses the user" in refused(
        url.set(database="nowhere").render_as_string(hide_password=False)
    )
    assert "cannot be reached, or refuses the user" in refused(
        url.set(username="mueller", password="geheim").render_as_string(hide_password=False)
    )


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    said = refused(f"sqlite:///{tmp_path}/none/a.sqlite")
    assert said == f"the store sqlite:///{tmp_path}/none/a.sqlite: its file cannot be made (No such file or directory)"


def test_a_file_that_is_a_folder(tmp_path: Path) -> None:
    assert "its file cannot be opened" in refused(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\xff" * 5000, b"ResearchStudy\n" * 500])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(content)
    assert "its file is no SQLite database" in refused(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_database_that_somebody_holds(database: str, impatient: None) -> None:
    """A writer that does not end; the others are told, nothing is half done, and afterwards all goes on."""
    with Store.open(database) as store:
        engine = create_engine(store.engine.url)
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN EXCLUSIVE")
            else:
                connection.exec_driver_sql("LOCK TABLE attestation_versions, audit_events IN EXCLUSIVE MODE")
            with pytest.raises(StoreUnavailable, match="another writer holds it locked"):
                attestations.put(store, "p1", [], by="Dr A", at=NOW, expected=0)
            with pytest.raises(StoreUnavailable, match="another writer holds it locked"):
                audit.record(store, writers.event("p1", 1))
            assert attestations.held(store, "p1").version == 0
            connection.rollback()
        engine.dispose()
        assert attestations.put(store, "p1", [], by="Dr A", at=NOW, expected=0).version == 1
        assert audit.events(store) == []


def _limit_pages(engine: Engine, pages: int) -> None:
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(engine, "connect", connected)
    engine.dispose()


def test_a_full_disk(tmp_path: Path) -> None:
    """SQLite's own limit stands for the disk's. What was acknowledged stays, what was not is not there at all."""
    url = f"sqlite:///{tmp_path / 'a.sqlite'}"
    kept = 0
    with Store.open(url) as store:
        _limit_pages(store.engine, 80)
        with pytest.raises(StoreUnavailable, match="its disk is full"):
            for number in range(1000):
                audit.record(store, writers.event("p1", number))
                kept += 1
        assert 0 < kept < 1000
    with Store.open(url) as store:
        assert audit.events(store) == [writers.event("p1", number) for number in range(kept)]
        audit.record(store, writers.event("p1", kept))


def test_a_database_that_may_only_be_read_is_told_before_anybody_writes(database: str) -> None:
    """PostgreSQL's standby after a change of roles, SQLite on a disk that was remounted: to read still works."""
    with Store.open(database) as store:
        store.check()
        if store.engine.dialect.name == "sqlite":
            event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
        else:
            with store.writing() as connection:
                name = connection.dialect.identifier_preparer.quote(make_url(database).database or "")
                connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        store.engine.dispose()
        assert audit.events(store) == []
        with pytest.raises(StoreUnavailable, match=r"may only be read|may not be written to"):
            store.check()


def test_tables_that_somebody_dropped(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("DROP TABLE study_resources"))
    with pytest.raises(StoreUnavailable, match="its tables are missing"):
        studies.definitions(store)


def test_a_restarted_server_is_connected_to_again(postgres_database: str) -> None:
    """All its sessions end, as in a restart: whoever was in the middle is told, whoever comes after notices nothing."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = :name"
    with Store.open(postgres_database) as store, Store.open(postgres_database) as other:
        name = {"name": make_url(postgres_database).database}
        with other.writing() as connection:
            connection.execute(text(end), name)
        audit.record(store, writers.event("p1", 1))
        with pytest.raises(StoreUnavailable, match="stopping or was interrupted"), store.writing() as inner:
            with other.writing() as connection:
                connection.execute(text(end), name)
            inner.execute(text("DELETE FROM used_tokens"))
        assert audit.events(store) == [writers.event("p1", 1)]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("08006", "the connection broke"),
        ("25006", "it may only be read"),
        ("28P01", "it refuses the user or the password"),
        ("3D000", "it has no such database"),
        ("40001", "too many writers met; try again"),
        ("40P01", "too many writers met; try again"),
        ("42501", "the user may not do that there"),
        ("53100", "it has no room or memory left"),
        ("53300", "it has too many connections"),
        ("57P03", "it is starting, stopping or was interrupted"),
        ("58030", "its disk fails"),
        ("42601", None),  # a syntax error is our own fault
        ("23505", None),  # and so is a key that is there twice
    ],
)
def test_codes_of_postgresql(code: str, said: str | None) -> None:
    assert meaning(psycopg.errors.lookup(code)("mueller")) == said


def test_faults_of_our_own_stay_what_they_are() -> None:
    for problem in (sqlite3.OperationalError("near x: syntax error"), sqlite3.ProgrammingError("closed"), None):
        assert meaning(problem) is None
