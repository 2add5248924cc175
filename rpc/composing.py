"""Who at the desk is writing to a visitor, for pages that poll and may not have heard of it."""

from __future__ import annotations

from collections import OrderedDict

from . import wire

_LIVES = 15.0
"""Seconds for which it is of interest that somebody began to write, or stopped to."""
_POLLERS = 8


class Composing:
    """Of one visitor's talk; times are in seconds, monotonic."""

    __slots__ = ("_latest", "_number", "_polled")

    def __init__(self) -> None:
        self._number = 0
        self._latest: dict[str, tuple[int, float, wire.TypingData]] = {}
        """By sender: the number of the last word, and when it came."""
        self._polled: OrderedDict[int, int] = OrderedDict()
        """By a page's tag: the number up to which it knows."""

    def typed(self, sender: str, data: wire.TypingData, now: float) -> None:
        """Somebody began to write, or stopped to."""
        self._number += 1
        self._latest[sender] = (self._number, now, data)

    def said(self, sender: str) -> None:
        """The line is there."""
        self._latest.pop(sender, None)

    def unknown(self, tag: int, now: float) -> list[wire.TypingData]:
        """What the page with that tag has not heard; nothing, if it never polled."""
        polled = self._polled.get(tag)
        if polled is None:
            return []
        fresh = now - _LIVES
        return [
            data for number, at, data in self._latest.values() if number > polled and at > fresh
        ]

    def told(self, tag: int) -> None:
        """The page with that tag knows all up to now; of the last _POLLERS it is remembered."""
        self._polled[tag] = self._number
        self._polled.move_to_end(tag)
        if len(self._polled) > _POLLERS:
            self._polled.popitem(last=False)
