"""Runs the migrations on the connection, and in the transaction, that migrate.py hands over."""

from __future__ import annotations

from alembic import context

from switchboard.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
