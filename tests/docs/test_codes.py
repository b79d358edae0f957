"""The page of a hospital's own codes: what it shows from start to end is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from trialmatch import demo
from trialmatch.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "codes.md"
HOSPITAL = Path(demo.__file__).parent / "hospital"


def _blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [text for kind, text in found if kind == language]


def _said(words: str) -> str:
    """What a command of the page prints, on one line: where its lines break depends on the width."""
    arguments = words.replace("HOSPITAL", str(HOSPITAL)).split()[1:]
    return " ".join(CliRunner().invoke(main, arguments, env={"COLUMNS": "100"}).stdout.split())


def test_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    shown, commands = _blocks("")
    set_up, *calls = commands.splitlines()
    before = [_said(call) for call in calls]
    assert " ".join(shown.splitlines()[0].split()) in before[0]
    for line in shown.splitlines()[1:]:
        assert " ".join(line.split()) in before[0]
    assert "12 codes that no mapping knows" in before[0]
    assert "4 gaps in the data (Serum creatinine; Creatinine clearance; Total bilirubin)" in before[1]

    name, folder = set_up.removeprefix("export ").split("=")
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "laboratory.json").write_text(_blocks("json")[0], "utf-8")
    monkeypatch.setenv(name, str(tmp_path / folder))
    after = [_said(call) for call in calls]
    assert "10 codes that no mapping knows" in after[0]
    assert "KREA" not in after[0]
    assert "2 gaps in the data (Total bilirubin)" in after[1]
    (reason,) = re.findall("another reason: “(.*?)”", page)
    assert reason in after[1]
