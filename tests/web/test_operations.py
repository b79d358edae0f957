"""Health, metrics, keys, the OpenAPI document and its page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from trialmatch.errors import StoreUnavailable
from trialmatch.store.database import Store
from trialmatch.web.app import create_app

from tests.auth.issuer import ec
from tests.web.world import AS_OF, LIKELY, app_of, settings_of


def test_it_lives(client: FlaskClient) -> None:
    assert client.get("/health/live").get_json() == {"status": "ok"}


def test_it_is_ready_whatever_the_hospital_does(tmp_path: Path) -> None:
    """A hospital that is down makes every instance unready at once, if readiness asked for it."""
    client = app_of(tmp_path, fhir_server="http://127.0.0.1:9/fhir").test_client()
    assert client.get("/health/ready").get_json() == {"status": "ok", "studies": 5}


def test_it_is_not_ready_without_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Store) -> None:
        raise StoreUnavailable("sqlite:///x.sqlite: its disk fails")

    client = app_of(tmp_path).test_client()
    monkeypatch.setattr(Store, "check", gone)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert client.get("/health/live").status_code == 200


def _value(text: str, name: str) -> float:
    (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE) or ["0"]
    return float(found)


def test_metrics_count_requests_and_matches(client: FlaskClient) -> None:
    request = 'trialmatch_requests_total{method="GET",path="/api/v1/patients/{patient}/matches",status="200"}'
    match = 'trialmatch_matches_total{outcome="complete",source="hospital"}'
    before = client.get("/metrics").text
    client.get(f"/api/v1/patients/{LIKELY}/matches", query_string={"as_of": AS_OF})
    after = client.get("/metrics").text
    assert _value(after, request) - _value(before, request) == 1
    assert _value(after, match) - _value(before, match) == 1
    assert LIKELY not in after


def test_methods_that_nobody_knows_are_counted_as_one(client: FlaskClient) -> None:
    """Each word would be a series of its own, kept as long as the service runs, and anybody may send any."""
    for method in ("MUSTERMANN", "ERIKA-1", "ERIKA-2"):
        assert client.open("/health/live", method=method).status_code == 405
    text = client.get("/metrics").text
    assert 'trialmatch_requests_total{method="(other)",path="(none)",status="405"} ' in text
    assert "ERIKA" not in text and "MUSTERMANN" not in text


def test_failed_matches_are_counted(tmp_path: Path) -> None:
    failed = 'trialmatch_matches_total{outcome="failed",source="hospital"}'
    client = app_of(tmp_path, fhir_server="http://127.0.0.1:9/fhir", fhir_retries=0).test_client()
    before = _value(client.get("/metrics").text, failed)
    client.get(f"/api/v1/patients/{LIKELY}/matches")
    assert _value(client.get("/metrics").text, failed) - before == 1


def test_keys_are_published_and_stay_private(tmp_path: Path) -> None:
    assert app_of(tmp_path).test_client().get("/.well-known/jwks.json").get_json() == {"keys": []}
    path = tmp_path / "key.json"
    path.write_text(json.dumps(ec().as_dict(private=True)))
    settings = settings_of(tmp_path, client_id="trialmatch", client_key=str(path))
    (key,) = create_app(settings).test_client().get("/.well-known/jwks.json").get_json()["keys"]
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-384", "ES384")
    assert "d" not in key


def test_the_page_of_the_api_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.mimetype == "text/html"
    assert "https://" not in page.text and "<script>" not in page.text  # the policy would refuse scripts inside
    for place in re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text):
        assert client.get(place).status_code == 200, place


def test_the_document_is_sent_once(client: FlaskClient) -> None:
    first = client.get("/openapi.json")
    assert first.get_json()["openapi"] == "3.0.3"
    assert client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_every_path_is_in_the_document(app: Flask, client: FlaskClient) -> None:
    """Whatever is served under the API's paths is documented, method by method."""
    documented = {
        (path, method.upper())
        for path, item in client.get("/openapi.json").get_json()["paths"].items()
        for method in item
        if method in ("get", "post", "put", "delete", "patch")
    }
    served = {
        (re.sub(r"<(?:[^:<>]*:)?([^<>]*)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith(("/api/", "/fhir", "/health", "/metrics", "/.well-known"))
        and method not in ("HEAD", "OPTIONS")
    }
    assert served == {
        one for one in documented if one[0].startswith(("/api/", "/fhir", "/health", "/metrics", "/.well-known"))
    }
