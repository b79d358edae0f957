"""``studies import``: a draft to standard output or into a file, a summary, and lines for what is no record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trialmatch.config import Settings
from trialmatch.usecases.match import Engine

from tests.cli.conftest import Run, process
from tests.registry.full import FULL
from tests.registry.material import record


def _file(folder: Path, data: Any, name: str = "record.json") -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return path


@pytest.fixture
def draft(run: Run, tmp_path: Path) -> Path:
    """The draft of a whole record, in a file."""
    out = tmp_path / "draft.json"
    assert run("studies", "import", _file(tmp_path, FULL), "--out", out).exit_code == 0
    return out


def test_to_standard_output(tmp_path: Path) -> None:
    done = process("studies", "import", _file(tmp_path, FULL))
    assert done.returncode == 0
    made = json.loads(done.stdout)
    assert [one["resource"]["resourceType"] for one in made["entry"]] == ["ResearchStudy", "EvidenceVariable"]
    assert done.stderr.decode().splitlines() == [
        "NCT00000042: 4 criteria, 4 read by a rule or from a field, 0 only text",
        "It is a draft and is not matched. Next: read it beside the record (trialmatch studies show NCT00000042 "
        "--studies FILE), correct it, set its status to active (trialmatch studies import --help)",
    ]


def test_into_a_file(run: Run, draft: Path, tmp_path: Path) -> None:
    checked = run("studies", "check", draft)
    assert checked.exit_code == 0
    assert checked.stdout.startswith(f"{draft}: fine (1 study, ")
    again = run("studies", "import", tmp_path / "record.json", "--out", draft)
    assert (again.exit_code, again.stderr) == (
        2,
        f"trialmatch studies import: {draft} is there already; name a new file\n",
    )
    nowhere = run("studies", "import", tmp_path / "record.json", "--out", tmp_path / "none" / "draft.json")
    assert nowhere.exit_code == 1
    assert nowhere.stderr.endswith("draft.json: cannot be written (No such file or directory)\n")


def test_summaries(run: Run, tmp_path: Path) -> None:
    page = {"studies": [record("Inclusion Criteria:\n\n* HIV negative\n* Brave"), record(None, "NCT00000002")]}
    done = run("studies", "import", _file(tmp_path, page), "--out", tmp_path / "d.json")
    first, second, last = done.stderr.splitlines()
    said = "2 criteria, 1 read by a rule or from a field, 1 only text; the record prints no exclusions"
    assert first == f"NCT00000001: {said}"
    assert second == "NCT00000002: the record prints no eligibility"
    assert last.startswith("They are drafts and are not matched. Next: ")
    assert f"--studies {tmp_path / 'd.json'})" in last


def test_a_draft_is_never_matched(run: Run, draft: Path, bundle: Callable[..., Path], tmp_path: Path) -> None:
    """Not by match, not by name, not by prescreen; and nothing of a patient is asked for on its account."""
    patient = bundle()
    assert "no active study" in run("match", "p", "--from", patient, "--studies", draft).stdout
    named = run("match", "p", "--from", patient, "--studies", draft, "--study", "NCT00000042")
    assert named.exit_code == 2
    assert "its status is draft; only active studies are matched" in named.stderr
    sought = run("prescreen", tmp_path, "--out", tmp_path / "o", "--studies", draft, "--study", "NCT00000042")
    assert sought.exit_code == 2
    engine = Engine.start(Settings.read(studies=str(draft)))
    assert engine.studies.matchable == ()
    nothing = Engine.of([], Settings.read({})).needs()
    assert engine.needs() == nothing


def test_list_and_show_say_so(run: Run, draft: Path) -> None:
    said = "draft: not matched until a person sets its status to active"
    assert said in run("studies", "list", "--studies", draft).stdout
    assert said in run("studies", "show", "NCT00000042", "--studies", draft).stdout
    (listed,) = json.loads(run("studies", "list", "--studies", draft, "--format", "json").stdout)
    assert (listed["status"], listed["matched"]) == ("draft", False)
    assert "not matched" not in run("studies", "list").stdout


def test_activated_it_is_matched(run: Run, draft: Path, bundle: Callable[..., Path]) -> None:
    content = json.loads(draft.read_text("utf-8"))
    content["entry"][0]["resource"]["status"] = "active"
    draft.write_text(json.dumps(content), "utf-8")
    assert "not matched until" not in run("studies", "list", "--studies", draft).stdout
    found = json.loads(run("match", "p", "--from", bundle(), "--studies", draft, "--format", "json", "--all").stdout)
    assert [one["study"]["id"] for one in found["matches"]] == ["NCT00000042"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", ":1: no JSON ("),
        ("<?xml version='1.0'?><clinical_study/>", ": XML or HTML; expected JSON: a ClinicalTrials.gov record"),
        ("NCT00000001,Example", ":1: no JSON ("),
        (json.dumps({"StudyFieldsResponse": {}}), ": a record of the registry's old API (version 1); expected a Clin"),
        (json.dumps({"protocolSection": {}}), ": protocolSection.identificationModule: none; expected an object"),
    ],
)
def test_what_is_no_record(tmp_path: Path, content: str, line: str) -> None:
    path = _file(tmp_path, content)
    refused = process("studies", "import", path)
    assert (refused.returncode, refused.stdout) == (3, b"")
    (told,) = refused.stderr.decode().splitlines()
    assert told.startswith(f"{path}{line}")
    assert "expected" in told


def test_files_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    missing = run("studies", "import", tmp_path / "none.json")
    assert missing.exit_code == 3
    said = "cannot be read (No such file or directory); expected a ClinicalTrials.gov record"
    assert missing.stderr.startswith(f"{tmp_path / 'none.json'}: {said}")
    assert run("studies", "import", tmp_path).exit_code == 3
    large = run("studies", "import", _file(tmp_path, FULL), TRIALMATCH_STUDY_BYTES="100")
    assert large.exit_code == 3
    assert large.stderr.endswith("bytes; expected at most 100 bytes\n")


def test_help_teaches(run: Run) -> None:
    page = run("studies", "import", "--help").stdout
    assert "never matched until a person activates it" in page
    assert "trialmatch studies import record.json --out draft.json" in page
    assert "import" in run("studies", "--help").stdout
