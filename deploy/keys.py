"""What compose.yaml has to keep secret. Nothing of it is in a file of the project.

    keys.py make DATABASE SERVICE ISSUER    at the first start: the database's password, and a key that signs tokens
    keys.py token ISSUER [SCOPE]...         a bearer token for an hour, signed with it, on standard output

DATABASE, SERVICE and ISSUER are folders, in compose.yaml volumes of their own: each container sees its own part only.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

#: As in compose.yaml.
ISSUER = "urn:trialmatch:compose"
AUDIENCE = "trialmatch"
DATABASE = ("database", 5432, "trialmatch", "trialmatch")

#: The user of the image.
USER = 10001

_SCOPES = ("trialmatch/match.read", "trialmatch/study.write", "trialmatch/prescreen")


def _write(path: Path, content: str, mode: int) -> None:
    """Write a file for the image's user; it is there as a whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(content, encoding="utf-8")
    part.chmod(mode)
    if os.geteuid() == 0:
        os.chown(part, USER, USER)
    part.replace(path)


def make(database: Path, service: Path, issuer: Path) -> None:
    """Make what is not there yet: a second start changes nothing."""
    password = database / "password"
    if not password.exists():
        _write(password, secrets.token_urlsafe(32), 0o444)  # PostgreSQL's container has another user
    host, port, name, user = DATABASE
    # libpq takes no file that others may read.
    _write(service / "pgpass", f"{host}:{port}:{name}:{user}:{password.read_text('utf-8')}\n", 0o600)
    private = issuer / "key.json"
    if not private.exists():
        key = ECKey.generate_key("P-384", {"kid": secrets.token_hex(8), "use": "sig", "alg": "ES384"})
        _write(private, json.dumps(key.as_dict(private=True)), 0o600)
    public = ECKey.import_key(json.loads(private.read_text("utf-8"))).as_dict(private=False)
    _write(service / "jwks.json", json.dumps({"keys": [public]}), 0o444)


def token(issuer: Path, scopes: tuple[str, ...]) -> str:
    """A token that the service takes for an hour."""
    key = ECKey.import_key(json.loads((issuer / "key.json").read_text("utf-8")))
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "compose",
        "iat": now,
        "exp": now + 3600,
        "scope": " ".join(scopes or _SCOPES),
    }
    return jwt.encode({"alg": "ES384", "kid": key.kid, "typ": "at+jwt"}, claims, key, algorithms=["ES384"])


def main(arguments: list[str]) -> int:
    """Make or sign; 2 where neither was asked for."""
    match arguments:
        case ["make", database, service, issuer]:
            make(Path(database), Path(service), Path(issuer))
        case ["token", issuer, *scopes]:
            print(token(Path(issuer), tuple(scopes)))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
