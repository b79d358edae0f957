"""Sessions of the pages: kept until they run out, replaced, ended."""

from __future__ import annotations

from datetime import timedelta

from trialmatch.config import Settings
from trialmatch.store import retention, sessions
from trialmatch.store.database import Store

from tests.store.times import NOW

MINUTE = timedelta(minutes=1)
ONE, OTHER = "1" * 64, "2" * 64


def test_a_session_is_there_until_it_runs_out(store: Store) -> None:
    sessions.save(store, ONE, "sealed", NOW + MINUTE)
    assert sessions.load(store, ONE, NOW) == "sealed"
    assert sessions.load(store, ONE, NOW + MINUTE) is None
    assert sessions.load(store, OTHER, NOW) is None


def test_what_is_saved_again_replaces_what_was_there(store: Store) -> None:
    sessions.save(store, ONE, "old", NOW + MINUTE)
    sessions.save(store, OTHER, "untouched", NOW + MINUTE)
    sessions.save(store, ONE, "new", NOW + 3 * MINUTE)
    assert sessions.load(store, ONE, NOW + 2 * MINUTE) == "new"
    assert sessions.load(store, OTHER, NOW) == "untouched"


def test_a_session_that_is_ended_is_gone(store: Store) -> None:
    sessions.save(store, ONE, "sealed", NOW + MINUTE)
    sessions.forget(store, ONE)
    sessions.forget(store, OTHER)
    assert sessions.load(store, ONE, NOW) is None


def test_sessions_that_have_run_out_are_removed(store: Store) -> None:
    sessions.save(store, ONE, "over", NOW)
    sessions.save(store, OTHER, "running", NOW + MINUTE)
    assert retention.purge(store, Settings(), NOW).sessions == 1
    assert sessions.load(store, OTHER, NOW) == "running"
