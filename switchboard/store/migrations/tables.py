"""What all tables have in common, in the database that is being migrated."""

from __future__ import annotations

from typing import Any

from alembic import op


def options() -> dict[str, Any]:
    """Ids are compared octet by octet, blanks at their end too, which servers name differently."""
    mariadb = getattr(op.get_bind().dialect, "is_mariadb", False)
    return {
        "mysql_engine": "InnoDB",
        "mysql_charset": "utf8mb4",
        "mysql_collate": "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin",
    }


def compact() -> dict[str, Any]:
    """One tree, in the order of the key, as InnoDB has it by itself."""
    return {**options(), "sqlite_with_rowid": False}
