"""The truth: SQLAlchemy Core over one database, many lines to a commit."""

from __future__ import annotations

from .store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
