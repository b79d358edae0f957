"""What leaves the service, and what it takes in from servers of keys and tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from trialmatch.addresses import is_loopback, is_secure, origin, parts, shown
from trialmatch.outbound import BYTES, Unanswered, get_json, post_form

from tests.auth.issuer import Place, place


@pytest.fixture
def server() -> Iterator[Place]:
    with place() as served:
        served.documents["/a"] = {"a": 1}
        yield served


def test_a_document(server: Place) -> None:
    assert get_json(server.at("/a")) == {"a": 1}


def test_the_answer_to_a_form_whatever_its_status(server: Place) -> None:
    server.moods["/a"] = "400"
    reply = post_form(server.at("/a"), "b=1&c=%20")
    assert (reply.status, reply.body, server.forms) == (400, {"a": 1}, ["b=1&c=%20"])
    server.documents["/a"] = ["no object"]
    assert post_form(server.at("/a"), "").body is None


def test_in_a_thread_that_runs_a_loop(server: Place) -> None:
    async def inside() -> dict[str, Any]:
        return get_json(server.at("/a"))

    assert asyncio.run(inside()) == {"a": 1}


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("404", "answers 404"),
        ("/b", "answers 301"),
        ("text", "answers with no JSON object"),
        ("huge", "answers with too much"),
        ("breaks", "cannot be reached"),
    ],
)
def test_what_is_no_answer(server: Place, mood: str, words: str) -> None:
    server.moods["/a"] = mood
    server.documents["/b"] = {}
    with pytest.raises(Unanswered) as told:
        get_json(server.at("/a"))
    assert str(told.value) == words
    assert server.asked == ["/a"]


def test_the_largest_answer(server: Place) -> None:
    server.documents["/a"] = b"{" + b" " * (BYTES - 2) + b"}"
    assert get_json(server.at("/a")) == {}
    server.documents["/a"] = b"{" + b" " * (BYTES - 1) + b"}"
    with pytest.raises(Unanswered):
        get_json(server.at("/a"))


@pytest.mark.parametrize("mood", ["slow", "drip"])
def test_the_time_is_that_of_the_whole(server: Place, mood: str) -> None:
    server.moods["/a"] = mood
    server.documents["/a"] = b"{" + b" " * 100 + b"}"  # 5 s when it drips
    began = time.monotonic()
    with pytest.raises(Unanswered) as told:
        get_json(server.at("/a"), seconds=0.5)
    assert str(told.value) == "does not answer in time"
    assert time.monotonic() - began < 2


def test_nobody_is_there() -> None:
    with place() as gone:
        pass
    with pytest.raises(Unanswered) as told:
        get_json(gone.at("/a"))
    assert str(told.value) == "cannot be reached"


def test_a_certificate_that_is_no_certificate(server: Place) -> None:
    """https to a server that speaks plain http."""
    with pytest.raises(Unanswered):
        get_json(server.at("/a").replace("http:", "https:"))


@pytest.mark.parametrize("url", ["http://hospital.example/a", "ftp://127.0.0.1/a", "file:///etc/hostname", "a", ""])
def test_nothing_goes_out_in_the_open(url: str) -> None:
    with pytest.raises(Unanswered) as told:
        post_form(url, "secret")
    assert str(told.value) == "is neither https nor on this machine"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("idp.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("198.51.100.4", False),
        ("::ffff:198.51.100.4", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("notlocalhost", False),
        # other spellings of 127.0.0.1 that resolvers know are not taken for it
        ("2130706433", False),
        ("127.1", False),
        ("0x7f.0.0.1", False),
    ],
)
def test_what_this_machine_is_called(host: str, local: bool) -> None:
    assert is_loopback(host) is local


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://idp.example/jwks", True),
        ("HTTPS://idp.example", True),
        ("https://idp.example:8443/a?b=c", True),
        ("http://127.0.0.1:8080/jwks", True),
        ("http://[::1]/jwks", True),
        ("http://localhost/jwks", True),
        ("http://idp.example/jwks", False),
        ("https://user:password@idp.example", False),
        ("https://127.0.0.1@idp.example", False),
        ("http://127.0.0.1@idp.example", False),
        ("https:///jwks", False),
        ("https://idp.example:0/", False),
        ("https://idp.example:99999/", False),
        ("https://idp.example:port/", False),
        ("https://[::1/", False),
        ("https://idp.example/a\nb", False),
        (" https://idp.example", False),
        ("https://idp.example\\@127.0.0.1", False),
        ("https://idр.example", False),  # a Cyrillic р
        ("//idp.example", False),
        ("idp.example", False),
        ("javascript:alert(1)", False),
    ],
)
def test_what_is_safe_to_ask(url: str, secure: bool) -> None:
    assert is_secure(url) is secure


def test_parts_of_addresses() -> None:
    assert origin("HTTPS://Idp.Example/a") == origin("https://idp.example:443") == ("https", "idp.example", 443)
    assert origin("http://a") == ("http", "a", 80)
    assert origin("nonsense") is None and parts("https://a b") is None
    assert shown("https://me:secret@idp.example:8443/a/b?token=secret#secret") == "https://idp.example:8443/a/b"
    assert shown("http://h.example:99999/a?b") == "http://h.example:99999/a"
    assert shown("hospital?token=secret") == "hospital"
    assert shown("http://[broken") == "the URL"
