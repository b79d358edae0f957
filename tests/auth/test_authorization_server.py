"""Both sides of tokens with a server not written for trialmatch: asking it for tokens, and taking those it issues."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from click.testing import CliRunner
from joserfc.jwk import ECKey, RSAKey
from trialmatch.cli.main import main
from trialmatch.config import Settings
from trialmatch.errors import INCOMPLETE, SourceUnavailable
from trialmatch.fhir.hospital.backend_services import Tokens
from trialmatch.fhir.hospital.client_keys import public_jwks
from trialmatch.fhir.hospital.server import fetch
from trialmatch.web.access.signatures import Refused
from trialmatch.web.access.tokens import Issuers

from tests.auth.authorization_server import (  # noqa: F401
    AuthorizationServer,
    Start,
    authorization_server,
    authorization_server_folder,
)
from tests.auth.issuer import ec, place, rsa
from tests.auth.test_backend_services import Clock, failure, settings

pytestmark = pytest.mark.slow

API = "https://trials.hospital.example"

#: What the server may issue tokens for besides FHIR: our API, as signed access tokens (RFC 9068).
RESOURCES = {
    API: {
        "scope": "trialmatch/match.read trialmatch/study.write",
        "audience": API,
        "accessTokenFormat": "jwt",
        "jwt": {"sign": {"alg": "RS256"}},
    }
}


def backend(keys: dict[str, Any], algorithm: str, **more: Any) -> dict[str, Any]:
    """The registration of trialmatch as a backend service."""
    return {
        "client_id": "trialmatch",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": [],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": algorithm,
        "scope": "system/*.rs",
        **keys,
        **more,
    }


def machine(**more: Any) -> dict[str, Any]:
    """The registration of a program that calls our API."""
    return {
        "client_id": "worklist",
        "client_secret": "of the worklist, in a test",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": [],
        **more,
    }


def patient(server: AuthorizationServer, token: str) -> requests.Response:
    """What a FHIR server that checks tokens answers."""
    return requests.get(f"{server.fhir}/Patient/1", headers={"Authorization": f"Bearer {token}"}, timeout=10)


class TestAsking:
    """SMART Backend Services."""

    @pytest.mark.parametrize(("key", "algorithm"), [(rsa(), "RS384"), (ec(), "ES384")], ids=["RS384", "ES384"])
    def test_a_token_opens_the_fhir_server(
        self, authorization_server: Start, tmp_path: Path, key: RSAKey | ECKey, algorithm: str  # noqa: F811
    ) -> None:
        ours = settings(tmp_path, key)
        server = authorization_server(clients=[backend({"jwks": public_jwks(ours)}, algorithm)])
        token = Tokens(ours).bearer(server.fhir)
        assert token is not None
        answer = patient(server, token)
        assert answer.status_code == 200
        assert answer.json()["meta"]["tag"] == [{"code": "system/*.rs"}]
        assert patient(server, token + "x").status_code == 401

    def test_keys_by_their_address(self, authorization_server: Start, tmp_path: Path) -> None:  # noqa: F811
        """The server reads our published keys itself, and again after they were replaced."""
        with place() as web:
            ours = settings(tmp_path, ec())
            web.documents["/.well-known/jwks.json"] = public_jwks(ours)
            keys = {"jwks_uri": web.at("/.well-known/jwks.json")}
            server = authorization_server(clients=[backend(keys, "ES384")])
            assert Tokens(ours).bearer(server.fhir) is not None
            assert web.asked == ["/.well-known/jwks.json"]

    def test_a_server_that_offers_one_algorithm(self, authorization_server: Start, tmp_path: Path) -> None:  # noqa: F811
        ours = settings(tmp_path, rsa(), ec())
        server = authorization_server(
            clients=[backend({"jwks": public_jwks(ours)}, "ES384")],
            smart={"token_endpoint_auth_signing_alg_values_supported": ["ES384"]},
        )
        assert Tokens(ours).bearer(server.fhir) is not None

    def test_renewal(self, authorization_server: Start, tmp_path: Path) -> None:  # noqa: F811
        """Each request has an assertion of its own: the server takes none twice."""
        ours = settings(tmp_path, ec())
        server = authorization_server(clients=[backend({"jwks": public_jwks(ours)}, "ES384")])
        tokens = Tokens(ours)
        first = tokens.bearer(server.fhir)
        assert first is not None and tokens.bearer(server.fhir) == first
        second = tokens.renew(server.fhir, first)
        assert second not in (None, first) and patient(server, str(second)).status_code == 200

    def test_the_life_of_a_token_is_the_server_s(self, authorization_server: Start, tmp_path: Path) -> None:  # noqa: F811
        ours, clock = settings(tmp_path, ec()), Clock()
        server = authorization_server(clients=[backend({"jwks": public_jwks(ours)}, "ES384")], lifetime=100)
        tokens = Tokens(ours, clock)
        first = tokens.bearer(server.fhir)
        clock.now += 69
        assert tokens.bearer(server.fhir) == first
        clock.now += 1
        assert tokens.bearer(server.fhir) != first

    @pytest.mark.parametrize(
        ("registered", "words"),
        [
            ({"client_id": "somebody-else"}, "invalid_client"),
            ({"jwks": {"keys": [rsa("other").as_dict(private=False)]}}, "invalid_client"),
            ({"scope": "openid"}, "invalid_scope"),
        ],
        ids=["client", "key", "scope"],
    )
    def test_refusals(
        self, authorization_server: Start, tmp_path: Path, registered: dict[str, Any], words: str  # noqa: F811
    ) -> None:
        ours = settings(tmp_path, rsa())
        client = backend({"jwks": public_jwks(ours)}, "RS384") | registered
        server = authorization_server(clients=[client])
        assert words in failure(Tokens(ours), server.fhir)


class TestTaking:
    """Access tokens of its issuer at our API."""

    def ask(self, server: AuthorizationServer, **form: str) -> str:
        """A token for a program."""
        session = OAuth2Session("worklist", "of the worklist, in a test")
        token = session.fetch_token(f"{server.issuer}/token", grant_type="client_credentials", **form)
        return str(token["access_token"])

    def issuers(self, server: AuthorizationServer) -> Issuers:
        """Nothing but the issuer's name is configured: its keys are discovered."""
        return Issuers(Settings.read({}, issuers=server.issuer, audience=API))

    def test_a_program_s_token(self, authorization_server: Start) -> None:  # noqa: F811
        server = authorization_server(clients=[machine()], resources=RESOURCES)
        found = self.issuers(server).verify(self.ask(server, resource=API, scope="trialmatch/match.read"))
        assert (found.subject, found.issuer) == ("worklist", server.issuer)
        assert found.scopes == {"trialmatch/match.read"}

    @pytest.mark.parametrize("key", [rsa(), ec("P-256"), ec("P-384")], ids=["PS256", "ES256", "ES384"])
    def test_other_algorithms(self, authorization_server: Start, key: RSAKey | ECKey) -> None:  # noqa: F811
        algorithm = {"rsa": "PS256", "P-256": "ES256", "P-384": "ES384"}[str(key.kid)]
        resource = {**RESOURCES[API], "jwt": {"sign": {"alg": algorithm}}}
        own = [rsa("id-tokens")] if key.kid != "rsa" else []
        server = authorization_server(clients=[machine()], resources={API: resource}, keys=[key, *own])
        found = self.issuers(server).verify(self.ask(server, resource=API, scope="trialmatch/study.write"))
        assert found.scopes == {"trialmatch/study.write"}

    def test_keys_are_replaced(self, authorization_server: Start, monkeypatch: Any) -> None:  # noqa: F811
        """The server starts again with a new key beside the old one: known without a restart of ours."""
        from trialmatch.web.access import jwks

        monkeypatch.setattr(jwks, "PAUSE", 0.0)
        server = authorization_server(clients=[machine()], resources=RESOURCES, keys=[rsa("old")])
        issuers = self.issuers(server)
        old = self.ask(server, resource=API, scope="trialmatch/match.read")
        assert issuers.verify(old).subject == "worklist"
        server.stop()
        again = authorization_server(
            clients=[machine()],
            resources=RESOURCES,
            keys=[rsa("new"), rsa("old")],
            port=urlsplit(server.issuer).port or 0,
        )
        assert again.issuer == server.issuer
        assert issuers.verify(old).subject == "worklist"
        assert issuers.verify(self.ask(again, resource=API, scope="trialmatch/match.read")).subject == "worklist"

    def test_tokens_that_are_not_for_us(self, authorization_server: Start) -> None:  # noqa: F811
        elsewhere = "https://elsewhere.example"
        resources = {**RESOURCES, elsewhere: {**RESOURCES[API], "audience": elsewhere}}
        server = authorization_server(clients=[machine(scope="system/*.rs")], resources=resources)
        issuers = self.issuers(server)
        for form, reason in (
            ({"resource": elsewhere, "scope": "trialmatch/match.read"}, "audience"),
            ({"scope": "system/*.rs"}, "malformed"),  # a word that only the server itself understands
        ):
            with pytest.raises(Refused) as refused:
                issuers.verify(self.ask(server, **form))
            assert refused.value.reason == reason

    def test_a_person_s_tokens(self, authorization_server: Start) -> None:  # noqa: F811
        """Authorization code with PKCE: the access token is a caller's, the ID token is none."""
        redirect = "https://pages.example/callback"
        client = {
            "client_id": "pages",
            "token_endpoint_auth_method": "none",
            "redirect_uris": [redirect],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        }
        server = authorization_server(
            clients=[client],
            resources=RESOURCES,
            account={"sub": "coordinator-3", "fhirUser": "Practitioner/3"},
            context={"patient": "lupus-likely-01"},
        )
        session = OAuth2Session(
            "pages",
            scope="openid fhirUser launch trialmatch/match.read",
            redirect_uri=redirect,
            token_endpoint_auth_method="none",
            code_challenge_method="S256",
        )
        verifier = "v" * 64
        url, _ = session.create_authorization_url(
            f"{server.issuer}/auth", code_verifier=verifier, resource=API, launch="xyz", aud=server.fhir
        )
        back = _logged_in(url, redirect)
        token = session.fetch_token(
            f"{server.issuer}/token", authorization_response=back, code_verifier=verifier, resource=API
        )
        issuers = self.issuers(server)
        found = issuers.verify(token["access_token"])
        assert (found.subject, found.scopes) == ("coordinator-3", {"trialmatch/match.read"})
        assert token["patient"] == "lupus-likely-01"
        with pytest.raises(Refused) as refused:
            issuers.verify(token["id_token"])
        assert refused.value.reason == "audience"  # it is for the pages, not for the API


def _logged_in(url: str, redirect: str) -> str:
    """Follow a log-in to where it leads back to."""
    browser = requests.Session()
    for _ in range(10):
        answer = browser.get(url, allow_redirects=False, timeout=10)
        assert answer.status_code in (302, 303), html.unescape(re.sub("<[^>]+>", " ", answer.text))
        url = requests.compat.urljoin(url, answer.headers["Location"])
        if url.startswith(redirect):
            assert "code" in parse_qs(urlsplit(url).query), url
            return url
    raise AssertionError("the log-in goes round in circles")


class TestMatching:
    """Patients behind the server. It has no records but the Patient's own, so the sources are failed."""

    def test_a_token_that_the_server_has_forgotten(self, authorization_server: Start, tmp_path: Path) -> None:  # noqa: F811
        """The server starts again and knows the client, but none of its tokens: 401, a new one, and on it goes."""
        ours = settings(tmp_path, ec())
        clients = [backend({"jwks": public_jwks(ours)}, "ES384")]
        server = authorization_server(clients=clients)
        tokens = Tokens(ours)
        assert "p" in fetch(server.fhir, "p", ours, bearer=tokens).patients()
        old = tokens.bearer(server.fhir)
        server.stop()
        authorization_server(clients=clients, port=urlsplit(server.issuer).port or 0)
        assert "p" in fetch(server.fhir, "p", ours, bearer=tokens).patients()
        assert tokens.bearer(server.fhir) != old

    def test_the_command(self, authorization_server: Start, tmp_path: Path, monkeypatch: Any) -> None:  # noqa: F811
        ours = settings(tmp_path, rsa())
        server = authorization_server(clients=[backend({"jwks": public_jwks(ours)}, "RS384")])
        call = ["match", "p", "--fhir", server.fhir, "--format", "json", "--all"]
        refused = CliRunner().invoke(main, call)
        assert (refused.exit_code, refused.stdout) == (4, "")
        assert "401" in refused.stderr
        monkeypatch.setenv("TRIALMATCH_CLIENT_ID", "trialmatch")
        monkeypatch.setenv("TRIALMATCH_CLIENT_KEY", str(ours.client_key))
        done = CliRunner().invoke(main, call)
        assert done.exit_code == INCOMPLETE
        assert json.loads(done.stdout)["patient"] == "Patient/p"
        assert "eyJ" not in done.stderr


def test_a_server_that_is_gone(authorization_server: Start, tmp_path: Path) -> None:  # noqa: F811
    ours = settings(tmp_path, ec())
    server = authorization_server(clients=[backend({"jwks": public_jwks(ours)}, "ES384")])
    server.stop()
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        Tokens(ours).bearer(server.fhir)
