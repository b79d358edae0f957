"""Keys of issuers: kept, rotated, missing; asked for once however many tokens come, true or made up."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey
from trialmatch import outbound
from trialmatch.errors import IssuerUnavailable
from trialmatch.web.access.jwks import FRESH, PAUSE, STALE, KeySource
from trialmatch.web.access.signatures import Refused

from tests.auth.issuer import Place, ec, key_set, place, rsa


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def idp() -> Iterator[Place]:
    with place() as served:
        served.documents["/jwks"] = key_set(rsa())
        yield served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(idp: Place, clock: Clock) -> KeySource:
    return KeySource(idp.address, idp.at("/jwks"), clock)


def known(source: KeySource, key_id: str = "rsa") -> bool:
    """Whether there is a key."""
    try:
        return source.key(key_id, "RS256").kid == key_id
    except Refused:
        return False


def test_keys_are_asked_for_once(idp: Place, source: KeySource, clock: Clock) -> None:
    assert idp.asked == []  # not before a token needs them: an issuer that is down keeps no service from starting
    for _ in range(5):
        assert known(source)
        clock.now += FRESH / 5
    assert idp.asked == ["/jwks"]


def test_a_withdrawn_key_is_forgotten(idp: Place, source: KeySource, clock: Clock) -> None:
    assert known(source)
    idp.documents["/jwks"] = key_set(rsa("second"))
    clock.now += FRESH
    assert known(source)  # not yet
    clock.now += 1
    assert not known(source)
    assert known(source, "second")


def test_a_new_key_is_found_at_once(idp: Place, source: KeySource, clock: Clock) -> None:
    assert known(source)
    idp.documents["/jwks"] = key_set(rsa(), rsa("second"))
    clock.now += PAUSE
    assert known(source, "second")
    assert len(idp.asked) == 2


def test_made_up_key_ids_ask_the_issuer_no_more_than_now_and_then(idp: Place, source: KeySource, clock: Clock) -> None:
    assert known(source)
    for number in range(500):
        assert not known(source, f"made-up-{number}")
        clock.now += 0.1  # 50 seconds of it
    # at 1000; then at each full pause: 1010, 1020, 1030, 1040 (500 × 0.1 s end just before 1050)
    assert len(idp.asked) == 5
    assert known(source)


def test_an_outage_is_bridged_for_a_while(idp: Place, source: KeySource, clock: Clock) -> None:
    assert known(source)
    idp.moods["/jwks"] = "503"
    clock.now += STALE
    assert known(source)
    clock.now += 1
    with pytest.raises(IssuerUnavailable) as told:
        source.key("rsa", "RS256")
    assert told.value.headers == {"Retry-After": "10"}
    # and when it is back
    idp.moods.clear()
    clock.now += PAUSE
    assert known(source)


def test_an_outage_from_the_start(idp: Place, source: KeySource, clock: Clock) -> None:
    idp.moods["/jwks"] = "500"
    for _ in range(20):
        with pytest.raises(IssuerUnavailable):
            source.key("rsa", "RS256")
    assert len(idp.asked) == 1  # many tokens, one question
    idp.moods.clear()
    clock.now += PAUSE
    assert known(source)


@pytest.mark.parametrize("mood", ["404", "204", "500", "text", "huge", "breaks", "/elsewhere"])
def test_answers_that_are_no_keys(idp: Place, source: KeySource, mood: str) -> None:
    idp.moods["/jwks"] = mood
    idp.documents["/elsewhere"] = key_set(rsa())
    with pytest.raises(IssuerUnavailable):
        source.key("rsa", "RS256")
    assert idp.asked == ["/jwks"]  # a redirect is not followed


@pytest.mark.parametrize("mood", ["slow", "drip"])
def test_an_answer_that_takes_its_time(idp: Place, source: KeySource, monkeypatch: Any, mood: str) -> None:
    """Dripping bytes keeps no thread longer than silence does."""
    short = outbound.get_json
    monkeypatch.setattr(outbound, "get_json", lambda url: short(url, seconds=0.3))
    idp.moods["/jwks"] = mood  # 1.5 s, or 50 ms a byte: 20 s
    done = threading.Event()

    def ask() -> None:
        with pytest.raises(IssuerUnavailable):
            source.key("rsa", "RS256")
        done.set()

    threading.Thread(target=ask, daemon=True).start()
    assert done.wait(2.0)


@pytest.mark.parametrize(
    "document",
    [{}, {"keys": None}, {"keys": {}}, {"keys": "rsa"}, [], [{"kty": "RSA"}], None, "keys"],
    ids=repr,
)
def test_documents_that_are_no_key_sets(idp: Place, source: KeySource, document: Any) -> None:
    idp.documents["/jwks"] = document if document is not None else b"null"
    with pytest.raises(IssuerUnavailable):
        source.key("rsa", "RS256")


def test_keys_that_are_left_out(idp: Place, source: KeySource, clock: Clock) -> None:
    """They cannot verify, or should not; the good one beside them counts all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = RSAKey.generate_key(1024, {"kid": "short"}).as_dict(private=False)
    whole = rsa("whole")
    idp.documents["/jwks"] = {
        "keys": [
            None,
            7,
            {},
            {"kty": "RSA", "kid": "empty"},
            {"kty": "RSA", "kid": "odd", "n": 7, "e": []},
            {"kty": "EC", "kid": "off", "crv": "P-384", "x": "AQ", "y": "AQ"},
            {"kty": "EC", "kid": "unknown", "crv": "P-999", "x": "AQ", "y": "AQ"},
            {"kty": "AKP", "kid": "future", "pub": "AQ"},
            {"kty": ["RSA"], "kid": "list"},
            OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
            short,
            rsa("private").as_dict(private=True),  # whoever publishes that has lost it
            whole.as_dict(private=False),
        ]
    }
    for name in ("empty", "odd", "off", "unknown", "future", "list", "secret", "short", "private"):
        for algorithm in ("RS256", "ES384"):
            with pytest.raises(Refused):
                source.key(name, algorithm)
    assert known(source, "whole")


def test_certificates_in_a_key_set_are_not_looked_at(idp: Place, source: KeySource) -> None:
    """Identity providers add x5c and x5t; odd ones do no harm."""
    entry = {**rsa().as_dict(private=False), "x5c": "no list", "x5u": 7, "x5t": "abc", "issuer": "vendor's own"}
    idp.documents["/jwks"] = {"keys": [entry]}
    assert known(source)


def test_keys_in_a_file(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(key_set(ec())))
    source = KeySource("https://ehr.example", str(path), clock)
    assert source.key("P-384", "ES384").kid == "P-384"
    path.write_text(json.dumps(key_set(ec("P-384", "second"))))
    clock.now += FRESH + 1
    assert source.key("second", "ES384").kid == "second"


class TestDiscovery:
    """OpenID Connect Discovery 1.0: the issuer tells where its keys are."""

    @pytest.fixture
    def source(self, idp: Place, clock: Clock) -> KeySource:
        idp.documents["/tenant/.well-known/openid-configuration"] = {
            "issuer": idp.at("/tenant"),
            "jwks_uri": idp.at("/jwks"),
        }
        return KeySource(idp.at("/tenant"), None, clock)

    def test_keys_are_found(self, idp: Place, source: KeySource) -> None:
        assert known(source)
        assert idp.asked == ["/tenant/.well-known/openid-configuration", "/jwks"]

    def test_an_issuer_that_ends_with_a_slash(self, idp: Place, clock: Clock) -> None:
        idp.documents["/tenant/.well-known/openid-configuration"] = {
            "issuer": idp.at("/tenant/"),
            "jwks_uri": idp.at("/jwks"),
        }
        assert known(KeySource(idp.at("/tenant/"), None, clock))

    @pytest.mark.parametrize(
        "changed",
        [
            {"issuer": "https://elsewhere.example"},
            {"issuer": None},
            {"jwks_uri": "http://elsewhere.example/jwks"},
            {"jwks_uri": "file:///etc/hostname"},
            {"jwks_uri": "jwks"},
            {"jwks_uri": 7},
            {"jwks_uri": None},
        ],
        ids=repr,
    )
    def test_documents_of_somebody_else(self, idp: Place, source: KeySource, changed: dict[str, Any]) -> None:
        document = idp.documents["/tenant/.well-known/openid-configuration"]
        idp.documents["/tenant/.well-known/openid-configuration"] = {**document, **changed}
        with pytest.raises(IssuerUnavailable):
            source.key("rsa", "RS256")
        assert "/jwks" not in idp.asked


def test_many_at_once_ask_once(idp: Place, source: KeySource) -> None:
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(known(source))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert found == [True] * 20
    assert idp.asked == ["/jwks"]


def test_a_new_key_that_another_thread_is_just_reading(idp: Place, source: KeySource, clock: Clock) -> None:
    """Whoever comes with it in that moment waits for it, and is not refused."""
    assert known(source)
    idp.documents["/jwks"] = key_set(rsa(), rsa("second"))
    idp.moods["/jwks"] = "slow"
    clock.now += FRESH + 1
    reader = threading.Thread(target=known, args=(source,), daemon=True)
    reader.start()
    while len(idp.asked) < 2:
        reader.join(0.01)
    assert known(source, "second")
    assert len(idp.asked) == 2


def test_nobody_waits_who_has_keys(idp: Place, source: KeySource, clock: Clock) -> None:
    """While one thread reads keys again from a slow issuer, the others go on with those they have."""
    assert known(source)
    idp.moods["/jwks"] = "slow"
    clock.now += FRESH + 1
    reader = threading.Thread(target=known, args=(source,), daemon=True)
    reader.start()
    while len(idp.asked) < 2:
        reader.join(0.01)
    other = threading.Thread(target=known, args=(source,), daemon=True)
    other.start()
    other.join(1.0)
    assert not other.is_alive() and reader.is_alive()
    reader.join(10)
