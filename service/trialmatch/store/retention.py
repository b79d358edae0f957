"""Nothing of a patient is kept longer than needed: what has reached its age is removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, delete, exists, func, insert, select, update

from trialmatch.config import Settings
from trialmatch.store import sessions, tokens
from trialmatch.store.database import Store
from trialmatch.store.tables import attestation_versions, audit_events, cards, purges, runs

#: How many rows one transaction removes; less than a tenth of a second's work.
_FEW = 1000


@dataclass(frozen=True)
class Purged:
    """How many rows were removed; the ids of the runs, so that their results can be removed as well."""

    attestations: int
    cards: int
    audit: int
    tokens: int
    sessions: int
    runs: tuple[str, ...]


def purge(store: Store, settings: Settings, now: datetime) -> Purged:
    """Remove what is older than the settings allow.

    - Answers: a version ``retention_days`` after it was given or, if it was replaced, after it was replaced.
    - Cards and their feedback: ``retention_days`` after they were shown.
    - Runs: ``retention_days`` after their last change.
    - The audit log: entries ``audit_retention_days`` after they were recorded.
    - Tokens seen, and sessions of the pages: when they have run out.

    Safe while others write and while others purge.
    """
    old, audited = oldest(settings, now), _before(now, settings.audit_retention_days)
    with store.writing(alone="purge") as connection:
        _limit(connection, "attestations", old, now)
        _limit(connection, "audit", audited, now)
        versions, following = attestation_versions.c, attestation_versions.alias().c
        needed = exists().where(
            following.patient == versions.patient, following.version == versions.version + 1, following.at >= old
        )
        answers = connection.execute(delete(attestation_versions).where(versions.at < old, ~needed)).rowcount
    return Purged(
        attestations=answers,
        cards=len(_removed(store, cards.c.uuid, cards.c.at < old)),
        audit=len(_removed(store, audit_events.c.number, audit_events.c.at < audited)),
        tokens=tokens.purge(store, now),
        sessions=sessions.purge(store, now),
        runs=tuple(_removed(store, runs.c.id, runs.c.updated < old)),
    )


def oldest(settings: Settings, now: datetime) -> datetime:
    """Since when what is about patients is kept."""
    return _before(now, settings.retention_days)


def due(store: Store, now: datetime) -> bool:
    """Whether the last :func:`purge`, by whichever worker, is an hour ago or more; or was when a clock went wrong."""
    with store.reading() as connection:
        last: datetime | None = connection.execute(select(func.max(purges.c.at))).scalar()
    return last is None or abs(now - last) >= timedelta(hours=1)


def _before(now: datetime, days: int) -> datetime:
    """So many days ago. A thousand years are for ever; the calendar of datetime ends not long before."""
    return now - timedelta(days=min(days, 365_000))


def _removed(store: Store, key: Column[Any], condition: ColumnElement[bool]) -> list[Any]:
    """Remove rows, a few at a time so that no other writer waits for long; their keys."""
    gone: list[Any] = []
    while True:
        some = select(key).where(condition).limit(_FEW)
        with store.writing(alone="purge") as connection:
            found = connection.execute(delete(key.table).where(key.in_(some)).returning(key)).scalars().all()
        gone += found
        if len(found) < _FEW:
            return gone


def _limit(connection: Connection, kind: str, before: datetime, now: datetime) -> None:
    """Say up to when entries of a kind may be removed. The triggers let nothing younger go, whoever asks."""
    values = {"before": before, "at": now}
    if connection.execute(select(1).where(purges.c.kind == kind)).first() is None:
        connection.execute(insert(purges).values(kind=kind, **values))
    else:
        connection.execute(update(purges).where(purges.c.kind == kind).values(**values))
