"""Sessions: kept while they are used, gone when they are not, and no use to anybody without the cookie."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from trialmatch.store.database import Store
from trialmatch.web import login, sessions
from trialmatch.web.app import create_app
from trialmatch.web.sessions import csrf, csrf_holds

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


def test_programs_have_no_session(app: Flask) -> None:
    answer = signed_in(app).get("/api/v1/studies", base_url="https://localhost")
    assert answer.status_code == 401 and "Set-Cookie" not in answer.headers
