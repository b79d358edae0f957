"""Several processes at once, and processes that are killed in the middle: nothing is lost, nothing is there twice."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from trialmatch.store import attestations, audit, runs, studies, tokens
from trialmatch.store.attestations import Held
from trialmatch.store.database import Store
from trialmatch.store.tables import metadata

from tests.store import writers
from tests.store.times import NOW

pytestmark = pytest.mark.slow

NAMES = ("a", "b", "c", "d")


def test_workers_that_start_at_once_make_the_tables_once(empty_database: str) -> None:
    """Eight workers find an empty database at the same moment; each does its first write."""
    names = "abcdefgh"
    assert writers.together("events", empty_database, names, 1) == [[f"{name}-0"] for name in names]
    with Store.open(empty_database) as store:
        assert sorted(one["id"] for one in audit.events(store)) == [f"{name}-0" for name in names]


def test_processes_that_add_answers_lose_none(database: str) -> None:
    """Four processes add 15 answers each to one patient: 60 versions, each with one answer more than the one before."""
    writers.together("answers", database, NAMES, 15)
    with Store.open(database) as store:
        history = attestations.history(store, "shared")[::-1]
    assert [held.version for held in history] == list(range(1, 61))
    for earlier, later in itertools.pairwise(history):
        assert later.entries[:-1] == earlier.entries
    expected = {f"{name}-{number}" for name in NAMES for number in range(15)}
    assert {entry["linkId"] for entry in history[-1].entries} == expected


def test_a_token_is_first_in_one_process_only(database: str) -> None:
    printed = writers.together("tokens", database, NAMES, 100)
    assert sorted(line for lines in printed for line in lines if line.endswith("True")) == sorted(
        f"{number} True" for number in range(100)
    )
    assert all(len(lines) == 100 for lines in printed)


def test_a_run_is_carried_out_by_one_process_only(database: str) -> None:
    """Thirty runs, and four workers that would each take fifteen: each run is taken once, then there are none."""
    with Store.open(database) as store:
        made = {runs.create(store, {}, by="Dr A", at=NOW).id for _ in range(30)}
    printed = [line for lines in writers.together("claims", database, NAMES, 15) for line in lines]
    assert sorted(printed) == sorted([*made, *["-"] * 30])


def test_every_addition_of_a_study_has_its_own_revision(database: str) -> None:
    printed = [line.split() for lines in writers.together("studies", database, NAMES, 10) for line in lines]
    assert sorted(int(revision) for revision, _ in printed) == list(range(1, 41))
    with Store.open(database) as store:
        kept = [one["id"] for _, one in studies.definitions(store)]
    assert kept == [name for _, name in sorted(printed, key=lambda one: int(one[0]))]


def _killed(work: str, database: str, name: str, after: int) -> list[str]:
    """What a writer acknowledged before it was killed (SIGKILL), which is at least ``after`` things."""
    with writers.started(work, database, name, 100_000) as process:
        writers.go(process)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(after)]
        process.kill()
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [line.strip() for line in said if line.endswith("\n")]


@pytest.mark.parametrize("after", [1, 20, 60])
def test_no_acknowledged_event_is_lost_when_a_writer_is_killed(database: str, after: int) -> None:
    """At most the one that it was just about to acknowledge is there besides; each is there whole and once."""
    acknowledged = _killed("events", database, "a", after)
    number = len(acknowledged)
    assert number >= after and acknowledged == [f"a-{one}" for one in range(number)]
    with Store.open(database) as store:
        audit.record(store, writers.event("after", 0))  # and life goes on
        *kept, last = audit.events(store)
    assert last == writers.event("after", 0)
    assert kept == [writers.event("a", one) for one in range(len(kept))]
    assert len(kept) in (number, number + 1)


@pytest.mark.parametrize("after", [1, 10, 25])
def test_no_acknowledged_answer_is_lost_when_writers_are_killed(database: str, after: int) -> None:
    """Two writers on one patient, the first is killed. Every version is whole; what was acknowledged is in the last."""
    with writers.started("answers", database, "other", 30) as other:
        writers.go(other)
        acknowledged = _killed("answers", database, "a", after)
        printed = other.communicate(timeout=120)[0].split()
    assert printed == [f"other-{number}" for number in range(30)]
    with Store.open(database) as store:
        history = attestations.history(store, "shared")[::-1]
    for position, held in enumerate(history):
        entries = [writers.answer(*_parts(entry["linkId"])) for entry in held.entries]
        assert held == Held(entries, position + 1, held.by, NOW)
    final = [entry["linkId"] for entry in history[-1].entries]
    assert len(final) == len(set(final)) == len(history)
    assert {*acknowledged, *printed} <= set(final)
    assert len(final) - len(acknowledged) - len(printed) in (0, 1)


def test_a_token_stays_used_when_the_worker_that_saw_it_is_killed(database: str) -> None:
    acknowledged = _killed("tokens", database, "a", 20)
    assert acknowledged == [f"{number} True" for number in range(len(acknowledged))]
    with Store.open(database) as store:
        again = [tokens.first_use(store, writers.EHR, str(number), NOW) for number in range(len(acknowledged))]
    assert not any(again)


def _parts(link_id: str) -> tuple[str, int]:
    name, number = link_id.split("-")
    return name, int(number)


_KILLED_WHILE_MIGRATING = """
import os, signal, sys
from alembic import op
from trialmatch.store.database import Store

make, left = op.create_table, int(sys.argv[2])

def create_table(*arguments, **options):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return make(*arguments, **options)

op.create_table = create_table
Store.open(sys.argv[1])
"""


@pytest.mark.parametrize("tables", [0, 3, 8])
def test_a_migration_that_was_killed_is_done_by_the_next(empty_database: str, tables: int) -> None:
    command = [sys.executable, "-c", _KILLED_WHILE_MIGRATING, empty_database, str(tables)]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with Store.open(empty_database) as store, store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
