"""The schema's versions: Alembic, run by the program, with no file of its own on the disk."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from .engine import flavour_of
from .faults import Faults
from .flavour import WRITES


def upgrade(engine: Engine) -> None:
    """Brings the schema up to date; of several at once one does it. Raises RetryLater."""
    flavour = flavour_of(engine.url)[1]
    with Faults(flavour).translated(), flavour.alone(engine), engine.connect() as connection:
        writing = connection.execution_options(**{WRITES: True})
        with writing.begin():
            command.upgrade(_config(writing), "head")


def current(engine: Engine) -> str | None:
    """The revision that the database is at; None before the first. Raises RetryLater."""
    with _faults(engine).translated(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision that this program wants."""
    revision = ScriptDirectory.from_config(_config(None)).get_current_head()
    if revision is None:
        raise LookupError("no migrations in the package")
    return revision


def _faults(engine: Engine) -> Faults:
    return Faults(flavour_of(engine.url)[1])


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "switchboard.store:migrations")
    config.attributes["connection"] = connection
    return config
