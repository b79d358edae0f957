"""Headers that keep answers where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.web.world import LIKELY, app_of, issued

PRIVATE = [
    f"/api/v1/patients/{LIKELY}/matches",
    f"/api/v1/patients/{LIKELY}/attestations",
    f"/fhir/Patient/{LIKELY}/$match-trials",
]


@pytest.mark.parametrize("path", [*PRIVATE, "/docs", "/health/live", "/no/such/page", "/api/v1/no"])
def test_every_answer_is_secured(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert "Strict-Transport-Security" not in headers  # this is http


@pytest.mark.parametrize("path", [*PRIVATE, "/api/v1/patients/nobody/matches", "/no/such/page"])
def test_what_is_private_is_not_cached(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"


def test_frames_are_for_whom_the_settings_name(tmp_path: Path) -> None:
    client = app_of(tmp_path, frame_ancestors="https://ehr.example 'self'").test_client()
    headers = client.get("/docs").headers
    assert "frame-ancestors https://ehr.example 'self'" in headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in headers  # it knows no list


def test_https_is_remembered_where_a_believed_proxy_says_so(tmp_path: Path) -> None:
    client = app_of(tmp_path, proxies=1, **issued(tmp_path)).test_client()
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    assert "max-age=" in client.get("/health/live", headers=told).headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in client.get("/health/live").headers


def test_a_request_id_is_taken_over_or_made(client: FlaskClient) -> None:
    given = "0af7651916cd43dd8448eb211c80319c"
    assert client.get("/health/live", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given
    made = {
        client.get("/health/live", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        for bad in ("short", "a b c d e f g h", "Müller-1970-01-01", "x" * 65, '"}{"level":"info')
    }
    assert len(made) == 5
    assert all(len(one) == 32 and one.isalnum() for one in made)
