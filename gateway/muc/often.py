"""How often somebody may do something that costs others."""

from __future__ import annotations

from collections import OrderedDict, deque

from switchboard.errors import RetryLater
from switchboard.ports import Clock


class Often:
    """At most `most` times within so many seconds, each by a key such as a bare JID.

    0 is no limit.
    """

    def __init__(self, clock: Clock, most: int, within: float, words: str) -> None:
        self._clock = clock
        self._most = most
        self._within = within
        self._words = words
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        """Whoever did it last is at the end."""

    def count(self, who: str, number: int = 1) -> None:
        """Counts it, or raises RetryLater `rate_limited` and counts nothing."""
        if not self._most:
            return
        now = self._clock.monotonic()
        since = now - self._within
        while self._times and next(iter(self._times.values()))[-1] <= since:
            self._times.popitem(last=False)
        times = self._times.get(who) or deque(maxlen=self._most)
        while times and times[0] <= since:
            times.popleft()
        if len(times) + number > self._most:
            wait = times[0] - since if times else self._within
            raise RetryLater("rate_limited", self._words, wait)
        times.extend([now] * number)
        self._times[who] = times
        self._times.move_to_end(who)
