"""Who got which line, and when: every member is to get every line once, in one order."""

from __future__ import annotations

import statistics
from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any


class Tally:
    """Of a phase's lines, which are called by numbers; times in seconds."""

    def __init__(self, members: int, follow: Callable[[], None] = lambda: None) -> None:
        """`follow` is called at each line that everybody has."""
        self._said: dict[int, float] = {}
        self._order: list[int] = []
        """As whoever was the first to get the line of a place got them."""
        self._got = [0] * members
        self._holders: Counter[int] = Counter()
        self._times = array("d")
        self._wrong = 0
        self.whole = 0
        """Lines that everybody has."""
        self._follow = follow

    @property
    def said(self) -> int:
        """Lines so far."""
        return len(self._said)

    @property
    def deliveries(self) -> int:
        """Of all lines to all members, the sender's own included."""
        return len(self._times)

    @property
    def complete(self) -> bool:
        """Whether everybody has got as many lines as were said."""
        return self.whole == len(self._said)

    def say(self, number: int, now: float) -> None:
        """A line is about to be sent."""
        self._said[number] = now

    def receive(self, member: int, number: int, now: float) -> None:
        """A member got a line."""
        place = self._got[member]
        self._got[member] = place + 1
        said = self._said.get(number)
        if said is None:
            self._wrong += 1
            return
        if place < len(self._order):
            if self._order[place] != number:
                self._wrong += 1
        else:
            self._order.append(number)
        self._times.append(now - said)
        self._holders[number] += 1
        if self._holders[number] == len(self._got):
            self.whole += 1
            self._follow()

    def faults(self) -> list[str]:
        """What is not as it should be, in words; [] if everybody has every line once, in order."""
        found = []
        if self._wrong:
            found.append(f"{self._wrong} lines came out of order or were never said")
        if len(set(self._order)) != len(self._order):
            found.append("a line came twice")
        missing = sum(max(len(self._said) - got, 0) for got in self._got)
        if missing:
            found.append(f"{missing} lines are missing")
        if any(got > len(self._said) for got in self._got):
            found.append("somebody got more lines than were said")
        return found

    def result(self) -> dict[str, Any]:
        """Counts, and the time from sending to receiving, in ms."""
        return {
            "members": len(self._got),
            "lines": self.said,
            "deliveries": self.deliveries,
            "faults": self.faults(),
            **quantiles(self._times),
        }


def quantiles(times: array[float]) -> dict[str, float]:
    """p50 and p99 of seconds, in ms."""
    if len(times) < 2:
        return {}
    cuts = statistics.quantiles(times, n=100)
    return {f"p{cut}_ms": round(cuts[cut - 1] * 1000, 2) for cut in (50, 99)}
