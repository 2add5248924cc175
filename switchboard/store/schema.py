"""The tables. Migrations make them; a test holds the two against each other.

Ids are compared octet by octet in every dialect. Lengths keep each key below the 3072 octets that
InnoDB allows. `messages` has no foreign key, so that it can be partitioned by conversation.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT

# One tree, in the order of the key, as InnoDB has it by itself. Not for `messages`: lines that
# arrive together then stand together, and a commit writes a fifth fewer pages.
COMPACT: dict[str, Any] = {"sqlite_with_rowid": False}

CONVERSATION = String(100)
PARTICIPANT = String(64)
SITE = String(40)
DOMAIN = String(190)
ADDRESS = String(500)
NAME = String(100)
LONG = Text().with_variant(MEDIUMTEXT(), "mysql")

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s"}
)

meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    **COMPACT,
)
"""One row, of id 1: the version of sites, operators and bans."""

sites = Table(
    "sites",
    metadata,
    Column("key", SITE, primary_key=True),
    Column("settings", LONG, nullable=False),
    **COMPACT,
)

operators = Table(
    "operators",
    metadata,
    Column("id", PARTICIPANT, primary_key=True),
    Column("site", SITE, nullable=False),
    Column("address", ADDRESS, nullable=False),
    Column("name", NAME, nullable=False),
    UniqueConstraint("site", "address"),
    **COMPACT,
)

visitors = Table(
    "visitors",
    metadata,
    Column("id", PARTICIPANT, primary_key=True),
    Column("site", SITE, nullable=False),
    Column("details", LONG, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    **COMPACT,
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", CONVERSATION, primary_key=True),
    Column("site", SITE, nullable=False),
    Column("domain", DOMAIN, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("phase", String(10), nullable=False),
    Column("operator", PARTICIPANT),
    Column("since", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("name", NAME, nullable=False),
    Column("others", String(200), nullable=False, server_default=""),
    Index(None, "domain", "phase"),
    Index(None, "site", "updated_at"),
    **COMPACT,
)
"""`updated_at` is when the last row was written or the talk ended; `others` has spaces between.

While a talk is open `seq` and `updated_at` may be behind the log: see logs.py.
"""

messages = Table(
    "messages",
    metadata,
    Column("conversation", CONVERSATION, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("client_id", String(100), nullable=False),
    Column("sender_kind", String(10), nullable=False),
    Column("sender", PARTICIPANT, nullable=False),
    Column("sender_name", NAME, nullable=False),
    Column("body", LONG, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reply_to", BigInteger),
    Column("origin", LONG),
    Column("act", String(10), nullable=False, server_default="say"),
    Column("target", BigInteger),
    Column("extra", LONG),
    UniqueConstraint("conversation", "sender", "client_id"),
)

"""`extra` is what few rows have, as JSON: see rows.py."""

cursors = Table(
    "cursors",
    metadata,
    Column("conversation", CONVERSATION, primary_key=True),
    Column("participant", PARTICIPANT, primary_key=True),
    Column("delivered", BigInteger, nullable=False),
    Column("read", BigInteger, nullable=False),
    **COMPACT,
)

bans = Table(
    "bans",
    metadata,
    Column("site", SITE, primary_key=True),
    Column("visitor", PARTICIPANT, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("by", NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("name", NAME, nullable=False),
    **COMPACT,
)

ratings = Table(
    "ratings",
    metadata,
    Column("conversation", CONVERSATION, primary_key=True),
    Column("talk", BigInteger, primary_key=True, autoincrement=False),
    Column("site", SITE, nullable=False),
    Column("operator", PARTICIPANT),
    Column("score", Integer, nullable=False),
    Column("comment", LONG, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "site", "at"),
    **COMPACT,
)

shown = Table(
    "shown",
    metadata,
    Column("domain", DOMAIN, primary_key=True),
    Column("operator", ADDRESS, primary_key=True),
    Column("visitor", PARTICIPANT, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("group", String(200), nullable=False),
    **COMPACT,
)

occupants = Table(
    "occupants",
    metadata,
    Column("room", CONVERSATION, primary_key=True),
    Column("jid", ADDRESS, primary_key=True),
    Column("nick", NAME, nullable=False),
    Column("role", String(20), nullable=False, server_default=""),
    **COMPACT,
)
"""Jabber clients that are in rooms, and visitors that these know of there."""

leases = Table(
    "leases",
    metadata,
    Column("name", DOMAIN, primary_key=True),
    Column("owner", NAME, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("standby", NAME, nullable=False),
    Column("standby_beat", BigInteger, nullable=False),
    **COMPACT,
)
"""See ports.LeaseRow."""
