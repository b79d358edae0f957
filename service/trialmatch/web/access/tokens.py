"""Access tokens of the API (RFC 6750, RFC 9068): which are accepted, and the caller that one stands for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from trialmatch.config import Settings
from trialmatch.config_access import issuers, listed
from trialmatch.web.access.callers import SCOPES, Caller
from trialmatch.web.access.jwks import KeySource
from trialmatch.web.access.signatures import Refused, checked, opened, verified, word

#: Signatures that only the holder of a private key can make (RFC 7518 section 3.1): no ``none``, no shared secret.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})

#: Types of access tokens: RFC 9068's, and the general one or none, which most servers still write. Tokens made for
#: another purpose (``logout+jwt``, ``dpop+jwt``, …) are no access tokens.
_TYPES = ("at+jwt", "jwt", "")


class Issuers:
    """The issuers that the settings name, with their keys."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._keys = {issuer: KeySource(issuer, place) for issuer, place in issuers(settings.issuers).items()}
        self._audiences = frozenset(listed(settings.audience))
        self._clock = clock

    def __bool__(self) -> bool:
        """Whether any issuer is configured."""
        return bool(self._keys)

    def verify(self, text: str) -> Caller:
        """The caller a token stands for.

        Refused with a reason for the log; IssuerUnavailable if its keys cannot be had.
        """
        token = opened(text, ALGORITHMS)
        if token.type not in _TYPES:
            raise Refused("type")
        source = self._keys.get(token.issuer)
        if source is None:
            raise Refused("issuer")
        claims = verified(token, source.key(token.key_id, token.algorithm))
        checked(claims, self._clock, "iss", "sub", "aud")
        if not self._audiences.intersection(_texts(claims["aud"])):
            raise Refused("audience")
        if "cnf" in claims:
            raise Refused("bound")  # to a key whose proof is not checked here (RFC 8705, RFC 9449)
        return Caller(word(claims, "sub"), token.issuer, _scopes(claims))


def _texts(value: Any) -> list[str]:
    """One text or a list of texts as a list."""
    return [value] if isinstance(value, str) else list(value)


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """The scopes of ours: out of ``scope`` (RFC 9068), or ``scp``, a text or a list, as other servers write it."""
    value = claims.get("scope", claims.get("scp"))
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(value)
    return frozenset(value.split(" ") if isinstance(value, str) else ()).intersection(SCOPES)
