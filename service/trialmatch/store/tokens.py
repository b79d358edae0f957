"""Tokens that may be used once (``jti``): the first use wins, whichever worker sees it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import delete

from trialmatch.store.database import Store, insert_new
from trialmatch.store.tables import used_tokens


def first_use(store: Store, issuer: str, jti: str, until: datetime) -> bool:
    """Whether this is the first time that an issuer's token is seen. It is remembered ``until`` it runs out.

    Exactly one of several callers at once hears True. What is kept is a digest: the names are the issuer's and of any
    length.
    """
    digest = hashlib.sha256(f"{len(issuer)} {issuer} {jti}".encode("utf-8", "surrogatepass")).hexdigest()
    with store.writing(lasting=False) as connection:  # at the latest with the audit of what the token is for
        insert = insert_new(connection, used_tokens).values(digest=digest, until=until)
        return connection.execute(insert.returning(used_tokens.c.digest)).first() is not None


def purge(store: Store, now: datetime) -> int:
    """Forget the tokens that have run out; returns how many."""
    with store.writing(alone="tokens") as connection:
        return connection.execute(delete(used_tokens).where(used_tokens.c.until < now)).rowcount
