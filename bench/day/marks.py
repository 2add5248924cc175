"""What has to hold of a day, and whether it did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .kinds import Does, Kind, Tally, Why

FLUSH_SECONDS = 5
READS_OF_A_PAGE = 4
"""For who has spoken: the conversation, its cursors, its end and its last lines; as many when a
talk begins, since a node that hears of it for the first time may have missed something."""


@dataclass(frozen=True)
class Facts:
    """What was played; `active` are the seconds of the clock in which anything was."""

    messages: int
    talks: int
    known: int
    """Page views of visitors who had spoken."""
    active: float
    processes: int
    """Parley's own."""


@dataclass(frozen=True)
class Mark:
    """`found` may be `most`, and no more."""

    what: str
    most: int
    found: int

    @property
    def held(self) -> bool:
        """Whether it is met."""
        return self.found <= self.most


def marks(facts: Facts, tallies: Mapping[Kind, Tally]) -> list[Mark]:
    """All of them, met or not.

    Three statements write in batches: cursors, who is in operators' lists, who is out again.
    """
    return [
        Mark("reads for sessions", 0, _sum(tallies, Does.READS, Why.SESSION, Why.OTHER)),
        Mark(
            "reads for pages and talks, none of them of who never spoke",
            (facts.known + facts.talks) * READS_OF_A_PAGE,
            _sum(tallies, Does.READS, Why.TALK),
        ),
        Mark(
            "writes for lines and talks: one a message, two a talk",
            facts.messages + 2 * facts.talks,
            _sum(tallies, Does.WRITES, Why.LINE, Why.TALK),
        ),
        Mark(
            "of each batched write: one in 5 s of activity and process",
            _windows(facts) * facts.processes,
            max(
                (tally.count for kind, tally in tallies.items() if kind.why is Why.FLUSH), default=0
            ),
        ),
    ]


def most_writes(facts: Facts) -> int:
    """For a whole day: one a message, two a talk, one in 5 s of activity of all processes."""
    return facts.messages + 2 * facts.talks + _windows(facts)


def writes(tallies: Mapping[Kind, Tally]) -> int:
    """Statements that write, but for what comes by the clock."""
    return _sum(tallies, Does.WRITES, Why.LINE, Why.TALK, Why.FLUSH)


def _windows(facts: Facts) -> int:
    return math.ceil(facts.active / FLUSH_SECONDS)


def _sum(tallies: Mapping[Kind, Tally], does: Does, *why: Why) -> int:
    return sum(
        tally.count for kind, tally in tallies.items() if kind.does is does and kind.why in why
    )
