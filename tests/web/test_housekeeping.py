"""What has reached its age is removed while the service runs."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from trialmatch.store import attestations, runs
from trialmatch.store.database import Store
from trialmatch.web import housekeeping
from trialmatch.web.prescreens import results as prescreen_results
from trialmatch.web.prescreens import runs as prescreen_runs
from trialmatch.web.serve import _background
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


# --- what prescreens have left


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of results."""
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.fixture
def service(store: Store, tmp_path: Path, kept: Path) -> Service:
    """A service that keeps what is about patients for 30 days."""
    return Service(settings_of(tmp_path, retention_days=30, prescreen_dir=str(kept)), store)


def run_of(service: Service, age: int, state: Any = "done") -> Path:
    """A run that ended so many days ago; its folder, as old."""
    at = service.now() - timedelta(days=age)
    run = runs.create(service.store, {"source": "hospital"}, by="x", at=at)
    runs.update(service.store, run, at=at, state=state)
    return left(service, run.id, at)


def left(service: Service, name: str, at: datetime) -> Path:
    """A folder of results."""
    folder = prescreen_results.folder(service.settings, name)
    (folder / "out").mkdir(parents=True)
    (folder / "out" / "matches.parquet").write_bytes(b"of patients")
    os.utime(folder, (at.timestamp(), at.timestamp()))
    return folder


def test_results_go_with_their_run(service: Service) -> None:
    old, new = run_of(service, 31), run_of(service, 29)
    housekeeping.tidy(service)
    assert not old.exists() and (new / "out" / "matches.parquet").exists()


def test_what_was_forgotten_goes_when_it_has_the_age(service: Service) -> None:
    """A service that was ended between the two steps has left a folder of which its store knows nothing."""
    at = service.now()
    old = left(service, "a" * 32, at - timedelta(days=31))
    new = left(service, "b" * 32, at - timedelta(days=29))
    foreign = left(service, "notes", at - timedelta(days=400))
    housekeeping.tidy(service)
    assert not old.exists() and new.exists() and foreign.exists()


def test_nothing_of_a_cancelled_run_is_kept(service: Service) -> None:
    """Its worker removes it; one that has been killed cannot."""
    folder, other = run_of(service, 0, "cancelled"), run_of(service, 0, "failed")
    housekeeping.tidy(service)
    assert not folder.exists() and other.exists()


def test_no_link_leads_out(service: Service, tmp_path: Path) -> None:
    """Neither one among the results, nor one in place of them."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("not of a prescreen")
    within, instead = run_of(service, 31), run_of(service, 31)
    (within / "out" / "link").symlink_to(elsewhere)
    (within / "out" / "file").symlink_to(elsewhere / "mine")
    (instead / "out" / "matches.parquet").unlink()
    (instead / "out").rmdir()
    instead.rmdir()
    instead.symlink_to(elsewhere)
    housekeeping.tidy(service)
    assert not within.exists() and not instead.is_symlink()
    assert (elsewhere / "mine").read_text() == "not of a prescreen"


@pytest.mark.parametrize("name", ["..", ".", "", "../elsewhere", "/", "a/../../elsewhere", "{elsewhere}"])
def test_no_name_leads_out(service: Service, tmp_path: Path, kept: Path, name: str) -> None:
    elsewhere, mine = tmp_path / "elsewhere", left(service, "c" * 32, service.now())
    elsewhere.mkdir()
    prescreen_results.remove(service.settings, [name.format(elsewhere=elsewhere)])
    assert elsewhere.exists() and mine.exists()


def test_what_cannot_be_removed_now_is_said_and_left_for_later(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_of(service, 31)
    with monkeypatch.context() as patch:
        patch.setattr("trialmatch.web.prescreens.results.shutil.rmtree", lambda *_, **__: None)
        housekeeping.tidy(service)
    assert folder.exists() and runs.get(service.store, folder.name) is None
    assert "what a prescreen has left cannot be removed now" in "".join(capsys.readouterr())
    later = service.now() + timedelta(hours=2)
    service._clock = lambda: later
    housekeeping.tidy(service)
    assert not folder.exists()


@pytest.mark.parametrize("folder", [None, "{tmp}/nowhere"])
def test_a_service_without_prescreens(store: Store, tmp_path: Path, folder: str | None) -> None:
    place = folder.format(tmp=tmp_path) if folder else None  # it was there when the service was started
    service = Service(replace(settings_of(tmp_path, retention_days=30), prescreen_dir=place), store)
    runs.create(store, {}, by="x", at=service.now() - timedelta(days=31))
    housekeeping.tidy(service)
    assert runs.listed(store) == []


# --- it is really done


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens in the background."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # that is how it is ended
def test_the_server_s_background_work_does_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every worker of the server starts removes what is old, again and again, whatever goes wrong meanwhile."""
    monkeypatch.setattr(housekeeping, "_LOOK", 0.01)
    tidy, failures, started = housekeeping.tidy, [RuntimeError("once"), OSError("twice")], []
    monkeypatch.setattr(prescreen_runs, "start", started.append)  # this, too; see tests/web/test_prescreens.py

    def failing_first(one: Service) -> None:
        if failures:
            raise failures.pop()
        if not old.exists():
            sys.exit()  # ends the thread
        tidy(one)

    monkeypatch.setattr(housekeeping, "tidy", failing_first)
    old, before = run_of(service, 31), threading.active_count()
    _background(service)
    assert started == [service]
    until(lambda: not old.exists() and threading.active_count() == before)
