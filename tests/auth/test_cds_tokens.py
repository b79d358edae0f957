"""Tokens of CDS Hooks clients, by “Trusting CDS Clients” of CDS Hooks 2.0."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from trialmatch.config import Settings
from trialmatch.web.access.callers import Caller
from trialmatch.web.access.signatures import LEEWAY, Refused
from trialmatch.web.cds.tokens import ALGORITHMS, LIFETIME, CdsClients

from tests.auth.issuer import NOW, Place, ec, key_for, key_set, place, raw, rsa, stored, token

EHR = "https://ehr.hospital.example"
PUBLIC = "https://trials.hospital.example/service"
PATH = "/cds-services/trial-match"


class Memory:
    """Remembers the tokens that were used, like the store, and until when."""

    def __init__(self) -> None:
        self.used: dict[tuple[str, str], datetime] = {}

    def __call__(self, issuer: str, jti: str, until: datetime) -> bool:
        new = (issuer, jti) not in self.used
        self.used.setdefault((issuer, jti), until)
        return new


@pytest.fixture
def ehr() -> Iterator[Place]:
    """The EHR that publishes its keys: one of RSA, one on P-384."""
    with place() as served:
        served.documents["/jwks"] = key_set(rsa(), ec())
        yield served


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def clients(ehr: Place, memory: Memory) -> CdsClients:
    settings = Settings.read({}, cds_issuers=f"{EHR}={ehr.at('/jwks')}", public_url=PUBLIC)
    return CdsClients(settings, memory, clock=lambda: NOW)


def body(**changed: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; None takes one away."""
    whole = {
        "iss": EHR,
        "aud": f"{PUBLIC}{PATH}",
        "iat": NOW,
        "exp": NOW + 300,
        "jti": str(uuid.uuid4()),
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


def refusal(clients: CdsClients, text: str, path: str = PATH) -> str:
    """The reason for which a token is refused."""
    with pytest.raises(Refused) as refused:
        clients.verify(text, path)
    return refused.value.reason


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_good_token(clients: CdsClients, algorithm: str) -> None:
    found = clients.verify(token(body(tenant="clinic-2"), key_for(algorithm), algorithm=algorithm), PATH)
    assert found == Caller(EHR, EHR, frozenset({"trialmatch/match.read"}), "clinic-2")


def test_the_address_of_the_keys_may_be_said_again(clients: CdsClients, ehr: Place) -> None:
    assert clients.verify(token(body(), ec(), {"jku": ehr.at("/jwks")}), PATH).issuer == EHR


def test_no_other_address_of_keys(clients: CdsClients, ehr: Place) -> None:
    """Not one that differs in anything, even if the good key is there; and it is not asked."""
    ehr.documents["/other"] = key_set(ec())
    for jku in (ehr.at("/other"), ehr.at("/jwks?"), ehr.at("/jwks#"), ehr.at("//jwks"), ehr.at("/JWKS"),
                ehr.at("/jwks").replace("127.0.0.1", "localhost"), "https://attacker.example/jwks"):  # fmt: skip
        assert refusal(clients, token(body(), ec(), {"jku": jku})) == "jku", jku
    assert refusal(clients, raw({"alg": "ES384", "typ": "JWT", "kid": "P-384", "jku": 7}, body())) == "jku"
    assert refusal(clients, raw({"alg": "ES384", "typ": "JWT", "kid": "P-384", "jku": ""}, body())) == "jku"
    assert ehr.asked == []


def test_keys_that_were_handed_over_as_a_file(tmp_path: Path, memory: Memory) -> None:
    """Then a jku leads nowhere: it is neither compared nor asked (the public CDS Hooks sandbox always sends one)."""
    settings = Settings.read({}, cds_issuers=f"{EHR}={stored(tmp_path, key_set(ec()))}", public_url=PUBLIC)
    clients = CdsClients(settings, memory, clock=lambda: NOW)
    assert clients.verify(token(body(), ec(), {"jku": "https://127.0.0.1:1/jwks"}), PATH).issuer == EHR
    assert refusal(clients, token(body(), rsa(), {"kid": "P-384", "jku": "https://127.0.0.1:1/jwks"}, "RS384")) == "key"


def test_a_token_is_good_once(clients: CdsClients, memory: Memory) -> None:
    once = token(body(), ec())
    assert clients.verify(once, PATH).issuer == EHR
    assert refusal(clients, once) == "replayed"
    # another signature over the same jti is the same token
    assert refusal(clients, token(body(jti=next(iter(memory.used))[1], exp=NOW + 200), ec())) == "replayed"


def test_a_used_token_is_remembered_as_long_as_it_could_be_used(clients: CdsClients, memory: Memory) -> None:
    clients.verify(token(body(jti="a", exp=NOW + 300), ec()), PATH)
    assert memory.used == {(EHR, "a"): datetime.fromtimestamp(NOW + 300 + LEEWAY, UTC)}


def test_a_refused_token_is_not_used_up(clients: CdsClients, memory: Memory) -> None:
    """Else anyone could use up the names that a client will give to its tokens."""
    assert refusal(clients, token(body(jti="a"), ec("P-384", "other"), {"kid": "P-384"})) == "signature"
    assert refusal(clients, token(body(jti="a", aud="https://other.example"), ec())) == "audience"
    assert memory.used == {}
    assert clients.verify(token(body(jti="a"), ec()), PATH).issuer == EHR


def test_each_endpoint_is_an_audience_of_its_own(clients: CdsClients) -> None:
    for path in ("/cds-services", PATH, f"{PATH}/feedback"):
        assert clients.verify(token(body(aud=f"{PUBLIC}{path}"), ec()), path).issuer == EHR
        assert clients.verify(token(body(aud=[f"{PUBLIC}{path}"]), ec()), path).issuer == EHR
        for other in ("/cds-services", PATH, f"{PATH}/feedback"):
            if other != path:
                assert refusal(clients, token(body(aud=f"{PUBLIC}{path}"), ec()), other) == "audience"


@pytest.mark.parametrize(
    "audience",
    [
        PUBLIC,
        f"{PUBLIC}{PATH}/",
        f"{PUBLIC}{PATH}?",
        f"{PUBLIC}{PATH.upper()}",
        f"{PUBLIC}/cds-services/trial-match/../trial-match",
        f"https://trials.hospital.example{PATH}",
        f"http://localhost{PATH}",
        PATH,
        [],
        [f"{PUBLIC}{PATH}", "https://other.example/cds-services/theirs"],
        ["https://other.example/cds-services/theirs", f"{PUBLIC}{PATH}"],
        [f"{PUBLIC}{PATH}", f"{PUBLIC}{PATH}"],
        [[f"{PUBLIC}{PATH}"]],
        {f"{PUBLIC}{PATH}": True},
        7,
    ],
    ids=repr,
)
def test_other_audiences(clients: CdsClients, audience: Any) -> None:
    assert refusal(clients, token(body(aud=audience), ec())) in ("audience", "claim aud")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": None}, "issuer"),
        ({"iss": "https://ehr.elsewhere.example"}, "issuer"),
        ({"iss": EHR + "/"}, "issuer"),
        ({"aud": None}, "claim aud"),
        ({"iat": None}, "claim iat"),
        ({"exp": None}, "claim exp"),
        ({"jti": None}, "claim jti"),
        ({"exp": NOW - LEEWAY}, "expired"),
        ({"iat": NOW + LEEWAY + 1}, "claim iat"),
        ({"nbf": NOW + LEEWAY + 1}, "claim nbf"),
        ({"jti": ""}, "claim jti"),
        ({"jti": 7}, "claim jti"),
        ({"jti": ["a"]}, "claim jti"),
        ({"jti": "a" * 256}, "claim jti"),
        ({"jti": "a\0"}, "claim jti"),
        ({"tenant": 7}, "claim tenant"),
        ({"tenant": ""}, "claim tenant"),
        ({"tenant": "line\r\nend"}, "claim tenant"),
        # a day's token would have to be remembered for a day, and is worth stealing for as long
        ({"exp": NOW + LIFETIME + 1}, "lifetime"),
        ({"exp": NOW + 86_400}, "lifetime"),
        ({"exp": 1e300}, "lifetime"),
        ({"exp": NOW + 300, "iat": NOW - LIFETIME}, "lifetime"),
        ({"exp": NOW + 300, "iat": -1e300}, "lifetime"),
    ],
)
def test_claims_that_are_not(clients: CdsClients, memory: Memory, changed: dict[str, Any], reason: str) -> None:
    assert refusal(clients, token(body(**changed), ec())) == reason
    assert memory.used == {}


def test_times_at_their_edges(clients: CdsClients) -> None:
    for changed in (
        {"exp": NOW - LEEWAY + 1, "iat": NOW - 300},
        {"iat": NOW + LEEWAY},
        {"exp": NOW + LIFETIME},
        {"exp": NOW + 299.5, "iat": NOW - 0.5},
    ):
        assert clients.verify(token(body(**changed), ec()), PATH).issuer == EHR


def test_two_algorithms_and_no_other(clients: CdsClients) -> None:
    assert {"ES384", "RS384"} == ALGORITHMS
    for algorithm in ("RS256", "RS512", "PS384", "ES256", "ES512"):
        assert refusal(clients, token(body(), key_for(algorithm), algorithm=algorithm)) == "algorithm"
    for algorithm in ("none", "HS384"):
        text = raw({"alg": algorithm, "typ": "JWT", "kid": "P-384"}, body(), b"\1" * 48)
        assert refusal(clients, text) == "algorithm"


@pytest.mark.parametrize("header", [{"kid": None}, {"kid": "made-up"}, {"kid": "rsa"}])
def test_the_key_is_named(clients: CdsClients, header: dict[str, Any]) -> None:
    assert refusal(clients, token(body(), ec(), header)) == "key"


@pytest.mark.parametrize("kind", [None, "", "at+jwt", "logout+jwt"])
def test_the_type_is_jwt(clients: CdsClients, kind: str | None) -> None:
    assert refusal(clients, token(body(), ec(), {"typ": kind})) == "type"


def test_embedded_keys_and_critical_headers(clients: CdsClients) -> None:
    attacker = ec("P-384", "attacker")
    header = {"jwk": attacker.as_dict(private=False), "kid": "P-384"}
    assert refusal(clients, token(body(), attacker, header)) == "signature"
    text = raw({"alg": "ES384", "typ": "JWT", "kid": "P-384", "crit": ["exp"], "exp": 1}, body(), b"\1" * 96)
    assert refusal(clients, text) in ("malformed", "critical header")


def test_a_claim_that_is_there_twice(clients: CdsClients) -> None:
    twice = json.dumps(body())[:-1] + ', "jti": "second"}'
    assert refusal(clients, token(twice.encode(), ec())) == "malformed"


def test_tokens_of_two_clients(ehr: Place, memory: Memory) -> None:
    """Each has its own keys and its own names for tokens."""
    ehr.documents["/second"] = key_set(ec("P-384", "second"))
    both = f"{EHR}={ehr.at('/jwks')} https://second.example={ehr.at('/second')}"
    clients = CdsClients(Settings.read({}, cds_issuers=both, public_url=PUBLIC), memory, clock=lambda: NOW)
    second = {"iss": "https://second.example", "jti": "a"}
    assert clients.verify(token(body(jti="a"), ec()), PATH).issuer == EHR
    assert clients.verify(token(body(**second), ec("P-384", "second")), PATH).issuer == "https://second.example"
    assert refusal(clients, token(body(iss="https://second.example"), ec(), {"kid": "second"})) == "signature"
    assert refusal(clients, token(body(), ec(), {"jku": ehr.at("/second")})) == "jku"
