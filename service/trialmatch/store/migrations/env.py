"""Run by Alembic for every command: on the connection, and inside the transaction, that the caller hands over."""

from __future__ import annotations

from alembic import context

from trialmatch.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
