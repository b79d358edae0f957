"""An authorization server that nobody wrote for trialmatch: oidc-provider, run by node on the loopback address.

For tests that want OAuth 2.0, OpenID Connect or SMART as others understand it. Import the fixture where it is needed::

    from tests.auth.authorization_server import Start, authorization_server  # noqa: F401

    def test_something(authorization_server: Start) -> None:
        server = authorization_server(clients=[{"client_id": "me", …}])
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from joserfc.jwk import ECKey, RSAKey

Json = dict[str, Any]

HERE = Path(__file__).parent

SCOPES = ("openid", "profile", "fhirUser", "launch", "launch/patient", "patient/*.rs", "user/*.rs", "system/*.rs")


@dataclass(frozen=True)
class AuthorizationServer:
    """A running server; ``stop`` ends it before the test does.

    ``fhir`` is the base at which it plays a FHIR server that asks for its tokens.
    """

    issuer: str
    stop: Callable[[], None]

    @property
    def fhir(self) -> str:
        """Has ``.well-known/smart-configuration`` and ``Patient/{id}``."""
        return f"{self.issuer}/fhir"


class Start:
    """Starts servers that live until the test ends."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack

    def __call__(
        self,
        *,
        clients: Sequence[Json],
        scopes: Sequence[str] = SCOPES,
        resources: Json | None = None,
        account: Json | None = None,
        context: Json | None = None,
        smart: Json | None = None,
        lifetime: int = 300,
        keys: Sequence[RSAKey | ECKey] = (),
        port: int = 0,
    ) -> AuthorizationServer:
        """A server of its own.

        clients: client metadata as in OpenID Connect Dynamic Client Registration 1.0.
        resources: by resource indicator (RFC 8707) its ``{"scope", "audience", "accessTokenFormat": "jwt", "jwt": …}``.
        account: the claims of whoever logs in; every log-in succeeds at once and agrees to everything.
        context: what comes along with a token after a log-in, such as ``{"patient": "123"}``.
        smart: parts of the SMART configuration that differ from what the server can really do.
        lifetime: of access tokens, in seconds. keys: with which it signs; one RSA key of its own if none are given.
        """
        own = keys or [RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)]
        settings = {
            "clients": list(clients),
            "scopes": list(scopes),
            "resources": resources or {},
            "account": account or {"sub": "somebody"},
            "context": context or {},
            "smart": smart or {},
            "lifetime": lifetime,
            "jwks": {"keys": [key.as_dict(private=True) for key in own]},
            "port": port,
        }
        return self._stack.enter_context(_running(self._folder, settings))


@pytest.fixture(scope="session")
def authorization_server_folder(request: pytest.FixtureRequest) -> Path:
    """A folder with the server and what it needs, installed once and kept in pytest's cache."""
    assert request.config.cache is not None
    lock = (HERE / "package-lock.json").read_bytes()
    folder = Path(request.config.cache.mkdir("authorization_server")) / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "node_modules").is_dir():
        _install(folder)
    shutil.copyfile(HERE / "server.js", folder / "server.js")
    return folder


@pytest.fixture
def authorization_server(authorization_server_folder: Path) -> Iterator[Start]:
    """Starts servers; they end with the test."""
    with ExitStack() as stack:
        yield Start(authorization_server_folder, stack)


@contextmanager
def _running(folder: Path, settings: Json) -> Iterator[AuthorizationServer]:
    environment = {**os.environ, "NODE_ENV": "test"}
    with subprocess.Popen(
        ["node", "server.js"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None

        def stop() -> None:
            process.stdin.close()  # it ends with its standard input
            process.wait(timeout=10)

        try:
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
            # oidc-provider begins with warnings about the runtime.
            started = next((line for line in process.stdout if line.startswith("{")), None)
            assert started is not None, "the authorization server did not start"
            yield AuthorizationServer(json.loads(started)["issuer"], stop)
        finally:
            stop()


def _install(folder: Path) -> None:
    """``npm ci`` beside the place, then moved there: two test runs at once do not meet."""
    if shutil.which("npm") is None:
        _cannot("npm is not installed")
    place = tempfile.mkdtemp(dir=folder.parent)
    try:
        for file in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(HERE / file, Path(place) / file)
        done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            _cannot(f"npm ci failed: {done.stderr.strip()[-300:]}")
        with suppress(OSError):  # another run was faster
            os.rename(place, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _cannot(why: str) -> NoReturn:
    """Skip, but never in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"no authorization server: {why}")
    pytest.skip(f"no authorization server: {why}")
