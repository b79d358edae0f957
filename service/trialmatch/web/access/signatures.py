"""Signed tokens (JWT in compact form): read with distrust, verified with one key, their claims checked.

What all kinds of token have in common. Which issuer, which audience and what else is asked of them is said in
``tokens`` (access tokens) and ``cds_tokens`` (CDS Hooks clients).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jwt import ClaimsOption

#: Seconds by which two clocks may differ.
LEEWAY = 30

#: The largest token, in bytes. Real ones have one or two thousand; a server's limit for all headers is often 8 KiB.
BYTES = 8 * 1024

#: ``crit`` asks for extensions, of which none is known here; ``b64`` is one (RFC 7797) that tokens may not use. (What
#: points to a key or brings one – ``jwk``, ``x5u``, ``x5c`` – is not refused, but never looked at.)
_REFUSED = ("crit", "b64")

#: The largest header, in bytes; the library's own limit of 512 is too little for one with a certificate.
_HEADER_BYTES = 4 * 1024


class Refused(Exception):
    """A token that is not accepted. ``reason`` is one of a few fixed words for the log, never anything of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Opened:
    """A token as it says itself, before anything of it is believed."""

    text: str = field(repr=False)
    algorithm: str
    key_id: str | None
    type: str
    header: dict[str, Any] = field(repr=False)
    claims: dict[str, Any] = field(repr=False)

    @property
    def issuer(self) -> str:
        """The issuer that it claims; empty where it claims none."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""


class _Strict(json.JSONDecoder):
    """JSON in which a name occurs once: of a second ``aud`` another reader might see the first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "object_pairs_hook": _once})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _registry(algorithms: frozenset[str]) -> jws.JWSRegistry:
    # Unknown header parameters are ignored, as RFC 7515 section 4 demands.
    registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
    registry.max_header_length = _HEADER_BYTES
    return registry


def opened(text: str, algorithms: frozenset[str]) -> Opened:
    """Take a token apart. Refused unless its algorithm is allowed and its parts are what they should be."""
    if len(text) > BYTES:
        raise Refused("too large")
    try:
        token = jws.extract_compact(text.encode("ascii"), registry=_registry(algorithms))
        header = token.headers()
        claims = json.loads(token.payload, cls=_Strict)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Refused("malformed") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refused("malformed")
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "")
    if not isinstance(algorithm, str) or not isinstance(key_id, str | None) or not isinstance(kind, str):
        raise Refused("malformed")
    if algorithm not in algorithms:
        raise Refused("algorithm")
    if any(name in header for name in _REFUSED):
        raise Refused("critical header")
    return Opened(text, algorithm, key_id, kind.lower().removeprefix("application/"), header, claims)


def verified(token: Opened, key: RSAKey | ECKey) -> dict[str, Any]:
    """The claims of a token that the key has signed, else Refused."""
    algorithms = frozenset({token.algorithm})
    try:
        return jwt.decode(token.text, key, registry=_registry(algorithms), decoder_cls=_Strict).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Refused("signature") from None


def checked(claims: dict[str, Any], clock: Callable[[], float], *needed: str) -> None:
    """Refused unless the times of the claims hold now and those ``needed`` are there.

    ``exp`` is always needed. Times may be wrong by LEEWAY seconds.
    """
    essential: dict[str, ClaimsOption] = {name: {"essential": True} for name in ("exp", *needed)}
    rules = jwt.JWTClaimsRegistry(now=int(clock()), leeway=LEEWAY, **essential)
    try:
        rules.validate(claims)
    except ExpiredTokenError:
        raise Refused("expired") from None
    except ClaimError as problem:
        # Only the name of a claim that is looked for, not one that the token brought.
        raise Refused(f"claim {problem.claim}") from None


def word(claims: dict[str, Any], name: str) -> str:
    """A claim that is a short text which can be written down: no control characters, no halves of surrogate pairs."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255 or not value.isprintable():
        raise Refused(f"claim {name}")
    return value
