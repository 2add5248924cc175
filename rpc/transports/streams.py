"""All open streams of a node, of every kind: their deadlines and pings, by one clock."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

from twisted.web.server import Request

from ..callers import Caller
from ..services import Services
from .sse import SseStream
from .stream import EventStream
from .websocket import Socket

PING_EVERY = 40
"""Seconds; also the number of groups that are pinged one a second."""
ATTENDED_EVERY = 10
"""The same for streams whose visitor looks on."""
FIRST_CALL_SECONDS = 5.0
CLOSING_SECONDS = 5.0
"""How long a client may take to close its end after a close code."""
SLOW_SECONDS = 20.0
"""How long a client may leave its connection full."""

_LATE = 4408


class Streams:
    """All streams of this node, with one clock for their deadlines and pings."""

    def __init__(self, web: Services) -> None:
        self.web = web
        self._numbers = itertools.count(1)
        self._groups: dict[int, list[set[EventStream]]] = {
            every: [set() for _ in range(every)] for every in (PING_EVERY, ATTENDED_EVERY)
        }
        self._turn = 0
        self._pinged_at = web.clock.monotonic()
        self._first_call: dict[EventStream, float] = {}
        self._full: dict[EventStream, float] = {}
        self._closing: dict[EventStream, float] = {}
        self._behind: set[EventStream] = set()
        self._stopping = False
        self._empty = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, itertools.chain(*self._groups.values())))

    def __iter__(self) -> Iterator[EventStream]:
        for group in itertools.chain(*self._groups.values()):
            yield from list(group)

    def socket(self, request: Request, caller: Caller) -> Socket:
        """The socket that a request is about to become."""
        return Socket(self, next(self._numbers), request.channel, caller)

    def sse(self) -> SseStream:
        """A stream of server-sent events that has not begun."""
        return SseStream(self, next(self._numbers))

    def opened(self, stream: EventStream) -> None:
        """It is there; if it has no visitor yet, it is to call in time."""
        self._group(stream).add(stream)
        if not stream.settled:
            self._first_call[stream] = self.web.clock.monotonic() + FIRST_CALL_SECONDS
        if self._stopping:
            stream.part()

    def full(self, stream: EventStream) -> None:
        """Its client does not read."""
        self._full[stream] = self.web.clock.monotonic() + SLOW_SECONDS

    def flows(self, stream: EventStream) -> None:
        """Its client reads again."""
        self._full.pop(stream, None)

    def closing(self, stream: EventStream) -> None:
        """It has been closed by us."""
        self._closing[stream] = self.web.clock.monotonic() + CLOSING_SECONDS

    def retry(self, stream: EventStream) -> None:
        """The store did not answer; it is asked again at the next sweep."""
        self._behind.add(stream)

    def forget(self, stream: EventStream) -> None:
        """It is gone."""
        self._group(stream).discard(stream)
        self._first_call.pop(stream, None)
        self._full.pop(stream, None)
        self._closing.pop(stream, None)
        self._behind.discard(stream)
        if self._stopping and not len(self):
            self._empty.set()

    def sweep(self) -> None:
        """To be called every second: deadlines, pings, and what the store owes."""
        now = self.web.clock.monotonic()
        for stream in _expired(self._first_call, now):
            if stream.settled:
                del self._first_call[stream]
            elif stream.work is None:
                del self._first_call[stream]
                stream.close(_LATE, "no hello in time")
        for stream in [*_expired(self._full, now), *_expired(self._closing, now)]:
            stream.abort()
        behind, self._behind = self._behind, set()
        for stream in behind:
            stream.fall_behind()
        while self._pinged_at + 1 <= now:
            self._pinged_at = max(self._pinged_at + 1, now - PING_EVERY)
            self._turn += 1
            for every, groups in self._groups.items():
                for stream in list(groups[self._turn % every]):
                    stream.ping()

    def close(self) -> None:
        """Tells all clients, those too that still come, to go elsewhere."""
        self._stopping = True
        for stream in self:
            stream.part()

    async def settle(self) -> None:
        """Waits until every call in hand is answered."""
        while work := [stream.work for stream in self if stream.work is not None]:
            await asyncio.wait(work)

    async def gone(self) -> None:
        """Waits until the last stream is gone."""
        if len(self):
            await self._empty.wait()

    def abort(self) -> None:
        """Drops those that do not go."""
        for stream in self:
            stream.abort()

    def _group(self, stream: EventStream) -> set[EventStream]:
        every = ATTENDED_EVERY if stream.attended else PING_EVERY
        return self._groups[every][stream.number % every]


def _expired(deadlines: dict[EventStream, float], now: float) -> list[EventStream]:
    """Those whose time is over; deadlines stand in the order in which they were set."""
    return list(itertools.takewhile(lambda stream: deadlines[stream] <= now, deadlines))
