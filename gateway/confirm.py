"""What one resource of an operator has confirmed of one talk: pure, time is an argument.

XEP-0114 acknowledges nothing, so a line counts as delivered when the resource it went to sends
its receipt (XEP-0184), or answers a ping (XEP-0199) that was sent behind it from the visitor's
own JID: a client answers in order. A ping covers all that went before it. At most one is sent
in PING_EVERY, and none while a requested receipt may still come.

    sent ──receipt──────────────▶ confirmed
      └─no receipt in time─▶ ping ──result──▶ confirmed
                               ├─error──────▶ Lost
                               ├─silence────▶ Asleep
                               └─result of a later ping alone ─▶ Broken

The last: answers come in order, so a ping that was passed over went to a stream that is no more,
and so did the lines before it. Some servers let a new stream take a resource's place silently.
"""

from __future__ import annotations

import enum
from collections import deque

from msgspec import Struct

RECEIPT_WAIT = 3.0
PING_EVERY = 2.0
BATCH_WAIT = 0.5
ASLEEP_AFTER = 20.0
"""All in seconds."""
UNANSWERED_MOST = 8
"""Pings without an answer after which no more are sent: who sleeps that long says so on waking."""


class Confirmed(Struct, frozen=True):
    """These lines have reached the resource, in the order they were sent."""

    seqs: tuple[int, ...]


class PingDue(Struct, frozen=True):
    """A ping with this id is to be sent now, behind everything else."""

    id: str


class Verdict(enum.Enum):
    """What has become of a resource."""

    ASLEEP = "asleep"
    BROKEN = "broken"
    LOST = "lost"


class _Sent(Struct):
    number: int
    seq: int
    at: float


class Confirmation:
    """The lines of one talk under way to one full JID; times are in seconds, monotonic.

    `prefix` begins the pings' ids. No other confirmation may ever have had it: an answer that
    comes late, to a ping from before a break, would confirm what was sent after the break.
    """

    __slots__ = (
        "_got",
        "_number",
        "_pinged_at",
        "_pings",
        "_prefix",
        "_sent",
        "asleep",
    )

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._sent: deque[_Sent] = deque()
        self._got: set[int] = set()
        self._number = 0
        self._pings: list[tuple[str, int]] = []
        self._pinged_at = float("-inf")
        self.asleep = False

    @property
    def outstanding(self) -> bool:
        """Whether anything is not confirmed."""
        return bool(self._sent)

    def sent(self, seq: int, now: float) -> None:
        """A line went out."""
        self._number += 1
        self._sent.append(_Sent(self._number, seq, now))
        self._got.add(seq)

    def went(self, seq: int) -> bool:
        """Whether the resource was sent that line, and it was not forgotten since."""
        return seq in self._got

    def forget(self, seq: int) -> None:
        """Nobody will ask any more for lines up to `seq`, unless they are under way."""
        kept = {sent.seq for sent in self._sent}
        self._got = {got for got in self._got if got > seq or got in kept}

    def receipt(self, seq: int) -> Confirmed | None:
        """The resource acknowledged a line; None if that is no news.

        It says nothing of other lines: it may be for a copy that was sent before a break, and
        what was sent before this copy may still be on its way.
        """
        kept = deque(sent for sent in self._sent if sent.seq != seq)
        if len(kept) == len(self._sent):
            return None
        self._sent = kept
        self.asleep = False
        return Confirmed((seq,))

    def pong(self, id: str) -> Confirmed | Verdict | None:
        """A ping's result came; None if it is no ping of ours under way, or no news."""
        number = self._answered(id)
        if number is None or not self._sent:
            return None
        self.asleep = False
        if number < 0:
            return Verdict.BROKEN
        return self._confirm(number) if self._sent[0].number <= number else None

    def ping_failed(self, id: str, unsupported: bool) -> Confirmed | Verdict | None:
        """A ping's error came. `unsupported`: the client said so and its disco agrees."""
        if unsupported:
            return self.pong(id)
        return None if self._answered(id) is None else Verdict.LOST

    def woke(self, now: float) -> None:
        """The resource gave a sign of life elsewhere: its time begins again."""
        self.asleep = False
        for sent in self._sent:
            sent.at = now

    def tick(self, now: float, receipts: bool | None) -> PingDue | Verdict | None:
        """What is due; `receipts`: whether the client is known to send them.

        To be called about twice a second while anything is outstanding.
        """
        if not self._sent:
            return None
        oldest = self._sent[0].at
        if not self.asleep and now - oldest >= ASLEEP_AFTER:
            self.asleep = True
            return Verdict.ASLEEP
        wait = BATCH_WAIT if receipts is False else RECEIPT_WAIT
        quiet = ASLEEP_AFTER if self._pings else PING_EVERY
        if now - oldest < wait or now - self._pinged_at < quiet:
            return None
        if len(self._pings) == UNANSWERED_MOST:
            return None
        self._number += 1
        self._pings.append((f"{self._prefix}-{self._number}", self._number))
        self._pinged_at = now
        return PingDue(self._pings[-1][0])

    def _answered(self, id: str) -> int | None:
        """The number that the ping covers, -1 if one before it was passed over, or None."""
        for place, (ping, number) in enumerate(self._pings):
            if ping == id:
                before = self._pings[place - 1][1] if place else 0
                del self._pings[: place + 1]
                return -1 if self._sent and self._sent[0].number < before else number
        return None

    def _confirm(self, number: int) -> Confirmed:
        seqs = []
        while self._sent and self._sent[0].number <= number:
            seqs.append(self._sent.popleft().seq)
        return Confirmed(tuple(seqs))
