"""Matching over HTTP says what the use case says, and says what it lacked."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from trialmatch.demo import hospital_path
from trialmatch.demo.server import create_app as demo_hospital
from trialmatch.fhir.patient.sources import from_path
from trialmatch.usecases.match import Engine, Question, match_patient
from trialmatch.web.service import Service

from tests.web.world import AS_OF, LIKELY, Json, app_of, patient_bundle, served

URL = f"/api/v1/patients/{LIKELY}/matches"


def _engine(app: Flask) -> Engine:
    service: Service = app.extensions["trialmatch"]
    return service.engine


def _expected(app: Flask, patient: str, **asked: Any) -> Json:
    question = Question(date.fromisoformat(AS_OF), **asked)
    answer = match_patient(_engine(app), from_path(hospital_path()), patient, question, "files")
    service: Service = app.extensions["trialmatch"]
    return answer.document(service.now())


def test_the_hospitals_patient_is_matched_as_from_files(app: Flask, client: FlaskClient) -> None:
    answer = client.get(URL, query_string={"as_of": AS_OF, "all": "true"})
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    document, expected = answer.get_json(), _expected(app, LIKELY, everything=True)
    assert document["matches"] == expected["matches"]
    assert len(document["matches"]) == 5  # all shipped trials, since all=true
    assert document["patient"] == f"Patient/{LIKELY}"
    assert document["asOf"] == AS_OF
    assert document["engine"] == expected["engine"]
    assert document["problems"] == []
    assert "Trialmatch-Incomplete" not in answer.headers


def test_ineligible_studies_are_left_out_unless_asked_for(client: FlaskClient) -> None:
    some = client.get(URL, query_string={"as_of": AS_OF}).get_json()["matches"]
    every = client.get(URL, query_string={"as_of": AS_OF, "all": "true"}).get_json()["matches"]
    assert {one["verdict"] for one in every} - {one["verdict"] for one in some} == {"ineligible"}
    assert [one["study"]["id"] for one in some] == [
        one["study"]["id"] for one in every if one["verdict"] != "ineligible"
    ]


def test_studies_can_be_named_by_id_and_number(client: FlaskClient) -> None:
    named = {"as_of": AS_OF, "study": ["NCT06892145", "NCT07161193"], "all": "true"}
    matches = client.get(URL, query_string=named).get_json()["matches"]
    assert {one["study"]["id"] for one in matches} == {"NCT06892145", "NCT07161193"}


def test_planned_days_count(app: Flask, client: FlaskClient) -> None:
    """With a day of infusion, what hangs on it is no longer “anchor-unknown”."""
    asked = {"as_of": AS_OF, "study": "NCT06892145", "enrolment": "2026-03-10", "infusion": "2026-03-24"}
    found = client.get(URL, query_string=asked).get_json()["matches"]
    days = {"enrolment": date(2026, 3, 10), "infusion": date(2026, 3, 24)}
    assert found == _expected(app, LIKELY, study_ids=("NCT06892145",), **days)["matches"]
    assert found != _expected(app, LIKELY, study_ids=("NCT06892145",))["matches"]


def test_today_is_the_day_if_none_is_named(app: Flask, client: FlaskClient) -> None:
    service: Service = app.extensions["trialmatch"]
    before = service.now().date().isoformat()
    found = client.get(URL, query_string={"study": "NCT06892145"}).get_json()["asOf"]
    assert found in (before, service.now().date().isoformat())


@pytest.mark.parametrize("kind", ["collection", "searchset", "transaction"])
def test_a_bundle_is_matched_as_from_files(app: Flask, client: FlaskClient, kind: str) -> None:
    query = {"as_of": AS_OF, "all": "true"}
    answer = client.post("/api/v1/matches", json=patient_bundle(kind=kind), query_string=query)
    assert answer.status_code == 200
    assert answer.get_json()["matches"] == _expected(app, LIKELY, everything=True)["matches"]


def test_fhirs_own_media_type_is_taken_too(client: FlaskClient) -> None:
    answer = client.post("/api/v1/matches", json=patient_bundle(), content_type="application/fhir+json")
    assert answer.status_code == 200


def test_of_several_patients_one_has_to_be_named(client: FlaskClient) -> None:
    bundle = patient_bundle()
    bundle["entry"].append({"resource": {"resourceType": "Patient", "id": "other", "birthDate": "1980"}})
    refused = client.post("/api/v1/matches", json=bundle)
    assert refused.status_code == 422
    assert refused.get_json()["errors"] == [
        {"path": "query.patient", "detail": "Missing; the Bundle holds 2 Patients."}
    ]
    named = client.post("/api/v1/matches", json=bundle, query_string={"patient": "Patient/other"})
    assert named.get_json()["patient"] == "Patient/other"
    unknown = client.post("/api/v1/matches", json=bundle, query_string={"patient": "nobody"})
    assert (unknown.status_code, unknown.get_json()["errors"][0]["path"]) == (422, "query.patient")


def test_a_merged_patient_is_one(client: FlaskClient) -> None:
    """Two Patients, one replaced by the other: they are the same person, so none has to be named."""
    bundle = patient_bundle()
    link = {"type": "replaced-by", "other": {"reference": f"Patient/{LIKELY}"}}
    bundle["entry"].append({"resource": {"resourceType": "Patient", "id": "old", "link": [link]}})
    assert client.post("/api/v1/matches", json=bundle).get_json()["patient"] == f"Patient/{LIKELY}"


def test_a_patient_is_known_by_full_url(client: FlaskClient) -> None:
    full_url = "urn:uuid:0c3f9a52-7c0e-4d0f-9d0e-1b1f0c1e2d3c"
    patient = {"resourceType": "Patient", "birthDate": "1990-01-01"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": full_url, "resource": patient}]}
    answer = client.post("/api/v1/matches", json=bundle, query_string={"patient": full_url})
    assert answer.get_json()["patient"] == "Patient/0c3f9a52-7c0e-4d0f-9d0e-1b1f0c1e2d3c"


def test_a_bundle_without_patient_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/v1/matches", json={"resourceType": "Bundle", "type": "collection"})
    assert (answer.status_code, answer.get_json()["errors"][0]["path"]) == (422, "body.entry")


def test_what_cannot_be_read_is_said(client: FlaskClient) -> None:
    """An entry that is no resource: it could have been of any type, so every type is partial."""
    bundle = patient_bundle()
    place = len(bundle["entry"])
    bundle["entry"].append({"resource": {"resourceType": "Nonsense"}})
    answer = client.post("/api/v1/matches", json=bundle, query_string={"as_of": AS_OF})
    document = answer.get_json()
    assert answer.status_code == 200
    assert answer.headers["Trialmatch-Incomplete"] == "true"
    assert {one["state"] for one in document["sources"]} == {"partial"}
    assert [one for one in document["problems"] if one.startswith(f"body: entry[{place}]: ")]


def test_a_source_that_fails_is_said_and_the_rest_is_matched(tmp_path: Path) -> None:
    hospital = demo_hospital()

    @hospital.before_request
    def _fail() -> None:
        if request.path == "/fhir/Condition":
            abort(500)

    with served(hospital) as url:
        client = app_of(tmp_path, fhir_server=f"{url}/fhir", fhir_retries=0).test_client()
        answer = client.get(URL, query_string={"as_of": AS_OF, "all": "true"})
    assert answer.status_code == 200
    assert answer.headers["Trialmatch-Incomplete"] == "true"
    states = {one["type"]: one["state"] for one in answer.get_json()["sources"]}
    assert states["Condition"] == "failed"
    assert states["Observation"] == "complete"


def test_a_trial_that_does_not_recruit_says_so(client: FlaskClient) -> None:
    """In the document as a code, on the pages of the patient and of the study in words."""
    answer = client.get(URL, query_string={"as_of": AS_OF}).get_json()
    states = {match["study"]["id"]: match["study"]["recruitment"] for match in answer["matches"]}
    assert states["NCT06892145"] == "not-yet-recruiting"
    assert states["Universal-CD19-BCMA-autoimmune"] is None
    for path in (f"/patients/{LIKELY}?study=NCT06892145&as_of={AS_OF}", "/studies/NCT06892145"):
        assert "Recruitment: not yet recruiting" in client.get(path).text
    assert "Recruitment" not in client.get("/studies/Universal-CD19-BCMA-autoimmune").text
