"""Calling the command inside this process (fast) or as a process of its own (what a shell sees)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from trialmatch import demo
from trialmatch.cli.main import main
from trialmatch.usecases.match import Engine

HOSPITAL = str(demo.hospital_path())
ANSWERS = str(demo.attestations_path())
AS_OF = demo.INDEX_DATE

Run = Callable[..., Result]

_start = lru_cache(maxsize=8)(Engine.start)


@pytest.fixture(autouse=True)
def _quick_and_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines are started once for equal settings; nothing of this terminal reaches the pages."""
    monkeypatch.setattr(Engine, "start", _start)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Run:
    """The command in this process: ``run("match", "p", "--from", path)``."""

    def call(*arguments: object, **environment: str) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment or None)

    return call


@pytest.fixture
def match(run: Run) -> Run:
    """``match`` on the demo hospital at its index date."""

    def call(patient: str, *arguments: object, **environment: str) -> Result:
        return run("match", patient, "--from", HOSPITAL, "--as-of", AS_OF, *arguments, **environment)

    return call


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command as a process, its output not a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "trialmatch", *map(str, arguments)],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Path]:
    """A file with a Bundle of resources; a Patient ``p`` comes first unless ``patient`` is another one."""

    def write(*resources: Any, patient: Any = None, name: str = "bundle.json") -> Path:
        first = {"resourceType": "Patient", "id": "p", "gender": "female"} if patient is None else patient
        entries = [{"resource": one} for one in (first, *resources)]
        path = tmp_path / name
        path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}), "utf-8")
        return path

    return write
