"""Sessions of the web pages: sealed contents by a digest of the browser's secret, until they run out.

Whoever reads the database learns neither the secret nor the contents: both are the caller's to keep (see
:mod:`trialmatch.web.login.sessions`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from trialmatch.store.database import Store, insert_new
from trialmatch.store.tables import sessions


def load(store: Store, digest: str, now: datetime) -> str | None:
    """The sealed contents of a session that has not run out."""
    with store.reading() as connection:
        query = select(sessions.c.sealed).where(sessions.c.digest == digest, sessions.c.until > now)
        found: str | None = connection.execute(query).scalar()
        return found


def save(store: Store, digest: str, sealed: str, until: datetime) -> None:
    """Keep the contents of a session, in place of earlier ones."""
    with store.writing() as connection:
        changed = update(sessions).where(sessions.c.digest == digest).values(sealed=sealed, until=until)
        if not connection.execute(changed).rowcount:
            insert = insert_new(connection, sessions)
            connection.execute(insert.values(digest=digest, sealed=sealed, until=until))


def forget(store: Store, digest: str) -> None:
    """End a session."""
    with store.writing() as connection:
        connection.execute(delete(sessions).where(sessions.c.digest == digest))


def purge(store: Store, now: datetime) -> int:
    """Remove the sessions that have run out; returns how many."""
    with store.writing(alone="sessions") as connection:
        return connection.execute(delete(sessions).where(sessions.c.until <= now)).rowcount
