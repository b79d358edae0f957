"""Access tokens: what makes one good, and every way known to us of making one that only looks so."""

from __future__ import annotations

import hmac
import json
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trialmatch.config import Settings
from trialmatch.web.access.callers import SCOPES, Caller
from trialmatch.web.access.signatures import LEEWAY, Refused
from trialmatch.web.access.tokens import ALGORITHMS, Issuers

from tests.auth.issuer import AUDIENCE, ISSUER, NOW, claims, ec, key_for, key_set, raw, rsa, stored, token

DEEP = b"[" * 2500 + b"]" * 2500


@pytest.fixture
def issuers(tmp_path: Path) -> Issuers:
    """One issuer, whose keys (one of RSA, one of each curve) are in a file."""
    keys = stored(tmp_path, key_set(rsa(), ec("P-256"), ec("P-384"), ec("P-521")))
    return Issuers(
        Settings.read({}, issuers=f"{ISSUER}={keys}", audience=f"{AUDIENCE}, trialmatch"), clock=lambda: NOW
    )


def refusal(issuers: Issuers, text: str) -> str:
    """The reason for which a token is refused."""
    with pytest.raises(Refused) as refused:
        issuers.verify(text)
    return refused.value.reason


def test_a_good_token_stands_for_its_subject(issuers: Issuers) -> None:
    found = issuers.verify(token(claims(), rsa()))
    assert found == Caller("clinician-7", ISSUER, frozenset({"trialmatch/match.read"}), None)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_each_algorithm_works(issuers: Issuers, algorithm: str) -> None:
    assert issuers.verify(token(claims(), key_for(algorithm), algorithm=algorithm)).subject == "clinician-7"


def test_the_algorithms_are_those_of_private_keys() -> None:
    assert not any(name == "none" or name.startswith("HS") for name in ALGORITHMS)


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt", None])
def test_types_of_access_tokens(issuers: Issuers, kind: str | None) -> None:
    assert issuers.verify(token(claims(), rsa(), {"typ": kind})).subject == "clinician-7"


@pytest.mark.parametrize(
    ("changed", "scopes"),
    [
        (
            {"scope": "trialmatch/match.read a trialmatch/study.write"},
            {"trialmatch/match.read", "trialmatch/study.write"},
        ),
        ({"scope": None, "scp": "trialmatch/prescreen openid"}, {"trialmatch/prescreen"}),
        ({"scope": None, "scp": ["trialmatch/prescreen", "openid"]}, {"trialmatch/prescreen"}),
        # scope is the standard's; scp beside it is not added
        ({"scope": "openid", "scp": "trialmatch/prescreen"}, set()),
        ({"scope": None}, set()),
        ({"scope": ""}, set()),
        # nothing but the name itself is the scope
        ({"scope": "match.read"}, set()),
        ({"scope": "trialmatch/match.readx xtrialmatch/match.read TRIALMATCH/MATCH.READ"}, set()),
        ({"scope": "trialmatch/match.read\ttrialmatch/prescreen"}, set()),
        ({"scope": "trialmatch/*"}, set()),
        ({"scope": {"trialmatch/match.read": True}}, set()),
        ({"scope": [["trialmatch/match.read"]]}, set()),
        ({"scope": 7}, set()),
    ],
)
def test_scopes(issuers: Issuers, changed: dict[str, Any], scopes: set[str]) -> None:
    assert issuers.verify(token(claims(**changed), rsa())).scopes == scopes


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["https://other.example", AUDIENCE], "trialmatch"])
def test_audiences_that_are_ours(issuers: Issuers, audience: Any) -> None:
    assert issuers.verify(token(claims(aud=audience), rsa())).subject == "clinician-7"


@pytest.mark.parametrize(
    "changed",
    [
        # a clock that is ahead or behind by the leeway
        {"exp": NOW - LEEWAY + 1},
        {"iat": NOW + LEEWAY},
        {"nbf": NOW + LEEWAY},
        # not asked for by RFC 7519
        {"iat": None},
        {"exp": NOW + 290.5},
        {"jti": 7, "unknown": {"a": ["claim"]}} | {"jti": "7"},
    ],
)
def test_claims_that_are_fine(issuers: Issuers, changed: dict[str, Any]) -> None:
    assert issuers.verify(token(claims(**changed), rsa())).subject == "clinician-7"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": NOW - LEEWAY}, "expired"),
        ({"exp": NOW - 86_400}, "expired"),
        ({"exp": None}, "claim exp"),
        ({"exp": "2099-01-01"}, "claim exp"),
        ({"exp": str(NOW + 290)}, "claim exp"),
        ({"exp": True}, "claim exp"),
        ({"exp": float("inf")}, "claim exp"),
        ({"exp": float("nan")}, "claim exp"),
        ({"iat": NOW + LEEWAY + 1}, "claim iat"),
        ({"iat": "yesterday"}, "claim iat"),
        ({"nbf": NOW + LEEWAY + 1}, "claim nbf"),
        ({"aud": "https://other.example"}, "audience"),
        ({"aud": [AUDIENCE + "/"]}, "audience"),
        ({"aud": AUDIENCE.upper()}, "audience"),
        ({"aud": f"{AUDIENCE} https://other.example"}, "audience"),
        ({"aud": []}, "claim aud"),
        ({"aud": None}, "claim aud"),
        ({"aud": {AUDIENCE: 1}}, "claim aud"),
        ({"aud": [[AUDIENCE]]}, "claim aud"),
        # a Cyrillic а in the host's name
        ({"aud": "https://triаls.hospital.example"}, "audience"),
        ({"iss": "https://idp.elsewhere.example"}, "issuer"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"iss": ISSUER.upper()}, "issuer"),
        ({"iss": [ISSUER]}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"sub": None}, "claim sub"),
        ({"sub": ""}, "claim sub"),
        ({"sub": 7}, "claim sub"),
        ({"sub": "a" * 256}, "claim sub"),
        ({"sub": "line\nend"}, "claim sub"),
        ({"sub": "right\u202eleft"}, "claim sub"),
        ({"sub": "half \ud800"}, "claim sub"),
        # bound to a key of its owner, which a bearer does not prove to hold (RFC 7800)
        ({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, "bound"),
    ],
)
def test_claims_that_are_not(issuers: Issuers, changed: dict[str, Any], reason: str) -> None:
    assert refusal(issuers, token(claims(**changed), rsa())) == reason


def test_a_claim_that_is_there_twice(issuers: Issuers) -> None:
    """One reader takes the first, another the last; neither is right."""
    body = json.dumps(claims())
    twice = body[:-1] + f', "aud": "{AUDIENCE}"}}'
    assert refusal(issuers, token(twice.replace(AUDIENCE, "https://other.example", 1).encode(), rsa())) == "malformed"
    inner = body[:-1] + ', "nested": {"a": 1, "a": 2}}'
    assert refusal(issuers, token(inner.encode(), rsa())) == "malformed"


def test_without_a_signature(issuers: Issuers) -> None:
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        text = raw({"alg": algorithm, "typ": "JWT", "kid": "rsa"}, claims())
        assert refusal(issuers, text) == "algorithm", algorithm
    good = token(claims(), rsa())
    assert refusal(issuers, good.rpartition(".")[0] + ".") == "signature"
    assert refusal(issuers, good.rpartition(".")[0]) == "malformed"


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_signed_with_the_public_key_as_a_secret(issuers: Issuers, bits: int) -> None:
    unsigned = raw({"alg": f"HS{bits}", "typ": "JWT", "kid": "rsa"}, claims()).removesuffix(".")
    for secret in (rsa().as_pem(private=False), rsa().as_der(private=False), json.dumps(key_set(rsa())).encode()):
        mac = hmac.digest(secret, unsigned.encode(), f"sha{bits}")
        assert refusal(issuers, f"{unsigned}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}") == "algorithm"


def test_signed_with_another_key(issuers: Issuers) -> None:
    assert refusal(issuers, token(claims(), rsa("other"), {"kid": "rsa"})) == "signature"
    assert refusal(issuers, token(claims(), rsa("other"))) == "key"
    assert refusal(issuers, token(claims(), ec("P-384", "other"), {"kid": "P-384"})) == "signature"


def test_a_key_is_good_for_its_own_algorithms_only(issuers: Issuers) -> None:
    """The kid of an RSA key in a token signed on a curve, and a curve's in one by RSA."""
    assert refusal(issuers, token(claims(), ec("P-384"), {"kid": "rsa"})) == "key"
    assert refusal(issuers, token(claims(), rsa(), {"kid": "P-384"})) == "key"
    # ES256 is for P-256 and for nothing else (RFC 7518 section 3.4)
    assert refusal(issuers, raw({"alg": "ES256", "kid": "P-384"}, claims(), b"\1" * 64)) == "key"


def test_a_key_that_is_for_something_else(tmp_path: Path) -> None:
    for members in ({"use": "enc"}, {"alg": "RS384"}, {"key_ops": ["encrypt"]}, {"alg": "RSA-OAEP"}):
        keys = stored(tmp_path, key_set(rsa(), **members))
        issuers = Issuers(Settings(issuers=f"{ISSUER}={keys}", audience=AUDIENCE), clock=lambda: NOW)
        assert refusal(issuers, token(claims(), rsa())) == "key", members


def test_a_null_signature_of_a_curve(issuers: Issuers) -> None:
    """r = s = 0 verified in some libraries (CVE-2022-21449), and so did lengths of any kind."""
    for signature in (b"\0" * 96, b"", b"\0" * 95, b"\0" * 97, b"\xff" * 96):
        assert refusal(issuers, raw({"alg": "ES384", "kid": "P-384"}, claims(), signature)) == "signature"


@pytest.mark.parametrize("place", ["header", "payload", "signature"])
def test_changed_on_the_way(issuers: Issuers, place: str) -> None:
    header, payload, signature = token(claims(), rsa()).split(".")
    if place == "header":
        header = raw({"alg": "RS256", "typ": "JWT", "kid": "rsa", "x": 1}, b"").split(".")[0]
    elif place == "payload":
        payload = raw({}, claims(scope="trialmatch/study.write")).split(".")[1]
    else:
        signature = ("B" if signature[0] == "A" else "A") + signature[1:]
    assert refusal(issuers, f"{header}.{payload}.{signature}") == "signature"


def test_a_token_that_brings_its_own_key(issuers: Issuers) -> None:
    """jwk, jku, x5u and x5c are not looked at: the key is one of the issuer's or none."""
    attacker = rsa("attacker")
    for header in (
        {"jwk": attacker.as_dict(private=False)},
        {"jku": "https://attacker.example/jwks"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["MIIB"]},
    ):
        assert refusal(issuers, token(claims(), attacker, {**header, "kid": "rsa"})) == "signature"
        assert refusal(issuers, token(claims(), attacker, header)) == "key"
        assert issuers.verify(token(claims(), rsa(), header)).subject == "clinician-7"


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": NOW + 300},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"crit": []},
        {"crit": "alg"},
    ],
)
def test_what_must_be_understood_is_not(issuers: Issuers, header: dict[str, Any]) -> None:
    text = raw({"alg": "RS256", "kid": "rsa", **header}, claims(), b"\1" * 256)
    assert refusal(issuers, text) in ("critical header", "malformed")


def test_unknown_header_parameters_are_ignored(issuers: Issuers) -> None:
    """As RFC 7515 section 4 demands; some servers send their own."""
    assert issuers.verify(token(claims(), rsa(), {"nonce": "n", "x-vendor": {"a": 1}})).subject == "clinician-7"


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "at+jwt ", 7])
def test_other_types_of_token(issuers: Issuers, kind: Any) -> None:
    text = raw({"alg": "RS256", "kid": "rsa", "typ": kind}, claims(), b"\1" * 256)
    assert refusal(issuers, text) in ("type", "malformed")


@pytest.mark.parametrize("key_id", [7, None, ["rsa"], {"a": 1}, "", "../rsa", "' OR 1=1", "rsa\0", "RSA", "p-384"])
def test_key_ids_of_any_kind(issuers: Issuers, key_id: Any) -> None:
    text = raw({"alg": "RS256", "kid": key_id}, claims(), b"\1" * 256)
    assert refusal(issuers, text) in ("key", "malformed", "signature")


def test_no_key_id(issuers: Issuers, tmp_path: Path) -> None:
    """Fine while one key only can have signed; a guess otherwise."""
    assert issuers.verify(token(claims(), rsa(), {"kid": None})).subject == "clinician-7"
    two = stored(tmp_path, key_set(rsa(), rsa("other")))
    unsure = Issuers(Settings(issuers=f"{ISSUER}={two}", audience=AUDIENCE), clock=lambda: NOW)
    assert refusal(unsure, token(claims(), rsa(), {"kid": None})) == "key"


def test_two_keys_with_one_id(tmp_path: Path) -> None:
    both = {"keys": key_set(rsa())["keys"] + [{**rsa("other").as_dict(private=False), "kid": "rsa"}]}
    issuers = Issuers(Settings(issuers=f"{ISSUER}={stored(tmp_path, both)}", audience=AUDIENCE), clock=lambda: NOW)
    assert refusal(issuers, token(claims(), rsa())) == "key"


def test_keys_of_one_issuer_do_not_sign_for_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = stored(tmp_path / "a", key_set(rsa())), stored(tmp_path / "b", key_set(rsa("other")))
    both = f"{ISSUER}={first},https://b.example={second}"
    issuers = Issuers(Settings.read({}, issuers=both, audience=AUDIENCE), clock=lambda: NOW)
    assert issuers.verify(token(claims(iss="https://b.example"), rsa("other"))).issuer == "https://b.example"
    assert refusal(issuers, token(claims(iss="https://b.example"), rsa(), {"kid": "other"})) == "signature"
    assert refusal(issuers, token(claims(), rsa("other"), {"kid": "rsa"})) == "signature"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30.e30",
        "é.é.é",
        "\ud800..",
        raw(b"[]", {}),
        raw(b"7", {}),
        raw(b"null", {}),
        raw(b'{"alg":"RS256"}', b"[]"),
        raw(b'{"alg":"RS256"}', b"7"),
        raw(b'{"alg":["RS256"]}', {}),
        raw(b'{"alg":{"RS256":1}}', {}),
        raw(b"{" * 3000, {}),
        raw(b'{"alg":"RS256","a":' + DEEP + b"}", {}),
        raw({"alg": "RS256"}, b'{"exp":' + b"9" * 5000 + b"}"),
        raw({"alg": "RS256"}, b"\xff\xfe"),
        # encrypted, not signed (five parts)
        raw({"alg": "RSA-OAEP", "enc": "A256GCM"}, b"") + ".b.c",
    ],
)
def test_what_is_no_token(issuers: Issuers, text: str) -> None:
    assert refusal(issuers, text) in ("malformed", "algorithm")


def test_a_token_that_is_deep(issuers: Issuers) -> None:
    """From Python 3.12 on its JSON reader may go down there; the signature is then what is wrong."""
    text = raw({"alg": "RS256"}, b'{"iss":"https://idp.hospital.example","a":' + DEEP + b"}")
    allowed = {"malformed"} if sys.version_info < (3, 12) else {"malformed", "signature"}
    assert refusal(issuers, text) in allowed


def test_a_token_that_is_too_large(issuers: Issuers) -> None:
    assert refusal(issuers, token(claims(padding="x" * 8_000), rsa())) == "too large"
    assert issuers.verify(token(claims(groups=["g" * 20] * 200), rsa())).subject == "clinician-7"


def test_nothing_of_a_token_is_in_a_refusal(issuers: Issuers) -> None:
    """Neither its text nor its claims, whatever is wrong with it."""
    secret = "Erika-Mustermann"
    wrong = [{"exp": 1}, {"aud": secret}, {"iss": secret}, {"sub": secret * 99}, {"iat": secret}, {"nbf": secret}]
    for changed in wrong:
        with pytest.raises(Refused) as refused:
            issuers.verify(token(claims(**{"name": secret, **changed}), rsa(), {"kid": secret}))
        shown = repr(refused.value) + str(refused.value.__cause__)
        assert secret not in shown and "eyJ" not in shown


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jku", "jwk", "x5c", "crit", "b64", "cty"]), _JSON),
    body=st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "scope", "scp", "cnf"]), _JSON),
)
def test_whatever_is_in_it(issuers: Issuers, header: dict[str, Any], body: dict[str, Any]) -> None:
    """Unsigned: always Refused and nothing else. Signed by the issuer: Refused, or a caller whose scopes are ours."""
    assert refusal(issuers, raw({"alg": "RS256", "kid": "rsa", **header}, {**claims(), **body}, b"\1" * 256))
    try:
        found = issuers.verify(token({**claims(), **body}, rsa()))
    except Refused:
        return
    assert found.issuer == ISSUER and found.scopes <= set(SCOPES)
