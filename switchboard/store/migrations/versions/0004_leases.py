"""Which process owns what only one may own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from switchboard.store.migrations.tables import compact

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "leases",
        sa.Column("name", sa.String(190), primary_key=True),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("standby", sa.String(100), nullable=False),
        sa.Column("standby_beat", sa.BigInteger, nullable=False),
        **compact(),
    )


def downgrade() -> None:
    """Drops the table: whoever runs the earlier program may not run twice."""
    op.drop_table("leases")
