"""What the store's statements are for, by their digest texts (MariaDB's performance_schema)."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Does(enum.Enum):
    """To the tables."""

    READS = "read"
    WRITES = "write"
    NEITHER = "neither"


class Why(enum.Enum):
    """What makes the statement run."""

    LINE = "a line"
    TALK = "a talk, or a visitor who has spoken"
    FLUSH = "a batched flush"
    CLOCK = "the clock"
    SESSION = "a session"
    FRAME = "a transaction"
    OTHER = "something else"


class Kind(NamedTuple):
    """Statements that are for the same thing."""

    what: str
    does: Does
    why: Why


@dataclass(frozen=True, slots=True)
class Digest:
    """A row of events_statements_summary_by_digest; `rows` is how many rows were changed."""

    text: str
    count: int
    rows: int


OTHER = Kind("anything else", Does.READS, Why.OTHER)

CURSORS = Kind("cursors", Does.WRITES, Why.FLUSH)
SHOWN = Kind("who is in operators' lists", Does.WRITES, Why.FLUSH)
GONE = Kind("who is out of them again", Does.WRITES, Why.FLUSH)

_KINDS: list[tuple[str, Kind]] = [
    ("INSERT INTO messages", Kind("lines", Does.WRITES, Why.LINE)),
    (
        "SELECT .* FROM conversations WHERE conversations.id IN .* FOR UPDATE",
        Kind("their conversations, locked", Does.READS, Why.LINE),
    ),
    (
        r"SELECT conversations.id , \( SELECT messages.seq FROM",
        Kind("how far their logs are", Does.READS, Why.LINE),
    ),
    (
        "SELECT .* FROM messages WHERE .*messages.client_id = ",
        Kind("whether they stand already", Does.READS, Why.LINE),
    ),
    (
        "SELECT .* FROM messages WHERE messages.conversation = . AND messages.seq > ",
        Kind("lines after a poll's cursor", Does.READS, Why.LINE),
    ),
    (
        "(INSERT INTO|UPDATE) conversations",
        Kind("conversations", Does.WRITES, Why.TALK),
    ),
    (
        "SELECT .* FROM messages WHERE .*messages.act IN ",
        Kind("the last lines, for a new page", Does.READS, Why.TALK),
    ),
    (
        "SELECT .* WHERE conversations.id (=|IN) ",
        Kind("conversations, for a new page", Does.READS, Why.TALK),
    ),
    ("INSERT INTO cursors", CURSORS),
    ("INSERT INTO shown", SHOWN),
    ("DELETE FROM shown", GONE),
    (
        "SELECT .* FROM visitors WHERE visitors.id IN ",
        Kind("details of who is here, after the bus failed", Does.READS, Why.TALK),
    ),
    (".* visitors ", Kind("visitors", Does.READS, Why.SESSION)),
    ("SELECT meta.version ", Kind("the configuration's version", Does.READS, Why.CLOCK)),
    (
        "SELECT .* FROM conversations WHERE .* FOR UPDATE",
        Kind("talks that are idle", Does.READS, Why.CLOCK),
    ),
    (
        "SELECT .* WHERE conversations.domain = . AND conversations.phase IN ",
        Kind("the open talks", Does.READS, Why.CLOCK),
    ),
    ("SELECT .* leases ", Kind("the leases", Does.READS, Why.CLOCK)),
    ("(INSERT INTO|UPDATE) leases", Kind("a lease's renewal", Does.WRITES, Why.CLOCK)),
    ("(COMMIT|ROLLBACK|SET|BEGIN|START)", Kind("begin and end", Does.NEITHER, Why.FRAME)),
]
_PATTERNS = [(re.compile(pattern), kind) for pattern, kind in _KINDS]


def kind_of(text: str) -> Kind:
    """What a digest's text is for."""
    # MariaDB writes `table` . `column`, and puts spaces around every sign.
    plain = re.sub(r" \. ", ".", text.replace("`", ""))
    return next((kind for pattern, kind in _PATTERNS if pattern.match(plain)), OTHER)


@dataclass
class Tally:
    """Statements of one kind."""

    count: int = 0
    rows: int = 0


def by_kind(digests: Iterable[Digest]) -> dict[Kind, Tally]:
    """How many there were of each kind, in the table's order; kinds without any are left out."""
    found: dict[Kind, Tally] = {kind: Tally() for _, kind in _KINDS} | {OTHER: Tally()}
    for digest in digests:
        tally = found[kind_of(digest.text)]
        tally.count += digest.count
        tally.rows += digest.rows
    return {kind: tally for kind, tally in found.items() if tally.count}
