"""The tables, in words of SQLAlchemy. Migrations make them; a test holds the two together.

Times are instants in UTC. JSON is kept as text (``JSON``, not ``JSONB``), so that what was put in comes out with its
order. Triggers, made by the migrations, keep answers and audit append-only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

#: The newest migration, so that a store that is up to date is opened without loading Alembic.
REVISION = "0002"


class Instant(TypeDecorator[datetime]):
    """A point in time: an aware datetime goes in, one in UTC comes out. SQLite itself knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a time without its zone would be guessing."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC, whatever zone the database's session has."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# A number that counts up by itself; SQLite does so for columns called INTEGER only.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _instant(name: str) -> Column[Any]:
    return Column(name, Instant(), nullable=False)


#: Who added studies and when. The number counts up without gaps and is the revision of all studies together.
study_additions = Table(
    "study_additions",
    metadata,
    Column("revision", _NUMBER, primary_key=True, autoincrement=False),
    Column("by", Text, nullable=False),
    _instant("at"),
)

#: The definitional resources of each addition; the newest of a type and id counts, older ones show what once held.
study_resources = Table(
    "study_resources",
    metadata,
    Column("revision", ForeignKey("study_additions.revision"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("type", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("resource", JSON, nullable=False),
    Index(None, "type", "id", "revision"),
)

#: Every version of every patient's answers; the highest is the current one. Rows are only ever added.
attestation_versions = Table(
    "attestation_versions",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("entries", JSON, nullable=False),
    Column("by", Text, nullable=False),
    _instant("at"),
)

#: FHIR AuditEvents in the order in which they were recorded. Rows are only ever added.
audit_events = Table(
    "audit_events",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    _instant("at"),
    Column("event", JSON, nullable=False),
    Index(None, "at"),
)

#: Which patients an AuditEvent is about.
audit_patients = Table(
    "audit_patients",
    metadata,
    Column("number", ForeignKey("audit_events.number", ondelete="CASCADE"), primary_key=True),
    Column("patient", Text, primary_key=True),
    Index(None, "patient", "number"),
)

#: Up to when entries of a kind (``audit``, ``attestations``) have been removed; only older ones can be.
purges = Table(
    "purges",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("before", Instant(), nullable=False),
    _instant("at"),
)

#: Cards shown by CDS Hooks; the fingerprint stands for the evidence that a card rests on.
cards = Table(
    "cards",
    metadata,
    Column("uuid", Text, primary_key=True),
    Column("patient", Text, nullable=False),
    Column("study", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    _instant("at"),
    Index(None, "patient", "study", "fingerprint"),
    Index(None, "at"),
)

#: What clinicians made of cards: the entries of CDS Hooks' feedback.
card_feedback = Table(
    "card_feedback",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("card", ForeignKey("cards.uuid", ondelete="CASCADE"), nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("feedback", JSON, nullable=False),
    _instant("at"),
)

#: Tokens that have been used once, as digests, until they would have run out anyway.
used_tokens = Table(
    "used_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("until", Instant(), nullable=False, index=True),
)

#: Sessions of the web pages, sealed with a key that only the browser holds, by a digest of its secret.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("until", Instant(), nullable=False, index=True),
)

#: Prescreening runs. ``holder`` names the worker that carries a run out.
runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("request", JSON, nullable=False),
    Column("progress", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("created", Instant(), nullable=False, index=True),
    Column("updated", Instant(), nullable=False),
    Column("holder", Text),
)
