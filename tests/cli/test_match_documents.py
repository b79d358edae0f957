"""``--format json`` is the match document and nothing else; ``--format fhir`` is a valid R4 searchset."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from trialmatch.config import BASE
from trialmatch.eligibility.criteria import Study
from trialmatch.fhir.searchset import research_study

from tests.cli.conftest import HOSPITAL, Run, process

FIELDS = ["patient", "asOf", "generatedAt", "engine", "sources", "matches"]
OF_A_MATCH = ["rank", "study", "verdict", "deceased", "score", "why", "cohorts", "counts", "items", "unmet", "missing"]


def test_json_is_the_match_document() -> None:
    done = process("match", "lupus-missing-01", "--from", HOSPITAL, "--as-of", "2026-03-01", "--format", "json")
    assert done.stdout.endswith(b"}\n")
    assert not done.stdout.endswith(b"\n\n")
    document = json.loads(done.stdout.decode("utf-8"))
    assert list(document) == FIELDS
    assert list(document["matches"][0])[: len(OF_A_MATCH)] == OF_A_MATCH
    assert "×".encode() in done.stdout, "UTF-8, not escapes"
    assert document["patient"] == "Patient/lupus-missing-01"
    assert document["asOf"] == "2026-03-01"


def test_json_is_utf8_in_any_locale() -> None:
    arguments = ("match", "lupus-renal-01", "--from", HOSPITAL, "--as-of", "2026-03-01", "--all", "--format", "json")
    plain = process(*arguments, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert plain.returncode == 0
    assert json.loads(plain.stdout.decode("utf-8"))["matches"]


def test_today_is_the_sites_today(run: Run) -> None:
    far = run("match", "ra-01", "--from", HOSPITAL, "--format", "json", TRIALMATCH_TIMEZONE="Pacific/Kiritimati")
    document = json.loads(far.stdout)
    generated = datetime.fromisoformat(document["generatedAt"])
    assert generated.utcoffset() is not None
    assert str(generated.utcoffset()) == "14:00:00"
    assert document["asOf"] == generated.date().isoformat()


def test_ineligible_studies_only_with_all(match: Run) -> None:
    some = json.loads(match("lupus-renal-01", "--format", "json").stdout)["matches"]
    everything = json.loads(match("lupus-renal-01", "--format", "json", "--all").stdout)["matches"]
    assert "ineligible" not in {one["verdict"] for one in some}
    assert "ineligible" in {one["verdict"] for one in everything}


def test_dates_of_enrolment_and_infusion_reach_the_criteria(match: Run) -> None:
    def basis(*arguments: str) -> set[str]:
        done = match("lupus-likely-01", "--study", "NCT06892145", "--format", "json", *arguments)
        return {one["basis"] for one in json.loads(done.stdout)["matches"][0]["missing"]}

    assert "anchor-unknown" in basis()
    assert "anchor-unknown" not in basis("--infusion", "2026-04-01", "--enrolment", "2026-03-10")


def _searchset(run: Run, *arguments: object) -> dict[str, Any]:
    bundle = json.loads(run(*arguments, "--format", "fhir").stdout)
    Bundle.model_validate(bundle)
    return bundle


def test_fhir_is_a_valid_searchset(match: Run) -> None:
    bundle = _searchset(match, "lupus-renal-01", "--all")
    document = json.loads(match("lupus-renal-01", "--all", "--format", "json").stdout)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert bundle["total"] == len(bundle["entry"]) == len(document["matches"])
    for entry, found in zip(bundle["entry"], document["matches"], strict=True):
        assert entry["resource"]["resourceType"] == "ResearchStudy"
        assert entry["resource"]["id"] == found["study"]["id"]
        assert entry["fullUrl"].endswith(f"/ResearchStudy/{found['study']['id']}")
        search = entry["search"]
        assert search["mode"] == "match"
        assert search.get("score") == found["score"]
        assert ("score" in search) == (found["verdict"] != "undetermined")
        assert search["extension"] == [
            {"url": f"{BASE}/StructureDefinition/match-verdict", "valueCode": found["verdict"]}
        ]


def test_fhir_tells_incomplete_sources(run: Run, bundle: Callable[..., Path]) -> None:
    path = bundle({"resourceType": "Procedure", "subject": {"reference": "Patient/p"}, "code": 1})
    found = _searchset(run, "match", "p", "--from", path, "--all")
    *matches, last = found["entry"]
    assert found["total"] == len(matches)
    assert last["search"] == {"mode": "outcome"}
    assert last["resource"]["resourceType"] == "OperationOutcome"
    assert "Procedure" in last["resource"]["issue"][0]["diagnostics"]


def test_fhir_without_a_match(match: Run) -> None:
    found = _searchset(match, "lupus-renal-01", "--study", "NCT06892145")
    assert found["total"] == 0
    assert "entry" not in found


def test_fhir_study_as_r4(match: Run) -> None:
    found = _searchset(match, "lupus-likely-01", "--study", "NCT06892145")
    study = found["entry"][0]["resource"]
    assert study["identifier"][0]["value"] == "NCT06892145"
    assert study["status"] == "approved", "not yet recruiting"
    assert study["phase"]["text"] == "Phase 1"
    assert study["condition"][0]["text"]
    contained = {one["id"]: one["resourceType"] for one in study["contained"]}
    assert contained[study["sponsor"]["reference"].lstrip("#")] == "Organization"
    assert contained[study["site"][0]["reference"].lstrip("#")] == "Location"
    assert "progressStatus" not in study
    assert "recruitment" not in study


def _status(resource: dict[str, Any]) -> str:
    study = Study("s", "s", "active", None, None, resource={"resourceType": "ResearchStudy", "id": "s", **resource})
    return str(research_study(study)["status"])


def _progress(*codes: str, **more: Any) -> dict[str, Any]:
    system = "http://hl7.org/fhir/research-study-status"
    states = [{"state": {"coding": [{"system": system, "code": code}]}, **more} for code in codes]
    return {"status": "active", "progressStatus": states}


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ({"status": "active"}, "active"),
        ({"status": "unknown"}, "active"),
        ({"status": "draft"}, "in-review"),
        ({"status": "retired"}, "completed"),
        (_progress("recruiting"), "active"),
        (_progress("enrolling-by-invitation"), "active"),
        (_progress("not-yet-recruiting"), "approved"),
        (_progress("active-but-not-recruiting"), "closed-to-accrual"),
        (_progress("terminated"), "administratively-completed"),
        (_progress("temporarily-closed-to-accrual"), "temporarily-closed-to-accrual"),
        (_progress("withdrawn"), "withdrawn"),
        (_progress("approved", "recruiting", "completed"), "completed"),
        (_progress("completed", actual=False), "active"),
        (_progress("overall-study"), "active"),
        (_progress("something-local"), "active"),
    ],
)
def test_status_in_r4(resource: dict[str, Any], status: str) -> None:
    assert _status(resource) == status


def test_elements_of_a_wrong_shape_are_left_out() -> None:
    resource = {"resourceType": "ResearchStudy", "id": "s", "phase": "1", "condition": {}, "site": [7], "contained": 1}
    study = Study("s", "A title", "active", None, None, resource=resource)
    assert research_study(study) == {"resourceType": "ResearchStudy", "id": "s", "title": "A title", "status": "active"}
