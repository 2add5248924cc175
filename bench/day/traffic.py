"""A day's traffic, from a seed: pure, so that two runs play the same day.

The shape is the one that Hab.la published of its day: so many RPC calls, visitors, messages. The
calls are those that our widget makes for such visitors. A page view says `hello` and ends with
`bye`; a tab that is hidden and shown again tells each with a `ping` and a `page`; an open panel
pings every 10 s; whoever writes tells so every 3 s; an operator's line is acknowledged with `seen`.
Where sockets do not work, events are asked for with `poll`. Page views are added until the day has
its calls.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random

DAY = 86_400.0
"""Seconds."""
DEEPEST = 3.0
"""The hour of the night in which the fewest come; the most come twelve hours later."""
SWING = 0.85
"""The peak is 1 + SWING times the mean, the night 1 - SWING."""
SITES = 6
OPERATORS = 2
"""Of each site."""
LINES_OF_A_TALK = 10
WITHOUT_SOCKETS = 0.2
"""Visitors whose proxies let no WebSocket through."""
VIEW_MEDIAN, VIEW_SPREAD, VIEW_SHORTEST, VIEW_LONGEST = 45.0, 0.8, 5.0, 900.0
HIDDEN = 0.35
"""Page views in which the tab is hidden and shown again."""
SETTLE = 0.3
"""After the tab was hidden or shown, until the page is told."""
POLL_SECONDS = 25.0
PING_SECONDS = 10.0
TYPING_SECONDS = 3.0
NEXT_PAGE = (0.5, 3.0)
"""Seconds from one page's end to the next one's beginning."""


class Kind(enum.StrEnum):
    """What happens. All but `ANSWER` are RPC calls, by their method's name."""

    HELLO = "hello"
    PAGE = "page"
    PING = "ping"
    POLL = "poll"
    TYPING = "typing"
    SAY = "say"
    SEEN = "seen"
    BYE = "bye"
    ANSWER = "operator's line"


@dataclass(frozen=True, slots=True)
class Event:
    """One visitor's, or for one visitor; `at` in seconds since midnight.

    `number` counts lines: of a `SAY` or `ANSWER` which one it is of its side, of a `POLL` or `SEEN`
    how many of the operator's have come by then.
    """

    at: float
    visitor: int
    kind: Kind
    number: int = 0


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who comes once in the day; `operator` answers if there is a talk."""

    site: int
    operator: int
    socket: bool
    talks: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of each there is in the day. `messages` are lines, both ways."""

    calls: int = 200_000
    visitors: int = 12_000
    messages: int = 3_000


@dataclass(frozen=True)
class Day:
    """The events in the order of their time; they name visitors by their place."""

    visitors: tuple[Visitor, ...]
    events: tuple[Event, ...]

    def windows(self, seconds: float, *kinds: Kind) -> int:
        """In how many windows of so many seconds there is anything of these kinds."""
        return len({event.at // seconds for event in self.events if event.kind in kinds})

    def arrivals(self, seconds: float) -> int:
        """In how many windows of so many seconds a visitor comes for the first time."""
        first: dict[int, float] = {}
        for event in self.events:
            first.setdefault(event.visitor, event.at)
        return len({at // seconds for at in first.values()})

    def between(self, start: float, end: float) -> Day:
        """All from the first page view on that a visitor begins in that time, until it is over."""
        came: set[int] = set()
        kept = []
        for event in self.events:
            if event.at >= end:
                break
            if event.at >= start and (event.visitor in came or event.kind is Kind.HELLO):
                came.add(event.visitor)
                kept.append(event)
        return Day(self.visitors, tuple(kept))


Step = tuple[float, Kind, int]
"""Seconds since the page view's beginning, and as in Event."""
View = list[Step]
"""The steps of a page view in no order, `bye` the last."""


def day(seed: int, shape: Shape) -> Day:
    """The day. Raises ValueError if the calls are too few for the rest."""
    random = Random(seed)
    visitors = [
        Visitor(
            random.randrange(SITES),
            random.randrange(OPERATORS),
            random.random() >= WITHOUT_SOCKETS,
            number < round(shape.messages / LINES_OF_A_TALK),
        )
        for number in range(shape.visitors)
    ]
    random.shuffle(visitors)
    talking = [number for number, visitor in enumerate(visitors) if visitor.talks]
    sizes = dict.fromkeys(talking, 2)
    for number in random.choices(talking, k=shape.messages - 2 * len(talking)):
        sizes[number] += 1
    views = [
        [
            _talk(random, visitor.socket, sizes[number])
            if visitor.talks
            else _view(random, visitor.socket)
        ]
        for number, visitor in enumerate(visitors)
    ]
    _fill(random, visitors, views, shape.calls)
    events = [
        event for number, visit in enumerate(views) for event in _visit(random, number, visit)
    ]
    return Day(tuple(visitors), tuple(sorted(events, key=lambda event: event.at)))


def rate(at: float) -> float:
    """How many come then, for one who comes at the mean."""
    return 1 - SWING * math.cos((at / 3600 - DEEPEST) / 24 * 2 * math.pi)


def _fill(random: Random, visitors: list[Visitor], views: list[list[View]], calls: int) -> None:
    """Adds page views until there are so many calls."""
    missing = calls - sum(
        kind is not Kind.ANSWER for visit in views for view in visit for _, kind, _ in view
    )
    if missing < 0:
        raise ValueError(f"{-missing} calls too few for so many visitors and messages")
    while missing:
        number = random.randrange(len(visitors))
        view = _view(random, visitors[number].socket)
        if len(view) > missing:
            view = [(0.0, Kind.HELLO, 0), (VIEW_SHORTEST, Kind.BYE, 0)]
        if len(view) > missing:
            views[number][0].insert(0, (1.0, Kind.PING, 0))
            missing -= 1
            continue
        # A talk is in any page view of its visitor's.
        views[number].insert(random.randint(0, len(views[number])), view)
        missing -= len(view)


def _visit(random: Random, number: int, views: list[View]) -> Iterator[Event]:
    gaps = [random.uniform(*NEXT_PAGE) for _ in views]
    starts = [0.0, *accumulate(view[-1][0] + gap for view, gap in zip(views, gaps, strict=True))]
    arrival = _arrival(random)
    # Who would stay past midnight comes as much sooner.
    arrival = min(arrival, DAY - starts[-1])
    for (start, _), view in zip(pairwise(starts), views, strict=True):
        for at, kind, line in sorted(view, key=lambda step: step[0]):
            yield Event(arrival + start + at, number, kind, line)


def _arrival(random: Random) -> float:
    while True:
        at = random.uniform(0, DAY)
        if random.uniform(0, 1 + SWING) < rate(at):
            return at


def _view(random: Random, socket: bool) -> View:
    length = random.lognormvariate(math.log(VIEW_MEDIAN), VIEW_SPREAD)
    length = min(max(length, VIEW_SHORTEST), VIEW_LONGEST)
    steps: View = [(0.0, Kind.HELLO, 0)]
    if random.random() < HIDDEN:
        for at in (random.uniform(0.1, 0.5) * length, random.uniform(0.5, 0.9) * length):
            steps += [(at, Kind.PING, 0), (at + SETTLE, Kind.PAGE, 0)]
    if not socket:
        steps += [(at, Kind.POLL, 0) for at in _every(POLL_SECONDS, 0.1, length)]
    return [*steps, (length, Kind.BYE, 0)]


def _talk(random: Random, socket: bool, lines: int) -> View:
    """The visitor begins, the operator has the next line, and then it is anybody's turn."""
    steps: View = [(0.0, Kind.HELLO, 0)]
    at = opened = random.uniform(3, 30)
    steps.append((opened, Kind.PAGE, 0))
    said = answered = 0
    for line in range(lines):
        visitors_turn = line != 1 and (line == 0 or random.random() < 0.5)
        if visitors_turn:
            typing = random.uniform(3, 15)
            steps += [(then, Kind.TYPING, 0) for then in _every(TYPING_SECONDS, at, at + typing)]
            at += typing
            said += 1
            steps.append((at, Kind.SAY, said))
        else:
            at += min(random.lognormvariate(math.log(20), 0.7), 180)
            answered += 1
            steps += [(at, Kind.ANSWER, answered), (at + 0.2, Kind.SEEN, answered)]
        if not socket:
            # Own lines are events too, and end the poll.
            steps.append((at + 0.1, Kind.POLL, answered))
        at += 1
    steps += [(then, Kind.PING, 0) for then in _every(PING_SECONDS, opened + PING_SECONDS, at)]
    return [*steps, (at + random.uniform(5, 60), Kind.BYE, 0)]


def _every(seconds: float, start: float, end: float) -> Iterator[float]:
    while start < end:
        yield start
        start += seconds
