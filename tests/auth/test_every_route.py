"""No door is left open: every route of the application is asked by callers who may not come in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from trialmatch.config import Settings
from trialmatch.web.app import create_app
from werkzeug.routing import Rule

from tests.auth.issuer import AUDIENCE, ISSUER, claims, ec, key_set, rsa, stored, token

#: What anybody may see: whether the service lives, what it offers, its public keys. Nothing of a patient or a study.
OPEN = {
    "/.well-known/jwks.json",
    "/docs",
    "/docs/<name>",
    "/fhir/OperationDefinition/<name>",
    "/fhir/metadata",
    "/health/live",
    "/health/ready",
    "/launch",  # where people come in, and leave
    "/launch/callback",
    "/login",
    "/login/callback",
    "/logout",
    "/metrics",
    "/openapi.json",
    "/static/<filename>",
}

VALUES = {"study": "NCT06892145", "study_id": "NCT06892145", "file": "screening-log.csv"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The whole service, with an issuer and a CDS client, and no hospital that would answer."""
    folder: Path = tmp_path_factory.mktemp("service")
    keys = stored(folder, key_set(rsa(), ec()))
    settings = Settings.read(
        {},
        issuers=f"{ISSUER}={keys}",
        audience=AUDIENCE,
        cds_issuers=f"https://ehr.example={keys}",
        public_url="https://trials.hospital.example",
        database=f"sqlite:///{folder}/store.sqlite",
        rate_limit="100000 per minute",
    )
    yield create_app(settings)


def name(rule: Rule) -> str:
    """A route without its converters: ``/patients/<patient_id>``."""
    return re.sub(r"<(?:.*?:)?(\w+)>", r"<\1>", rule.rule)


def guarded(app: Flask) -> list[tuple[str, str]]:
    """Method and path of every route that is not OPEN."""
    adapter = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        values = {one: VALUES.get(one, "lupus-likely-01") for one in rule.arguments}
        for method in (rule.methods or set()) - {"OPTIONS"} if name(rule) not in OPEN else ():
            found.append((method, adapter.build(rule.endpoint, values, method=method)))
    return sorted(found)


def stands_before(client: FlaskClient, method: str, path: str, headers: dict[str, str] | None = None) -> int:
    """The status with which a call ends."""
    return client.open(path, method=method, json={} if method in ("POST", "PUT") else None, headers=headers).status_code


def test_there_are_routes(app: Flask) -> None:
    """The other tests walk over them."""
    routes = guarded(app)
    assert ("GET", "/api/v1/patients/lupus-likely-01/matches") in routes
    assert ("POST", "/cds-services/trial-match") in routes
    assert len(routes) >= 20
    known = {name(rule) for rule in app.url_map.iter_rules()}
    assert known >= OPEN, OPEN - known


def test_without_a_token(app: Flask) -> None:
    client = app.test_client()
    found = {(method, path): stands_before(client, method, path) for method, path in guarded(app)}
    assert {call: status for call, status in found.items() if status != 401} == {}


def test_with_a_token_that_is_none(app: Flask) -> None:
    client = app.test_client()
    now = int(time.time())
    forged = token(claims(iat=now, exp=now + 60), rsa("other"), {"kid": "rsa"})
    for text in ("nonsense", token(claims(), rsa()), forged):
        headers = {"Authorization": f"Bearer {text}"}
        found = {(method, path): stands_before(client, method, path, headers) for method, path in guarded(app)}
        assert {call: status for call, status in found.items() if status != 401} == {}


def test_with_a_token_without_a_scope(app: Flask) -> None:
    """A caller whom the issuer knows, and who may nothing here."""
    client = app.test_client()
    now = int(time.time())
    headers = {"Authorization": f"Bearer {token(claims(iat=now, exp=now + 60, scope='openid'), rsa())}"}
    found = {(method, path): stands_before(client, method, path, headers) for method, path in guarded(app)}
    expected = {call: 401 if call[1].startswith("/cds-services") else 403 for call in found}
    assert found == expected
