"""The authorization code flow against a provider that says what it should not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask import Flask, request
from trialmatch.web.login import flow as login_flow
from trialmatch.web.login.flow import Client, Failed, Granted, Provider, begin, finish, provider_of

from tests.auth.issuer import ec, key_set, rsa, token
from tests.web.world import served

Json = dict[str, Any]

BACK = "https://trials.hospital.example/launch/callback"
CLIENT = Client("trialmatch-pages")


class Liar:
    """A provider whose answers are scripted: claims and header of the ID token, and what comes beside it."""

    def __init__(self) -> None:
        self.url = ""
        self.claims: Json = {}
        self.header: Json = {}
        self.key: Any = rsa()
        self.answer: Json = {}
        self.status = 200
        self.document: Json = {}
        self.forms: list[Json] = []
        self.nonce = ""

    def app(self) -> Flask:
        """Discovery, keys, token endpoint."""
        app = Flask("liar")

        @app.get("/.well-known/openid-configuration")
        def discovery() -> Json:
            return self.described() | self.document

        @app.get("/jwks")
        def jwks() -> Json:
            return key_set(rsa(), ec())

        @app.post("/token")
        def exchange() -> Any:
            self.forms.append(request.form.to_dict())
            now = int(time.time())
            claims = {
                "iss": self.url, "sub": "4711", "aud": CLIENT.id, "iat": now, "exp": now + 60, "nonce": self.nonce,
            }  # fmt: skip
            claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
            answer = {
                "access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "patient": "p",
                "id_token": token(claims, self.key, self.header or None),
            }  # fmt: skip
            return {name: value for name, value in (answer | self.answer).items() if value is not None}, self.status

        return app

    def described(self) -> Json:
        """What an honest provider says of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }


@pytest.fixture
def liar() -> Iterator[Liar]:
    """A provider on the loopback address."""
    one = Liar()
    with served(one.app()) as url:
        one.url = url
        yield one


def discovered(liar: Liar) -> Provider:
    """What its discovery document makes of it."""
    return provider_of(f"{liar.url}/.well-known/openid-configuration", issuer=liar.url)


def gone_through(liar: Liar, brought: Json | None = None, kept: Json | None = None) -> Granted:
    """There and back."""
    provider = discovered(liar)
    _, state, own = begin(provider, CLIENT, BACK, "openid", {})
    liar.nonce = own["nonce"]
    return finish(provider, CLIENT, own | (kept or {}), {"state": state, "code": "c"} | (brought or {}))


def test_what_the_browser_is_sent_with(liar: Liar) -> None:
    extra = {"aud": "https://ehr/fhir", "launch": "1 2"}
    url, state, kept = begin(discovered(liar), CLIENT, BACK, "launch openid", extra)
    assert url.startswith(f"{liar.url}/auth?")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "response_type": "code",
        "client_id": CLIENT.id,
        "redirect_uri": BACK,
        "scope": "launch openid",
        "state": state,
        "nonce": kept["nonce"],
        "code_challenge": create_s256_code_challenge(kept["verifier"]),
        "code_challenge_method": "S256",
        "aud": "https://ehr/fhir",
        "launch": "1 2",
    }
    assert kept["verifier"] not in url
    assert len({begin(discovered(liar), CLIENT, BACK, "openid", {})[1] for _ in range(3)}) == 3


def test_an_honest_answer(liar: Liar) -> None:
    granted = gone_through(liar)
    assert (granted.token, granted.seconds, granted.context["patient"]) == ("opaque", 300.0, "p")
    assert granted.claims["sub"] == "4711"
    (form,) = liar.forms
    assert form.pop("code_verifier") and form == {
        "grant_type": "authorization_code", "code": "c", "redirect_uri": BACK, "client_id": CLIENT.id,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "somebody-else"}, "audience"),
        ({"aud": ["somebody-else"]}, "audience"),
        ({"aud": [CLIENT.id, "somebody-else"]}, "audience"),  # no azp
        ({"aud": [CLIENT.id, "somebody-else"], "azp": "somebody-else"}, "audience"),
        ({"aud": None}, "claim aud"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "claim exp"),
        ({"iat": None}, "claim iat"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": "ö"}, "nonce"),
        ({"nonce": 4}, "nonce"),
        ({"nonce": None}, "claim nonce"),
        ({"sub": None}, "claim sub"),
        ({"sub": ""}, "claim sub"),
    ],
)
def test_id_tokens_that_are_not_believed(liar: Liar, claims: Json, reason: str) -> None:
    liar.claims = claims
    with pytest.raises(Failed) as failed:
        gone_through(liar)
    assert (failed.value.text, failed.value.reason) == ("login.failed", f"ID token: {reason}")


def test_one_audience_among_several_that_is_meant(liar: Liar) -> None:
    liar.claims = {"aud": [CLIENT.id, "the provider's own"], "azp": CLIENT.id}
    assert gone_through(liar).claims["azp"] == CLIENT.id


def test_signatures_that_are_not_believed(liar: Liar) -> None:
    for key, header, reason in (
        (rsa("other"), {"kid": "rsa"}, "signature"),
        (rsa(), {"kid": "unknown"}, "key"),
    ):
        liar.key, liar.header = key, header
        with pytest.raises(Failed, match=f"ID token: {reason}"):
            gone_through(liar)
    liar.answer = {"id_token": "eyJhbGciOiJub25lIn0.e30."}  # alg none
    with pytest.raises(Failed, match="ID token: algorithm"):
        gone_through(liar)


@pytest.mark.parametrize(
    ("answer", "status", "text", "reason"),
    [
        ({"id_token": None}, 200, "login.nobody", "no ID token"),
        ({"access_token": None}, 200, "login.failed", "token endpoint: no bearer token"),
        ({"token_type": "DPoP"}, 200, "login.failed", "token endpoint: no bearer token"),
        ({"error": "invalid_grant"}, 400, "login.failed", "token endpoint: answers 400 (invalid_grant)"),
        ({"error": "born 1999-09-23"}, 400, "login.failed", "token endpoint: answers 400"),
    ],
)
def test_answers_of_the_token_endpoint(liar: Liar, answer: Json, status: int, text: str, reason: str) -> None:
    liar.answer, liar.status = answer, status
    with pytest.raises(Failed) as failed:
        gone_through(liar)
    assert (failed.value.text, failed.value.reason) == (text, reason)


@pytest.mark.parametrize(
    ("brought", "text"),
    [
        ({"error": "access_denied"}, "login.refused"),
        ({"error": "server_error"}, "login.failed"),
        ({"error": "<script>"}, "login.failed"),
        ({"code": ""}, "login.failed"),
        ({"iss": "https://elsewhere.example"}, "login.failed"),
    ],
)
def test_what_the_browser_brings_back(liar: Liar, brought: Json, text: str) -> None:
    with pytest.raises(Failed) as failed:
        gone_through(liar, brought)
    assert failed.value.text == text and "script" not in failed.value.reason
    assert liar.forms == []


def test_it_may_not_take_for_ever(liar: Liar) -> None:
    with pytest.raises(Failed) as failed:
        gone_through(liar, kept={"at": time.time() - login_flow.PATIENCE - 1})
    assert failed.value.text == "login.late" and liar.forms == []


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"issuer": "https://elsewhere.example"}, "another issuer"),
        ({"token_endpoint": "http://elsewhere.example/token"}, "an address is missing, or is neither https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "an address is missing, or is neither https"),
        ({"jwks_uri": None}, "an address is missing"),
        ({"code_challenge_methods_supported": ["plain"]}, "no PKCE with S256"),
    ],
)
def test_providers_that_do_not_fit(liar: Liar, document: Json, reason: str) -> None:
    liar.document = document
    with pytest.raises(Failed) as failed:
        discovered(liar)
    assert failed.value.text == "login.unfit" and reason in failed.value.reason


def test_a_provider_that_is_away() -> None:
    with pytest.raises(Failed) as failed:
        provider_of("http://127.0.0.1:1/.well-known/openid-configuration", issuer=None)
    assert (failed.value.text, failed.value.status) == ("login.unreachable", 502)


@pytest.mark.parametrize(
    ("told", "seconds"), [(60, 60.0), ("60", 60.0), (None, 3600.0), ("x", 3600.0), (-1, 3600.0), (10**9, 43200.0)]
)
def test_how_long_a_token_is_believed(liar: Liar, told: Any, seconds: float) -> None:
    liar.answer = {"expires_in": told}
    assert gone_through(liar).seconds == seconds
