"""What a prescreen shows on a terminal: how far it is, and what came of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from trialmatch.prescreen.progress import Progress
from trialmatch.terminal import prescreen as terminal_prescreen
from trialmatch.terminal.prescreen import Shown, summary_page
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import folder_of, screened
from tests.prescreen.people import condition, hemoglobin, person, three

ONE = {"study_ids": ("NCT06892145",)}


def page(run: dict[str, Any], width: int = 100) -> str:
    """The summary as plain text."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None)
    for part in summary_page(run, None, Path("out"), width):
        console.print(part)
    return stream.getvalue()


def test_one_of_each(engine: Engine, tmp_path: Path) -> None:
    """A repeated result, one of somebody who is not there, one that is no JSON, and a Patient who is replaced."""
    link = [{"other": {"reference": "Patient/ann"}, "type": "replaced-by"}]
    more = [person("old", link=link), hemoglobin("o1", "ann", 12.1), hemoglobin("o4", "nobody", 12.0)]
    source = folder_of(tmp_path / "in", [*three(), *more])
    (source / "Procedure.ndjson").write_text("no JSON\n" + '{"resourceType": "Basic"}\n', "utf-8")
    told = page(screened(engine, source, tmp_path / "out", **ONE).run)
    assert "1 record is about patients who are not there" in told
    assert "1 record is there again; the newest version counts" in told
    assert "1 patient is replaced by another and looked at there" in told
    assert "1 line could not be read: " in told
    assert "incomplete" in told.splitlines()[0]


def test_two_of_them(engine: Engine, tmp_path: Path) -> None:
    twice = [condition("c1", "ann"), hemoglobin("o1", "ann", 12.1)]
    told = page(screened(engine, folder_of(tmp_path / "in", [*three(), *twice]), tmp_path / "out", **ONE).run)
    assert "2 records are there again" in told
    assert "could not be read" not in told


@pytest.mark.parametrize(
    ("stage", "size", "line"),
    [
        ("survey", 3_000_000, "prescreen: reading 3 of 3 MB, 3,000 MB/s"),
        ("blocks", 3_000_000, "prescreen: finding lines 3 of 3 MB, 3,000 MB/s"),
        ("fetch", 7, "prescreen: candidates' records 7 of 7 pieces, 7,000/s"),
        ("judge", 9, "prescreen: judging 9 of 9 patients, 9,000/s"),
    ],
)
def test_plain_lines_of_progress(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stage: str, size: int, line: str
) -> None:
    """Where standard error is no terminal: a line when a stage is done, a millisecond after it began here."""
    clock = iter([10.0, 10.001])
    monkeypatch.setattr(terminal_prescreen.time, "monotonic", lambda: next(clock))
    with Shown() as shown:
        progress = Progress(shown.begin, shown.advance)
        progress.begin(stage, size)
        progress.advance(stage, size)
    assert capsys.readouterr().err.splitlines()[-1] == line


def test_changes_are_a_line_each_indented_alike() -> None:
    """Whether or not a line has to be cut, it begins in the same column; the file that has all of them is named."""
    studies: list[Any] = []
    counts = {"patients": 2, "candidates": 1, "orphans": {}, "replaced": 0, "withoutId": 0, "repeated": 0, "faults": 0}
    run = {"asOf": "2026-03-02", "state": "complete", "counts": counts, "studies": studies, "undetermined": []}
    changes = [
        ("NCT1", "Patient/1", "likely", "not there", "no such Patient is there any longer"),
        ("NCT1", "Patient/2", "set aside", "likely", "I5 Hemoglobin: " + "9.8 → 10.4 g/dL; " * 10),
    ]
    stream = io.StringIO()
    console = Console(file=stream, width=80, color_system=None)
    for part in summary_page(run, changes, Path("out"), 80):
        console.print(part)
    lines = stream.getvalue().splitlines()
    assert "  NCT1 Patient/1 likely → not there: no such Patient is there any longer" in lines
    (cut,) = [line for line in lines if "Patient/2" in line]
    assert cut.startswith("  NCT1 Patient/2 set aside → likely: I5 Hemoglobin:")
    assert cut.endswith("…") and len(cut) <= 80
    assert any(line.startswith("  out/changes.csv  ") for line in lines)
