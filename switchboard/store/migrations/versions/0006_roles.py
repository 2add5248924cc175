"""Which roles moderators have given to whom is in a room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; of those who are in a room now no role is known."""
    op.add_column("occupants", sa.Column("role", sa.String(20), nullable=False, server_default=""))


def downgrade() -> None:
    """Drops the column: with the next gateway roles are as when people came."""
    op.drop_column("occupants", "role")
