"""Plays a day, or a part of it, at a speed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ..post import Post
from .operators import Desk
from .traffic import Day, Event, Kind
from .visitor import PostVisitor, SocketVisitor, Visitor

MOST_UNDER_WAY = 300
"""Events that have begun or should have: where more are, the machine is slower than the day, and
the day waits for it."""
WINDOW = 5.0
"""Seconds of the clock: one with anything played in it is one of activity."""


@dataclass
class Played:
    """What was done, as the clients saw it. Times in seconds."""

    seconds: float = 0.0
    done: Counter[Kind] = field(default_factory=Counter)
    extra: int = 0
    """Calls beside the day's: polls again for a line that had not come."""
    times: defaultdict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    late: list[float] = field(default_factory=list)
    """How much later than it should each event began."""
    failures: Counter[str] = field(default_factory=Counter)
    visitors: int = 0
    talks: int = 0
    known: int = 0
    """Page views of visitors who had spoken."""
    windows: set[int] = field(default_factory=set)
    """Of WINDOW seconds, those in which anything was played."""


class Player:
    """`desks` are the operators of each site, in the sites' order; `sites` are their keys."""

    def __init__(
        self, port: int, sites: Sequence[str], desks: Sequence[Sequence[Desk]], speed: float
    ) -> None:
        self._port = port
        self._sites = sites
        self._desks = desks
        self._speed = speed
        self._post = Post(port)
        self._played = Played()
        self._began = 0.0
        self._under_way = 0
        self._less = asyncio.Event()

    async def play(self, day: Day) -> Played:
        """Each visitor's events follow each other, however long the answers take."""
        first = day.events[0].at
        started = time.monotonic()
        self._began = started - first / self._speed
        queues: dict[int, asyncio.Queue[Event | None]] = {}
        visits: set[asyncio.Task[None]] = set()
        left = Counter(event.visitor for event in day.events)
        for event in day.events:
            await self._until(event.at)
            queue = queues.get(event.visitor)
            if queue is None:
                queue = queues[event.visitor] = asyncio.Queue()
                task = asyncio.create_task(self._visit(day, event.visitor, queue))
                visits.add(task)
                task.add_done_callback(visits.discard)
            queue.put_nowait(event)
            self._under_way += 1
            left[event.visitor] -= 1
            if not left[event.visitor]:
                queues.pop(event.visitor).put_nowait(None)
        await asyncio.gather(*visits)
        self._post.close()
        self._played.seconds = time.monotonic() - started
        return self._played

    def _due(self, at: float) -> float:
        return self._began + at / self._speed

    async def _until(self, at: float) -> None:
        wait = self._due(at) - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        stopped = time.monotonic()
        while self._under_way > MOST_UNDER_WAY:
            self._less.clear()
            await self._less.wait()
        self._began += time.monotonic() - stopped

    async def _visit(self, day: Day, number: int, queue: asyncio.Queue[Event | None]) -> None:
        one = day.visitors[number]
        made = SocketVisitor(self._port, self._post) if one.socket else PostVisitor(self._post)
        act = _Acts(made, self._sites[one.site], self._desks[one.site][one.operator], number)
        played = self._played
        played.visitors += 1
        well = True
        while (event := await queue.get()) is not None:
            well = well and await self._carry_out(act, event)
            self._under_way -= 1
            self._less.set()
        await made.close()
        played.extra += made.extra
        played.talks += act.spoken
        played.known += act.known

    async def _carry_out(self, act: _Acts, event: Event) -> bool:
        """Whether it could be done."""
        played = self._played
        began = time.monotonic()
        played.late.append(began - self._due(event.at))
        played.windows.add(int(began // WINDOW))
        try:
            await act.carry_out(event)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as failure:
            played.failures[f"{event.kind}: {type(failure).__name__} {failure}"[:200]] += 1
            return False
        played.done[event.kind] += 1
        played.times[event.kind].append(time.monotonic() - began)
        return True


class _Acts:
    """What one visitor does, and what the operator does for them."""

    def __init__(self, visitor: Visitor, site: str, desk: Desk, number: int) -> None:
        self._visitor = visitor
        self._site = site
        self._desk = desk
        self._number = number
        self._views = 0
        self._said = ""
        self.spoken = False
        self.known = 0

    async def carry_out(self, event: Event) -> None:
        """Raises OSError, TimeoutError, asyncio.IncompleteReadError."""
        visitor = self._visitor
        match event.kind:
            case Kind.HELLO:
                self._views += 1
                self.known += self.spoken
                await visitor.hello(self._site, self._page())
            case Kind.PAGE:
                await visitor.call("page", **self._page())
            case Kind.TYPING:
                await visitor.call("typing", state="composing")
            case Kind.SAY:
                self._said = f"Line {event.number} of visitor {self._number}: does it come in red?"
                self.spoken = True
                await visitor.call("say", id=uuid4().hex, body=self._said)
            case Kind.ANSWER:
                await self._desk.answer(visitor.id, self._said, f"Answer {event.number}: it does.")
            case Kind.SEEN:
                seq = await visitor.heard(event.number)
                await visitor.call("seen", seq=seq, state="read")
            case Kind.POLL:
                await visitor.poll(event.number)
            case Kind.BYE:
                await visitor.leave()
            case _:
                await visitor.call(event.kind.value)

    def _page(self) -> dict[str, Any]:
        return {
            "url": f"https://bench.example/{self._views}",
            "title": f"Page {self._views}",
            "visible": True,
        }
