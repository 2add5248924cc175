"""The migrations make the schema that the code works with."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from switchboard.store import migrate
from switchboard.store.engine import make_engine
from switchboard.store.schema import metadata


def test_migrations_make_the_schema(store_url: str) -> None:
    """A migrated database differs in nothing from the tables in code."""
    engine = make_engine(store_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_upgrading_twice_is_upgrading_once(store_url: str) -> None:
    """A database at the head stays there."""
    engine = make_engine(store_url)
    assert migrate.current(engine) == migrate.head()
    migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.head()
    engine.dispose()


def test_a_new_database_is_at_no_revision(tmp_path: Path) -> None:
    """Before the first migration there is no revision."""
    engine = make_engine(f"sqlite:///{tmp_path}/empty.db")
    assert migrate.current(engine) is None
    engine.dispose()
