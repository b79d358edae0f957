"""The page of ``match``: what a coordinator must find on it, at every width, with and without colour."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from trialmatch.terminal.page import VERDICTS

from tests.cli.conftest import ANSWERS, AS_OF, HOSPITAL, Run, process

STUDY = ("--study", "NCT06892145")


def _document(run: Run, *arguments: str) -> dict:
    return json.loads(run(*arguments, "--format", "json").stdout)


def _between(page: str, first: str, last: str) -> str:
    return page.split(first, 1)[1].split(last, 1)[0]


def test_header(match: Run) -> None:
    page = match("Patient/lupus-missing-01").stdout
    assert page.startswith("Patient/lupus-missing-01, as of 2026-03-01\nRecords: ")
    records = _between(page, "Records: ", "\n\n")
    assert "30 results" in records
    assert "1 immunization," in records
    assert "no procedures" in " ".join(records.split())
    assert "INCOMPLETE" not in page


def test_a_trial_that_does_not_recruit_says_so(match: Run) -> None:
    """The record of NCT06892145 says “not yet recruiting”, the one of the universal cells nothing."""
    assert "   Recruitment: not yet recruiting\n" in match("lupus-likely-01", "--study", "NCT06892145").stdout
    assert "Recruitment" not in match("lupus-likely-01", "--study", "Universal-CD19-BCMA-autoimmune").stdout


def test_verdicts_can_be_told_without_colour(match: Run) -> None:
    assert len({symbol for symbol, _ in VERDICTS.values()}) == len(VERDICTS)
    for patient, verdict in (("lupus-likely-01", "likely"), ("lupus-missing-01", "possible")):
        page = match(patient, *STUDY).stdout
        assert f"{VERDICTS[verdict][0]} {verdict.upper()}" in page


def test_several_matches_have_an_overview_in_rank_order(match: Run) -> None:
    document = _document(match, "lupus-missing-01")
    page = match("lupus-missing-01").stdout
    overview = page.split("\n\n")[1].splitlines()
    assert [line.split()[3] for line in overview] == [one["study"]["id"] for one in document["matches"]]
    assert [line.split()[2] for line in overview] == [one["verdict"] for one in document["matches"]]


def test_a_day_to_come_is_told_in_the_overview(match: Run) -> None:
    """A stroke of 2025-11-14 counts for six months, to 14 May. That a result grows too old promises nothing."""
    page = match("lupus-stroke-01", "--all").stdout
    assert "NCT06892145                     may qualify from 2026-05-15; not met: E10.a\n" in page
    assert "May qualify from 2026-05-15, if nothing else happens: E10.a " in " ".join(page.split())
    page = match("lupus-renal-01", "--all").stdout
    assert "qualify from" not in page
    assert "That counts until 2026-05-22" in " ".join(page.split())


def test_missing_says_what_would_settle_it(match: Run) -> None:
    document = _document(match, "lupus-missing-01", *STUDY)
    page = " ".join(match("lupus-missing-01", *STUDY).stdout.split())
    gaps = [one for one in document["matches"][0]["missing"] if one["basis"] == "missing-data"]
    assert f"MISSING {len(gaps)} gaps in the data" in page
    assert "Never measured, or not on record" in page
    for gap in gaps:
        assert f"{gap['linkId']} {gap['need']}" in page


@pytest.mark.parametrize(
    ("patient", "heading", "detail"),
    [
        ("lupus-stale-01", "Too old", "2025-08-05"),
        ("lupus-norange-01", "On record, but cannot be compared", "no reference range"),
        ("lupus-preliminary-01", "Not final, or not confirmed yet", "preliminary"),
        ("lupus-vague-01", "On record, but too vague to decide", "Seizure"),
    ],
)
def test_each_kind_of_gap_has_its_words(match: Run, patient: str, heading: str, detail: str) -> None:
    page = match(patient, *STUDY).stdout
    assert detail in _between(page, heading, "TO CONFIRM")


def test_unmet_shows_reason_and_record(match: Run) -> None:
    page = match("lupus-renal-01", *STUDY, "--all").stdout
    unmet = _between(page, "UNMET", "Of ")
    for word in ("I6.2", "Renal function", "I6.2.a", "2.4 × ULN", "I6.2.b", "Observation/", "2026-02-"):
        assert word in unmet
    assert "I9.a" not in unmet, "what does not decide is only counted"
    assert "that do not decide" in page


def test_points_to_confirm_are_grouped(match: Run) -> None:
    document = _document(match, "lupus-likely-01", *STUDY)
    page = match("lupus-likely-01", *STUDY).stdout
    points = len(document["matches"][0]["missing"])
    assert f"{points} points a person must confirm" in page
    person = _between(page, "Needs a person's answer", "The record says nothing")
    assert "I1 " in person
    chart = _between(page, "look in the chart\n", "look in the chart, and judge")
    assert "E4 " in chart
    assert ".a .b .c" in chart
    assert "--infusion" in page
    assert len(_between(page, "TO CONFIRM", "Of ").splitlines()) < points


def test_every_point_to_confirm_is_on_the_page(match: Run) -> None:
    """Grouping loses no linkId: each is there in full, or as the end of its row's."""
    document = _document(match, "lupus-missing-01")
    page = match("lupus-missing-01", COLUMNS="140").stdout
    for one in document["matches"]:
        ids = [gap["linkId"] for gap in one["missing"]]
        section = page.split(f"━━ {one['rank']}  ")[1].split("\n━━ ")[0]
        words = set(section.replace(",", " ").split())
        for link_id in ids:
            parts = link_id.split(".")
            ends = {(".".join(parts[:cut]), "." + ".".join(parts[cut:])) for cut in range(1, len(parts))}
            assert link_id in words or any(row in words and end in words for row, end in ends), link_id


def test_attestations_make_a_patient_eligible(match: Run) -> None:
    page = match("lupus-likely-01", *STUDY, "--attestations", ANSWERS).stdout
    assert f"{VERDICTS['eligible'][0]} ELIGIBLE, score 1.00" in page
    assert "attested)" in page
    assert "TO CONFIRM" not in page


def test_what_evidence_decides_is_shown_as_a_conflict(match: Run, tmp_path: Path) -> None:
    said = {"study": "NCT06892145", "linkId": "I6.2.a", "answer": "met", "by": "somebody", "at": "2026-02-20"}
    path = tmp_path / "answers.json"
    path.write_text(json.dumps([said]), "utf-8")
    page = match("lupus-renal-01", *STUDY, "--all", "--attestations", path).stdout
    assert "INELIGIBLE" in page
    assert "I6.2.a" in _between(page, "CONFLICT", "Of ")


def test_no_match_is_said_kindly(match: Run) -> None:
    page = match("lupus-renal-01", *STUDY).stdout
    assert "No match today" in page
    assert "--all" in page


def test_deceased(match: Run) -> None:
    assert "The patient is deceased." in match("lupus-deceased-01", *STUDY, "--all").stdout


def test_cohorts(match: Run) -> None:
    document = _document(match, "overlap-01", "--study", "NCT07161193")
    page = match("overlap-01", "--study", "NCT07161193").stdout
    for cohort in document["matches"][0]["cohorts"]:
        line = next(line for line in page.splitlines() if "cohort" in line and cohort["id"] in line)
        assert cohort["verdict"] in line


def test_incomplete_sources_are_a_warning(run: Run, bundle: Callable[..., Path]) -> None:
    broken = {"resourceType": "Procedure", "subject": {"reference": "Patient/p"}, "code": 1}
    page = run("match", "p", "--from", bundle(broken), "--all").stdout
    assert "! INCOMPLETE  Procedure (partial: some records could not be read)" in page
    page = run("match", "p", "--from", bundle(7), "--all").stdout
    assert "! INCOMPLETE  every type of record (partial: some records could not be read)" in page


def test_what_records_say_cannot_steer_the_terminal(run: Run, bundle: Callable[..., Path]) -> None:
    nasty = "lupus\x1b[2J\x07\r\n\u202eBOLD[bold red]x[/]"
    condition = {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "55464009"}], "text": nasty},
        "onsetDateTime": "2020-01-01",
    }
    done = run("match", "p", "--from", bundle(condition), "--all", "--as-of", AS_OF)
    assert done.exit_code == 0
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(done.stdout)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_pages_fit_their_width(match: Run, width: int) -> None:
    for patient in ("lupus-norange-01", "lupus-heart-01", "overlap-01"):
        page = match(patient, "--all", COLUMNS=str(width)).stdout
        assert max(cell_len(line) for line in page.splitlines()) <= width
        headings = [line for line in page.splitlines() if line.startswith("━━")]
        assert {cell_len(line) for line in headings} == {width}


def test_width_has_bounds(match: Run) -> None:
    assert max(map(cell_len, match("lupus-vague-01", COLUMNS="400").stdout.splitlines())) <= 140
    assert max(map(cell_len, match("lupus-vague-01", COLUMNS="20").stdout.splitlines())) <= 60


def test_no_colour_where_it_is_no_terminal() -> None:
    done = process("match", "lupus-heart-01", "--from", HOSPITAL, "--as-of", AS_OF, "--all", FORCE_COLOR="1")
    assert b"\x1b" not in done.stdout
    assert not [line for line in done.stdout.decode().splitlines() if line != line.rstrip()]


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
@pytest.mark.parametrize(
    ("environment", "form", "coloured"),
    [
        ({"TERM": "xterm-256color"}, "table", True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "table", False),
        ({"TERM": "dumb"}, "table", False),
        ({"TERM": "xterm-256color"}, "json", False),
        ({"TERM": "xterm-256color"}, "fhir", False),
    ],
    ids=["terminal", "NO_COLOR", "dumb", "json", "fhir"],
)
def test_colour_on_a_terminal(environment: dict[str, str], form: str, coloured: bool) -> None:
    arguments = ["match", "lupus-heart-01", "--from", HOSPITAL, "--as-of", AS_OF, "--all", "--format", form]
    shown = _on_a_terminal(arguments, environment)
    assert "NCT06892145" in shown
    assert ("\x1b[" in shown) == coloured


def _on_a_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    import pty

    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "COLUMNS")}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "trialmatch", *arguments], stdout=theirs, stderr=theirs, env={**kept, **environment}
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError as problem:  # Linux tells the end of a pseudo-terminal this way
            assert problem.errno == errno.EIO
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return shown.decode()
