"""What is to be sent and is not in memory any more: read from the store, then offered again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from switchboard.lanes import Lanes
from switchboard.model import Message, Operator
from switchboard.reception import Talks

from . import rows
from .held import READ_LIMIT
from .talk import Talk


class Backlog:
    """One read at a time of each talk; each ends in `offer`, for every operator behind."""

    def __init__(self, talks: Talks, lanes: Lanes, offer: Callable[[Talk], None]) -> None:
        self._service = talks
        self._lanes = lanes
        self._offer = offer

    def read(self, talk: Talk, after: int) -> None:
        """Reads the rows after a seq."""
        if not talk.reading:
            talk.reading = True
            self._lanes.put(talk.visitor, partial(self._read_back, talk, after))

    def lacks(self, talk: Talk, operator: Operator, lines: Iterable[Message]) -> bool:
        """Whether rows speak of lines that only the store knows: they are offered once it told."""
        wanted = set()
        for row in lines:
            seq = rows.refers_to(row)
            if seq is not None and not talk.knows(seq) and talk.concerns(operator.id, row):
                wanted.add(seq)
        if wanted and not talk.reading:
            talk.reading = True
            self._lanes.put(talk.visitor, partial(self._look_up, talk, sorted(wanted)))
        return bool(wanted)

    async def _read_back(self, talk: Talk, after: int) -> None:
        head = talk.head
        try:
            lines = await self._service.read(talk.visitor, after, READ_LIMIT)
        finally:
            talk.reading = False
        talk.page = (after, lines[-1].seq if len(lines) == READ_LIMIT else max(head, after), lines)
        self._offer(talk)
        talk.page = None

    async def _look_up(self, talk: Talk, wanted: list[int]) -> None:
        try:
            for seq in wanted:
                found = await self._service.read(talk.visitor, seq - 1, 1)
                talk.referred[seq] = found[0] if found and found[0].seq == seq else None
        finally:
            talk.reading = False
        self._offer(talk)
