"""Who came to a room and who went, told now and then instead of one by one.

At most once in EVERY_SECONDS, or LARGE_EVERY beyond LARGE members: up to ONE_BY_ONE changes are
told each, of more one of a kind is told and how many others did the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from switchboard.model import Occupant, Sender
from switchboard.ports import Clock

from . import wire
from .roster import Roster
from .shared import Shared

EVERY_SECONDS = 1.0
LARGE_EVERY = 10.0
LARGE = 500
ONE_BY_ONE = 5

KEPT_MS = 60_000
"""So long a poll may be away and still hear of it."""

_SLACK = 0.1
"""Whoever sweeps every second does not do so exactly."""

Op = Literal["join", "leave", "rename", "kick"]


class Word(Struct, frozen=True):
    """What somebody did; `more` others did the same."""

    op: Op
    who: Occupant
    more: int = 0


class Gathering:
    """Makes words of a roster's changes."""

    def __init__(self, room: str, roster: Roster, clock: Clock) -> None:
        self._room = room
        self._roster = roster
        self._clock = clock
        self._told_at = clock.monotonic()
        self._told: deque[tuple[int, Shared]] = deque()

    def due(self) -> list[Shared]:
        """What is to be told now; to be called every second."""
        now = self._clock.monotonic()
        every = EVERY_SECONDS if len(self._roster) <= LARGE else LARGE_EVERY
        if now - self._told_at < every - _SLACK:
            return []
        words = gathered(self._roster)
        at = self._clock.now()
        while self._told and self._told[0][0] < at - KEPT_MS:
            self._told.popleft()
        if not words:
            return []
        self._told_at = now
        found = [self.event(word) for word in words]
        self._told.extend((at, event) for event in found)
        return found

    def since(self, at: int) -> list[Shared]:
        """What was told after that moment, in ms since 1970 UTC."""
        return [event for told, event in self._told if told > at]

    def event(self, word: Word) -> Shared:
        """The event that tells a word."""
        who = word.who
        sender = Sender(who.kind, who.id, who.name)
        count = len(self._roster)

        def make(own: str) -> wire.EventData:
            return wire.MemberData(self._room, word.op, wire.sender(sender, own), count, word.more)

        return Shared(make, (who.id,))


def gathered(roster: Roster) -> list[Word]:
    """The words that tell all changes of a roster since this was asked last."""
    words: list[Word] = []
    for _, was, now, kicked in roster.changes():
        if now is None:
            assert was is not None
            words.append(Word("kick" if kicked else "leave", was))
        elif was is None:
            words.append(Word("join", now))
        elif was.name != now.name:
            words.append(Word("rename", now))
    return words if len(words) <= ONE_BY_ONE else _summed(words)


def _summed(words: Sequence[Word]) -> list[Word]:
    last: dict[Op, Word] = {}
    for word in words:
        before = last.get(word.op)
        last[word.op] = Word(word.op, word.who, before.more + 1 if before else 0)
    return list(last.values())
