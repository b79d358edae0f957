"""The public keys of issuers: read once, kept for a while, read again when a key is new – however many ask."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from trialmatch import outbound
from trialmatch.addresses import is_secure
from trialmatch.errors import IssuerUnavailable
from trialmatch.web.access.signatures import Refused

#: Seconds after which keys are read again, so that one that its issuer withdrew is not trusted much longer.
FRESH = 600.0

#: Seconds for which keys are still used if they cannot be read again: as long as access tokens live as a rule.
STALE = 3_600.0

#: Seconds between two reads. Tokens with made-up key ids cause no more than this, and a new key is known after it.
PAUSE = 10.0

#: The shortest RSA modulus, in bits (NIST SP 800-131A).
_RSA_BITS = 2048

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}

Key = RSAKey | ECKey


class KeySource:
    """Where the keys of one issuer are: the URL or file of a JWK Set, or (None) whatever OpenID discovery names.

    Safe for threads: one reads, others wait only if they have nothing to go on with.
    """

    def __init__(self, issuer: str, place: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: tuple[Key, ...] = ()
        self._read_at: float | None = None
        self._tried_at: float | None = None

    def key(self, key_id: str | None, algorithm: str) -> Key:
        """The one key that can have signed. Refused if there is none or more than one, IssuerUnavailable if unknown."""
        age = self._age()
        if age is None or age > STALE:
            self._read(wait=True)
        elif age > FRESH:
            self._read(wait=False)
        candidates = self._candidates(key_id, algorithm)
        if not candidates:
            self._read(wait=True)  # a new key, perhaps one that another thread is reading just now
            candidates = self._candidates(key_id, algorithm)
        age = self._age()
        if age is None or age > STALE:
            raise IssuerUnavailable(retry_after=int(PAUSE))
        if len(candidates) != 1:
            raise Refused("key")
        return candidates[0]

    def _age(self) -> float | None:
        return None if self._read_at is None else self._clock() - self._read_at

    def _pause_is_over(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= PAUSE

    def _candidates(self, key_id: str | None, algorithm: str) -> list[Key]:
        return [
            key for key in self._keys if _fits(key, algorithm) and (key_id is None or key.get("kid") == key_id)
        ]

    def _read(self, *, wait: bool) -> None:
        """Read the keys, unless someone has just done so or tried to. ``wait`` for whoever is at it."""
        if not self._lock.acquire(blocking=wait):
            return
        try:
            if self._pause_is_over():
                self._tried_at = self._clock()
                self._keys = _public(self._document())
                self._read_at = self._clock()
        except (outbound.Unanswered, OSError, ValueError):
            pass  # what is known goes on being used until it is STALE
        finally:
            self._lock.release()

    def _document(self) -> dict[str, Any]:
        place = self._place
        if place is None:
            place = self._discovered()
        if is_secure(place):
            return outbound.get_json(place)
        found = orjson.loads(Path(place).read_bytes())
        return found if isinstance(found, dict) else {}

    def _discovered(self) -> str:
        """OpenID Connect Discovery 1.0 sections 4.1 and 4.3: the document must be the issuer's own."""
        found = outbound.get_json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        place = found.get("jwks_uri")
        if found.get("issuer") != self._issuer or not isinstance(place, str) or not is_secure(place):
            raise ValueError("not the issuer's own document")
        return place


def _public(document: dict[str, Any]) -> tuple[Key, ...]:
    """The keys of a JWK Set that can verify, others left out (RFC 7517 section 5); ValueError where it is no set."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("no JWK Set")
    return tuple(key for key in map(_key, entries) if key is not None)


def _key(entry: Any) -> Key | None:
    kinds: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    kind = kinds.get(str(entry.get("kty"))) if isinstance(entry, dict) else None
    if kind is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of short keys, which are left out below
            key = kind.import_key({name: entry[name] for name in entry if name not in ("x5c", "x5u")})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < _RSA_BITS:
        return None
    return None if key.is_private else key


def _fits(key: Key, algorithm: str) -> bool:
    """Whether a key can have made a signature of an algorithm, and was meant to."""
    if isinstance(key, ECKey):
        if _CURVES.get(algorithm) != key.curve_name:
            return False
    elif not algorithm.startswith(("RS", "PS")):
        return False
    operations = key.get("key_ops")
    return (
        key.get("use") in (None, "sig")
        and key.get("alg") in (None, algorithm)
        and (operations is None or "verify" in operations)
    )
