"""What has reached its age is removed while the service runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from trialmatch.store import attestations
from trialmatch.store.database import Store
from trialmatch.web import housekeeping
from trialmatch.web.service import Service

from tests.web.world import settings_of


def test_answers_go_when_they_have_reached_their_age(store: Store, tmp_path: Path) -> None:
    """Kept for 30 days: those of 31 days ago go, those of 29 days ago stay."""
    service = Service(replace(settings_of(tmp_path), retention_days=30), store)
    for patient, age in (("old", 31), ("new", 29)):
        attestations.put(store, patient, [], by="Dr A", at=service.now() - timedelta(days=age), expected=0)
    housekeeping.tidy(service)
    assert [attestations.held(store, patient).version for patient in ("old", "new")] == [0, 1]


def test_it_is_done_once_an_hour_by_one_of_the_workers(store: Store, tmp_path: Path) -> None:
    service = Service(replace(settings_of(tmp_path), retention_days=30), store)
    housekeeping.tidy(service)
    attestations.put(store, "old", [], by="Dr A", at=service.now() - timedelta(days=31), expected=0)
    housekeeping.tidy(service)
    assert attestations.held(store, "old").version == 1


def test_a_store_that_cannot_be_used_now_is_left_for_later(store: Store, tmp_path: Path) -> None:
    service = Service(settings_of(tmp_path), store)
    with store.writing() as connection:
        connection.execute(text("DROP TABLE purges"))
    housekeeping.tidy(service)  # says so in the log, and goes on
