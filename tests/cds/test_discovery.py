"""Discovery, and the prefetch templates that are made from what criteria need."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote

import pytest
from flask import Flask
from trialmatch.config import Settings
from trialmatch.fhir.patient.needs import Needs
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.terminology import mappings
from trialmatch.web.cds.prefetch import LONGEST, MOST_KEYS, templates

from tests.cds.ehr import SERVICE, Ehr, check
from tests.web.world import study_bundle

BENCH = Path(__file__).resolve().parents[2] / "bench"


def test_one_service_for_the_opening_of_a_chart(ehr: Ehr) -> None:
    service = ehr.discover()
    assert (service["hook"], service["id"]) == ("patient-view", "trial-match")
    assert SERVICE.endswith(service["id"])
    assert service["version"] == "2.0.1" and service["hookVersion"] == "1.0"  # fields of 3.0


def test_templates_ask_for_what_criteria_need_and_no_more(ehr: Ehr, app: Flask) -> None:
    needs = app.extensions["trialmatch"].engine.needs()
    ehr.discover()
    kinds = [query.partition("?")[0].partition("/")[0] for query in ehr.templates.values()]
    assert set(kinds) == set(needs.types)
    assert kinds[0] == "Patient" and ehr.templates["patient"] == "Patient/{{context.patientId}}"
    asked = {
        code
        for query in ehr.templates.values()
        for codes in parse_qs(query.partition("?")[2]).get("code", ())
        for code in codes.split(",")
    }
    assert asked == {code for _, code in needs.codes}


def test_templates_are_short_newest_first_and_widely_supported(ehr: Ehr) -> None:
    ehr.discover()
    for query in ehr.templates.values():
        assert len(query) <= LONGEST
        names = set(parse_qs(query.partition("?")[2]))
        assert names <= {"patient", "code", "_sort", "_count", "_include"}
    observations = [query for query in ehr.templates.values() if query.startswith("Observation?")]
    assert 1 <= len(observations) <= 3
    assert all("&_sort=-date" in query for query in observations)
    assert "&_include=MedicationRequest:medication" in ehr.templates[ehr.key("MedicationRequest")]


def test_types_that_no_criterion_looks_at_are_not_asked_for() -> None:
    found = templates(Needs(("Patient", "Condition"), frozenset()))
    assert [template.key for template in found] == ["patient", "conditions"]


def test_codes_are_written_as_a_search_must_have_them() -> None:
    """A comma, a dollar, a bar and a backslash in a code are escaped (FHIR), what a URL cannot hold is encoded."""
    codes = frozenset({("urn:x", "a,b"), ("urn:x", "c|d"), ("urn:x", "e$f"), ("urn:x", "g h&i"), ("urn:x", "j\\k")})
    found = templates(Needs(("Observation",), codes))
    query = found[0].query
    assert "&code=a%5C%2Cb,c%5C%7Cd,e%5C%24f,g%20h%26i,j%5C%5Ck&" in query
    assert unquote(query.split("&code=")[1].split("&")[0]) == "a\\,b,c\\|d,e\\$f,g h&i,j\\\\k"


def test_many_codes_go_into_several_keys_and_very_many_into_none() -> None:
    """1,000 codes of 7 characters are 8,000 with their commas: six keys of at most 1,500; 2,000 would be twelve."""
    many = frozenset(("http://loinc.org", f"{number:05}-1") for number in range(1_000))
    found = templates(Needs(("Observation",), many))
    assert 1 < len(found) <= MOST_KEYS
    assert all(template.by_code and len(template.query) <= LONGEST for template in found)
    assert len({template.key for template in found}) == len(found)
    more = frozenset(("http://loinc.org", f"{number:05}-1") for number in range(2_000))
    (only,) = templates(Needs(("Observation",), more))
    assert only.key == "observations" and not only.by_code
    (every,) = templates(Needs(("Observation",), None))
    assert every == only


def test_a_thousand_studies_ask_for_hardly_more_than_five() -> None:
    sys.path.insert(0, str(BENCH))
    try:
        from material import study
    finally:
        sys.path.remove(str(BENCH))
    settings = Settings.read({})
    terminology = mappings.load(settings)
    definitions = [Definition("bench", one) for number in range(1_000) for one in study(number)]
    found = study_files.load(definitions, terminology, settings)
    keys = templates(Needs.of(found.studies, terminology))
    assert len(keys) <= 12 and sum(len(template.query) for template in keys) < 5_000


def test_after_a_study_was_added_the_old_keys_are_not_taken_for_the_new_ones(fresh: Ehr) -> None:
    """The new study asks for ferritin (LOINC 2276-4), which the prefetch for the old templates does not hold."""
    before = fresh.discover()["prefetch"]
    call = fresh.body("lupus-likely-01")
    bundle = study_bundle("ferritin-trial")
    ferritin = {
        "linkId": "4",
        "description": "Ferritin ≥ 30",
        "definitionByTypeAndValue": {
            "type": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]},
            "valueQuantity": {"value": 30, "comparator": ">=", "system": "http://unitsofmeasure.org", "code": "ng/mL"},
        },
    }
    bundle["entry"][1]["resource"]["characteristic"].append(ferritin)
    added = fresh.client.post("/api/v1/studies", json=bundle)
    assert added.status_code == 201, added.text
    after = fresh.discover()["prefetch"]
    assert any("2276-4" in query for query in after.values())
    changed = sorted(set(after) - set(before))
    assert changed and all(key.startswith("observations-") for key in changed)
    refused = fresh.send(call, 412)
    assert changed[0] in refused.json["issue"][0]["diagnostics"]


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_discovery_is_read_only(ehr: Ehr, method: str) -> None:
    assert getattr(ehr.client, method)("/cds-services").status_code == 405


def test_the_schema_refuses_what_the_specification_forbids() -> None:
    """The schema itself can fail: tokens of other kinds, blanks, a description that is empty."""
    good = {"hook": "patient-view", "description": "x", "id": "y", "prefetch": {"a": "Patient/{{context.patientId}}"}}
    check("discovery", {"services": [good]})
    for wrong in (
        {**good, "prefetch": {"a": "Patient/{{patient.id}}"}},
        {**good, "prefetch": {"a": "/Patient/1"}},
        {**good, "description": ""},
        {**good, "prefetch": {}},
        {**good, "hook": "PatientView"},
    ):
        with pytest.raises(AssertionError):
            check("discovery", {"services": [wrong]})
