"""What visitors are told of a desk: the gateways' word, as long as it is fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .. import events
from ..model import DeskState
from ..ports import Bus, Clock, Unsubscribe

ANNOUNCE_EVERY = 3.0
EXPIRES_AFTER = 10.0
QUEUE_EVERY = 5.0
"""Seconds: the least time between two words to a visitor on their place in the queue."""
MOST_QUEUED = 500
"""Of one desk's; who comes after them is told no place."""

Listener = Callable[[events.Desk], None]


class _Entry:
    __slots__ = ("desk", "expires_at", "listeners")

    def __init__(self, desk: events.Desk) -> None:
        self.desk = desk
        self.expires_at = 0.0
        self.listeners: dict[int, Listener] = {}


class DeskBoard:
    """A web node's view of all desks. A gateway that falls silent leaves no desk online."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._next_id = 0

    def desk(self, site: str, title: str) -> events.Desk:
        """The desk's state now; `title` names it as long as no gateway has spoken."""
        desk = self._entry(site).desk
        return desk if desk.name else events.Desk(site, desk.state, title)

    def listen(self, site: str, listener: Listener) -> Unsubscribe:
        """Calls `listener` on each change."""
        self._next_id += 1
        key = self._next_id
        listeners = self._entry(site).listeners
        listeners[key] = listener

        def stop() -> None:
            listeners.pop(key, None)

        return stop

    def heard(self, site: str) -> bool:
        """Whether the site's gateway has spoken lately."""
        return self._clock.monotonic() < self._entry(site).expires_at

    async def ask(self, domain: str) -> None:
        """Asks the gateway of the desks' domain how all are that are looked at; in a bounded time.

        It need not answer: it tells so by itself before long.
        """
        topics = map(events.desk_topic, self._entries)
        await asyncio.gather(*map(self._bus.listening, topics))
        self._bus.publish(events.domain_topic(domain), events.DesksAsked())

    def sweep(self) -> None:
        """To be called every second: a word that is too old counts as offline."""
        now = self._clock.monotonic()
        for entry in self._entries.values():
            desk = entry.desk
            if desk.state is not DeskState.OFFLINE and now >= entry.expires_at:
                self._change(entry, events.Desk(desk.site, DeskState.OFFLINE, desk.name))

    def _entry(self, site: str) -> _Entry:
        entry = self._entries.get(site)
        if entry is None:
            entry = self._entries[site] = _Entry(events.Desk(site, DeskState.OFFLINE, ""))
            self._bus.subscribe(events.desk_topic(site), self._heard)
        return entry

    def _heard(self, event: events.Event) -> None:
        if isinstance(event, events.Desk):
            entry = self._entry(event.site)
            entry.expires_at = self._clock.monotonic() + EXPIRES_AFTER
            self._change(entry, event)

    @staticmethod
    def _change(entry: _Entry, desk: events.Desk) -> None:
        if desk == entry.desk:
            return
        entry.desk = desk
        for listener in list(entry.listeners.values()):
            listener(desk)
