"""Who may call: tokens by the CDS Hooks rules at all three endpoints, browsers of configured origins, sane bodies."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from trialmatch.store import audit

from tests.auth.issuer import ec, key_set, stored, token
from tests.cds.ehr import FEEDBACK, ISSUER, PUBLIC, SERVICE, SERVICES, Ehr
from tests.hospital.server import Hospital
from tests.web.world import service_of

Json = dict[str, Any]

LIKELY, MISSING = "lupus-likely-01", "lupus-missing-01"
ORIGIN = "https://sandbox.example"


@pytest.fixture
def guarded(tmp_path: Path, demo: Hospital) -> Flask:
    """A service that asks for tokens of one EHR, and that pages of one origin may call."""
    keys = stored(tmp_path, key_set(ec()))
    settings = {"cds_issuers": f"{ISSUER}={keys}", "public_url": PUBLIC, "cors_origins": ORIGIN}
    return service_of(tmp_path, fhir_allowed=demo.url, **settings)


@pytest.fixture
def signing(guarded: Flask, demo: Hospital) -> Ehr:
    """An EHR that signs its calls with ES384."""
    return Ehr(guarded.test_client(), demo, signed=True)


def ask(client: FlaskClient, path: str, headers: dict[str, str]) -> int:
    """The status of a call to one of the three endpoints, with a body that is fine."""
    if path == SERVICES:
        return client.get(path, headers=headers).status_code
    entry = {"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-03-01T12:00:00Z"}
    return client.post(path, json={"feedback": [entry]}, headers=headers).status_code


ENDPOINTS = (SERVICES, SERVICE, FEEDBACK)
#: What a call that is let in comes to: discovery is fine, the body is that of feedback, and no card is known.
LET_IN = {SERVICES: 200, SERVICE: 400, FEEDBACK: 404}


def test_signed_traffic_from_discovery_to_feedback(signing: Ehr) -> None:
    signing.discover()
    cards = signing.cards(MISSING)
    assert len(cards) == 3
    signing.override(cards[0])
    assert len(signing.cards(MISSING)) == 2


@pytest.mark.parametrize("path", ENDPOINTS)
def test_every_endpoint_asks_for_a_token(signing: Ehr, path: str) -> None:
    assert ask(signing.client, path, {}) == 401
    assert ask(signing.client, path, signing.bearer(path)) == LET_IN[path]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_token_is_good_once(signing: Ehr, path: str) -> None:
    bearer = signing.bearer(path)
    assert [ask(signing.client, path, bearer) for _ in range(3)] == [LET_IN[path], 401, 401]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_token_is_good_for_one_endpoint(signing: Ehr, path: str) -> None:
    for other in ENDPOINTS:
        if other != path:
            assert ask(signing.client, path, signing.bearer(other)) == 401


@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://evil.example"}, {"exp": 1}, {"aud": SERVICE}, {"jti": None}, {"iat": None}, {"aud": None}],
    ids=str,
)
def test_claims_that_are_wrong_or_missing(signing: Ehr, claims: Json) -> None:
    whole = signing.bearer(SERVICE, **claims)
    assert ask(signing.client, SERVICE, whole) == 401


def test_a_token_signed_by_somebody_else(signing: Ehr) -> None:
    """Same issuer, same key id, another key."""
    now = int(time.time())
    body = {"iss": ISSUER, "aud": f"{PUBLIC}{SERVICE}", "iat": now, "exp": now + 300, "jti": str(uuid4())}
    forged = token(body, ec("P-384", "another"), {"kid": ec().kid})
    assert ask(signing.client, SERVICE, {"Authorization": f"Bearer {forged}"}) == 401


def test_refusals_are_operation_outcomes_that_teach_nothing(signing: Ehr) -> None:
    answers = [
        signing.client.post(SERVICE, json={}, headers=headers)
        for headers in (signing.bearer(SERVICE, exp=1), signing.bearer(SERVICE, iss="https://evil.example"))
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json["issue"][0]["code"] == "login"


def test_the_caller_is_in_the_audit_log(signing: Ehr) -> None:
    signing.cards(MISSING)
    store = signing.client.application.extensions["trialmatch"].store
    (event,) = audit.events(store, MISSING)
    assert event["agent"][0]["who"]["identifier"] == {"value": ISSUER, "system": ISSUER}


# --- browsers


def preflight(client: FlaskClient, path: str, origin: str) -> dict[str, str]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET" if path == SERVICES else "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = client.options(path, headers=asked)
    assert answer.status_code == 200
    return {name.lower(): value for name, value in answer.headers.items()}


@pytest.mark.parametrize("path", [*ENDPOINTS, "/getClinicalTrial"])
def test_a_preflight_of_a_configured_origin_is_let_in_without_a_token(guarded: Flask, path: str) -> None:
    headers = preflight(guarded.test_client(), path, ORIGIN)
    assert headers["access-control-allow-origin"] == ORIGIN
    allowed = {word.strip().lower() for word in headers["access-control-allow-headers"].split(",")}
    assert allowed == {"authorization", "content-type"}
    assert ("GET" if path == SERVICES else "POST") in headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("path", [*ENDPOINTS, "/getClinicalTrial"])
def test_other_origins_are_not(guarded: Flask, path: str) -> None:
    assert "access-control-allow-origin" not in preflight(guarded.test_client(), path, "https://evil.example")


def test_answers_and_errors_can_be_read_by_the_origin(signing: Ehr) -> None:
    body = signing.body(MISSING)
    fine = signing.send(body, Origin=ORIGIN)
    wrong = signing.send({}, 400, Origin=ORIGIN)
    refused = signing.client.post(SERVICE, json=body, headers={"Origin": ORIGIN})
    assert refused.status_code == 401
    for answer in (fine, wrong, refused):
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_the_api_and_pages_are_not_opened_to_other_origins(guarded: Flask) -> None:
    for path in ("/api/v1/studies", "/fhir/metadata", "/"):
        answer = guarded.test_client().get(path, headers={"Origin": ORIGIN})
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_without_origins_there_are_no_cross_origin_answers(ehr: Ehr) -> None:
    answer = ehr.client.get(SERVICES, headers={"Origin": "http://localhost:8080"})
    assert answer.status_code == 200 and "Access-Control-Allow-Origin" not in answer.headers


# --- bodies


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"hook": "order-sign"}, "body.hook"),
        ({"hook": None}, "body.hook"),
        ({"hookInstance": "1"}, "body.hookInstance"),
        ({"hookInstance": None}, "body.hookInstance"),
        ({"context": None}, "body.context"),
        ({"context": {"patientId": "p"}}, "body.context.userId"),
        ({"context": {"userId": "Practitioner/p1"}}, "body.context.patientId"),
        ({"context": {"userId": "p1", "patientId": "p"}}, "body.context.userId"),
        ({"context": {"userId": "Device/p1", "patientId": "p"}}, "body.context.userId"),
        ({"context": {"userId": "Practitioner/p1", "patientId": "../p"}}, "body.context.patientId"),
        ({"context": {"userId": "Practitioner/p1", "patientId": "p?x=1"}}, "body.context.patientId"),
        ({"context": {"userId": "Practitioner/p1", "patientId": "p" * 65}}, "body.context.patientId"),
        ({"context": {"userId": "Practitioner/p1", "patientId": 7}}, "body.context.patientId"),
        ({"prefetch": []}, "body.prefetch"),
        ({"fhirServer": "ftp://x.example"}, "body.fhirServer"),
        ({"fhirServer": "https://u:p@x.example/fhir"}, "body.fhirServer"),
        ({"fhirServer": "javascript:alert(1)"}, "body.fhirServer"),
    ],
)
def test_calls_that_the_specification_does_not_allow(ehr: Ehr, changes: Json, path: str) -> None:
    refused = ehr.send(ehr.body("p", **{"prefetch": {}, **changes}), 400)
    assert path in [issue["expression"][0] for issue in refused.json["issue"]]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"token_type": "mac"}, "body.fhirAuthorization.token_type"),
        ({"access_token": ""}, "body.fhirAuthorization.access_token"),
        ({"access_token": "a\r\nX: y"}, "body.fhirAuthorization.access_token"),
        ({"access_token": None}, "body.fhirAuthorization.access_token"),
        ({"patient": "somebody-else"}, "body.fhirAuthorization.patient"),
    ],
)
def test_authorizations_that_are_none(ehr: Ehr, demo: Hospital, change: Json, path: str) -> None:
    authorization = {**ehr.authorization(), **change}
    refused = ehr.send(ehr.body("p", prefetch={}, fhirServer=demo.url, fhirAuthorization=authorization), 400)
    assert path in [issue["expression"][0] for issue in refused.json["issue"]]


def test_an_authorization_without_a_server_is_refused(ehr: Ehr) -> None:
    refused = ehr.send(ehr.body("p", prefetch={}, fhirAuthorization=ehr.authorization()), 400)
    assert refused.json["issue"][0]["expression"] == ["body.fhirServer"]


def test_what_the_specification_does_not_know_is_passed_over(ehr: Ehr) -> None:
    context = {"userId": "PractitionerRole/r", "patientId": MISSING, "com.example": {"a": [1]}, "encounterId": None}
    extension = {"com.example.timestamp": "2026-03-01T12:00:00Z"}
    body = ehr.body(MISSING, context=context, extension=extension, fhirVersion="R4")
    assert len(ehr.send({**body, "fhirAuthorization": None}).json["cards"]) == 3


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"null", b"[]", b'"x"', b"NaN"])
def test_bodies_that_are_no_calls(ehr: Ehr, content: bytes) -> None:
    assert ehr.client.post(SERVICE, data=content, content_type="application/json").status_code == 400


def test_another_media_type_is_415(ehr: Ehr) -> None:
    assert ehr.client.post(SERVICE, data=b"{}", content_type="text/plain").status_code == 415


def test_an_unknown_service_is_404(ehr: Ehr) -> None:
    answer = ehr.client.post(f"{SERVICES}/other", json={})
    assert answer.status_code == 404 and answer.json["resourceType"] == "OperationOutcome"


# --- too much


def test_too_many_bytes_are_413(tmp_path: Path, demo: Hospital) -> None:
    ehr = Ehr(service_of(tmp_path, fhir_allowed=demo.url, body_bytes=20_000).test_client(), demo)
    body = ehr.body(LIKELY)
    assert len(json.dumps(body)) > 20_000
    ehr.send(body, 413)


def test_too_many_entries_are_413(tmp_path: Path, demo: Hospital) -> None:
    ehr = Ehr(service_of(tmp_path, fhir_allowed=demo.url, body_entries=30).test_client(), demo)
    prefetch = ehr.prefetch(LIKELY)
    assert sum(len((value or {}).get("entry", ())) for value in prefetch.values()) > 30
    refused = ehr.view(LIKELY, 413, prefetch=prefetch)
    assert "expected at most 30" in refused.json["issue"][0]["diagnostics"]


def test_json_that_nests_too_deep_is_413(ehr: Ehr) -> None:
    text = json.dumps(ehr.body(LIKELY, prefetch={"conditions": "DEEP"}))
    deep = '{"contained": [' * 200 + "{}" + "]}" * 200
    answer = ehr.client.post(SERVICE, data=text.replace('"DEEP"', deep), content_type="application/json")
    assert answer.status_code == 413


def test_a_large_chart_is_matched_all_the_same(ehr: Ehr) -> None:
    """10,000 results of a lipid that no trial asks for, beside the patient's own records."""
    prefetch = ehr.prefetch(MISSING)
    expected = [card["summary"] for card in ehr.cards(MISSING, prefetch=prefetch)]
    key = ehr.key("Observation")
    other = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2093-3"}]},
        "subject": {"reference": f"Patient/{MISSING}"},
        "effectiveDateTime": "2026-01-01",
        "valueQuantity": {"value": 190, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"},
    }
    prefetch[key]["entry"] += [{"resource": {**other, "id": f"lipid-{number}"}} for number in range(10_000)]
    assert [card["summary"] for card in ehr.cards(MISSING, prefetch=prefetch)] == expected
