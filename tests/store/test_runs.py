"""Prescreening runs: one worker carries out each, and a worker that died is replaced."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trialmatch.errors import Stale
from trialmatch.store import runs
from trialmatch.store.database import Store
from trialmatch.store.runs import SILENCE

from tests.store.times import NOW, days

REQUEST = {"source": "https://ehr.example/fhir", "study": ["NCT1"], "asOf": None}
SECOND = days(1) / 86400


def test_a_run_is_queued_first(store: Store) -> None:
    run = runs.create(store, REQUEST, by="Dr A", at=NOW)
    assert (run.state, run.request, run.progress, run.by) == ("queued", REQUEST, {}, "Dr A")
    assert (run.created, run.updated, run.holder, run.ended) == (NOW, NOW, None, False)
    assert runs.get(store, run.id) == run


def test_there_is_no_run_of_another_name(store: Store) -> None:
    assert runs.get(store, "x") is None
    assert not runs.cancel(store, "x", at=NOW)


def test_runs_are_listed_newest_first(store: Store) -> None:
    made = [runs.create(store, REQUEST, by=by, at=NOW + days(day)) for day, by in enumerate(("A", "B", "A"))]
    assert runs.listed(store) == made[::-1]
    assert runs.listed(store, limit=1) == [made[2]]


def test_a_run_goes_its_way(store: Store) -> None:
    created = runs.create(store, REQUEST, by="Dr A", at=NOW)
    run = runs.claim(store, at=NOW + SECOND)
    assert run is not None and run.holder
    assert run == replace(created, state="running", updated=NOW + SECOND, holder=run.holder)
    run = runs.update(store, run, at=NOW + 2 * SECOND, progress={"patients": 10, "of": 100})
    assert (run.state, run.progress) == ("running", {"patients": 10, "of": 100})
    run = runs.update(store, run, at=NOW + 3 * SECOND)  # only alive
    assert (run.progress, run.updated) == ({"patients": 10, "of": 100}, NOW + 3 * SECOND)
    run = runs.update(store, run, at=NOW + 4 * SECOND, state="done", progress={"patients": 100, "of": 100})
    assert run.ended and runs.get(store, created.id) == run
    assert runs.claim(store, at=NOW + days(1)) is None


def test_the_oldest_run_is_claimed_first_and_only_once(store: Store) -> None:
    later = runs.create(store, REQUEST, by="Dr A", at=NOW + days(1))
    earlier = runs.create(store, REQUEST, by="Dr A", at=NOW)
    claimed = [runs.claim(store, at=NOW + days(1)) for _ in range(3)]
    assert [run.id if run else None for run in claimed] == [earlier.id, later.id, None]


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_a_run_that_has_ended_stays_so(store: Store, state: runs.State) -> None:
    runs.create(store, REQUEST, by="Dr A", at=NOW)
    run = runs.claim(store, at=NOW)
    assert run is not None
    run = runs.update(store, run, at=NOW, state=state)
    with pytest.raises(Stale):
        runs.update(store, run, at=NOW, progress={"patients": 1})
    assert not runs.cancel(store, run.id, at=NOW)
    assert runs.get(store, run.id) == run


def test_the_worker_of_a_cancelled_run_is_told(store: Store) -> None:
    runs.create(store, REQUEST, by="Dr A", at=NOW)
    run = runs.claim(store, at=NOW)
    assert run is not None and runs.cancel(store, run.id, at=NOW + SECOND)
    with pytest.raises(Stale):
        runs.update(store, run, at=NOW + SECOND, progress={"patients": 1})
    ended = runs.get(store, run.id)
    assert ended is not None and (ended.state, ended.progress) == ("cancelled", {})


def test_a_queued_run_can_be_cancelled(store: Store) -> None:
    run = runs.create(store, REQUEST, by="Dr A", at=NOW)
    assert runs.cancel(store, run.id, at=NOW)
    assert runs.claim(store, at=NOW) is None


def test_a_run_whose_worker_fell_silent_is_taken_over(store: Store) -> None:
    """Not at the last moment allowed, but a second after it; the old worker may say nothing any more."""
    runs.create(store, REQUEST, by="Dr A", at=NOW)
    old = runs.claim(store, at=NOW - days(1))
    assert old is not None
    old = runs.update(store, old, at=NOW, progress={"patients": 10})
    assert runs.claim(store, at=NOW + SILENCE) is None
    new = runs.claim(store, at=NOW + SILENCE + SECOND)
    assert new is not None and new.id == old.id and new.holder != old.holder
    assert new.progress == {"patients": 10}
    with pytest.raises(Stale):
        runs.update(store, old, at=NOW + SILENCE + SECOND, state="done")
    assert runs.update(store, new, at=NOW + SILENCE + SECOND, state="done").ended


def test_only_the_worker_updates_a_run(store: Store) -> None:
    created = runs.create(store, REQUEST, by="Dr A", at=NOW)
    runs.claim(store, at=NOW)
    for stranger in (created, replace(created, holder="x")):
        with pytest.raises(Stale):
            runs.update(store, stranger, at=NOW, state="done")
