"""Persons' answers to criteria, patient by patient. Each change adds a version; none is ever rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, literal, select

from trialmatch.errors import Stale
from trialmatch.store.database import Store, insert_new
from trialmatch.store.tables import Instant, attestation_versions

_NEWEST_FIRST = attestation_versions.c.version.desc()


@dataclass(frozen=True)
class Held:
    """A patient's answers at one version; version 0, with no author and no time, where there never were any.

    ``entries`` have the shape of an attestations file, in the order in which they were given.
    """

    entries: list[dict[str, Any]]
    version: int
    by: str | None
    at: datetime | None


def held(store: Store, patient: str) -> Held:
    """The current answers. ``patient`` is the patient's id (without ``Patient/``)."""
    with store.reading() as connection:
        row = connection.execute(_versions(patient).limit(1)).first()
    return Held([], 0, None, None) if row is None else _held(row)


def history(store: Store, patient: str) -> list[Held]:
    """Every version, the newest first: who had answered what, and when."""
    with store.reading() as connection:
        return [_held(row) for row in connection.execute(_versions(patient))]


def put(
    store: Store, patient: str, entries: Sequence[dict[str, Any]], *, by: str, at: datetime, expected: int | None
) -> Held:
    """Replace a patient's answers: a new version, on disk when this returns.

    ``expected`` is the version that the caller has read (0: there must be none yet); Stale where another one is
    current. None replaces whatever there is.
    """
    while True:
        read = held(store, patient).version if expected is None else expected
        if _added(store, patient, entries, by, at, read):
            return Held(list(entries), read + 1, by, at)
        if expected is not None:
            raise Stale("the answers have been changed since they were read; read them again, then change them")


def _added(
    store: Store, patient: str, entries: Sequence[dict[str, Any]], by: str, at: datetime, expected: int
) -> bool:
    """Compare and swap in one statement; of two that do so at once, the second meets the first one's key."""
    table = attestation_versions
    current = select(func.coalesce(func.max(table.c.version), 0)).where(table.c.patient == patient).scalar_subquery()
    row = select(
        literal(patient),
        literal(expected + 1),
        literal(list(entries), table.c.entries.type),
        literal(by),
        literal(at, Instant()),
    ).where(current == expected)
    with store.writing() as connection:
        insert = insert_new(connection, table).from_select([column.name for column in table.c], row)
        return connection.execute(insert.returning(table.c.version)).first() is not None


def _versions(patient: str) -> Any:
    return select(attestation_versions).where(attestation_versions.c.patient == patient).order_by(_NEWEST_FIRST)


def _held(row: Row[Any]) -> Held:
    return Held(row.entries, row.version, row.by, row.at)
