"""The authorization code flow with PKCE (OAuth 2.0, OpenID Connect, SMART App Launch 2.2), for launches and sign-ins.

``provider_of`` reads what a server says of itself, ``begin`` makes the address to send the browser to and what to keep
until it comes back, ``finish`` turns the code it brings into a token and the claims of whoever agreed. Nothing is
believed that was not asked for: state, nonce, issuer, audience and signature are checked, and so is that the code was
asked for by this browser.
"""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from trialmatch import outbound
from trialmatch.addresses import is_secure
from trialmatch.config import Settings
from trialmatch.errors import IssuerUnavailable
from trialmatch.fhir.hospital.client_keys import ClientKey, client_keys
from trialmatch.web.access.jwks import KeySource
from trialmatch.web.access.signatures import Refused, checked, opened, verified, word
from trialmatch.web.access.tokens import ALGORITHMS

#: Seconds for which somebody may take to sign in.
PATIENCE = 900

#: Seconds a token is taken to live where the server does not say.
_LIFETIME = 3600.0

#: The most that is believed of a token's life: a browser's session does not last longer.
_LONGEST = 12 * 3600.0


class Failed(Exception):
    """A sign-in or launch that did not succeed. ``text`` is the key of the words for it, ``reason`` goes to the log."""

    def __init__(self, text: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.text = text
        self.reason = reason
        self.status = status


@dataclass(frozen=True)
class Provider:
    """An authorization server as it describes itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    key_algorithms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Client:
    """As whom we are known there: public, with a secret, or with a private key."""

    id: str
    secret: str | None = field(default=None, repr=False)
    keys: tuple[ClientKey, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, settings: Settings, kind: str) -> Client:
        """The client for ``launch`` or ``login``."""
        found = {name: getattr(settings, f"{kind}_{name}") for name in ("client", "secret")}
        return cls(found["client"], found["secret"], client_keys(settings, f"{kind}_key"))


@dataclass(frozen=True)
class Granted:
    """What came of it: a token for ``seconds``, who agreed (claims of the ID token), and the context of a launch."""

    token: str = field(repr=False)
    seconds: float
    claims: Mapping[str, Any]
    context: Mapping[str, Any]


def provider_of(url: str, *, issuer: str | None) -> Provider:
    """What the document at ``url`` says of a provider. ``issuer`` is whose it must be, None where it says so itself.

    Raises Failed.
    """
    try:
        found = outbound.get_json(url)
    except outbound.Unanswered as problem:
        raise Failed("login.unreachable", f"discovery: {problem}", 502) from None
    names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
    values = [found.get(name) for name in names]
    if not all(isinstance(value, str) and is_secure(value) for value in values):
        raise Failed("login.unfit", "discovery: an address is missing, or is neither https nor on this machine", 502)
    if issuer is not None and values[0] != issuer:
        raise Failed("login.unfit", "discovery: another issuer", 502)
    methods = found.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise Failed("login.unfit", "discovery: no PKCE with S256", 502)
    algorithms = found.get("token_endpoint_auth_signing_alg_values_supported")
    known = tuple(one for one in algorithms if isinstance(one, str)) if isinstance(algorithms, list) else ()
    own, authorize, token, jwks = map(str, values)
    return Provider(own, authorize, token, jwks, known)


def begin(
    provider: Provider, client: Client, back: str, scopes: str, extra: Mapping[str, str]
) -> tuple[str, str, dict[str, Any]]:
    """Where to send the browser, the state that it will bring back, and what to keep under it.

    ``back`` is the registered redirect URL; ``extra`` are further parameters (``aud`` and ``launch`` of SMART).
    """
    state, verifier, nonce = (secrets.token_urlsafe(size) for size in (24, 48, 24))
    address = prepare_grant_uri(
        provider.authorization_endpoint,
        client.id,
        "code",
        back,
        scopes,
        state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
        **extra,
    )
    kept = {"issuer": provider.issuer, "verifier": verifier, "nonce": nonce, "back": back, "at": time.time()}
    return address, state, kept


def finish(provider: Provider, client: Client, kept: Mapping[str, Any], brought: Mapping[str, str]) -> Granted:
    """Turn what the browser brought back into a token. ``kept`` is what :func:`begin` gave for its state.

    Raises Failed, IssuerUnavailable.
    """
    if time.time() - kept["at"] > PATIENCE:
        raise Failed("login.late", "came back too late")
    if brought.get("iss", provider.issuer) != provider.issuer:  # RFC 9207: another server's answer
        raise Failed("login.failed", "came back from another issuer")
    if "error" in brought:
        said = brought["error"] if brought["error"] in _ERRORS else "an error"
        raise Failed("login.refused" if said == "access_denied" else "login.failed", f"the provider says {said}", 403)
    if not brought.get("code"):
        raise Failed("login.failed", "came back without a code")
    body = _exchanged(provider, client, kept, brought["code"])
    claims = _claims(provider, client, str(kept["nonce"]), body.get("id_token"))
    token, kind = body.get("access_token"), body.get("token_type")
    if not isinstance(token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise Failed("login.failed", "token endpoint: no bearer token", 502)
    return Granted(token, _lifetime(body.get("expires_in")), claims, body)


#: RFC 6749 section 4.1.2.1 and OpenID Connect Core 3.1.2.6; other texts of a server are not repeated.
_ERRORS = frozenset((
    "invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
    "server_error", "temporarily_unavailable", "login_required", "consent_required", "interaction_required",
    "invalid_client", "invalid_grant", "unsupported_grant_type",
))  # fmt: skip


def _exchanged(provider: Provider, client: Client, kept: Mapping[str, Any], code: str) -> dict[str, Any]:
    """The answer of the token endpoint to a code."""
    proof: dict[str, str] = {"client_id": client.id}
    authorization = None
    if client.keys:
        key = next((one for one in client.keys if one.algorithm in provider.key_algorithms), client.keys[0])
        proof |= key.proof(client.id, provider.token_endpoint)
    elif client.secret is not None:  # in the form of RFC 6749 section 2.3.1
        named = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
        proof, authorization = {}, f"Basic {b64encode(named.encode()).decode()}"
    form = prepare_token_request(
        "authorization_code", redirect_uri=kept["back"], code=code, code_verifier=kept["verifier"], **proof
    )
    try:
        reply = outbound.post_form(provider.token_endpoint, form, authorization=authorization)
    except outbound.Unanswered as problem:
        raise Failed("login.unreachable", f"token endpoint: {problem}", 502) from None
    if reply.status != 200 or reply.body is None:
        said = (reply.body or {}).get("error")
        words = f" ({said})" if said in _ERRORS else ""
        raise Failed("login.failed", f"token endpoint: answers {reply.status}{words}", 502)
    return reply.body


def _claims(provider: Provider, client: Client, nonce: str, text: Any) -> dict[str, Any]:
    """The claims of an ID token, by the rules of OpenID Connect Core 1.0, section 3.1.3.7."""
    if not isinstance(text, str):
        raise Failed("login.nobody", "no ID token", 502)
    try:
        token = opened(text, ALGORITHMS)
        if token.issuer != provider.issuer:
            raise Refused("issuer")
        source = KeySource(provider.issuer, provider.jwks_uri)
        claims = verified(token, source.key(token.key_id, token.algorithm))
        checked(claims, time.time, "iss", "sub", "aud", "iat", "nonce")
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if client.id not in audience or (len(audience) > 1 and claims.get("azp") != client.id):
            raise Refused("audience")
        if not isinstance(claims["nonce"], str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
            raise Refused("nonce")
        word(claims, "sub")
    except Refused as refusal:
        raise Failed("login.failed", f"ID token: {refusal.reason}", 502) from None
    except IssuerUnavailable:
        raise Failed("login.unreachable", "ID token: the provider's keys cannot be had", 502) from None
    return claims


def _lifetime(value: Any) -> float:
    """``expires_in`` in seconds; some servers write it as text."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return _LIFETIME
    return min(seconds, _LONGEST) if seconds > 0 else _LIFETIME
