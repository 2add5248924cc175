"""The bus within one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..events import Event
from ..ports import Unsubscribe

log = logging.getLogger(__name__)

Listener = Callable[[Event], None]


class _Subscription:
    """What a subscriber holds; calling it unsubscribes. Small: there are tens of thousands."""

    __slots__ = ("_bus", "_topic", "listener")

    def __init__(self, bus: MemoryBus, topic: str, listener: Listener) -> None:
        self._bus = bus
        self._topic = topic
        self.listener: Listener | None = listener

    def __call__(self) -> None:
        if self.listener is not None:
            self.listener = None
            self._bus._remove(self._topic, self)


class MemoryBus:
    """Implements ports.Bus for those who are on one event loop: nothing is ever missed."""

    up = True

    def __init__(self) -> None:
        # Tuples, so that whoever walks one is not disturbed by a change.
        self._topics: dict[str, tuple[_Subscription, ...]] = {}
        self._waiting: list[tuple[str, Event]] = []

    def publish(self, topic: str, event: Event) -> None:
        """See ports.Bus. Those get it who are subscribed when the loop comes to it."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._deliver_all)
        self._waiting.append((topic, event))

    def subscribe(self, topic: str, listener: Listener) -> Unsubscribe:
        """See ports.Bus."""
        subscription = _Subscription(self, topic, listener)
        self._topics[topic] = (*self._topics.get(topic, ()), subscription)
        return subscription

    async def listening(self, topic: str) -> None:
        """See ports.Bus."""

    def on_missed(self, listener: Callable[[], None]) -> Unsubscribe:
        """See ports.Bus."""
        return lambda: None

    async def recent(self, conversation: str, after: int) -> list[Event] | None:
        """See ports.Bus."""
        return None

    def _deliver_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for topic, event in waiting:
            self._deliver(topic, event)

    def _deliver(self, topic: str, event: Event) -> None:
        for subscription in self._topics.get(topic, ()):
            listener = subscription.listener
            if listener is None:
                continue  # Unsubscribed by a listener before it.
            try:
                listener(event)
            except Exception:
                log.exception("a listener on %s failed", topic)

    def _remove(self, topic: str, subscription: _Subscription) -> None:
        left = tuple(other for other in self._topics[topic] if other is not subscription)
        if left:
            self._topics[topic] = left
        else:
            del self._topics[topic]
