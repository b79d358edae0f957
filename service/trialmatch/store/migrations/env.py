"""Run by Alembic for every command: on the connection, and inside the transaction, that the caller hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from trialmatch.store.tables import Instant, metadata


def _rendered(kind: str, item: Any, _: object) -> str | Literal[False]:
    """How a new migration writes a type of ours: it must not change when the package does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    render_item=_rendered,
)
with context.begin_transaction():
    context.run_migrations()
