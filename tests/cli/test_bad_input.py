"""Bad input: one line that names file and place, the right exit code, no traceback, nothing of the patient."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.conftest import HOSPITAL, Run

#: What must never be seen in an error: a name, a birth date, a value, a number of a record, somebody's words.
PRIVATE = ("Mustermann", "1961-08-12", "437.5", "MRN-00042", "confided")

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "urn:hospital", "value": "MRN-00042"}],
    "name": [{"family": "Mustermann", "given": ["Erika"]}],
    "birthDate": "1961-08-12",
}
RESULT = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "1742-6"}], "text": "as confided"},
    "effectiveDateTime": "2026-02-20",
    "valueQuantity": {"value": 437.5, "unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"},
}


def told(result: Result, code: int, *starts: str) -> None:
    """The errors are these lines and no others, and they give nothing away."""
    lines = result.stderr.splitlines()
    assert result.exit_code == code, result.stderr
    assert len(lines) == len(starts), lines
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start), line
    assert "Traceback" not in result.output
    for secret in PRIVATE:
        assert secret not in result.stderr


def _content(*resources: Any) -> str:
    entries = [{"resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, ensure_ascii=False)


def _deep(levels: int) -> str:
    return '{"resourceType": "Bundle", "entry": ' + "[" * levels + "]" * levels + "}"


FILES: dict[str, tuple[bytes, str]] = {
    "cut in the middle": (_content(PATIENT, RESULT).encode()[:-40], ":1: no JSON"),
    "no JSON": (b"Dear colleague, Erika Mustermann, born 1961-08-12", ":1: no JSON"),
    "empty": (b"", ":1: no JSON"),
    "a list": (json.dumps([PATIENT]).encode(), ": found an array; expected a Bundle"),
    "a string": (b'"Mustermann"', ": found a string; expected a Bundle"),
    "a number": (b"437.5", ": found a number; expected a Bundle"),
    "a lone Patient": (json.dumps(PATIENT).encode(), ": found Patient; expected a Bundle"),
    "entries that are no list": (b'{"resourceType": "Bundle", "entry": {"resource": 1}}', ": Bundle.entry: "),
    "10,000 deep arrays": (_deep(10_000).encode(), ":1: "),
    "10,000 deep objects": (('{"a":' * 10_000 + "1" + "}" * 10_000).encode(), ":1: "),
    "Latin-1": (_content({**PATIENT, "name": [{"family": "Müller"}]}).encode("latin-1"), ":1: not UTF-8"),
    "UTF-16": (_content(PATIENT).encode("utf-16"), ":1: not UTF-8"),
    "zeros": (b"\0" * 100, ":1: "),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_bundle(run: Run, tmp_path: Path, name: str) -> None:
    content, start = FILES[name]
    path = tmp_path / "patient.json"
    path.write_bytes(content)
    told(run("match", "p", "--from", path), 3, f"{path}{start}")


def test_the_line_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text('{\n "resourceType": "Bundle",\n "entry": [\n  {"resource": nothing}\n ]\n}\n', "utf-8")
    told(run("match", "p", "--from", path), 3, f"{path}:4: no JSON")


def test_places_that_hold_nothing(run: Run, tmp_path: Path) -> None:
    told(run("match", "p", "--from", tmp_path / "none"), 3, f"{tmp_path / 'none'}: no such file or folder")
    told(run("match", "p", "--from", tmp_path), 3, f"{tmp_path}: no NDJSON in it")
    (tmp_path / "notes.txt").write_text("Mustermann", "utf-8")
    told(run("match", "p", "--from", tmp_path), 3, f"{tmp_path}: no NDJSON in it")


def test_a_file_name_cannot_make_two_lines(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a\nb\x1b[31m.json"
    wrong = run("match", "p", "--from", path)
    assert len(wrong.stderr.splitlines()) == 1
    assert "\x1b" not in wrong.stderr


def test_unknown_patient(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text(_content(PATIENT, RESULT), "utf-8")
    told(run("match", "q", "--from", path), 3, f"{path}: no such patient")
    told(run("match", "MRN-00042", "--from", path), 3, f"{path}: no such patient")
    assert run("match", "Patient/p", "--from", path).exit_code == 0


WRONG: dict[str, tuple[Any, int, str]] = {
    "code": ({**RESULT, "code": "confided"}, 5, "entry[1]: Observation.code: a string"),
    "status": ({**RESULT, "status": 437.5}, 5, "entry[1]: Observation.status: a number"),
    "subject": ({**RESULT, "subject": "Mustermann"}, 5, "entry[1]: Observation.subject: a string"),
    "no subject": ({k: v for k, v in RESULT.items() if k != "subject"}, 5, "entry[1]: Observation.subject: none"),
    "no object": (437.5, 5, "entry[1]: a number; expected a resource"),
    "no type": ({"id": "confided"}, 5, "entry[1]: resourceType"),
    "impossible date": ({**RESULT, "effectiveDateTime": "1961-08-42"}, 0, "entry[1]: Observation.effectiveDateTime"),
    "words for a date": ({**RESULT, "effectiveDateTime": "confided"}, 0, "entry[1]: Observation.effectiveDateTime"),
}


@pytest.mark.parametrize("name", WRONG)
def test_records_that_are_not_what_they_should_be(run: Run, tmp_path: Path, name: str) -> None:
    resource, code, start = WRONG[name]
    path = tmp_path / "patient.json"
    path.write_text(_content(PATIENT, resource), "utf-8")
    done = run("match", "p", "--from", path, "--as-of", "2026-03-01")
    told(done, code, f"{path}: {start}")
    assert done.stdout.startswith("Patient/p, as of 2026-03-01")
    assert ("INCOMPLETE" in done.stdout) == (code == 5)


def test_a_value_of_a_wrong_type_is_no_error(run: Run, tmp_path: Path) -> None:
    """Only what hides what, whose or when makes a record unreadable; a mere value makes its criterion unusable."""
    path = tmp_path / "patient.json"
    path.write_text(_content(PATIENT, {**RESULT, "valueQuantity": {"value": "confided"}}), "utf-8")
    told(run("match", "p", "--from", path), 0)


def test_patient_with_a_birth_date_of_a_wrong_type(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text(_content({**PATIENT, "birthDate": 19610812}), "utf-8")
    told(run("match", "p", "--from", path), 5, f"{path}: entry[0]: Patient.birthDate: a number")


def test_lines_of_ndjson(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n", "utf-8")
    lines = [json.dumps(RESULT), '{"resourceType": "Obs', "", "[" * 10_000, "437.5"]
    (tmp_path / "Observation.ndjson").write_text("\n".join(lines), "utf-8")
    done = run("match", "p", "--from", tmp_path)
    file = tmp_path / "Observation.ndjson"
    told(done, 5, f"{file}:2: no JSON", f"{file}:4: no JSON", f"{file}:5: a number; expected a resource")
    assert "1 result" in done.stdout


def test_lines_that_are_not_utf8(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n", "utf-8")
    (tmp_path / "Condition.ndjson").write_bytes('{"resourceType": "Condition", "note": "Müller"}'.encode("latin-1"))
    told(run("match", "p", "--from", tmp_path), 5, f"{tmp_path / 'Condition.ndjson'}:1: ")


def test_a_compressed_file_that_breaks_off(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n", "utf-8")
    whole = gzip.compress("\n".join(json.dumps({**RESULT, "id": str(n)}) for n in range(500)).encode())
    (tmp_path / "Observation.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    told(run("match", "p", "--from", tmp_path), 5, f"{tmp_path / 'Observation.ndjson.gz'}: broke off")


GIVEN = {"study": "NCT06892145", "linkId": "I1", "answer": "met", "by": "Mustermann", "at": "2026-02-20"}
ATTESTATIONS: dict[str, tuple[Any, str]] = {
    "an object": ({"answer": "met"}, ": an object; expected a list"),
    "a number": ([437.5], ": [0]: a number"),
    "an answer that is none": ([GIVEN, {**GIVEN, "answer": "confided"}], ": [1].answer: another answer"),
    "no answer": ([{k: v for k, v in GIVEN.items() if k != "answer"}], ": [0].answer: none"),
    "nobody": ([{k: v for k, v in GIVEN.items() if k != "by"}], ": [0].by: none"),
    "never": ([{k: v for k, v in GIVEN.items() if k != "at"}], ": [0].at: none"),
    "an impossible day": ([{**GIVEN, "at": "2026-02-31"}], ": [0].at: no possible date"),
    "an unknown field": ([{**GIVEN, "note": "confided"}], ": [0].note: an unknown field"),
    "linkId and judgement": ([{**GIVEN, "judgement": "consent"}], ": [0]: both linkId and judgement"),
    "neither": ([{k: v for k, v in GIVEN.items() if k != "linkId"}], ": [0]: neither linkId nor judgement"),
    "no study": ([{k: v for k, v in GIVEN.items() if k != "study"}], ": [0].study: none"),
    "a list for a word": ([{**GIVEN, "by": ["Mustermann"]}], ": [0].by: an array"),
}


@pytest.mark.parametrize("name", ATTESTATIONS)
def test_attestations_that_are_none(match: Run, tmp_path: Path, name: str) -> None:
    data, start = ATTESTATIONS[name]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(data), "utf-8")
    told(match("lupus-likely-01", "--attestations", path), 3, f"{path}{start}")


def test_attestations_that_cannot_be_read(match: Run, tmp_path: Path) -> None:
    told(match("lupus-likely-01", "--attestations", tmp_path), 3, f"{tmp_path}: cannot be read")
    told(match("lupus-likely-01", "--attestations", tmp_path / "none"), 3, f"{tmp_path / 'none'}: cannot be read")
    path = tmp_path / "answers.json"
    path.write_text("[{", "utf-8")
    told(match("lupus-likely-01", "--attestations", path), 3, f"{path}:1: no JSON")


def test_an_attestation_of_no_criterion_is_told_with_its_file(match: Run, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps([{**GIVEN, "linkId": "I99"}]), "utf-8")
    told(match("lupus-likely-01", "--attestations", path), 0, f"{path}: NCT06892145 has no single criterion I99")


def test_an_attestation_that_nobody_asks_for_is_told_with_its_file(match: Run, tmp_path: Path) -> None:
    """Told apart by the concept, too: attribution is asked for, though not about hypertension."""
    path, by = tmp_path / "answers.json", {"answer": "met", "by": "x", "at": "2026-02-27"}
    asked: list[dict[str, str]] = [{"judgement": "consnet"}, {"judgement": "consent"}]
    asked.append({"judgement": "attribution", "concept": "hypertension"})
    path.write_text(json.dumps([one | by for one in asked]), "utf-8")
    told(
        match("lupus-likely-01", "--attestations", path),
        0,
        f"{path}: no study that is loaded asks for the judgement consnet; the answer is not used",
        f"{path}: no study that is loaded asks for the judgement attribution about hypertension; ",
    )


def test_one_study_in_play_needs_no_name(match: Run, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps([{k: v for k, v in GIVEN.items() if k != "study"}]), "utf-8")
    told(match("lupus-likely-01", "--attestations", path, "--study", "NCT06892145"), 0)


STUDIES: dict[str, tuple[str, str]] = {
    "no study": (json.dumps(PATIENT), ": no study; expected at least one ResearchStudy"),
    "no JSON": ("{", ":1: no JSON"),
    "a list": ("[]", ": an array"),
}


@pytest.mark.parametrize("name", STUDIES)
def test_studies_that_are_none(run: Run, bundle: Callable[..., Path], tmp_path: Path, name: str) -> None:
    content, start = STUDIES[name]
    path = tmp_path / "study.json"
    path.write_text(content, "utf-8")
    told(run("match", "p", "--from", bundle(), "--studies", path), 3, f"{path}{start}")


def test_demo_patients_do_not_leak_either(run: Run) -> None:
    """Names, birth dates and record numbers of the whole demo hospital stay out of the errors about it."""
    private = {"Demopatient"}
    for line in (Path(HOSPITAL) / "Patient.ndjson").read_text("utf-8").splitlines():
        patient = json.loads(line)
        private |= {patient.get("birthDate", "Demopatient")}
        private |= {one["value"] for one in patient.get("identifier", [])}
    wrong = run("match", "nobody", "--from", HOSPITAL)
    assert wrong.exit_code == 3
    assert not [secret for secret in private if secret in wrong.stderr]
