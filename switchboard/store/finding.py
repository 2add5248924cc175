"""Finding rows of a log: by their numbers, and by time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, bindparam, select

from ..model import Message
from .bulk import chunks
from .rows import message_of
from .schema import messages

SKEW_MS = 10_000
"""So far apart the clocks of who writes into one log may be."""

_line = messages.c
_of = select(_line.seq, _line.at).where(_line.conversation == bindparam("conversation"))
_FROM = _of.where(_line.seq >= bindparam("place")).order_by(_line.seq).limit(1)
_FIRST_SINCE = _FROM.where(_line.at >= bindparam("at"))
_LAST = _of.order_by(_line.seq.desc()).limit(1)


def rows(conversation: str, seqs: Sequence[int]) -> Callable[[Connection], list[Message]]:
    """The rows of those numbers, oldest first."""
    statements = [
        select(messages)
        .where(_line.conversation == conversation, _line.seq.in_(part))
        .order_by(_line.seq)
        for part in chunks(sorted(set(seqs)))
    ]
    return lambda connection: [
        message_of(row) for statement in statements for row in connection.execute(statement)
    ]


def since(conversation: str, at: int) -> Callable[[Connection], int]:
    """The first seq of that time or later.

    A log grows in the order of time, but for the differences of clocks. So halving it finds a place
    with one look-up for each doubling of its length, and no index on time has to be written with
    every row; from there, SKEW_MS before the time, it is read.
    """

    def run(connection: Connection) -> int:
        last = connection.execute(_LAST, {"conversation": conversation}).one_or_none()
        if last is None:
            return 1
        low, high = 0, last.seq + 1
        while low < high:
            middle = (low + high) // 2
            place = {"conversation": conversation, "place": middle}
            row = connection.execute(_FROM, place).one_or_none()
            if row is not None and row.at < at - SKEW_MS:
                low = row.seq + 1
            else:
                high = middle
        place = {"conversation": conversation, "place": low, "at": at}
        row = connection.execute(_FIRST_SINCE, place).one_or_none()
        return last.seq + 1 if row is None else int(row.seq)

    return run
