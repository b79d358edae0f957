"""Every error has one shape, whatever went wrong, and says nothing that it should not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask import Flask, request
from flask.testing import FlaskClient
from trialmatch.demo.server import create_app as demo_hospital
from trialmatch.errors import StoreUnavailable
from trialmatch.store import audit
from trialmatch.web.app import create_app
from werkzeug.test import TestResponse

from tests.web.world import LIKELY, Json, app_of, bearer, issued, patient_bundle, served, settings_of, study_bundle

MATCHES = f"/api/v1/patients/{LIKELY}/matches"
OPERATION = f"/fhir/Patient/{LIKELY}/$match-trials"
ATTESTATIONS = f"/api/v1/patients/{LIKELY}/attestations"


class Call(NamedTuple):
    """A request that goes wrong."""

    status: int
    title: str
    path: str
    method: str = "GET"
    extra: Json = {}  # noqa: RUF012 - never changed


_JSON = {"content_type": "application/json"}
CALLS = {
    "no JSON": Call(400, "Bad Request", "/api/v1/matches", "POST", {"data": b'{"resourceType":\n', **_JSON}),
    "no body": Call(400, "Bad Request", "/api/v1/matches", "POST", _JSON),
    "no UTF-8": Call(400, "Bad Request", "/api/v1/matches", "POST", {"data": b'{"a": "\xff"}', **_JSON}),
    "no such path": Call(404, "Not Found", "/api/v1/nothing"),
    "no such study": Call(404, "Not Found", "/api/v1/studies/nothing"),
    "no such patient": Call(404, "Patient missing", "/api/v1/patients/nobody/matches"),
    "no FHIR id": Call(404, "Not Found", "/api/v1/patients/a_b/matches"),
    "a way up": Call(404, "Not Found", "/api/v1/patients/%2E%2E/matches"),
    "another method": Call(405, "Method Not Allowed", MATCHES, "DELETE"),
    "another format": Call(406, "Not Acceptable", MATCHES, extra={"headers": {"Accept": "application/xml"}}),
    "the settings' study": Call(
        409, "Conflict", "/api/v1/studies", "POST", {"json": study_bundle("NCT06892145"), **_JSON}
    ),
    "another's version": Call(
        412, "Stale", ATTESTATIONS, "PUT", {"json": {"attestations": []}, "headers": {"If-Match": '"7"'}}
    ),
    "no version": Call(428, "Precondition Required", ATTESTATIONS, "PUT", {"json": {"attestations": []}}),
    "too deep": Call(413, "Content Too Large", "/api/v1/matches", "POST", {"data": b"[" * 400 + b"]" * 400, **_JSON}),
    "another media type": Call(
        415, "Unsupported Media Type", "/api/v1/matches", "POST", {"data": b"{}", "content_type": "text/plain"}
    ),
    "an unknown argument": Call(422, "Unprocessable Content", f"{MATCHES}?asof=2026-03-01"),
    "a date that is none": Call(422, "Unprocessable Content", f"{MATCHES}?as_of=2026-02-30"),
    "a week's day": Call(422, "Unprocessable Content", f"{MATCHES}?as_of=2026-W09-7"),
    "a day without hyphens": Call(422, "Unprocessable Content", f"{MATCHES}?as_of=20260301"),
    "a date out of reach": Call(422, "Unprocessable Content", f"{MATCHES}?as_of=0001-01-01"),
    "twice": Call(422, "Unprocessable Content", f"{MATCHES}?as_of=2026-02-03&as_of=2026-02-04"),
    "an unknown study": Call(422, "Unknown study", f"{MATCHES}?study=NCT00000000"),
    "another resource": Call(
        422, "Unprocessable Content", "/api/v1/matches", "POST", {"json": {"resourceType": "Patient"}}
    ),
}


def _call(client: FlaskClient, call: Call) -> TestResponse:
    return client.open(call.path, method=call.method, **call.extra)


def _problem(answer: TestResponse, status: int) -> Json:
    """A problem as RFC 9457 has it, with what we add."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem: Json = json.loads(answer.data)
    assert set(problem) == {"type", "title", "status", "detail", "errors", "requestId"}
    assert problem["status"] == status
    assert problem["requestId"] == answer.headers["X-Request-ID"]
    assert all(set(one) == {"path", "detail"} and one["detail"] for one in problem["errors"])
    assert problem["type"] == "about:blank" or problem["type"].startswith("https://trialmatch.example.org/problems/")
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_told(client: FlaskClient, name: str) -> None:
    call = CALLS[name]
    problem = _problem(_call(client, call), call.status)
    assert problem["title"] == call.title


def test_a_wrong_argument_is_named(client: FlaskClient) -> None:
    problem = _problem(client.get(f"{MATCHES}?as_of=yesterday&asof=x"), 422)
    assert {one["path"]: one["detail"] for one in problem["errors"]} == {
        "query.as_of": "Not a valid date.",
        "query.asof": "Unknown field; expected one of study, as_of, enrolment, infusion, all.",
    }


def test_a_wrong_element_is_named(client: FlaskClient) -> None:
    given = {"attestations": [{"judgement": "consent", "answer": "yes", "by": "Dr. A", "at": "2026-02-27", "note": ""}]}
    problem = _problem(client.put(ATTESTATIONS, json=given, headers={"If-None-Match": "*"}), 422)
    assert {one["path"]: one["detail"] for one in problem["errors"]} == {
        "body.attestations[0].answer": "Must be one of: met, unmet.",
        "body.attestations[0].note": (
            "Unknown field; expected one of study, linkId, judgement, concept, answer, by, at, until."
        ),
    }


def test_a_date_that_is_none_inside_is_named(client: FlaskClient) -> None:
    given = {"attestations": [{"judgement": "consent", "answer": "met", "by": "Dr. A", "at": "yesterday"}]}
    problem = _problem(client.put(ATTESTATIONS, json=given, headers={"If-None-Match": "*"}), 422)
    assert problem["errors"] == [
        {"path": "body.attestations[0].at", "detail": "no possible date; expected an ISO 8601 date"}
    ]


def test_where_json_ends_to_be_json_is_told(client: FlaskClient) -> None:
    problem = _problem(_call(client, CALLS["no JSON"]), 400)
    assert problem["detail"].startswith("line 2: no JSON")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (MATCHES, {"GET", "HEAD", "OPTIONS"}),
        (ATTESTATIONS, {"GET", "HEAD", "OPTIONS", "PUT"}),
        ("/api/v1/studies", {"GET", "HEAD", "OPTIONS", "POST"}),
        (OPERATION, {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/health/live", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_methods(client: FlaskClient, path: str, allowed: set[str]) -> None:
    told = client.options(path)
    assert told.status_code == 200
    assert set(told.headers["Allow"].split(", ")) == allowed
    refused = client.delete(path)
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == allowed
    head, whole = client.head(path), client.get(path)
    assert (head.status_code, head.data) == (whole.status_code, b"")
    assert head.content_type == whole.content_type


@pytest.fixture
def guarded(hospital: str, tmp_path: Path) -> FlaskClient:
    """A caller of a service with an issuer."""
    return app_of(tmp_path, fhir_server=hospital, **issued(tmp_path)).test_client()


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", MATCHES, "match.read"),
        ("POST", "/api/v1/matches", "match.read"),
        ("GET", ATTESTATIONS, "match.read"),
        ("PUT", ATTESTATIONS, "match.read"),
        ("GET", "/api/v1/studies", "match.read"),
        ("GET", "/api/v1/studies/NCT06892145", "match.read"),
        ("POST", "/api/v1/studies", "study.write"),
        ("GET", OPERATION, "match.read"),
        ("POST", OPERATION, "match.read"),
    ],
)
def test_a_caller_needs_the_scope(guarded: FlaskClient, method: str, path: str, scope: str) -> None:
    """401 without a token or with a bad one, 403 without the scope; both before anything of the request is read."""
    unknown = guarded.open(path, method=method, data=b"{")
    assert unknown.status_code == 401
    assert unknown.headers["WWW-Authenticate"] == 'Bearer realm="trialmatch"'
    mine = bearer(f"trialmatch/{scope}")
    forged = guarded.open(
        path, method=method, data=b"{", headers={"Authorization": mine["Authorization"][:-4] + "AAAA"}
    )
    assert forged.status_code == 401
    others = " ".join(
        {"trialmatch/match.read", "trialmatch/study.write", "trialmatch/prescreen"} - {f"trialmatch/{scope}"}
    )
    refused = guarded.open(path, method=method, data=b"{", headers=bearer(others))
    assert refused.status_code == 403
    assert f'scope="trialmatch/{scope}"' in refused.headers["WWW-Authenticate"]
    allowed = guarded.open(path, method=method, data=b"{", headers=mine)
    assert allowed.status_code not in (401, 403)


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/fhir/metadata"]
)
def test_what_is_open_is_open(guarded: FlaskClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_callers_from_elsewhere_need_an_issuer(client: FlaskClient) -> None:
    answer = client.get(MATCHES, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert _problem(answer, 403)["title"] == "Not allowed"


def test_too_many_calls(hospital: str, tmp_path: Path) -> None:
    client = app_of(tmp_path, fhir_server=hospital, rate_limit="3 per minute").test_client()
    assert [client.get("/api/v1/studies").status_code for _ in range(3)] == [200, 200, 200]
    refused = client.get("/api/v1/studies")
    _problem(refused, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert client.get("/health/live").status_code == 200  # probes are not counted


def test_each_caller_is_counted_alone(hospital: str, tmp_path: Path) -> None:
    client = app_of(tmp_path, fhir_server=hospital, rate_limit="3 per minute", **issued(tmp_path)).test_client()
    one, other = bearer(subject="one"), bearer(subject="other")
    assert [client.get("/api/v1/studies", headers=one).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/api/v1/studies", headers=other).status_code == 200


def test_who_guesses_tokens_is_stopped_by_address(hospital: str, tmp_path: Path) -> None:
    client = app_of(tmp_path, fhir_server=hospital, rate_limit="3 per minute", **issued(tmp_path)).test_client()
    tries = [{"Authorization": f"Bearer guess-{number}"} for number in range(4)]
    assert [client.get("/api/v1/studies", headers=one).status_code for one in tries] == [401, 401, 401, 429]


def test_an_internal_error_says_nothing(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the patient is called Jane")

    monkeypatch.setattr("trialmatch.web.api.matches.from_bundle", fail)
    answer = client.post("/api/v1/matches", json=patient_bundle())
    problem = _problem(answer, 500)
    assert problem["detail"] == "an error of the service itself; quote the request id in a report"
    assert "Jane" not in answer.text


def test_an_error_after_the_view_says_as_little_to_the_caller_and_its_kind_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flask puts another error around it."""

    def fail(*_: Any) -> None:
        raise RuntimeError("the patient is called Jane")

    logged: list[tuple[Any, ...]] = []
    monkeypatch.setattr("trialmatch.web.logs.failure", lambda *words: logged.append(words))
    app = app_of(tmp_path)
    app.after_request_funcs[None].insert(0, fail)
    problem = _problem(app.test_client().get("/api/v1/studies"), 500)
    assert problem["detail"] == "an error of the service itself; quote the request id in a report"
    assert {type(error) for error, _ in logged} == {RuntimeError}


@pytest.fixture
def moody() -> Iterator[tuple[str, Json]]:
    """A hospital that can be down or slow: its URL and its mood."""
    hospital, mood = demo_hospital(), {"status": 0, "seconds": 0.0}

    @hospital.before_request
    def _feel() -> tuple[str, int] | None:
        if request.path.startswith("/fhir/Patient/"):
            time.sleep(mood["seconds"])
            if mood["status"]:
                return "out of order", int(mood["status"])
        return None

    with served(hospital) as url:
        yield f"{url}/fhir", mood


@pytest.mark.parametrize("path", [MATCHES, OPERATION])
@pytest.mark.parametrize("theirs", [401, 403, 500, 503])
def test_a_hospital_that_refuses_is_a_bad_gateway(
    moody: tuple[str, Json], tmp_path: Path, path: str, theirs: int
) -> None:
    url, mood = moody
    mood["status"] = theirs
    assert app_of(tmp_path, fhir_server=url, fhir_retries=0).test_client().get(path).status_code == 502


def test_a_hospital_that_is_down_is_a_bad_gateway(tmp_path: Path) -> None:
    client = app_of(tmp_path, fhir_server="http://127.0.0.1:9/fhir", fhir_retries=0).test_client()
    assert _problem(client.get(MATCHES), 502)["title"] == "Source unavailable"


def test_no_hospital_is_a_bad_gateway(tmp_path: Path) -> None:
    problem = _problem(app_of(tmp_path).test_client().get(MATCHES), 502)
    assert problem["detail"] == "no hospital server is configured; expected TRIALMATCH_FHIR_SERVER"


def test_a_hospital_that_is_slow_is_a_gateway_timeout(moody: tuple[str, Json], tmp_path: Path) -> None:
    url, mood = moody
    mood["seconds"] = 1.0
    client = app_of(tmp_path, fhir_server=url, fhir_timeout=0.2, fhir_retries=0).test_client()
    assert _problem(client.get(MATCHES), 504)["title"] == "Source timeout"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", MATCHES, None),
        ("POST", "/api/v1/matches", patient_bundle()),
        ("GET", OPERATION, None),
        ("GET", ATTESTATIONS, None),
    ],
)
def test_what_cannot_be_audited_is_not_told(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Json | None
) -> None:
    def full(*_: Any) -> None:
        raise StoreUnavailable("sqlite:///secret/place.sqlite: its disk is full")

    monkeypatch.setattr(audit, "record", full)
    answer = client.open(path, method=method, json=body)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "secret" not in answer.text
    assert "NCT" not in answer.text


@pytest.mark.parametrize(
    ("status", "code", "path", "extra"),
    [
        (404, "not-found", "/fhir/Patient/nobody/$match-trials", {}),
        (404, "not-found", "/fhir/Observation/1", {}),
        (405, "not-supported", OPERATION, {"method": "DELETE"}),
        (406, "not-supported", OPERATION, {"headers": {"Accept": "application/fhir+xml"}}),
        (406, "not-supported", f"{OPERATION}?_format=xml", {}),
        (415, "not-supported", OPERATION, {"method": "POST", "data": b"<Parameters/>", "content_type": "text/xml"}),
        (400, "invalid", OPERATION, {"method": "POST", "data": b"{", "content_type": "application/fhir+json"}),
        (422, "invalid", f"{OPERATION}?as-of=soon", {}),
        (422, "invalid", f"{OPERATION}?study=NCT00000000", {}),
    ],
)
def test_under_fhir_it_is_an_operation_outcome(
    client: FlaskClient, status: int, code: str, path: str, extra: Json
) -> None:
    answer = client.open(path, **extra)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/fhir+json"
    outcome = OperationOutcome.model_validate_json(answer.data)
    assert {issue.code for issue in outcome.issue} == {code}
    assert {issue.severity for issue in outcome.issue} == {"error"}
    assert not [path for issue in outcome.issue for path in issue.expression or () if "://" in path]  # no FHIRPath


def test_for_a_browser_it_is_a_page(client: FlaskClient) -> None:
    answer = client.get("/no/such/page", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert answer.headers["X-Request-ID"] in answer.text


def test_a_rate_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    from trialmatch.errors import UsageError

    for changes in ({"rate_limit": "often"}, {"rate_storage": "nowhere://x"}):
        with pytest.raises(UsageError, match="TRIALMATCH_RATE_LIMIT"):
            create_app(settings_of(tmp_path, **changes))


def test_a_page_says_what_a_problem_means_and_the_detail_once(client: FlaskClient) -> None:
    """What is marked as the notice is a part of the script’s sentence: “could not be saved: …. They are still here”."""
    answer = client.get("/patients/nobody", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "<span data-notice>No such patient</span>" in answer.text
    assert answer.text.count("expected a Patient with the id") == 1
    asked = client.get("/patients/lupus-likely-01?study=NCT00000000", headers={"Accept": "text/html"})
    assert asked.status_code == 422 and "<span data-notice>No such study</span>" in asked.text
