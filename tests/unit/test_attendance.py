"""Activity: what counts, and how seldom it is told."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from switchboard import events
from switchboard.attendance import ACTIVITY_EVERY_MS, CENSUS_EVERY, Attendance
from switchboard.bus.memory import MemoryBus
from switchboard.bus.redis import RedisBus
from switchboard.census import Census
from switchboard.model import Page, Visit
from switchboard.ports import Bus
from switchboard.sessions.memory import MemorySessions

VISIT = Visit("v-abcdefghijklmnop", "shop", "chat.example.org", Page("https://shop/a", "A"))
START = 1_000_000.0


class HandClock:
    """Time that the test moves."""

    seconds = START

    def now(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


class Node:
    """An attendance, and a census that listens to it."""

    def __init__(self, bus: Bus | None = None) -> None:
        self.clock = HandClock()
        self.bus = MemoryBus() if bus is None else bus
        self.left: list[str] = []
        self.here: list[events.VisitorHere] = []
        self.bus.subscribe(events.CENSUS, self._heard)
        self.attendance = Attendance(self.bus, MemorySessions(), self.clock, "n", 1, 15.0)
        self.census = Census(self.bus, self.clock, self, 15.0)

    def visitor_here(self, visit: Visit) -> None:
        pass

    def visitor_left(self, visitor: str) -> None:
        self.left.append(visitor)

    def _heard(self, event: events.Event) -> None:
        if isinstance(event, events.VisitorHere):
            self.here.append(event)

    def kept(self) -> Visit:
        visit = self.attendance.visit(VISIT.visitor)
        assert visit is not None
        return visit

    def idle_for(self) -> float:
        """Seconds since the visitor did something, as the node knows it."""
        return self.clock.seconds - self.kept().active_at / 1000


@pytest.fixture
async def node() -> Node:
    """With the visitor there since 100 s."""
    node = Node()
    node.attendance.update(VISIT, stream=1)
    node.clock.seconds += 100
    return node


@pytest.mark.parametrize(
    ("change", "active"),
    [
        ({"page": Page("https://shop/b", "A")}, True),
        ({"page": Page("https://shop/a", "B")}, True),
        ({"opened": True}, True),
        ({"page": Page("https://shop/a", "A", visible=False)}, False),
        ({"spoken": True}, False),
        ({"locale": "de"}, False),
        ({}, False),
    ],
)
async def test_what_counts(node: Node, change: dict[str, object], active: bool) -> None:
    """Another page and opening the widget do; hiding the page, or what we learn, does not."""
    node.attendance.update(replace(node.kept(), **change), stream=1)
    assert node.idle_for() == (0 if active else 100)


async def test_becoming_visible_counts(node: Node) -> None:
    """Hidden is no activity, back is."""
    node.attendance.update(replace(VISIT, page=replace(VISIT.page, visible=False)), stream=1)
    assert node.idle_for() == 100
    node.attendance.update(VISIT, stream=1)
    assert node.idle_for() == 0


async def test_what_an_older_caller_knows_is_not_put_back(node: Node) -> None:
    """An update made of a visit read before keeps the later activity."""
    before = node.kept()
    node.attendance.active(VISIT.visitor)
    node.attendance.update(replace(before, locale="de"), stream=1)
    assert node.idle_for() == 0
    assert node.kept().locale == "de"


async def test_typing_is_told_once_a_minute(node: Node) -> None:
    """A key every second for five minutes is five changes, and the census has the rest."""
    await asyncio.sleep(0)
    node.here.clear()
    for _ in range(300):
        node.attendance.active(VISIT.visitor)
        node.clock.seconds += 1
    await asyncio.sleep(0)
    assert len(node.here) == 300_000 / ACTIVITY_EVERY_MS
    assert node.idle_for() == 1
    node.clock.seconds += CENSUS_EVERY
    node.attendance.sweep()
    await asyncio.sleep(0)
    told = node.census.visit(VISIT.visitor)
    assert told is not None
    assert told.active_at == node.kept().active_at


async def test_who_comes_back_from_the_cache_has_not_done_anything(node: Node) -> None:
    """A visit that is recalled keeps its activity; a new one begins with it."""
    assert node.kept().active_at == int(START * 1000)
    recalled = replace(VISIT, visitor="v-qqqqqqqqqqqqqqqq", active_at=7)
    assert node.attendance.update(recalled).active_at == 7


async def test_of_who_is_not_here_nothing_is_told(node: Node) -> None:
    """Activity of a visitor of another node is that node's."""
    await asyncio.sleep(0)
    node.here.clear()
    node.attendance.active("v-qqqqqqqqqqqqqqqq")
    await asyncio.sleep(0)
    assert node.here == []


async def test_who_is_deaf_takes_nobody_for_silent() -> None:
    """While the bus is down no visitor leaves, and afterwards their nodes have time to speak."""
    bus = RedisBus("redis://127.0.0.1:1/0")
    node = Node(bus)
    node.attendance.update(VISIT, stream=1)
    await asyncio.sleep(0)
    assert [visit.visitor for visit in node.census] == [VISIT.visitor]
    for _ in range(200):
        node.clock.seconds += 1
        node.census.sweep()
    assert node.left == []
    bus.up = True
    for _ in range(10):
        node.clock.seconds += 1
        node.census.sweep()
    assert node.left == []
    for _ in range(20):
        node.clock.seconds += 1
        node.census.sweep()
    assert node.left == [VISIT.visitor]
