"""SMART Backend Services (SMART App Launch 2.2): access tokens for a FHIR server, without a user.

The client proves who it is with a signed assertion (``private_key_jwt``, RFC 7523) and gets a token that lives for
minutes. It is kept until shortly before its end; however many threads need a new one, one asks.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_token_request

from trialmatch import outbound
from trialmatch.addresses import is_secure, shown
from trialmatch.config import Settings
from trialmatch.config_access import listed
from trialmatch.errors import SourceUnavailable
from trialmatch.fhir.hospital.client_keys import ClientKey, client_keys
from trialmatch.fhir.patient.records import CONTEXT_TYPES, FACT_TYPES

#: Seconds a token is taken to live where the server does not say (``expires_in`` is required, and left out by some).
_LIFETIME = 60.0

#: Seconds before its end at which a token is replaced, so that it does not end on its way. At most half of its life.
_EARLY = 30.0

#: Seconds for which a refusal is remembered: the patients of a worklist do not all ask again.
_PAUSE = 5.0

#: RFC 6750 section 2.1; anything else could end the header it is put into.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

#: RFC 6749 section 5.2, with what an operator can do about it. Other texts of the server are not repeated.
_ERRORS = {
    "invalid_request": "invalid_request",
    "invalid_client": "invalid_client: it does not know this client or its key",
    "invalid_grant": "invalid_grant: it does not accept the proof; client, key, or a clock that is wrong",
    "unauthorized_client": "unauthorized_client: the client may not use client_credentials",
    "unsupported_grant_type": "unsupported_grant_type: it does not offer client_credentials",
    "invalid_scope": "invalid_scope: TRIALMATCH_CLIENT_SCOPES may name others",
}


class _Refused(Exception):
    """Why there is no token, in words that hold no secret."""


@dataclass(frozen=True)
class _Endpoint:
    """Where to ask for a token, with which key, for which scopes."""

    url: str
    key: ClientKey
    scopes: str


@dataclass
class _Server:
    """What is known of one FHIR server. Times are of the monotonic clock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: str | None = field(default=None, repr=False)
    good_until: float = 0.0
    failure: str = ""
    failed_until: float = 0.0


class Tokens:
    """Tokens for FHIR servers, as the client that the settings name. Safe for threads; reads the key at once.

    ``bearer`` and ``renew`` block, up to the few seconds that two small exchanges may take. Call them only for servers
    that the operator has named, never for one that a request brings along.

    Raises UsageError where the key cannot be used.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._keys = client_keys(settings)
        self._clock = clock
        self._servers: dict[str, _Server] = {}
        self._lock = threading.Lock()

    def bearer(self, url: str) -> str | None:
        """A token for the FHIR server at a base URL; None where no client is configured. Raises SourceUnavailable."""
        return self._token(url, None)

    def renew(self, url: str, refused: str) -> str | None:
        """Another token than one that the server has just refused (401). Raises SourceUnavailable.

        If another thread has already had it renewed, it is that one. One that is refused again is no matter of time.
        """
        return self._token(url, refused)

    def _token(self, url: str, refused: str | None) -> str | None:
        settings = self._settings
        if settings.client_id is None:
            return None
        base = url.rstrip("/")
        with self._lock:
            server = self._servers.setdefault(base, _Server())
        with server.lock:
            if server.token is None or server.token == refused or self._clock() >= server.good_until:
                self._ask(base, settings.client_id, server)
            return server.token

    def _ask(self, base: str, client_id: str, server: _Server) -> None:
        server.token = None
        if self._clock() < server.failed_until:
            raise SourceUnavailable(server.failure)
        try:
            if not is_secure(base):
                raise _Refused("is neither https nor on this machine, so no token is sent there")
            endpoint = _endpoint(base, self._settings, self._keys)
            asked_at = self._clock()
            server.token, lifetime = _exchange(endpoint, client_id)
            server.good_until = asked_at + lifetime - min(_EARLY, lifetime / 2)
        except (_Refused, outbound.Unanswered) as problem:
            server.failure = f"{shown(base)}: no access token: {problem}"
            server.failed_until = self._clock() + _PAUSE
            raise SourceUnavailable(server.failure) from None


def _endpoint(base: str, settings: Settings, keys: tuple[ClientKey, ...]) -> _Endpoint:
    """Where the token for a server comes from: the settings say it, or the server's own SMART configuration."""
    if settings.token_url is not None:
        return _Endpoint(settings.token_url, keys[0], settings.client_scopes or "system/*.rs")
    try:
        found = outbound.get_json(f"{base}/.well-known/smart-configuration")
    except outbound.Unanswered as problem:
        raise _Refused(f"its .well-known/smart-configuration {problem}") from None
    url = found.get("token_endpoint")
    if not isinstance(url, str) or not is_secure(url):
        raise _Refused("its SMART configuration names no token endpoint at an https URL")
    host = urlsplit(url).hostname
    if host != urlsplit(base).hostname and host not in {one.lower() for one in listed(settings.token_hosts)}:
        raise _Refused("its token endpoint is at another host, which TRIALMATCH_TOKEN_HOSTS does not name")
    _check_offer(found)
    return _Endpoint(url, _key(found, keys), settings.client_scopes or _scopes(found))


def _check_offer(found: dict[str, Any]) -> None:
    """Refused where the server says what it can do and this is not part of it. Many servers do not say everything."""
    methods, grants = _names(found, "token_endpoint_auth_methods_supported"), _names(found, "grant_types_supported")
    if methods and "private_key_jwt" not in methods:
        raise _Refused("its token endpoint does not offer private_key_jwt")
    if grants and "client_credentials" not in grants:
        raise _Refused("its token endpoint does not offer client_credentials")


def _key(found: dict[str, Any], keys: tuple[ClientKey, ...]) -> ClientKey:
    """The first key whose signature the server can check; the first of all where it does not say."""
    algorithms = _names(found, "token_endpoint_auth_signing_alg_values_supported")
    for key in keys:
        if not algorithms or key.algorithm in algorithms:
            return key
    own = " or ".join(sorted({key.algorithm for key in keys}))
    raise _Refused(f"it cannot check signatures by {own}, the only ones that TRIALMATCH_CLIENT_KEY has keys for")


def _scopes(found: dict[str, Any]) -> str:
    """To read and search what a patient's record is made of, in the words that the server knows.

    Version 2 (``rs``) before version 1 (``read``). ``*`` where the server lists it, else the types that it lists and
    trialmatch reads. ``scopes_supported`` need not be complete: where neither is on it, ``*`` all the same.
    """
    offered = _names(found, "scopes_supported")
    for access in ("rs", "read"):
        if f"system/*.{access}" in offered:
            return f"system/*.{access}"
    for access in ("rs", "read"):
        some = [f"system/{kind}.{access}" for kind in (*FACT_TYPES, *CONTEXT_TYPES)]
        if some[0] in offered:  # without the Patient nothing can be matched
            return " ".join(one for one in some if one in offered)
    capabilities = _names(found, "capabilities")
    old = "permission-v1" in capabilities and "permission-v2" not in capabilities
    return "system/*.read" if old else "system/*.rs"


def _exchange(endpoint: _Endpoint, client_id: str) -> tuple[str, float]:
    """A token, and the seconds it lives."""
    proof = endpoint.key.proof(client_id, endpoint.url)
    form = prepare_token_request("client_credentials", scope=endpoint.scopes, **proof)
    try:
        reply = outbound.post_form(endpoint.url, form)
    except outbound.Unanswered as problem:
        raise _Refused(f"its token endpoint {problem}") from None
    body = reply.body or {}
    if reply.status != 200 or "error" in body:
        said = _ERRORS.get(str(body.get("error")))
        raise _Refused(f"its token endpoint answers {reply.status}" + (f" ({said})" if said else ""))
    token, kind = body.get("access_token"), body.get("token_type")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise _Refused("its token endpoint's answer holds no access token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _Refused("its token endpoint gives another type of token than bearer")
    return token, _lifetime(body.get("expires_in"))


def _lifetime(value: Any) -> float:
    """``expires_in`` in seconds; some servers write it as text."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return _LIFETIME
    return seconds if 0 < seconds < float("inf") else _LIFETIME


def _names(found: dict[str, Any], name: str) -> list[str]:
    value = found.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
