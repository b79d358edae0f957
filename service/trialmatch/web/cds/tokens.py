"""Tokens of CDS Hooks clients, by the rules of CDS Hooks 2.0 (“Trusting CDS Clients”).

Each is for one endpoint and one use. Keys come from where the settings say and nowhere else: a ``jku`` in a token must
be that very address.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from trialmatch.addresses import is_secure
from trialmatch.config import Settings
from trialmatch.config_access import issuers
from trialmatch.web.access.callers import Caller
from trialmatch.web.access.jwks import KeySource
from trialmatch.web.access.signatures import LEEWAY, Opened, Refused, checked, opened, verified, word

#: The two that CDS Hooks recommends.
ALGORITHMS = frozenset({"ES384", "RS384"})

#: Seconds a token may live: “no more than an hour” (CDS Hooks best practices), and as long its jti is remembered.
LIFETIME = 3_600

_SCOPES = frozenset({"trialmatch/match.read"})

#: Tells, once and for all workers together, whether an issuer's jti is new, and keeps it until a time.
FirstUse = Callable[[str, str, datetime], bool]


class CdsClients:
    """The CDS clients that the settings name, with their keys."""

    def __init__(self, settings: Settings, first_use: FirstUse, clock: Callable[[], float] = time.time) -> None:
        self._places = issuers(settings.cds_issuers)
        self._keys = {issuer: KeySource(issuer, place) for issuer, place in self._places.items()}
        self._base = (settings.public_url or "").rstrip("/")
        self._first_use = first_use
        self._clock = clock

    def __bool__(self) -> bool:
        """Whether any client is configured."""
        return bool(self._keys)

    def verify(self, text: str, path: str) -> Caller:
        """The caller that a token for the endpoint at ``path`` stands for. It is used up by that.

        Refused with a reason for the log; IssuerUnavailable if its keys cannot be had.
        """
        token = opened(text, ALGORITHMS)
        if token.type != "jwt":
            raise Refused("type")
        source = self._keys.get(token.issuer)
        if source is None:
            raise Refused("issuer")
        if token.key_id is None:
            raise Refused("key")
        self._check_jku(token)
        claims = verified(token, source.key(token.key_id, token.algorithm))
        checked(claims, self._clock, "iss", "aud", "iat", "jti")
        self._check_audience(claims["aud"], path)
        self._check_lifetime(claims)
        tenant = word(claims, "tenant") if claims.get("tenant") is not None else None
        identifier = word(claims, "jti")
        until = datetime.fromtimestamp(claims["exp"] + LEEWAY, UTC)
        if not self._first_use(token.issuer, identifier, until):
            raise Refused("replayed")
        return Caller(token.issuer, token.issuer, _SCOPES, tenant)

    def _check_jku(self, token: Opened) -> None:
        # Keys in a file were handed over by hand: no address to compare with, and none is followed either.
        place = self._places[token.issuer] or ""
        jku = token.header.get("jku")
        if jku is not None and is_secure(place) and jku != place:
            raise Refused("jku")

    def _check_audience(self, audience: Any, path: str) -> None:
        """One endpoint, as text or as a list of just it: what is good elsewhere too could be replayed from there."""
        if audience not in (f"{self._base}{path}", [f"{self._base}{path}"]):
            raise Refused("audience")

    def _check_lifetime(self, claims: dict[str, Any]) -> None:
        if claims["exp"] - claims["iat"] > LIFETIME or claims["exp"] - self._clock() > LIFETIME + LEEWAY:
            raise Refused("lifetime")
