"""``trialmatch demo``: real answers at once, and commands that work when they are pasted."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from rich.cells import cell_len
from trialmatch import demo
from trialmatch.cli import serve as cli_serve
from trialmatch.config import Settings
from trialmatch.store.database import Store
from trialmatch.terminal.page import VERDICTS
from trialmatch.web.app import create_app

from tests.cli.conftest import Run, process


def test_demo_shows_every_showcase() -> None:
    done = process("demo")
    assert (done.returncode, done.stderr) == (0, b"")
    page = done.stdout.decode()
    for patient, note in demo.SHOWCASE:
        assert f"{patient} – {note}" in page
    for verdict in ("eligible", "likely", "possible", "ineligible"):
        assert f"{VERDICTS[verdict][0]} {verdict}" in page
    assert "with the answers of --attestations" in page


def test_demo_does_not_hang_on_settings(run: Run) -> None:
    assert run("demo", TRIALMATCH_STUDIES="nowhere", TRIALMATCH_VALIDITY="1 d").stdout == run("demo").stdout


def test_what_to_try_next_works(run: Run) -> None:
    page = run("demo").stdout.split("What to try next")[1]
    commands = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    tried = [shlex.split(line.split("trialmatch ", 1)[1]) for line in commands if "PATIENT_ID" not in line]
    assert len(tried) >= 4
    for arguments in tried:
        done = run(*arguments)
        assert (done.exit_code, done.stderr) == (0, ""), arguments
    assert any("ELIGIBLE, score 1.00" in run(*arguments).stdout for arguments in tried if "--attestations" in arguments)


def test_demo_fits_a_terminal(run: Run) -> None:
    """All but the commands, which must not be broken."""
    page = run("demo", COLUMNS="80").stdout
    assert max(cell_len(line) for line in page.splitlines() if not line.startswith("    ")) <= 80


def test_what_the_served_demo_says_to_try_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of curl, pasted: matches, studies, and a prescreen of the demo's hospital."""
    statuses: dict[str, int] = {}

    def tried(settings: Settings, more: str = "", clock: Any = None) -> None:
        with Store.open(settings) as store:
            client = create_app(settings, store=store, clock=clock).test_client()
            for line in more.splitlines():
                words = shlex.split(line) if line.startswith("  curl") else []
                body = words[words.index("-d") + 1] if "-d" in words else None
                if words:
                    path = next(word for word in words if word.startswith("URL")).removeprefix("URL")
                    sent = {"data": body, "content_type": "application/json"} if body else {}
                    statuses[path] = client.open(path, method="POST" if body else "GET", **sent).status_code

    monkeypatch.setattr(cli_serve, "run", tried)
    assert run("demo", "--serve").exit_code == 0
    first = demo.SHOWCASE[0][0]
    assert statuses == {
        f"/api/v1/patients/{first}/matches?as_of={demo.INDEX_DATE}": 200,
        f"/fhir/Patient/{first}/$match-trials?as-of={demo.INDEX_DATE}": 200,
        "/api/v1/studies": 200,
        "/api/v1/prescreens": 202,
    }
