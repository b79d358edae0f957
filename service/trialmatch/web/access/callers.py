"""Who calls: what is left of a token, a session or the loopback address once it has been accepted."""

from __future__ import annotations

from dataclasses import dataclass

#: What a caller may be allowed, as scopes of access tokens: see matches, add studies, prescreen.
SCOPES = ("trialmatch/match.read", "trialmatch/study.write", "trialmatch/prescreen")


@dataclass(frozen=True)
class Caller:
    """Whoever is behind a call.

    ``issuer`` is the token's issuer, None for a process on this machine while no issuer is configured. ``tenant`` is
    the organisation on whose behalf a CDS client calls.
    """

    subject: str
    issuer: str | None
    scopes: frozenset[str]
    tenant: str | None = None

    def may(self, scope: str) -> bool:
        """Whether the caller holds a scope, said with or without its ``trialmatch/``."""
        return f"trialmatch/{scope.removeprefix('trialmatch/')}" in self.scopes


#: A process on this machine, served while no issuer is configured.
LOCAL = Caller("local", None, frozenset(SCOPES))
