"""A SQLite database with the schema, as a file's octets."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from switchboard.store.engine import make_engine
from switchboard.store.migrate import upgrade


@cache
def empty_store() -> bytes:
    """Made once: the migrations would take longer than all that most tests do with it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.db"
        engine = make_engine(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()
        return file.read_bytes()
