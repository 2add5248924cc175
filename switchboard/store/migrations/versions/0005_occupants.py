"""Which Jabber clients are in which rooms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from switchboard.store.migrations.tables import compact

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "occupants",
        sa.Column("room", sa.String(100), primary_key=True),
        sa.Column("jid", sa.String(500), primary_key=True),
        sa.Column("nick", sa.String(100), nullable=False),
        **compact(),
    )


def downgrade() -> None:
    """Drops the table: clients find out that they are in no room any more."""
    op.drop_table("occupants")
