"""The contract of the mCODE matching service: bodies, answers, scores, errors, as its existing clients take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from flask.testing import FlaskClient
from trialmatch.store import audit

from tests.mcode.material import LIKELY, MISSING, PATH, Json, bundle, is_shown, read_by_client
from tests.web.world import bearer, issued, service_of


def answer(client: FlaskClient, body: Any) -> Json:
    """The searchset for a body: valid R4, complete, and good for the clients."""
    found = client.post(PATH, json=body)
    assert found.status_code == 200, found.text
    assert found.content_type.startswith("application/json")
    searchset = dict(found.json)
    assert (searchset["resourceType"], searchset["type"]) == ("Bundle", "searchset")
    assert searchset["total"] == len(searchset["entry"])
    if searchset["entry"]:
        Bundle.model_validate(searchset)
    for entry in searchset["entry"]:
        assert entry["resource"]["resourceType"] == "ResearchStudy"
        assert entry["search"]["mode"] == "match" and 0 < entry["search"]["score"] <= 1
    return searchset


def test_a_patient_s_trials_as_a_client_reads_them(client: FlaskClient) -> None:
    found = [read_by_client(entry) for entry in answer(client, bundle(MISSING))["entry"]]
    assert all(map(is_shown, found))
    assert [(one["id"], one["likelihood"], one["phase"]) for one in found] == [
        ("Universal-CD19-BCMA-autoimmune", "possible", "Unknown Trial Phase"),
        ("NCT06892145", "possible", "Phase 1"),
        ("NCT07161193", "possible", "Not Applicable"),
    ]
    assert found[1]["sponsor"] == "Chongqing Precision Biotech Co., Ltd"
    assert found[1]["sites"] == ["The Second Affiliated Hospital of Zhejiang University School of Medicine"]
    assert found[1]["eligibility"].startswith("Inclusion criteria:\n- The patient or their guardian agrees")
    assert "\n\nExclusion criteria:\n- " in found[1]["eligibility"]


def test_what_a_person_can_settle_is_a_high_likelihood(client: FlaskClient) -> None:
    """lupus-likely-01 is likely for NCT06892145 (0.75–0.99) and possible for two others (README of the demo)."""
    entries = answer(client, bundle(LIKELY))["entry"]
    found = {read["id"]: read["likelihood"] for read in map(read_by_client, entries)}
    assert found.pop("NCT06892145") == "high" and set(found.values()) == {"possible"}
    scores = [entry["search"]["score"] for entry in entries]
    assert scores == sorted(scores, reverse=True)


def test_the_same_as_the_api_says(client: FlaskClient) -> None:
    """Scores and order are those of POST /api/v1/matches, without what is ineligible or undetermined."""
    body = bundle(LIKELY)
    plain = {**body, "entry": body["entry"][1:]}
    matches = client.post("/api/v1/matches?as_of=2026-03-01", json=plain).json["matches"]
    expected = [(one["study"]["id"], one["score"]) for one in matches if one["verdict"] != "undetermined"]
    found = [(entry["resource"]["id"], entry["search"]["score"]) for entry in answer(client, body)["entry"]]
    assert found == expected


def test_nobody_matches_and_the_entry_is_there_all_the_same(client: FlaskClient) -> None:
    patient = {"resourceType": "Patient", "id": "child", "birthDate": "2015", "gender": "male"}
    entries = [{"resource": patient, "fullUrl": "urn:uuid:child"}]
    found = client.post(PATH, json={"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert found.json == {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []}


@pytest.mark.parametrize("kind", ["collection", "searchset", "transaction", "batch", "document", "message", "history"])
def test_every_kind_of_bundle_is_taken(client: FlaskClient, kind: str) -> None:
    assert answer(client, {**bundle(MISSING), "type": kind})["total"] == 3


def test_ids_and_references_of_the_client(client: FlaskClient) -> None:
    """Its ids have underscores and hyphens; the fullUrl may be missing, or be the only place of the id."""
    identity = "WAbOv2659Ypcm0LCAh_O-"
    text = json.dumps(bundle(MISSING)).replace(MISSING, identity)
    expected = [entry["search"] for entry in answer(client, json.loads(text))["entry"]]
    without_url, without_id = json.loads(text), json.loads(text)
    del without_url["entry"][1]["fullUrl"]
    del without_id["entry"][1]["resource"]["id"]
    for body in (without_url, without_id):
        assert [entry["search"] for entry in answer(client, body)["entry"]] == expected


def test_a_birth_year_suffices(client: FlaskClient) -> None:
    """The clients send the year of birth only."""
    body = bundle(MISSING)
    year = body["entry"][1]["resource"]["birthDate"][:4]
    body["entry"][1]["resource"]["birthDate"] = year
    assert answer(client, body)["total"] == 3


# --- errors


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "x",
        {"resourceType": "Patient"},
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Bundle", "type": "collection", "entry": {}},
        {"resourceType": "Bundle", "type": "other", "entry": []},
        {"patientData": "{}"},
    ],
    ids=str,
)
def test_what_is_no_bundle(client: FlaskClient, body: Any) -> None:
    found = client.post(PATH, data=json.dumps(body), content_type="application/json")
    assert (found.status_code, found.json) == (400, {"error": "Invalid patientBundle"})


@pytest.mark.parametrize(
    ("entries", "number"),
    [([], 0), ([{"resource": {"resourceType": "Patient"}}], 0), ([{}, 7, None], 0)],
)
def test_a_bundle_without_a_patient(client: FlaskClient, entries: list[Any], number: int) -> None:
    found = client.post(PATH, json={"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert found.status_code == 400
    assert found.json == {"error": f"patientBundle.entry: {number} Patients with an id or fullUrl; expected one"}


def test_a_bundle_of_two_patients(client: FlaskClient) -> None:
    body = bundle(MISSING)
    body["entry"].append({"resource": {"resourceType": "Patient", "id": "other"}})
    found = client.post(PATH, json=body)
    assert (found.status_code, set(found.json)) == (400, {"error"}) and "2 Patients" in found.json["error"]


def test_errors_are_an_object_with_error_only(client: FlaskClient, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    answers = [
        client.post(PATH, data=b"{", content_type="application/json"),
        client.post(PATH, data=b"{}", content_type="text/plain"),
        client.get(PATH),
        service_of(tmp_path / "a", body_bytes=100).test_client().post(PATH, json=bundle(MISSING)),
        service_of(tmp_path / "b", body_entries=3).test_client().post(PATH, json=bundle(MISSING)),
    ]
    assert [found.status_code for found in answers] == [400, 415, 405, 413, 413]
    for found in answers:
        assert set(found.json) == {"error"} and found.json["error"]


def test_nobody_without_a_token_where_issuers_are_configured(tmp_path: Path) -> None:
    client = service_of(tmp_path, **issued(tmp_path)).test_client()
    refused = client.post(PATH, json=bundle(MISSING))
    assert refused.status_code == 401 and set(refused.json) == {"error"}
    assert client.post(PATH, json=bundle(MISSING), headers=bearer("trialmatch/study.write")).status_code == 403
    assert client.post(PATH, json=bundle(MISSING), headers=bearer()).status_code == 200


def test_a_match_is_in_the_audit_log(tmp_path: Path) -> None:
    app = service_of(tmp_path)
    app.test_client().post(PATH, json=bundle(MISSING))
    (event,) = audit.events(app.extensions["trialmatch"].store, MISSING)
    assert event["purposeOfEvent"][0]["text"] == "POST /getClinicalTrial"
