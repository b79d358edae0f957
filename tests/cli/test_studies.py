"""``studies list``, ``show`` and ``check``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from trialmatch import profiles
from trialmatch.config import BASE

from tests.cli.conftest import Run, process
from tests.harness import study_bundle

SHIPPED = Path(str(profiles.__path__[0])) / "studies"
AGE = {
    "definitionByTypeAndValue": {
        "type": {"coding": [{"system": "http://loinc.org", "code": "30525-0"}]},
        "valueQuantity": {"value": 18, "comparator": ">=", "system": "http://unitsofmeasure.org", "code": "a"},
    }
}
LUPUS = {
    "extension": [{"url": f"{BASE}/StructureDefinition/absence", "valueCode": "absent"}],
    "definitionByTypeAndValue": {
        "type": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "Condition"}]},
        "valueCodeableConcept": {"coding": [{"system": f"{BASE}/CodeSystem/concept", "code": "sle"}]},
    },
}


def _file(folder: Path, bundle: Any, name: str = "study.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(bundle), "utf-8")
    return path


def test_list(run: Run) -> None:
    page = run("studies", "list").stdout
    line = next(line for line in page.splitlines() if line.startswith("NCT06892145"))
    assert "active" in line
    assert "computable" in line
    assert "no criteria in record" in next(line for line in page.splitlines() if line.startswith("CD19-BCMA-SLE"))
    assert "Refractory Adult SLE" in page


@pytest.mark.parametrize("width", [60, 80, 100])
def test_list_keeps_its_columns(run: Run, width: int) -> None:
    """How many criteria there are stands beside the id where there is room (99 columns: 30 for the longest id, 20 for
    status and cohorts, 41 for the longest number and some between), else in a line of its own, indented as the title:
    what begins at the edge is an id."""
    _, _, *lines = run("studies", "list", COLUMNS=str(width)).stdout.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        "CD19-BCMA-SLE-Wuhan-Union",
        "NCT06464679",
        "NCT06892145",
        "NCT07161193",
        "Universal-CD19-BCMA-autoimmune",
    ]
    beside = [line for line in lines if line.startswith("NCT06892145") and line.endswith("14 partly, 4 not")]
    alone = [line for line in lines if line == "  32 rows: 14 computable, 14 partly, 4 not"]
    assert (len(beside), len(alone)) == ((1, 0) if width == 100 else (0, 1))


def test_list_as_json(run: Run) -> None:
    found = json.loads(run("studies", "list", "--format", "json").stdout)
    assert {"id", "title", "status", "url"} <= set(found[0])
    by_id = {one["id"]: one for one in found}
    assert by_id["NCT06892145"]["url"] == "https://clinicaltrials.gov/study/NCT06892145"
    assert by_id["CD19-BCMA-SLE-Wuhan-Union"]["eligibilityInRecord"] is False
    assert by_id["CD19-BCMA-SLE-Wuhan-Union"]["leaves"] == {"computed": 0, "person": 0, "text": 0}


def test_show_puts_what_is_printed_beside_what_is_computed(run: Run) -> None:
    page = " ".join(word for word in run("studies", "show", "NCT06892145", COLUMNS="140").stdout.split() if word != "│")
    assert "I2 inclusion Age ≥ 18 years old , gender not limited → age ≥ 18 years" in page
    assert "Systemic lupus erythematosus (silence = absent)" in page
    assert "Alanine aminotransferase ≤ 3 × ULN, latest within 90 days" in page
    assert "exposure: Immunosuppressant, ≥ 2 distinct ingredients (open list)" in page
    assert "within 6 months before enrolment" in page
    assert "a person's answer: consent" in page
    assert "→ none of:" in page
    assert "Garbled in print" in page
    assert page.endswith("only text.")


def test_show_uses_the_sites_validity(run: Run) -> None:
    assert "latest within 6 weeks" in run("studies", "show", "NCT06892145", TRIALMATCH_VALIDITY="6 wk").stdout


def test_show_as_json(run: Run) -> None:
    document = json.loads(run("studies", "show", "NCT06892145", "--format", "json").stdout)
    by_id: dict[str, Any] = {}
    pending = list(document["items"])
    while pending:
        item = pending.pop()
        by_id[item["linkId"]] = item
        pending += item["children"]
    assert by_id["I2"]["computed"] == "age ≥ 18 years"
    assert by_id["I1"]["demand"] == "person"
    assert by_id["E14.b"]["demand"] == "text"
    leaves = [item for item in by_id.values() if "combination" not in item]
    assert sum(document["leaves"].values()) == len(leaves)
    assert document["rows"] == {"computable": 14, "partly": 14, "not": 4}


def test_show_without_criteria(run: Run) -> None:
    page = run("studies", "show", "CD19-BCMA-SLE-Wuhan-Union").stdout
    assert "prints no eligibility criteria" in page


def test_show_cohorts(run: Run) -> None:
    page = run("studies", "show", "NCT07161193").stdout
    assert "cohort SLE: " in page
    assert "[cohort SLE]" in page


@pytest.mark.parametrize("width", [60, 80, 140])
def test_pages_fit_their_width(run: Run, width: int) -> None:
    for arguments in (["list"], ["show", "NCT07161193"]):
        page = run("studies", *arguments, COLUMNS=str(width)).stdout
        assert max(map(cell_len, page.splitlines())) <= width


def test_check_of_the_shipped_studies(run: Run) -> None:
    files = sorted(SHIPPED.glob("*.json"))
    done = run("studies", "check", *files)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(": fine (")[0] for line in lines] == [str(file) for file in files]
    assert f"{SHIPPED / 'CD19-BCMA-SLE-Wuhan-Union.json'}: fine (1 study, 0 criteria)" in lines
    assert f"{SHIPPED / 'shared-hbv-infection.json'}: fine (1 shared block)" in lines


def test_check_counts_single_criteria(run: Run, tmp_path: Path) -> None:
    path = _file(tmp_path, study_bundle([AGE, LUPUS]))
    assert run("studies", "check", path).stdout == f"{path}: fine (1 study, 2 criteria)\n"


def test_check_warns_but_is_done(run: Run, tmp_path: Path) -> None:
    path = _file(tmp_path, study_bundle([AGE]))
    done = run("studies", "check", path)
    assert (done.exit_code, done.stdout) == (0, f"{path}: fine (1 study, 1 criterion)\n")
    (warning,) = done.stderr.splitlines()
    assert warning.startswith(f"{path}: ")
    assert "warning" in warning


def test_a_gate_under_an_exclusion_is_none(run: Run, tmp_path: Path) -> None:
    """Silence then speaks for a patient, so that the study would list everybody all the same."""
    path = _file(tmp_path, study_bundle([AGE, {**LUPUS, "exclude": True}]))
    done = run("studies", "check", path)
    assert done.exit_code == 0
    assert "warning: no disease gate" in done.stderr


def test_a_gate_that_others_stand_in_for_is_none(run: Run, tmp_path: Path) -> None:
    """Who is silent on lupus may be of the right age: one of the two is enough, and everybody would be listed."""
    either = {"linkId": "1", "definitionByCombination": {"code": "any-of", "characteristic": [AGE, LUPUS]}}
    both = {"linkId": "1", "definitionByCombination": {"code": "all-of", "characteristic": [AGE, LUPUS]}}
    for number, (group, warned) in enumerate([(either, True), (both, False)]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(study_bundle([group])), "utf-8")
        done = run("studies", "check", path)
        assert done.exit_code == 0
        assert ("warning: no disease gate" in done.stderr) == warned


def test_check_tells_every_fault_in_a_line(tmp_path: Path) -> None:
    unit = json.loads(json.dumps(AGE).replace('"code": "a"', '"code": "furlong"'))
    modified = {**LUPUS, "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}
    path = _file(tmp_path, study_bundle([unit, modified]))
    refused = process("studies", "check", path)
    lines = refused.stderr.decode().splitlines()
    assert (refused.returncode, refused.stdout) == (3, b"")
    assert len(lines) == 2
    for line in lines:
        assert line.startswith(f"{path}: EvidenceVariable/eligibility.characteristic[")
        assert "; allowed: " in line


def test_check_lenient(run: Run, tmp_path: Path) -> None:
    bundle = study_bundle([AGE, LUPUS])
    del bundle["entry"][1]["resource"]["characteristic"][0]["linkId"]
    path = _file(tmp_path, bundle)
    assert run("studies", "check", path).exit_code == 3
    done = run("studies", "check", "--lenient", path)
    assert done.exit_code == 0
    assert ": fine (1 study, 2 criteria)" in done.stdout


def test_check_of_files_that_are_none(run: Run, tmp_path: Path) -> None:
    fine = _file(tmp_path, study_bundle([AGE, LUPUS]), "fine.json")
    cut = tmp_path / "cut.json"
    cut.write_text("{", "utf-8")
    patient = _file(tmp_path, {"resourceType": "Patient"}, "patient.json")
    refused = run("studies", "check", fine, cut, patient, tmp_path / "none.json")
    assert (refused.exit_code, refused.stdout) == (3, "")
    starts = [f"{cut}:1: no JSON", f"{patient}: no study", f"{tmp_path / 'none.json'}: no such file"]
    lines = refused.stderr.splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


def test_blocks_may_be_files_of_their_own(run: Run, tmp_path: Path) -> None:
    block = {
        "resourceType": "EvidenceVariable",
        "id": "adults",
        "url": "urn:adults",
        "status": "active",
        "characteristic": [{"linkId": "a", "description": "adult", **AGE}],
    }
    study = _file(tmp_path, study_bundle([LUPUS, {"definitionCanonical": "urn:adults"}]))
    assert run("studies", "check", study).exit_code == 3
    done = run("studies", "check", study, _file(tmp_path, block, "block.json"))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[1].endswith(": fine (1 shared block)")


def test_studies_of_a_folder(run: Run, tmp_path: Path) -> None:
    _file(tmp_path, study_bundle([AGE, LUPUS]))
    found = json.loads(run("studies", "list", "--studies", tmp_path, "--format", "json").stdout)
    assert [one["id"] for one in found] == ["study"]
    assert "study" in run("studies", "list", TRIALMATCH_STUDIES=str(tmp_path)).stdout


def test_drafts_are_listed_but_not_matched(run: Run, bundle: Callable[..., Path], tmp_path: Path) -> None:
    draft = study_bundle([AGE, LUPUS])
    draft["entry"][0]["resource"]["status"] = "draft"
    path = _file(tmp_path, draft)
    assert "draft" in run("studies", "list", "--studies", path).stdout
    patient = bundle()
    assert "no active study" in run("match", "p", "--from", patient, "--studies", path).stdout
    assert run("match", "p", "--from", patient, "--studies", path, "--study", "study").exit_code == 2
