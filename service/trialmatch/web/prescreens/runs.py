"""Prescreens carried out: every worker of the service looks for one that waits, and runs the command for it.

A run has a folder of its own: ``studies.json`` (what patients are matched against, as it was when the run began),
``log`` (what the command says), ``out`` (its results). A run whose worker has ended is gone on with by another one
after :data:`trialmatch.store.runs.SILENCE`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import IO

import orjson

from trialmatch.config import Settings, variable
from trialmatch.errors import INCOMPLETE, Stale, TrialmatchError
from trialmatch.store import runs
from trialmatch.store.runs import Run
from trialmatch.web.logs import log
from trialmatch.web.prescreens import results
from trialmatch.web.service import Service

#: Seconds between two looks for a run that waits, and between two signs of life of one that is carried out.
_LOOK, _ALIVE = 2.0, 5.0

#: Seconds that a run which was cancelled gets to end by itself.
_PATIENCE = 10.0

#: How much of the end of a log is looked at, in bytes, and how long its last line may be.
_TAIL, _LINE = 4096, 300

_USAGE = 2


def start(service: Service) -> None:
    """Look for runs in the background, for as long as this process lives."""
    if service.settings.prescreen_dir is not None:
        threading.Thread(target=_look, args=(service,), name="prescreens", daemon=True).start()


def _look(service: Service) -> None:
    while True:
        time.sleep(_LOOK)
        try:
            carry_out_next(service)
        except Exception as problem:  # noqa: BLE001  the next look may go better; this thread has to live on
            log.error("a prescreen could not be carried out", problem=type(problem).__name__)


def carry_out_next(service: Service) -> Run | None:
    """Carry out the run that has waited longest; None where none waits, or as many as may be are under way."""
    run = runs.claim(service.store, at=service.now(), most=service.settings.prescreen_runs)
    if run is None:
        return None
    log.info("prescreen begins", run=run.id)
    try:
        run = _Carrying(service, run).out()
    except Stale:  # it was cancelled, or has been taken over
        found = runs.get(service.store, run.id)
        if found is None or found.state == "cancelled":
            results.remove(service.settings, [run.id])
        return found
    log.info("prescreen ends", run=run.id, state=run.state)
    return run


class _Carrying:
    """One run being carried out."""

    def __init__(self, service: Service, run: Run) -> None:
        self.service, self.run = service, run
        self.folder = results.folder(service.settings, run.id)

    def out(self) -> Run:
        """Carry it out to its end. Raises Stale."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            began = (self.folder / "out").exists()
            code = self._command()
            if code == _USAGE and began:  # it cannot be gone on with: another version, other settings
                shutil.rmtree(self.folder / "out")
                code = self._command()
        except OSError as problem:
            return self._ended("failed", {"words": f"its folder cannot be used ({problem.strerror})", "exit": 1})
        if code in (0, INCOMPLETE):
            return self._ended("done", {"words": "done", "exit": code})
        return self._ended("failed", {"words": self._said() or "it was ended from outside", "exit": code})

    def _ended(self, state: runs.State, progress: dict[str, object]) -> Run:
        return runs.update(self.service.store, self.run, at=self.service.now(), state=state, progress=progress)

    def _command(self) -> int:
        """Run the command; its exit code. Ends it, and raises Stale, where the run is not this worker's any more."""
        self._studies()
        with (self.folder / "log").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "trialmatch.cli.held", *self._words()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=_environment(self.service.settings, self.folder),
                cwd=self.folder,
                start_new_session=True,
            )
        assert process.stdin is not None
        with process.stdin as held:
            try:
                while True:
                    with suppress(subprocess.TimeoutExpired):
                        return process.wait(_ALIVE)
                    self._alive()
            except BaseException:
                _end(process, held)
                raise

    def _alive(self) -> None:
        try:
            progress = {"words": self._said() or "begun"}
            self.run = runs.update(self.service.store, self.run, at=self.service.now(), progress=progress)
        except Stale:
            raise
        except TrialmatchError as problem:  # the store is away; if it stays so, another worker takes the run over
            log.warning("the state of a prescreen cannot be kept", problem=type(problem).__name__)

    def _words(self) -> list[str]:
        settings, asked, folder = self.service.settings, self.run.request, self.folder
        words = [str(folder / "lock"), "prescreen", source(settings, asked["source"]), "--out", str(folder / "out")]
        words += ["--as-of", asked["asOf"], "--resume", "--studies", str(folder / "studies.json")]
        for study in asked["studies"]:
            words += ["--study", study]
        if asked["since"]:
            words += ["--since", str(results.folder(settings, asked["since"]) / "out")]
        if settings.prescreen_jobs:
            words += ["--jobs", str(settings.prescreen_jobs)]
        return words

    def _studies(self) -> None:
        """The studies of the moment, those included that were added to the service; kept for going on."""
        path = self.folder / "studies.json"
        if path.exists():
            return
        entries = [{"resource": one.resource} for one in self.service.definitions()]
        fresh = path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
        fresh.replace(path)

    def _said(self) -> str:
        """The last line of the log: how far it is, or what went wrong. The command names no patient's values."""
        with (self.folder / "log").open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
            lines = stream.read().decode("utf-8", "replace").splitlines()
        words = [line.strip() for line in lines if line.strip()]
        return words[-1].removeprefix("prescreen: ").removeprefix("trialmatch: ")[:_LINE] if words else ""


def source(settings: Settings, asked: str) -> str:
    """What the command is told to read: the folder, or the address at the hospital's server."""
    if asked == "hospital" or asked.startswith("hospital/"):
        return f"{(settings.fhir_server or '').rstrip('/')}{asked.removeprefix('hospital')}"
    return asked


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The settings of the service for the command; its studies are one file, however large."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("TRIALMATCH_")}
    for one in fields(settings):
        value = getattr(settings, one.name)
        if value is not None:
            found[variable(one.name)] = str(value)
    size = (folder / "studies.json").stat().st_size
    found[variable("study_bytes")] = str(max(settings.study_bytes, size))
    return found


def _end(process: subprocess.Popen[bytes], held: IO[bytes]) -> None:
    """End a command and everything that it has started."""
    held.close()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
