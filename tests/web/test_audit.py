"""Whoever looked at a patient is on record before the answer leaves, and so is whoever tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from flask.testing import FlaskClient
from trialmatch.store import audit
from trialmatch.store.database import Store
from trialmatch.web.app import create_app

from tests.auth.issuer import ISSUER
from tests.web.world import AS_OF, LIKELY, Json, bearer, issued, patient_bundle, settings_of

CONSENT = {"judgement": "consent", "answer": "met", "by": "Dr. Ada", "at": "2026-02-27"}

ACCESSES: dict[str, tuple[str, str, str, Json]] = {
    "R GET /api/v1/patients/{id}/matches": ("GET", f"/api/v1/patients/{LIKELY}/matches", "0", {}),
    "R POST /api/v1/matches": ("POST", "/api/v1/matches", "0", {"json": patient_bundle()}),
    "R GET /fhir/Patient/{id}/$match-trials": ("GET", f"/fhir/Patient/{LIKELY}/$match-trials", "0", {}),
    "R POST /fhir/Patient/{id}/$match-trials": (
        "POST", f"/fhir/Patient/{LIKELY}/$match-trials", "0", {"json": {"resourceType": "Parameters"}},
    ),
    "R GET /api/v1/patients/{id}/attestations": ("GET", f"/api/v1/patients/{LIKELY}/attestations", "0", {}),
    "U PUT /api/v1/patients/{id}/attestations": (
        "PUT", f"/api/v1/patients/{LIKELY}/attestations", "0",
        {"json": {"attestations": [CONSENT]}, "headers": {"If-None-Match": "*"}},
    ),
}  # fmt: skip


def _only(store: Store, patient: str | None = None) -> Json:
    (event,) = audit.events(store, patient)
    AuditEvent.model_validate(event)
    return event


@pytest.mark.parametrize("name", ACCESSES)
def test_every_access_is_on_record(fresh: FlaskClient, store: Store, name: str) -> None:
    method, path, outcome, extra = ACCESSES[name]
    answer = fresh.open(path, method=method, **extra)
    assert answer.status_code == 200
    event = _only(store, LIKELY)
    assert f"{event['action']} {event['purposeOfEvent'][0]['text']}" == name
    assert event["outcome"] == outcome
    assert event["entity"][0]["what"] == {"reference": f"Patient/{LIKELY}"}
    assert event["entity"][1]["what"] == {"identifier": {"value": answer.headers["X-Request-ID"]}}
    agent, _ = event["agent"]
    assert agent["who"] == {"identifier": {"value": "local"}}
    assert agent["network"] == {"address": "127.0.0.1", "type": "2"}


@pytest.mark.parametrize(
    ("path", "status", "outcome", "patient"),
    [
        ("/api/v1/patients/nobody/matches", 404, "4", "nobody"),
        (f"/api/v1/patients/{LIKELY}/matches?study=NCT00000000", 422, "4", LIKELY),
        ("/fhir/Patient/nobody/$match-trials", 404, "4", "nobody"),
    ],
)
def test_who_tried_is_on_record(
    fresh: FlaskClient, store: Store, path: str, status: int, outcome: str, patient: str
) -> None:
    assert fresh.get(path).status_code == status
    assert _only(store, patient)["outcome"] == outcome


def test_a_failure_is_on_record(store: Store, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, fhir_server="http://127.0.0.1:9/fhir", fhir_retries=0)
    client = create_app(settings, store=store).test_client()
    assert client.get(f"/api/v1/patients/{LIKELY}/matches").status_code == 502
    event = _only(store, LIKELY)
    assert (event["outcome"], event["outcomeDesc"]) == ("8", "SourceUnavailable")


def test_an_internal_error_is_on_record(fresh: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the patient is called Jane")

    monkeypatch.setattr("trialmatch.web.service.match_patient", fail)
    assert fresh.get(f"/api/v1/patients/{LIKELY}/matches").status_code == 500
    event = _only(store, LIKELY)
    assert (event["outcome"], event["outcomeDesc"]) == ("8", "internal error")


def test_the_caller_is_on_record_with_the_issuer(hospital: str, store: Store, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, fhir_server=hospital, proxies=1, **issued(tmp_path))
    client = create_app(settings, store=store).test_client()
    told = {"X-Forwarded-For": "192.0.2.7", **bearer(subject="clinician-7")}
    assert client.get(f"/api/v1/patients/{LIKELY}/matches?as_of={AS_OF}", headers=told).status_code == 200
    agent = _only(store)["agent"][0]
    assert agent["who"] == {"identifier": {"value": "clinician-7", "system": ISSUER}}
    assert agent["network"]["address"] == "192.0.2.7"


def test_who_may_not_call_has_not_looked(hospital: str, store: Store, tmp_path: Path) -> None:
    client = create_app(settings_of(tmp_path, fhir_server=hospital, **issued(tmp_path)), store=store).test_client()
    assert client.get(f"/api/v1/patients/{LIKELY}/matches").status_code == 401
    assert audit.events(store) == []


def test_a_patient_known_by_full_url_is_on_record_by_id(fresh: FlaskClient, store: Store) -> None:
    full_url = "urn:uuid:0c3f9a52-7c0e-4d0f-9d0e-1b1f0c1e2d3c"
    patient = {"resourceType": "Patient", "birthDate": "1990-01-01"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": full_url, "resource": patient}]}
    assert fresh.post("/api/v1/matches", json=bundle, query_string={"patient": full_url}).status_code == 200
    assert _only(store, "0c3f9a52-7c0e-4d0f-9d0e-1b1f0c1e2d3c")["outcome"] == "0"
