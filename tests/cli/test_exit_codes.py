"""Each exit code, as a shell sees it: what is printed where, in how many lines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import AS_OF, HOSPITAL, Run, process


def _lines(errors: bytes) -> list[str]:
    return errors.decode().splitlines()


def test_0_done() -> None:
    done = process("match", "lupus-likely-01", "--from", HOSPITAL, "--as-of", AS_OF)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"NCT06892145" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["match", "p"],
        ["match", "p", "--from", "x", "--fhir", "http://localhost/fhir"],
        ["match", "--from", "x"],
        ["match", "p", "--from", "x", "--as-of", "2026-02-30"],
        ["match", "p", "--from", "x", "--as-of", "2026-02"],
        ["match", "p", "--from", "x", "--format", "xml"],
        ["match", "p", "--from", "x", "--nonsense"],
        ["match", "Patient/", "--from", "x"],
        ["match", "../Patient", "--fhir", "http://localhost/fhir"],
        ["match", "lupus-likely-01", "--from", HOSPITAL, "--study", "NO-SUCH"],
        ["studies", "show", "NO-SUCH"],
        ["studies", "check"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_2_usage(run: Run, arguments: list[str]) -> None:
    wrong = run(*arguments)
    assert wrong.exit_code == 2
    assert wrong.stdout == ""
    if arguments != ["studies", "check"]:  # without arguments, help is what helps
        assert len(wrong.stderr.splitlines()) == 1


def test_2_usage_of_a_process() -> None:
    wrong = process("match", "p")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert len(_lines(wrong.stderr)) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRIALMATCH_TIMEZONE", "Mars/Olympus"),
        ("TRIALMATCH_VALIDITY", "soon"),
        ("TRIALMATCH_TEXT", "perhaps"),
        ("TRIALMATCH_EXPOSURE", "perhaps"),
        ("TRIALMATCH_ANA_TITRE", "high"),
        ("TRIALMATCH_LEAP_BIRTHDAY", "29"),
        ("TRIALMATCH_MAPPINGS", "no-such-folder"),
        ("TRIALMATCH_FHIR_TIMEOUT", "long"),
    ],
)
def test_2_settings(match: Run, variable: str, value: str) -> None:
    wrong = match("lupus-likely-01", **{variable: value})
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith(f"{variable}: ")
    assert len(wrong.stderr.splitlines()) == 1


def test_3_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text('{"resourceType": "Bundle", "entry": [', "utf-8")
    wrong = process("match", "p", "--from", path)
    assert (wrong.returncode, wrong.stdout) == (3, b"")
    assert _lines(wrong.stderr)[0].startswith(f"{path}:1: ")


def test_3_unknown_patient() -> None:
    wrong = process("match", "nobody-known", "--from", HOSPITAL)
    assert (wrong.returncode, wrong.stdout) == (3, b"")
    assert len(_lines(wrong.stderr)) == 1
    assert "nobody-known" not in wrong.stderr.decode()


def test_4_server_that_cannot_be_reached() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/fhir"  # bound, but nobody listens
        wrong = process("match", "p", "--fhir", url)
    assert (wrong.returncode, wrong.stdout) == (4, b"")
    assert _lines(wrong.stderr)[0].startswith(f"{url}: ")
    assert len(_lines(wrong.stderr)) == 1


def test_5_incomplete_but_printed(bundle: Callable[..., Path]) -> None:
    path = bundle({"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "code": "lupus"})
    done = process("match", "p", "--from", path, "--format", "json")
    assert done.returncode == 5
    states = {one["type"]: one["state"] for one in json.loads(done.stdout)["sources"]}
    assert states["Condition"] == "partial"
    assert _lines(done.stderr) == [f"{path}: entry[1]: Condition.code: a string; expected an object"]


def test_an_impossible_date_is_told_but_nothing_is_incomplete(run: Run, bundle: Callable[..., Path]) -> None:
    path = bundle(patient={"resourceType": "Patient", "id": "p", "birthDate": "1980-13-45"})
    done = run("match", "p", "--from", path)
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [f"{path}: entry[0]: Patient.birthDate: no possible date; taken as not known"]


def test_1_internal_error_shows_neither_traceback_nor_values(match: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("Erika Mustermann")

    monkeypatch.setattr("trialmatch.usecases.match.match_patient", broken)
    wrong = match("lupus-likely-01")
    assert wrong.exit_code == 1
    assert wrong.stderr == "trialmatch: internal error (ZeroDivisionError); please report\n"
    assert "Traceback" in match("lupus-likely-01", TRIALMATCH_DEBUG="1").stderr


def test_130_interrupt(match: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trialmatch.usecases.match.match_patient", interrupted)
    wrong = match("lupus-likely-01")
    assert wrong.exit_code == 130
    assert wrong.stderr.strip() == "trialmatch: interrupted"


def test_130_interrupt_while_a_hospital_is_read(match: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB has a word of its own for it, which is no internal error."""

    def read(*_: object) -> None:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("trialmatch.usecases.match.match_patient", read)
    wrong = match("lupus-likely-01")
    assert (wrong.exit_code, wrong.stderr) == (130, "trialmatch: interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="pipes of a POSIX shell")
def test_141_reader_that_went_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "trialmatch", "studies", "list"]
        gone = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    finally:
        os.close(writing)
    assert (gone.returncode, gone.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "trialmatch", "studies", "list"]
        lost = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert lost.returncode == 1
    assert lost.stderr.decode().startswith("standard output: ")
    assert len(_lines(lost.stderr)) == 1


def test_version_and_help() -> None:
    version, overview = process("--version"), process("--help")
    assert (version.returncode, version.stdout) == (0, b"trialmatch 0.1.0\n")
    text = overview.stdout.decode()
    assert overview.returncode == 0
    for word in ("Examples", "Exit codes", "docs/settings.md", "demo", "match", "studies"):
        assert word in text


def test_help_teaches_match(run: Run) -> None:
    text = run("match", "--help").stdout
    for word in ("--fhir", "--from", "--attestations", "linkId", "judgement", "Exit codes", "Examples"):
        assert word in text


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--from", "", "it is empty"),
        ("--attestations", "", "it is empty"),
        ("--studies", "", "it is empty"),
        ("--from", "https://u:secret@h.example/r4?a=b", "“https://h.example/r4” is a URL; expected a path"),
        ("--as-of", "2026-W09-7", "no date; expected YYYY-MM-DD"),
        ("--as-of", "２０２６-03-01", "no date; expected YYYY-MM-DD"),
        ("--as-of", "1899-12-31", "expected a day from 1900-01-01 to 2199-12-31"),
        ("--infusion", "2200-01-01", "expected a day from 1900-01-01 to 2199-12-31"),
    ],
)
def test_2_values_of_options(match: Run, option: str, value: str, words: str) -> None:
    """An empty path is what a shell makes of a variable that is not set; it does not mean the folder one is in."""
    wrong = match("lupus-likely-01", option, value)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    (line,) = wrong.stderr.splitlines()
    assert option in line and words in line and "secret" not in line


@pytest.mark.parametrize("day", ["1900-01-01", "2199-12-31"])
def test_days_that_are_just_near_enough(match: Run, day: str) -> None:
    assert match("lupus-likely-01", "--as-of", day).exit_code == 0


@pytest.mark.parametrize("url", ["", "hospital", "ftp://hospital/fhir", "http://", "http://[::1/fhir", "http://h:99999/"])
def test_2_no_url_of_a_server(run: Run, url: str) -> None:
    wrong = run("match", "p", "--fhir", url)
    assert (wrong.exit_code, len(wrong.stderr.splitlines())) == (2, 1)
    assert "'--fhir': no URL of a server; expected http:// or https:// and a host" in wrong.stderr
    setting = run("studies", "list", TRIALMATCH_FHIR_SERVER=url or "x")
    assert setting.exit_code == 2
    assert setting.stderr.startswith("TRIALMATCH_FHIR_SERVER: no URL of a server; expected http:// or https://")


@pytest.mark.parametrize("command", ["check", "import"])
def test_2_a_url_in_place_of_a_file(run: Run, command: str) -> None:
    wrong = run("studies", command, "https://u:secret@h.example/study.json?a=b")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "“https://h.example/study.json” is a URL; expected a path" in wrong.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["codes", "coverage", ""],
        ["prescreen", ""],
        ["prescreen", HOSPITAL, "--out", ""],
        ["studies", "check", ""],
        ["studies", "import", ""],
    ],
)
def test_2_empty_places(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = run(*words, *(["--out", "out"] if words == ["prescreen", ""] else []))
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "it is empty" in wrong.stderr
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "words", [["match", "p", "--from"], ["codes", "coverage"], ["studies", "check"], ["prescreen", "--out", "out"]]
)
def test_3_a_name_that_is_too_long(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = run(*words, "a" * 5000)
    assert (wrong.exit_code, wrong.stdout) == (3, "")
    (line,) = wrong.stderr.splitlines()
    assert "aaa: cannot be read (File name too long); expected " in line


@pytest.mark.parametrize(
    ("patient", "code"),
    [
        ("Group/lupus-likely-01", 2),
        ("Observation/Patient/../lupus-likely-01", 2),
        ("Patient/lupus-likely-01", 0),
        ("Patient/lupus-likely-01/_history/2", 0),
        ("https://hospital.example/fhir/Patient/lupus-likely-01", 0),
    ],
)
def test_whose_id_it_is(match: Run, patient: str, code: int) -> None:
    """A group's id is not a patient's, even where there is a patient of the same."""
    done = match(patient)
    assert done.exit_code == code
    assert code == 0 or "PATIENT_ID names no Patient" in done.stderr


@pytest.mark.parametrize("form", ["table", "json"])
def test_no_standard_output_at_all(form: str) -> None:
    """As under a scheduler that closes it."""
    closed = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    words = ["-m", "trialmatch", "studies", "list", "--format", form]
    done = subprocess.run([sys.executable, "-c", closed, *words], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "standard output: the answer cannot be written (it is closed)\n"
