"""What visitors thought of their talks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from switchboard.store.migrations.tables import compact

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "ratings",
        sa.Column("conversation", sa.String(100), primary_key=True),
        sa.Column("talk", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column("operator", sa.String(64)),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("comment", LONG, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        **compact(),
    )
    op.create_index("ix_ratings_site_at", "ratings", ["site", "at"])


def downgrade() -> None:
    """Drops the table and what it holds."""
    op.drop_table("ratings")
