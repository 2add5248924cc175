"""Rows that are no lines (changes, notes), several operators in a talk, bans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from switchboard.store.migrations.tables import compact

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """Adds the columns, each with what it means for the rows that are there, and the table."""
    op.add_column("messages", sa.Column("act", sa.String(10), nullable=False, server_default="say"))
    op.add_column("messages", sa.Column("target", sa.BigInteger))
    op.add_column("messages", sa.Column("extra", LONG))
    op.add_column(
        "conversations", sa.Column("others", sa.String(200), nullable=False, server_default="")
    )
    op.create_table(
        "bans",
        sa.Column("site", sa.String(40), primary_key=True),
        sa.Column("visitor", sa.String(64), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(100), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        **compact(),
    )


def downgrade() -> None:
    """Drops the table and the columns, and with them what they hold."""
    op.drop_table("bans")
    op.drop_column("conversations", "others")
    for column in ("extra", "target", "act"):
        op.drop_column("messages", column)
