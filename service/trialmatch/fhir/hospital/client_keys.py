"""The private key by which the service proves who it is to a hospital's authorization server, and its public side."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from trialmatch.config import Settings, variable
from trialmatch.errors import UsageError

#: What a file of keys may be at most, in bytes.
_MOST = 64 * 1024

#: The shortest RSA modulus, in bits (NIST SP 800-131A).
_RSA_BITS = 2048

#: Seconds a proof is good for (SMART App Launch 2.2: five minutes at most); a minute is left for clocks that differ.
_ASSERTION = 240

#: The settings that name files of keys; they may name the same one.
KEY_SETTINGS = ("client_key", "launch_key", "login_key")

_EXPECTED = "a private RSA key of 2048 bits or more, or one on P-384: PEM without a password, JWK, or JWK Set"


@dataclass(frozen=True)
class ClientKey:
    """A private key, the algorithm it signs with, and the id under which its public side is known."""

    key: RSAKey | ECKey
    algorithm: str
    key_id: str

    def proof(self, client_id: str, endpoint: str) -> dict[str, str]:
        """What a client sends to a token endpoint to prove who it is (``private_key_jwt``, RFC 7523)."""
        now = int(time.time())
        assertion = private_key_jwt_sign(
            self.key,
            client_id,
            endpoint,
            alg=self.algorithm,
            header={"kid": self.key_id},
            issued_at=now,
            expires_at=now + _ASSERTION,
        )
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def client_keys(settings: Settings, setting: str = "client_key") -> tuple[ClientKey, ...]:
    """The keys of the file that a setting names, in its order; none where none is named.

    While a key is replaced, the file is a JWK Set of both: the first that a server can check signs, all are published.
    Raises UsageError, which names the file and never what is in it.
    """
    file: str | None = getattr(settings, setting)
    if file is None:
        return ()
    path, name = Path(file), variable(setting)
    try:
        content = path.read_bytes() if path.stat().st_size <= _MOST else b""
    except OSError as problem:
        raise UsageError(f"{name}: {path} cannot be read ({type(problem).__name__})") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of short keys, which are refused below
        keys = tuple(_known(key) for key in _read(content))
    usable = tuple(key for key in keys if key is not None)
    if not usable:
        raise UsageError(f"{name}: {path} holds no key that can be used; expected {_EXPECTED}")
    if len({key.key_id for key in usable}) < len(usable):
        raise UsageError(f"{name}: {path} has two keys with one kid; expected a kid for each")
    return usable


def public_jwks(settings: Settings) -> dict[str, Any]:
    """The public keys as a JWK Set (RFC 7517), for ``/.well-known/jwks.json``; an empty set without keys.

    Raises UsageError for a file that holds no such key.
    """
    keys = [key for setting in KEY_SETTINGS for key in client_keys(settings, setting)]
    return {"keys": list({key.key_id: _public(key) for key in keys}.values())}


def _public(one: ClientKey) -> dict[str, Any]:
    shared = dict(one.key.as_dict(private=False))
    bare: dict[str, Any] = {name: shared[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in shared}
    return {**bare, "kid": one.key_id, "use": "sig", "alg": one.algorithm, "key_ops": ["verify"]}


def _read(content: bytes) -> list[RSAKey | ECKey]:
    """All keys of a file, whatever its form."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return [key for key in [_imported(RSAKey, content) or _imported(ECKey, content)] if key is not None]
    entries = document.get("keys", [document]) if isinstance(document, dict) else []
    kinds: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    found = [
        _imported(kinds[entry["kty"]], entry)
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and str(entry.get("kty")) in kinds
    ]
    return [key for key in found if key is not None]


def _imported(kind: type[RSAKey] | type[ECKey], value: Any) -> RSAKey | ECKey | None:
    try:
        return kind.import_key(value)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _known(key: RSAKey | ECKey) -> ClientKey | None:
    """A key that can sign as SMART App Launch 2.2 asks; without a kid its thumbprint is one (RFC 7638)."""
    algorithm = "RS384" if isinstance(key, RSAKey) else "ES384"
    strong = key.public_key.key_size >= _RSA_BITS if isinstance(key, RSAKey) else key.curve_name == "P-384"
    meant = key.get("use") in (None, "sig") and key.get("alg") in (None, algorithm)
    operations = key.get("key_ops")
    if not (key.is_private and strong and meant and (operations is None or "sign" in operations)):
        return None
    return ClientKey(key, algorithm, key.kid or key.thumbprint())
