"""The first tables: sites, operators, visitors, logs, cursors, contact lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from switchboard.store.migrations.tables import compact, options

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """Makes the tables, and the one row of `meta`."""
    meta = op.create_table(
        "meta",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        **compact(),
    )
    op.bulk_insert(meta, [{"id": 1, "version": 1}])
    op.create_table(
        "sites",
        sa.Column("key", sa.String(40), primary_key=True),
        sa.Column("settings", LONG, nullable=False),
        **compact(),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.UniqueConstraint("site", "address", name="uq_operators"),
        **compact(),
    )
    op.create_table(
        "visitors",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column("details", LONG, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        **compact(),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column("domain", sa.String(190), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("phase", sa.String(10), nullable=False),
        sa.Column("operator", sa.String(64)),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        **compact(),
    )
    op.create_index("ix_conversations_domain_phase", "conversations", ["domain", "phase"])
    op.create_index("ix_conversations_site_updated_at", "conversations", ["site", "updated_at"])
    op.create_table(
        "messages",
        sa.Column("conversation", sa.String(100), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("sender_kind", sa.String(10), nullable=False),
        sa.Column("sender", sa.String(64), nullable=False),
        sa.Column("sender_name", sa.String(100), nullable=False),
        sa.Column("body", LONG, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("reply_to", sa.BigInteger),
        sa.Column("origin", LONG),
        sa.UniqueConstraint("conversation", "sender", "client_id", name="uq_messages"),
        **options(),
    )
    op.create_table(
        "cursors",
        sa.Column("conversation", sa.String(100), primary_key=True),
        sa.Column("participant", sa.String(64), primary_key=True),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("read", sa.BigInteger, nullable=False),
        **compact(),
    )
    op.create_table(
        "shown",
        sa.Column("domain", sa.String(190), primary_key=True),
        sa.Column("operator", sa.String(500), primary_key=True),
        sa.Column("visitor", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("group", sa.String(200), nullable=False),
        **compact(),
    )


def downgrade() -> None:
    """Drops everything."""
    for table in (
        "shown",
        "cursors",
        "messages",
        "conversations",
        "visitors",
        "operators",
        "sites",
        "meta",
    ):
        op.drop_table(table)
