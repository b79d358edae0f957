"""Sessions: kept while they are used, gone when they are not, and no use to anybody without the cookie."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from trialmatch.errors import StoreUnavailable
from trialmatch.store.database import Store
from trialmatch.web.app import create_app
from trialmatch.web.login import sessions
from trialmatch.web.login import visitor as login
from trialmatch.web.login.sessions import csrf, csrf_holds

from tests.web.world import settings_of

ISSUER = "https://idp.hospital.example"


class Clock:
    """The present of sessions and sign-ins."""

    def __init__(self) -> None:
        self.passed = 0.0

    def instant(self) -> datetime:
        """For the store."""
        return datetime.now(UTC) + timedelta(seconds=self.passed)

    def time(self) -> float:
        """For what a session holds."""
        return time.time() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that tests put forward."""
    one = Clock()
    monkeypatch.setattr(sessions, "_now", one.instant)
    monkeypatch.setattr(login, "time", SimpleNamespace(time=one.time))
    return one


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The service with a login."""
    settings = settings_of(
        tmp_path, login_issuer=ISSUER, login_client="pages", public_url="https://trials.hospital.example",
        session_minutes=30,
    )  # fmt: skip
    with Store.open(settings) as store:
        yield create_app(settings, store=store)


def signed_in(app: Flask, **changes: object) -> FlaskClient:
    """A browser of somebody who has signed in."""
    client = app.test_client()
    who = {"kind": "login", "subject": "4711", "name": "Ada", "issuer": ISSUER, "at": time.time()}
    with client.session_transaction(base_url="https://localhost") as held:
        held["who"], held["seen"] = who | changes, time.time()
    return client


def lets_in(client: FlaskClient) -> bool:
    """Whether the start page is shown; otherwise one is sent to sign in."""
    return client.get("/", base_url="https://localhost").status_code == 200


def test_a_session_lasts_while_it_is_used(app: Flask, clock: Clock) -> None:
    client = signed_in(app)
    for _ in range(4):  # 80 minutes, but never 30 without a request
        clock.passed += 20 * 60
        assert lets_in(client)
    clock.passed += 31 * 60
    assert not lets_in(client)


def test_a_page_that_looks_by_itself_keeps_no_session(app: Flask, clock: Clock) -> None:
    """A prescreen's page asks how far it is while nobody may be before it: after 30 minutes that is over."""
    client = signed_in(app)
    for _ in range(4):
        clock.passed += 9 * 60
        answer = client.get("/", base_url="https://localhost", headers={"Trialmatch-Unattended": "1"})
        assert answer.status_code == (200 if clock.passed < 30 * 60 else 302)


def test_a_session_does_not_last_for_ever(app: Flask, clock: Clock) -> None:
    client = signed_in(app)
    for _ in range(36):  # twelve hours of constant use
        clock.passed += 20 * 60 - 1
        assert lets_in(client)
    clock.passed += 20 * 60
    assert not lets_in(client)


@pytest.mark.parametrize("changes", [{"issuer": "https://elsewhere.example"}, {"kind": "launch"}])
def test_a_session_that_the_settings_no_longer_let_in(app: Flask, changes: dict[str, str]) -> None:
    assert lets_in(signed_in(app))
    assert not lets_in(signed_in(app, **changes))


def test_over_https_the_cookie_is_for_https_only(app: Flask) -> None:
    client = signed_in(app)
    cookie = client.get_cookie("__Host-trialmatch")
    assert cookie is not None and cookie.secure and cookie.http_only and cookie.same_site == "Lax"
    assert cookie.path == "/" and cookie.expires is None


def test_the_database_alone_opens_no_session(app: Flask) -> None:
    client = signed_in(app)
    store = app.extensions["trialmatch"].store
    with store.reading() as connection:
        digest, sealed = connection.execute(text("SELECT digest, sealed FROM sessions")).one()
    cookie = client.get_cookie("__Host-trialmatch")
    assert cookie is not None and cookie.value not in digest + sealed and "4711" not in sealed
    for guess in (digest, sealed, cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B")):
        other = app.test_client()
        other.set_cookie("__Host-trialmatch", guess, domain="localhost", secure=True)
        assert not lets_in(other)


def test_what_was_tampered_with_is_empty(app: Flask) -> None:
    client = signed_in(app)
    with app.extensions["trialmatch"].store.writing() as connection:
        connection.execute(text("UPDATE sessions SET sealed = substr(sealed, 1, length(sealed) - 4) || 'AAAA'"))
    assert not lets_in(client)


def test_looking_at_a_form_keeps_nothing_in_the_store(app: Flask) -> None:
    """A visitor without a session gets a secret for forms, and no row in the database."""
    with app.test_request_context("/"):
        first = csrf()
        assert csrf() == first and not csrf_holds(first)  # not before the browser has shown the secret
    with app.extensions["trialmatch"].store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar() == 0


def _down(monkeypatch: pytest.MonkeyPatch, *calls: str) -> None:
    """The store fails in some of what sessions do with it."""

    def fails(*_: object) -> None:
        raise StoreUnavailable("the store: its disk fails")

    for call in calls:
        monkeypatch.setattr(sessions.store_sessions, call, fails)


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/login"), ("GET", "/launch"), ("POST", "/logout")])
def test_a_store_that_is_down_is_no_error_of_the_service(
    app: Flask, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    """The answer is that of every call that needs the store, and the browser keeps its cookie."""
    client = signed_in(app)
    _down(monkeypatch, "load")
    answer = client.open(path, method=method, base_url="https://localhost")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Set-Cookie" not in answer.headers
    monkeypatch.undo()
    assert lets_in(client)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/.well-known/jwks.json"])
def test_what_needs_no_session_is_told_without_a_store(app: Flask, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    client = signed_in(app)
    _down(monkeypatch, "load", "save")
    assert client.get(path, base_url="https://localhost").status_code == 200


def test_a_session_that_cannot_be_ended_is_not_said_to_be(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(app)
    page = client.get("/", base_url="https://localhost").text
    (token,) = re.findall(r'name="csrf" value="([^"]+)"><button class="link"', page)
    _down(monkeypatch, "forget")
    answer = client.post("/logout", data={"csrf": token}, base_url="https://localhost")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")
    assert "Content-Security-Policy" in answer.headers
    monkeypatch.undo()
    assert client.post("/logout", data={"csrf": token}, base_url="https://localhost").status_code == 200
    assert not lets_in(client)


def test_programs_have_no_session(app: Flask) -> None:
    answer = signed_in(app).get("/api/v1/studies", base_url="https://localhost")
    assert answer.status_code == 401 and "Set-Cookie" not in answer.headers
