"""What the tests of this folder are made with: keys, tokens of any make, and a server that has its moods."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

Json = dict[str, Any]

#: The clock of tests that have one: 2026-09-21, 14:13:20 UTC.
NOW = 1_790_000_000

ISSUER = "https://idp.hospital.example"
AUDIENCE = "https://trials.hospital.example"

ALL = ["none", *(f"{kind}{bits}" for kind in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512))]


def rsa(name: str = "rsa") -> RSAKey:
    """An RSA key, the same for every test that asks by the same name."""
    return _rsa(name)


def ec(curve: str = "P-384", name: str = "") -> ECKey:
    """A key on a curve, the same for every test that asks by the same name."""
    return _ec(curve, name or curve)


@cache
def _rsa(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name})


@cache
def _ec(curve: str, name: str) -> ECKey:
    return ECKey.generate_key(curve, {"kid": name})


def key_for(algorithm: str) -> RSAKey | ECKey:
    """A key that signs with an algorithm."""
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
    return ec(curves[algorithm]) if algorithm in curves else rsa()


def key_set(*keys: RSAKey | ECKey, **members: Any) -> Json:
    """A JWK Set of public keys; ``members`` go into each."""
    return {"keys": [{**key.as_dict(private=False), **members} for key in keys]}


def claims(**changed: Any) -> Json:
    """The claims of a good access token, with changes; None takes one away."""
    whole = {
        "iss": ISSUER,
        "sub": "clinician-7",
        "aud": AUDIENCE,
        "iat": NOW - 10,
        "exp": NOW + 290,
        "scope": "openid trialmatch/match.read",
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


def token(body: Json | bytes, key: RSAKey | ECKey | OctKey, header: Json | None = None, algorithm: str = "") -> str:
    """A signed token; ``header`` adds to alg, kid and typ, None in it takes one away."""
    algorithm = algorithm or ("RS256" if isinstance(key, RSAKey) else "ES384")
    whole = {"alg": algorithm, "typ": "JWT", "kid": key.kid, **(header or {})}
    whole = {name: value for name, value in whole.items() if value is not None}
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    registry = jws.JWSRegistry(algorithms=ALL, strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = 10**6
    return jws.serialize_compact(whole, payload, key, registry=registry)


def raw(header: Json | bytes, body: Json | bytes, signature: bytes = b"") -> str:
    """A token put together by hand, signed or not."""
    parts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in (header, body)]
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in (*parts, signature))


def stored(folder: Path, document: Json) -> str:
    """A JWK Set in a file; its path."""
    path = folder / "jwks.json"
    path.write_text(json.dumps(document))
    return str(path)


class Place:
    """A server on the loopback address. ``documents``: path → JSON; ``moods``: path → what goes wrong there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.documents: dict[str, Any] = {}
        self.moods: dict[str, str] = {}
        self.asked: list[str] = []
        self.forms: list[str] = []

    def at(self, path: str) -> str:
        """The URL of a path."""
        return f"{self.address}{path}"


@contextmanager
def place() -> Iterator[Place]:
    """A server for a while."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

        def do_GET(self) -> None:
            served.asked.append(self.path)
            _answer(self, served)

        def do_POST(self) -> None:
            served.asked.append(self.path)
            served.forms.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            _answer(self, served)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Place(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, served: Place) -> None:
    path = handler.path
    mood = served.moods.get(path, "")
    found = served.documents.get(path)
    body = b"" if found is None else found if isinstance(found, bytes) else json.dumps(found).encode()
    status = 404 if found is None else 200
    if mood.isdigit():
        status = int(mood)
    elif mood == "text":
        body = b"<html>maintenance</html>"
    elif mood == "huge":
        body = b'{"keys": [' + b" " * 10**6 + b"]}"
    elif mood == "slow":
        time.sleep(1.5)
    handler.send_response(301 if mood.startswith("/") else status)
    if mood.startswith("/"):
        handler.send_header("Location", mood)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    try:
        if mood == "drip":
            for byte in body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(0.05)
        elif mood == "breaks":
            handler.wfile.write(body[: len(body) // 2])
            handler.close_connection = True
        else:
            handler.wfile.write(body)
    except OSError:
        pass  # whoever asked has given up
