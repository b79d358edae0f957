"""The first tables, and the triggers that keep answers and audit append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INSTANT = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

#: Tables whose rows are only ever added, and when one may go all the same: after ``purges`` has said so.
_APPEND_ONLY = {
    "attestation_versions": "EXISTS (SELECT 1 FROM purges WHERE kind = 'attestations' AND OLD.at < before)",
    "audit_events": "EXISTS (SELECT 1 FROM purges WHERE kind = 'audit' AND OLD.at < before)",
    "audit_patients": "NOT EXISTS (SELECT 1 FROM audit_events WHERE number = OLD.number)",
}


def upgrade() -> None:
    """Make everything."""
    _studies()
    _answers_and_audit()
    _cards()
    op.create_table(
        "used_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("until", _INSTANT, nullable=False),
    )
    op.create_index("ix_used_tokens_until", "used_tokens", ["until"])
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("progress", sa.JSON, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("created", _INSTANT, nullable=False),
        sa.Column("updated", _INSTANT, nullable=False),
        sa.Column("holder", sa.Text),
    )
    op.create_index("ix_runs_created", "runs", ["created"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _studies() -> None:
    op.create_table(
        "study_additions",
        sa.Column("revision", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
    )
    op.create_table(
        "study_resources",
        sa.Column("revision", _NUMBER, sa.ForeignKey("study_additions.revision"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("resource", sa.JSON, nullable=False),
    )
    op.create_index("ix_study_resources_type_id_revision", "study_resources", ["type", "id", "revision"])


def _answers_and_audit() -> None:
    op.create_table(
        "attestation_versions",
        sa.Column("patient", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entries", sa.JSON, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
    )
    op.create_table(
        "audit_events",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("event", sa.JSON, nullable=False),
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
    op.create_table(
        "audit_patients",
        sa.Column("number", _NUMBER, sa.ForeignKey("audit_events.number", ondelete="CASCADE"), primary_key=True),
        sa.Column("patient", sa.Text, primary_key=True),
    )
    op.create_index("ix_audit_patients_patient_number", "audit_patients", ["patient", "number"])
    op.create_table(
        "purges",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("before", _INSTANT, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
    )


def _cards() -> None:
    op.create_table(
        "cards",
        sa.Column("uuid", sa.Text, primary_key=True),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("study", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
    )
    op.create_index("ix_cards_patient_study_fingerprint", "cards", ["patient", "study", "fingerprint"])
    op.create_index("ix_cards_at", "cards", ["at"])
    op.create_table(
        "card_feedback",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("card", sa.Text, sa.ForeignKey("cards.uuid", ondelete="CASCADE"), nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("feedback", sa.JSON, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
    )
    op.create_index("ix_card_feedback_card", "card_feedback", ["card"])


def _guard_sqlite() -> None:
    for table, may_go in _APPEND_ONLY.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT ({may_go}) {refuse}")


def _guard_postgresql() -> None:
    for table, may_go in _APPEND_ONLY.items():
        op.execute(f"""
            CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN
                    IF {may_go} THEN
                        RETURN OLD;
                    END IF;
                END IF;
                RAISE EXCEPTION '{table} is append-only';
            END $$""")
        for name, event, each in (("row", "UPDATE OR DELETE", "ROW"), ("table", "TRUNCATE", "STATEMENT")):
            op.execute(f"""
                CREATE TRIGGER {table}_{name} BEFORE {event} ON {table}
                FOR EACH {each} EXECUTE FUNCTION {table}_refuse()""")
