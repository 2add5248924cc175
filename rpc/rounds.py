"""Everybody on this node who reads in a room, served together.

Whoever follows stands at the log's end and is given each row as it comes. Whoever stands elsewhere,
since they come anew or their connection was full, holds a position instead of a queue and reads on
by `catch_up` until they follow. A row is given only to who stands right before it.

Readers are served in rounds, and a round in slices, so that a room of thousands does not keep the
loop from everything else. What comes meanwhile waits for the next round, which gives each reader
all of it by one write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from .room_log import RoomLog
from .room_readers import RoomReader
from .shared import Row, Shared
from .tokens import Place

SLICE = 250
"""Deliveries without a break: some milliseconds."""


class Rounds:
    """The readers of a room's log."""

    def __init__(self, log: RoomLog) -> None:
        self._log = log
        self._readers: dict[str, tuple[RoomReader, ...]] = {}
        self._words: list[Shared] = []
        """What the next round tells beside rows…"""
        self._telling: list[Shared] = []
        """… and what the one under way tells, its readers that are left, and its last row."""
        self._left: Iterator[RoomReader] | None = None
        self._until = 0

    @property
    def here(self) -> Collection[str]:
        """The occupants that read."""
        return self._readers.keys()

    def readers(self, own: str) -> tuple[RoomReader, ...]:
        """Those of an occupant's."""
        return self._readers.get(own, ())

    def add(self, reader: RoomReader) -> None:
        """A reader comes; it gets nothing before `catch_up`."""
        self.place(reader, self._log.end)
        self._readers[reader.own] = (*self.readers(reader.own), reader)

    def remove(self, reader: RoomReader) -> None:
        """A reader goes."""
        reader.following, reader.gone = False, True
        left = tuple(other for other in self.readers(reader.own) if other is not reader)
        if left:
            self._readers[reader.own] = left
        else:
            self._readers.pop(reader.own, None)

    def place(self, reader: RoomReader, place: Place) -> None:
        """Where a reader begins."""
        reader.following = False
        reader.seq, reader.mark, reader.part = place.seq, place.mark, self._log.part(place)

    async def catch_up(self, reader: RoomReader) -> None:
        """Brings a reader to the log's end, or as far as it can take; not twice at a time.

        Raises RetryLater.
        """
        while reader.seq < self._log.seq and reader.ready():
            rows = await self._log.after(reader.seq)
            if not reader.ready():
                return
            if not rows or rows[0].seq != reader.seq + 1:
                reader.host.lose_place()
                return
            for row in rows:
                if not reader.ready():
                    return
                reader.host.hear(reader, [row])
        reader.following = reader.ready()

    def tell(self, told: Sequence[Shared]) -> None:
        """Tells everybody who follows what moves nobody."""
        if self._readers:
            self._words += told
            self.serve()

    def tell_one(self, own: str, told: Shared) -> None:
        """Tells one occupant's readers something at once."""
        for reader in self.readers(own):
            if reader.ready():
                reader.host.hear(reader, [told])

    def serve(self) -> None:
        """Gives everybody what is there for them, at once or after the round that is under way."""
        if self._left is None and self._readers:
            self._telling, self._words = self._words, []
            self._left = iter(tuple(chain.from_iterable(self._readers.values())))
            self._until = self._log.seq
            self._slice()

    def _slice(self) -> None:
        assert self._left is not None
        deliveries = 0
        last, words = self._log.last, self._telling
        for reader in self._left:
            if not reader.following:
                continue
            if not reader.host.ready():
                reader.following = False  # it calls catch_up when it can take more
                continue
            due = self._due(reader, last, words)
            if not due:
                continue
            reader.host.hear(reader, due)
            deliveries += len(due)
            if deliveries >= SLICE:
                asyncio.get_running_loop().call_soon(self._slice)
                return
        self._left = None
        if self._words or self._log.seq > self._until:
            asyncio.get_running_loop().call_soon(self.serve)

    def _due(
        self, reader: RoomReader, last: Row | None, words: list[Shared]
    ) -> Sequence[Row | Shared]:
        behind = self._log.seq - reader.seq
        if behind == 1 and last is not None:
            return (last, *words)
        if not behind:
            return words
        rows = self._log.kept(reader.seq)
        if not rows:
            reader.following = False
            reader.host.fall_behind()
            return ()
        return (*rows, *words)
