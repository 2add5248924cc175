"""What every bus keeps to."""

from __future__ import annotations

import asyncio
import logging
import time
import tracemalloc
from collections.abc import Callable

import pytest

from switchboard.events import Event, Look
from switchboard.ports import Bus

pytestmark = pytest.mark.asyncio


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, at most thirty seconds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0)


def looks(count: int) -> list[Event]:
    """Events that can be told apart."""
    return [Look("v-ann", seq) for seq in range(count)]


async def heard(bus: Bus, topic: str = "t") -> list[Event]:
    """A list to which a topic's events are added."""
    events: list[Event] = []
    bus.subscribe(topic, events.append)
    return events


async def test_events_come_in_order_to_every_subscriber(bus: Bus) -> None:
    """All subscribers of a topic get all its events in the order they were published."""
    one, two = await heard(bus), await heard(bus)
    for look in looks(100):
        bus.publish("t", look)
    await until(lambda: len(one) == len(two) == 100)
    assert one == two == looks(100)


async def test_topics_are_apart(bus: Bus) -> None:
    """A subscriber gets nothing of another topic; publishing to nobody is nothing."""
    one, two = await heard(bus, "one"), await heard(bus, "two")
    (first, second, third) = looks(3)
    bus.publish("nobody", third)
    bus.publish("one", first)
    bus.publish("two", second)
    await until(lambda: bool(one and two))
    assert (one, two) == ([first], [second])


async def test_publishing_calls_nobody_at_once(bus: Bus) -> None:
    """A listener runs from the event loop, never from within `publish`."""
    events = await heard(bus)
    bus.publish("t", looks(1)[0])
    assert events == []
    await until(lambda: bool(events))


async def test_who_unsubscribed_hears_nothing(bus: Bus) -> None:
    """After unsubscribing nothing more comes; unsubscribing again is nothing."""
    events: list[Event] = []
    stop = bus.subscribe("t", events.append)
    others = await heard(bus)
    bus.publish("t", looks(1)[0])
    stop()
    stop()
    bus.publish("t", looks(1)[0])
    await until(lambda: len(others) == 2)
    assert events == []


async def test_a_listener_may_subscribe_twice(bus: Bus) -> None:
    """Two subscriptions of one listener are two, and end one by one."""
    events: list[Event] = []
    stop = bus.subscribe("t", events.append)
    bus.subscribe("t", events.append)
    bus.publish("t", looks(1)[0])
    await until(lambda: len(events) == 2)
    stop()
    stop()
    bus.publish("t", looks(1)[0])
    await until(lambda: len(events) == 3)


async def test_a_failing_listener_disturbs_no_other(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception in one listener is logged; the others get the event, and the next too."""

    def fail(_event: Event) -> None:
        raise ValueError("on purpose")

    bus.subscribe("t", fail)
    events = await heard(bus)
    with caplog.at_level(logging.ERROR):
        for look in looks(2):
            bus.publish("t", look)
        await until(lambda: len(events) == 2)
    assert "on purpose" in caplog.text


async def test_subscriptions_may_change_within_a_listener(bus: Bus) -> None:
    """A listener may unsubscribe itself and others, and subscribe, while it is called."""
    told: list[str] = []

    def first(_event: Event) -> None:
        told.append("first")
        stop_first()
        stop_second()
        bus.subscribe("t", lambda _event: told.append("new"))

    stop_first = bus.subscribe("t", first)
    stop_second = bus.subscribe("t", lambda _event: told.append("second"))
    bus.subscribe("t", lambda _event: told.append("third"))
    bus.publish("t", looks(1)[0])
    await until(lambda: "third" in told)
    bus.publish("t", looks(1)[0])
    await until(lambda: "new" in told)
    assert told == ["first", "third", "third", "new"]


async def test_a_subscription_is_small(bus: Bus) -> None:
    """Tens of thousands of topics cost less than half a kilobyte each, and nothing when gone."""
    topics = [f"conversation/v-{i:016d}" for i in range(20_000)]
    events: list[Event] = []
    listener = events.append
    tracemalloc.start()
    try:
        empty, _ = tracemalloc.get_traced_memory()
        stops = [bus.subscribe(topic, listener) for topic in topics]
        full, _ = tracemalloc.get_traced_memory()
        for stop in stops:
            stop()
        stops.clear()
        gone, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (full - empty) / len(topics) < 500
    assert (gone - empty) / len(topics) < 150
