"""SMART Backend Services against a server that plays its part as a test says: good, odd, down, hostile."""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from trialmatch.config import Settings
from trialmatch.errors import SourceUnavailable
from trialmatch.fhir.hospital.backend_services import Tokens

from tests.auth.issuer import Place, ec, place, rsa

SMART = "/fhir/.well-known/smart-configuration"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Hospital:
    """A FHIR server with its token endpoint."""

    def __init__(self, served: Place) -> None:
        self.place = served
        self.fhir = served.at("/fhir")
        self.tell()
        self.give()

    def tell(self, **changed: Any) -> None:
        """The SMART configuration, with changes; None takes one away."""
        whole = {
            "token_endpoint": self.place.at("/token"),
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "scopes_supported": ["openid", "system/*.rs", "system/*.read"],
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            **changed,
        }
        self.place.documents[SMART] = {name: value for name, value in whole.items() if value is not None}

    def give(self, token: str = "first-token", **changed: Any) -> None:
        """The answer of the token endpoint, with changes; None takes one away."""
        whole = {"access_token": token, "token_type": "bearer", "expires_in": 300, "scope": "system/*.rs", **changed}
        self.place.documents["/token"] = {name: value for name, value in whole.items() if value is not None}

    @property
    def forms(self) -> list[dict[str, str]]:
        """What was posted."""
        return [{name: values[0] for name, values in parse_qs(form).items()} for form in self.place.forms]


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    with place() as served:
        yield Hospital(served)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settings(folder: Path, *keys: RSAKey | ECKey, **given: Any) -> Settings:
    """Settings with a client whose keys are in a JWK Set."""
    path = folder / "client.json"
    path.write_text(json.dumps({"keys": [key.as_dict(private=True) for key in keys or (ec(),)]}))
    return Settings.read({}, client_id="trialmatch", client_key=str(path), **given)


def failure(tokens: Tokens, url: str) -> str:
    """The words with which there is no token."""
    with pytest.raises(SourceUnavailable) as told:
        tokens.bearer(url)
    assert "eyJ" not in "".join(traceback.format_exception(told.value))  # no assertion, no key, no token
    return str(told.value)


def test_no_client_no_token(hospital: Hospital) -> None:
    assert Tokens(Settings()).bearer(hospital.fhir) is None
    assert Tokens(Settings()).renew(hospital.fhir, "x") is None
    assert hospital.place.asked == []


@pytest.mark.parametrize(("key", "algorithm"), [(rsa(), "RS384"), (ec(), "ES384")], ids=["RSA", "EC"])
def test_the_request_is_what_the_specification_asks(
    hospital: Hospital, tmp_path: Path, key: RSAKey | ECKey, algorithm: str
) -> None:
    """SMART App Launch 2.2, “Obtain access token” and “Authenticating to the Token endpoint”."""
    tokens = Tokens(settings(tmp_path, key))
    before = int(time.time())
    assert tokens.bearer(hospital.fhir) == "first-token"
    (form,) = hospital.forms
    assertion = jwt.decode(form.pop("client_assertion"), key, algorithms=[algorithm])
    assert form == {
        "grant_type": "client_credentials",
        "scope": "system/*.rs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert assertion.header == {"typ": "JWT", "alg": algorithm, "kid": key.kid}
    claims = assertion.claims
    assert claims["iss"] == claims["sub"] == "trialmatch"
    assert claims["aud"] == hospital.place.at("/token")
    assert before < claims["exp"] <= time.time() + 300  # “no more than five minutes in the future”
    assert len(claims["jti"]) >= 32


def test_each_assertion_is_used_once(hospital: Hospital, tmp_path: Path, clock: Clock) -> None:
    tokens = Tokens(settings(tmp_path), clock)
    for _ in range(3):
        tokens.bearer(hospital.fhir)
        clock.now += 300
    found = [jwt.decode(form["client_assertion"], ec(), algorithms=["ES384"]).claims["jti"] for form in hospital.forms]
    assert len(set(found)) == 3


class TestKeeping:
    def test_a_token_is_kept_until_shortly_before_its_end(
        self, hospital: Hospital, tmp_path: Path, clock: Clock
    ) -> None:
        tokens = Tokens(settings(tmp_path), clock)
        tokens.bearer(hospital.fhir)
        hospital.give("second-token")
        clock.now += 269  # 300 less the 30 that it is early
        assert tokens.bearer(hospital.fhir + "/") == "first-token"
        clock.now += 1
        assert tokens.bearer(hospital.fhir) == "second-token"
        assert hospital.place.asked == [SMART, "/token"] * 2

    @pytest.mark.parametrize(
        ("expires_in", "kept"),
        [
            (300, 270),
            ("300", 270),
            (60, 30),
            (10, 5),  # half of it
            (None, 30),  # taken for a minute
            ("soon", 30),
            (0, 30),
            (-1, 30),
            ([], 30),
            (True, 0.5),
        ],
    )
    def test_lives_of_any_length(
        self, hospital: Hospital, tmp_path: Path, clock: Clock, expires_in: Any, kept: float
    ) -> None:
        tokens = Tokens(settings(tmp_path), clock)
        hospital.give(expires_in=expires_in)
        tokens.bearer(hospital.fhir)
        hospital.give("second-token")
        clock.now += kept - 0.25
        assert tokens.bearer(hospital.fhir) == "first-token"
        clock.now += 0.25
        assert tokens.bearer(hospital.fhir) == "second-token"

    def test_each_server_has_a_token_of_its_own(self, hospital: Hospital, tmp_path: Path) -> None:
        tokens = Tokens(settings(tmp_path))
        with place() as served:
            other = Hospital(served)
            other.give("other-token")
            assert tokens.bearer(hospital.fhir) == "first-token"
            assert tokens.bearer(other.fhir) == "other-token"

    def test_a_refused_token_is_renewed_once(self, hospital: Hospital, tmp_path: Path) -> None:
        tokens = Tokens(settings(tmp_path))
        refused = tokens.bearer(hospital.fhir)
        hospital.give("second-token")
        assert refused is not None
        assert tokens.renew(hospital.fhir, refused) == "second-token"
        # another thread that was refused with the old one gets what the first has fetched
        assert tokens.renew(hospital.fhir, refused) == "second-token"
        assert tokens.bearer(hospital.fhir) == "second-token"
        assert len(hospital.forms) == 2

    def test_many_at_once_ask_once(self, hospital: Hospital, tmp_path: Path) -> None:
        tokens = Tokens(settings(tmp_path))
        hospital.place.moods["/token"] = "slow"
        found: list[str | None] = []
        threads = [
            threading.Thread(target=lambda: found.append(tokens.bearer(hospital.fhir)), daemon=True) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert found == ["first-token"] * 12
        assert len(hospital.forms) == 1

    def test_a_server_that_hangs_holds_up_no_other(self, hospital: Hospital, tmp_path: Path) -> None:
        tokens = Tokens(settings(tmp_path))
        with place() as served:
            slow = Hospital(served)
            slow.place.moods["/token"] = "slow"
            waiting = threading.Thread(target=tokens.bearer, args=(slow.fhir,), daemon=True)
            waiting.start()
            while not slow.forms:
                time.sleep(0.01)
            assert tokens.bearer(hospital.fhir) == "first-token"
            assert waiting.is_alive()
            waiting.join(10)


class TestScopes:
    """To read and search, in the words that the server knows, and no more than that."""

    @pytest.mark.parametrize(
        ("told", "asked"),
        [
            ({"scopes_supported": ["system/*.rs", "system/*.read"]}, "system/*.rs"),
            ({"scopes_supported": ["system/*.read", "system/*.*"]}, "system/*.read"),
            # neither is listed, and the list need not be complete
            ({"scopes_supported": ["openid", "patient/*.rs"]}, "system/*.rs"),
            ({"scopes_supported": None}, "system/*.rs"),
            ({"scopes_supported": "system/*.read"}, "system/*.rs"),
            ({"scopes_supported": [7, None]}, "system/*.rs"),
            ({"scopes_supported": None, "capabilities": ["permission-v1"]}, "system/*.read"),
            ({"scopes_supported": None, "capabilities": ["permission-v1", "permission-v2"]}, "system/*.rs"),
            # by type: what trialmatch reads of what is listed
            (
                {"scopes_supported": ["system/Observation.rs", "system/Coverage.rs", "system/Patient.rs"]},
                "system/Patient.rs system/Observation.rs",
            ),
            (
                {"scopes_supported": ["system/Condition.read", "system/Patient.read", "system/Patient.write"]},
                "system/Patient.read system/Condition.read",
            ),
            # without the Patient the rest is of no use
            ({"scopes_supported": ["system/Condition.read"]}, "system/*.rs"),
        ],
    )
    def test_by_default(self, hospital: Hospital, tmp_path: Path, told: dict[str, Any], asked: str) -> None:
        hospital.tell(**told)
        Tokens(settings(tmp_path)).bearer(hospital.fhir)
        assert hospital.forms[0]["scope"] == asked

    def test_those_of_the_setting(self, hospital: Hospital, tmp_path: Path) -> None:
        Tokens(settings(tmp_path, client_scopes="system/Patient.r system/Observation.rs")).bearer(hospital.fhir)
        assert hospital.forms[0]["scope"] == "system/Patient.r system/Observation.rs"


class TestKeys:
    def test_the_first_that_the_server_can_check(self, hospital: Hospital, tmp_path: Path) -> None:
        tokens = Tokens(settings(tmp_path, rsa(), ec()))
        hospital.tell(token_endpoint_auth_signing_alg_values_supported=["RS256", "ES384"])
        tokens.bearer(hospital.fhir)
        assert jwt.decode(hospital.forms[0]["client_assertion"], ec(), algorithms=["ES384"]).header["kid"] == "P-384"

    def test_the_first_of_all_where_the_server_does_not_say(self, hospital: Hospital, tmp_path: Path) -> None:
        hospital.tell(token_endpoint_auth_signing_alg_values_supported=None)
        Tokens(settings(tmp_path, rsa(), ec())).bearer(hospital.fhir)
        assert jwt.decode(hospital.forms[0]["client_assertion"], rsa(), algorithms=["RS384"]).header["kid"] == "rsa"

    def test_none_that_the_server_can_check(self, hospital: Hospital, tmp_path: Path) -> None:
        hospital.tell(token_endpoint_auth_signing_alg_values_supported=["RS384"])
        told = failure(Tokens(settings(tmp_path, ec())), hospital.fhir)
        assert told == (
            f"{hospital.fhir}: no access token: it cannot check signatures by ES384,"
            " the only ones that TRIALMATCH_CLIENT_KEY has keys for"
        )
        assert hospital.forms == []


class TestWhereTheTokenComesFrom:
    def test_the_setting_goes_before_discovery(self, hospital: Hospital, tmp_path: Path) -> None:
        tokens = Tokens(settings(tmp_path, token_url=hospital.place.at("/token")))
        assert tokens.bearer(hospital.fhir) == "first-token"
        assert hospital.place.asked == ["/token"]

    def test_another_host_only_if_a_setting_names_it(self, hospital: Hospital, tmp_path: Path) -> None:
        """localhost is another host than 127.0.0.1."""
        hospital.tell(token_endpoint=hospital.place.at("/token").replace("127.0.0.1", "localhost"))
        told = failure(Tokens(settings(tmp_path)), hospital.fhir)
        assert told.endswith("its token endpoint is at another host, which TRIALMATCH_TOKEN_HOSTS does not name")
        assert hospital.forms == []
        allowed = Tokens(settings(tmp_path, token_hosts="idp.example, LocalHost"))
        assert allowed.bearer(hospital.fhir) == "first-token"

    @pytest.mark.parametrize(
        "endpoint",
        ["http://idp.hospital.example/token", "ftp://127.0.0.1/token", "/token", "", 7, None, ["https://a.example"],
         "https://me:secret@127.0.0.1/token", "https://127.0.0.1\\@attacker.example/token"],
    )  # fmt: skip
    def test_endpoints_that_are_none(self, hospital: Hospital, tmp_path: Path, endpoint: Any) -> None:
        hospital.tell(token_endpoint=endpoint)
        told = failure(Tokens(settings(tmp_path)), hospital.fhir)
        assert told.endswith("its SMART configuration names no token endpoint at an https URL")

    @pytest.mark.parametrize("url", ["http://fhir.hospital.example/fhir", "fhir", "", "file:///etc/hostname"])
    def test_a_fhir_server_that_everyone_can_listen_to(self, tmp_path: Path, url: str) -> None:
        assert "neither https nor on this machine" in failure(Tokens(settings(tmp_path)), url)

    @pytest.mark.parametrize(
        ("told", "words"),
        [
            ({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, "does not offer private_key_jwt"),
            ({"grant_types_supported": ["authorization_code"]}, "does not offer client_credentials"),
        ],
    )
    def test_servers_that_say_they_cannot(
        self, hospital: Hospital, tmp_path: Path, told: dict[str, Any], words: str
    ) -> None:
        hospital.tell(**told)
        assert words in failure(Tokens(settings(tmp_path)), hospital.fhir)
        assert hospital.forms == []

    def test_servers_that_do_not_say(self, hospital: Hospital, tmp_path: Path) -> None:
        hospital.place.documents[SMART] = {"token_endpoint": hospital.place.at("/token")}
        assert Tokens(settings(tmp_path)).bearer(hospital.fhir) == "first-token"


class TestFailures:
    @pytest.mark.parametrize(
        ("mood", "words"),
        [
            ("404", "its .well-known/smart-configuration answers 404"),
            ("500", "its .well-known/smart-configuration answers 500"),
            ("/elsewhere", "its .well-known/smart-configuration answers 301"),
            ("text", "its .well-known/smart-configuration answers with no JSON object"),
            ("huge", "its .well-known/smart-configuration answers with too much"),
            ("breaks", "its .well-known/smart-configuration cannot be reached"),
        ],
    )
    def test_of_discovery(self, hospital: Hospital, tmp_path: Path, mood: str, words: str) -> None:
        hospital.place.moods[SMART] = mood
        assert failure(Tokens(settings(tmp_path)), hospital.fhir) == f"{hospital.fhir}: no access token: {words}"
        assert hospital.forms == []

    @pytest.mark.parametrize(
        ("mood", "words"),
        [
            ("404", "its token endpoint answers 404"),
            ("503", "its token endpoint answers 503"),
            ("/elsewhere", "its token endpoint answers 301"),  # the assertion does not follow
            ("text", "its token endpoint's answer holds no access token"),
            ("huge", "its token endpoint answers with too much"),
        ],
    )
    def test_of_the_token_endpoint(self, hospital: Hospital, tmp_path: Path, mood: str, words: str) -> None:
        hospital.place.moods["/token"] = mood
        hospital.place.documents["/elsewhere"] = {"access_token": "a", "token_type": "bearer"}
        assert failure(Tokens(settings(tmp_path)), hospital.fhir).endswith(words)
        assert "/elsewhere" not in hospital.place.asked

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"error": "invalid_client"}, "answers 400 (invalid_client: it does not know this client or its key)"),
            (
                {"error": "invalid_scope", "error_description": "secret words"},
                "answers 400 (invalid_scope: TRIALMATCH_CLIENT_SCOPES may name others)",
            ),
            ({"error": "made_up_secret"}, "answers 400"),
            ({"error": ["invalid_client"]}, "answers 400"),
            ({}, "answers 400"),
        ],
    )
    def test_refusals_are_told_in_our_words(
        self, hospital: Hospital, tmp_path: Path, body: dict[str, Any], words: str
    ) -> None:
        hospital.place.moods["/token"] = "400"
        hospital.place.documents["/token"] = body
        told = failure(Tokens(settings(tmp_path)), hospital.fhir)
        assert told == f"{hospital.fhir}: no access token: its token endpoint {words}"
        assert "secret" not in told

    @pytest.mark.parametrize(
        "changed",
        [
            {"access_token": None},
            {"access_token": ""},
            {"access_token": 7},
            {"access_token": "a\r\nX-Injected: b"},
            {"access_token": "a b"},
            {"access_token": "é"},
            {"token_type": "DPoP"},
            {"token_type": "mac"},
            {"token_type": None},
            {"token_type": 7},
            {"error": "invalid_client"},  # with status 200, as some servers do
        ],
        ids=repr,
    )
    def test_answers_that_are_no_token(self, hospital: Hospital, tmp_path: Path, changed: dict[str, Any]) -> None:
        hospital.give(**changed)
        failure(Tokens(settings(tmp_path)), hospital.fhir)

    @pytest.mark.parametrize("kind", ["bearer", "Bearer", "BEARER"])
    def test_the_type_in_any_case(self, hospital: Hospital, tmp_path: Path, kind: str) -> None:
        hospital.give(token_type=kind)
        assert Tokens(settings(tmp_path)).bearer(hospital.fhir) == "first-token"

    def test_a_failure_is_remembered_for_a_moment(self, hospital: Hospital, tmp_path: Path, clock: Clock) -> None:
        tokens = Tokens(settings(tmp_path), clock)
        hospital.place.moods["/token"] = "503"
        told = [failure(tokens, hospital.fhir) for _ in range(10)]
        assert len(set(told)) == 1 and len(hospital.forms) == 1
        hospital.place.moods.clear()
        clock.now += 5
        assert tokens.bearer(hospital.fhir) == "first-token"

    def test_a_token_that_ran_out_is_not_given_out_while_there_is_no_other(
        self, hospital: Hospital, tmp_path: Path, clock: Clock
    ) -> None:
        tokens = Tokens(settings(tmp_path), clock)
        tokens.bearer(hospital.fhir)
        hospital.place.moods["/token"] = "503"
        clock.now += 270
        failure(tokens, hospital.fhir)

    def test_no_server_at_all(self, tmp_path: Path) -> None:
        with place() as gone:
            pass
        told = failure(Tokens(settings(tmp_path)), gone.at("/fhir"))
        assert told.endswith("its .well-known/smart-configuration cannot be reached")

    def test_what_stands_in_the_url_is_not_repeated(self, hospital: Hospital, tmp_path: Path) -> None:
        url = hospital.fhir.replace("//", "//me:secret@")
        told = failure(Tokens(settings(tmp_path)), f"{url}?key=secret")
        assert "secret" not in told
