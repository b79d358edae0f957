"""``codes coverage``: what it prints and where, its errors, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from trialmatch.terminal import prescreen as terminal_prescreen

from tests.cli.conftest import HOSPITAL, Run
from tests.cli.test_bad_input import PATIENT, RESULT, told

CONCEPTS = "https://trialmatch.example.org/fhir/CodeSystem/concept"
UNKNOWN = {"coding": [{"system": "urn:lab", "code": "XY1", "display": "Qwertz"}]}


def folder(path: Path, result: str) -> Path:
    """A patient, a result with a code that no mapping knows, and one line more."""
    path.mkdir()
    (path / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n", "utf-8")
    known = json.dumps(RESULT | {"code": UNKNOWN})
    (path / "Observation.ndjson").write_text(f"{known}\n{result}\n", "utf-8")
    return path


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_demo_hospital(run: Run, jobs: str) -> None:
    """56 patients (the demo's README counts them); nothing is told of progress where nobody looks on."""
    result = run("codes", "coverage", HOSPITAL, "--jobs", jobs)
    assert (result.exit_code, result.stderr) == (0, "")
    first, _, codes, _, kidney, *_ = result.stdout.splitlines()
    assert first == "56 patients, 2724 records looked at"
    assert codes == "12 codes that no mapping knows"
    assert kidney.split() == ["18", "18", "procedure", "“Kidney", "biopsy”"]
    again = run("codes", "coverage", HOSPITAL, "--jobs", jobs, "--format", "json")
    assert json.loads(again.stdout)["patients"] == 56


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_what_is_to_be_mapped_stands_there_whole(run: Run, width: int) -> None:
    """Codes are copied from here into a ConceptMap, and two concepts of a similar name are told apart: a narrow page
    puts them into several lines and cuts nothing of them. Numbers and kinds keep their columns."""
    page = run("codes", "coverage", HOSPITAL, COLUMNS=str(width)).stdout
    assert max(map(cell_len, page.splitlines())) <= width
    codes, concepts = page.split("What the studies ask for")
    head = next(line for line in codes.splitlines() if line.startswith(" n  patients  kind        code "))
    column = slice(head.index("code"), head.index("display"))
    assert "urn:demo-hospital:labBILG" in "".join(line[column] for line in codes.splitlines()).replace(" ", "")
    assert "…" not in concepts


def test_concepts_are_named_as_a_map_names_them(run: Run) -> None:
    """The code is what goes into a ConceptMap; the words say what it is. Allergies to nothing are no code."""
    lines = run("codes", "coverage", HOSPITAL, "--all", COLUMNS="140").stdout.splitlines()
    cells = {tuple(cell.strip() for cell in line.split("  ") if cell.strip())[1:3] for line in lines}
    assert ("result", "creatinine: Serum creatinine") in cells
    assert ("allergy", "(no allergy)") in cells
    assert ("diagnosis", "ICD-10-CM Z92.86") in cells  # of which no mapping has words


def test_a_map_to_a_concept_that_is_nowhere_is_told(run: Run, tmp_path: Path) -> None:
    """Its codes no longer are among those that no mapping knows, so this line is all that tells of it."""
    element = [{"code": "KREA", "target": [{"code": "creatinin"}]}]
    group = {"source": "urn:demo-hospital:lab", "target": CONCEPTS, "element": element}
    (tmp_path / "map.json").write_text(json.dumps({"resourceType": "ConceptMap", "group": [group]}), "utf-8")
    result = run("codes", "coverage", HOSPITAL, TRIALMATCH_MAPPINGS=str(tmp_path))
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 0
    assert line.startswith(f"{tmp_path / 'map.json'}: group[0].element[0].target[0].code: warning: “creatinin” is no ")


def test_a_folder_and_a_file_say_the_same(run: Run, tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "")
    found = json.loads(run("codes", "coverage", source, "--format", "json").stdout)
    assert (found["patients"], found["records"]) == (1, 1)
    assert [(one["code"], one["records"], one["patients"]) for one in found["codes"]] == [("XY1", 1, 1)]
    one_file = tmp_path / "all.ndjson"
    one_file.write_text("".join(path.read_text("utf-8") for path in source.iterdir()), "utf-8")
    assert json.loads(run("codes", "coverage", one_file, "--format", "json").stdout) == found


def test_lines_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    """Each is told with its place; what could be read is printed all the same."""
    source = folder(tmp_path / "in", '{"resourceType": "Observation", "id": "x", "status": "final"}\n"as confided"\n')
    result = run("codes", "coverage", source)
    path = source / "Observation.ndjson"
    subject = f"{path}:2: Observation.subject: none; expected whose record it is"
    told(result, 5, subject, f"{path}:3: a string; expected a resource")
    assert "1 patient, 1 record looked at" in result.stdout


def test_nothing_but_lines_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    """The codes of other files are told all the same."""
    source = folder(tmp_path / "in", "")
    (source / "Condition.ndjson").write_text("no json\n", "utf-8")
    result = run("codes", "coverage", source)
    told(result, 5, f"{source / 'Condition.ndjson'}:1: no JSON")
    assert "1 patient, 1 record looked at" in result.stdout


def test_records_without_any_patient(run: Run, tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "")
    (source / "Patient.ndjson").unlink()
    result = run("codes", "coverage", source)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "0 patients, 0 records looked at" in result.stdout


def test_no_source(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "Patient.ndjson").symlink_to(tmp_path / "nowhere")
    told(run("codes", "coverage", tmp_path / "nowhere"), 3, f"{tmp_path / 'nowhere'}: no such file or folder; expected")
    told(run("codes", "coverage", tmp_path / "empty"), 3, f"{tmp_path / 'empty'}: no NDJSON in it; expected")
    told(run("codes", "coverage", tmp_path / "link"), 3, f"{tmp_path / 'link' / 'Patient.ndjson'}: ")
    told(run("codes", "coverage", "https://hospital.example/fhir"), 2, "trialmatch codes coverage: SOURCE is a file")
    assert run("codes", "coverage", HOSPITAL, "--jobs", "0").exit_code == 2


def test_progress_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages of a prescreen, and the counting, to their ends."""
    shown: dict[str, list[float]] = {}

    class Terminal(terminal_prescreen.Shown):
        def __exit__(self, *given: object) -> None:
            shown.update({self._words[stage]: sizes[:2] for stage, sizes in self._sizes.items()})

    monkeypatch.setattr(terminal_prescreen, "Shown", Terminal)
    assert run("codes", "coverage", HOSPITAL).exit_code == 0
    assert list(shown) == ["reading", "finding lines", "patients' records", "counting codes"]
    assert all(size == done for size, done in shown.values())
    assert shown["counting codes"] == [56, 56]
