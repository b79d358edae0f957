"""A killed run goes on and leaves the bytes of one that nobody disturbed; a changed one is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from trialmatch.demo import hospital_path
from trialmatch.errors import UsageError
from trialmatch.prescreen import engine as prescreen
from trialmatch.prescreen import fetch
from trialmatch.prescreen.work import NAME
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import equal, folder_of, screened
from tests.prescreen.people import three


@pytest.fixture(scope="module")
def undisturbed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    screened(engine, hospital_path(), out)
    return out


class Killed(BaseException):
    """Stands for a kill in the middle."""


@pytest.mark.parametrize("after", ["survey", "fetch", "judge", "write"])
def test_it_goes_on_wherever_it_was_stopped(
    engine: Engine, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    monkeypatch.setattr(prescreen, "GROUP", 4)
    monkeypatch.setattr(fetch, "GROUP", 4)
    monkeypatch.setattr("trialmatch.prescreen.reading.GROUP", 4)
    out, seen = tmp_path / "out", 0

    def advance(stage: str, size: int) -> None:
        nonlocal seen
        seen += stage == after
        if seen == 2:
            raise Killed

    def killed(*_: object) -> None:
        raise Killed

    order = prescreen.Order(hospital_path(), out, prescreen.date(2026, 3, 1))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        if after == "write":
            patch.setattr("trialmatch.prescreen.outputs.write_log", killed)
        progress = prescreen.Progress(advance=advance)
        prescreen.run(order, engine.studies, engine.terminology, engine.settings, progress)
    assert not (out / "run.json").exists()
    assert (out / NAME).is_dir()
    done = screened(engine, hospital_path(), out, resume=True)
    assert not (out / NAME).exists()
    whole = tmp_path / "whole"
    screened(engine, hospital_path(), whole)  # with the same groups, which are the row groups of the Parquet files
    equal(whole, done.out)


def test_there_is_nothing_to_go_on_with(engine: Engine, undisturbed: Path, tmp_path: Path) -> None:
    """--resume of a run that was never begun is a run."""
    screened(engine, hospital_path(), tmp_path / "out", resume=True)
    equal(undisturbed, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("day", r"the day of screening \(--as-of\)"),
        ("study", r"the chosen studies \(--study\)"),
        ("file", "changed since the run in"),
        ("size", "the input files"),
    ],
)
def test_a_run_about_something_else_is_refused(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, words: str
) -> None:
    source, out = folder_of(tmp_path / "in", three()), tmp_path / "out"

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("trialmatch.prescreen.outputs.write_log", killed)
        screened(engine, source, out)
    given: dict[str, object] = {}
    path = source / "Observation.ndjson"
    if change == "day":
        given["as_of"] = prescreen.date(2026, 3, 2)
    elif change == "study":
        given["study_ids"] = ("NCT06892145",)
    elif change == "file":  # the same size, and even the same time
        told = path.stat()
        path.write_bytes(path.read_bytes().replace(b"12.1", b"12.2"))
        os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    else:
        path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(UsageError, match=words):
        screened(engine, source, out, resume=True, **given)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.2, 2.0, 2.8, 3.6])
def test_kill_nine(undisturbed: Path, tmp_path: Path, seconds: float) -> None:
    """The command itself, with two processes, killed at some time; none of its processes stays behind."""
    out = tmp_path / "out"
    call = [sys.executable, "-m", "trialmatch", "prescreen", str(hospital_path()), "--out", str(out)]
    call += ["--as-of", "2026-03-01", "--jobs", "2"]
    running = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(seconds)
    running.send_signal(signal.SIGKILL)
    running.wait()
    until = time.monotonic() + 10
    while time.monotonic() < until and _group(running.pid):
        time.sleep(0.1)
    assert not _group(running.pid)
    subprocess.run([*call, "--resume"], check=True, capture_output=True)
    equal_but_jobs(undisturbed, out)


def equal_but_jobs(first: Path, second: Path) -> None:
    assert (second / "run.json").exists()
    equal(first, second)


def _group(leader: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_run_forgets_what_the_one_before_has_read(engine: Engine, tmp_path: Path) -> None:
    """Two runs of one process into the same folder, of hospitals with different candidates."""
    out = tmp_path / "out"
    screened(engine, folder_of(tmp_path / "one", three()), out)
    assert set(screened(engine, folder_of(tmp_path / "two", renamed(three())), out).rows) == {
        "Patient/ann-2",
        "Patient/bea-2",
    }


def renamed(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same people under other ids."""
    text = json.dumps(resources)
    for name in ("ann", "bea", "cleo"):
        text = text.replace(f'"{name}"', f'"{name}-2"').replace(f"Patient/{name}", f"Patient/{name}-2")
    return list(json.loads(text))


def test_outputs_of_an_earlier_run_are_replaced(engine: Engine, tmp_path: Path) -> None:
    source, out = folder_of(tmp_path / "in", three()), tmp_path / "out"
    screened(engine, source, out)
    shutil.rmtree(source)
    done = screened(engine, folder_of(source, three()[:1]), out)
    assert done.rows == {}
