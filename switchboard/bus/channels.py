"""Which of Redis's channels a process hears."""

from __future__ import annotations

import asyncio
import zlib

CONVERSATION = "conversation/"
LOST = "lost"
"""Where a process says that it could not tell something."""

SHARDS = 256
"""Conversations share so many channels."""


def channel_of(topic: str) -> str:
    """Where a topic's events are published."""
    if topic.startswith(CONVERSATION):
        return f"{CONVERSATION}{zlib.crc32(topic.encode()) % SHARDS}"
    return topic


class Channels:
    """The channels that have subscribers here, and those of them that Redis is known to send.

    Between `begin` and `end` there is a connection. A channel is left only when it is known to be
    heard, so that a confirmation always belongs to the last SUBSCRIBE.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, int] = {}
        self._asked: dict[str, asyncio.Future[None]] = {}
        self._unsent: list[str] = []
        self._changed: asyncio.Event | None = None

    def want(self, channel: str) -> None:
        """A subscriber more."""
        self._wanted[channel] = self._wanted.get(channel, 0) + 1
        if self._changed is not None and channel not in self._asked:
            self._ask(channel)
            self._changed.set()

    def unwant(self, channel: str) -> None:
        """A subscriber less."""
        self._wanted[channel] -= 1
        if not self._wanted[channel]:
            del self._wanted[channel]
            self._reconsider()

    def begin(self) -> None:
        """A new connection hears nothing yet."""
        self._changed = asyncio.Event()
        for channel in self._wanted:
            self._ask(channel)

    def end(self) -> None:
        """The connection is gone; nobody need wait for it."""
        self._changed = None
        for heard in self._asked.values():
            if not heard.done():
                heard.set_result(None)
        self._asked.clear()
        self._unsent.clear()

    async def changed(self) -> None:
        """Waits until there may be something to ask for."""
        if self._changed is not None:
            await self._changed.wait()
            self._changed.clear()

    def to_ask(self) -> tuple[list[str], list[str]]:
        """What is to be subscribed to now, and what is to be left."""
        more, self._unsent = self._unsent, []
        less = [c for c, heard in self._asked.items() if c not in self._wanted and heard.done()]
        for channel in less:
            del self._asked[channel]
        return more, less

    def confirmed(self, channel: str) -> None:
        """Redis sends this channel from now on."""
        heard = self._asked.get(channel)
        if heard is not None and not heard.done():
            heard.set_result(None)
            if channel not in self._wanted:
                self._reconsider()

    async def heard(self, channel: str) -> None:
        """Waits until the channel is heard, or the connection is gone."""
        heard = self._asked.get(channel)
        if heard is not None and not heard.done():
            await asyncio.wait([heard])

    async def all_heard(self) -> None:
        """Waits until every channel is heard that was asked for up to now."""
        await asyncio.wait(list(self._asked.values()))

    def _ask(self, channel: str) -> None:
        self._asked[channel] = asyncio.get_running_loop().create_future()
        self._unsent.append(channel)

    def _reconsider(self) -> None:
        if self._changed is not None:
            self._changed.set()
