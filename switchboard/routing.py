"""Which operators get a visitor's lines now: pure, time is an argument.

Whoever has the talk gets its lines, even when busy: they chose to take it. While nobody has it, or
that one is not there, those get them whose turn it is; if nobody takes chats, the log keeps them. A
turn is decided by the site's policy among the operators who take chats and have room for one more,
those who are away after all others:

    all            everybody is asked; the first answer takes the talk
    round_robin    one at a time, the one who was asked longest ago
    least_busy     one at a time, the one with the fewest talks
    last_operator  the one who talked with this visitor last, then everybody else

One who was asked alone and does not answer in time has passed, and the next is asked; when all
have passed, it begins again.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from msgspec import Struct

from .model import DeskState
from .site import RoutingPolicy, RoutingSettings


class Availability(enum.IntEnum):
    """How far an operator takes chats, from the presence of all their resources."""

    GONE = 0
    """No resource, or only sleeping ones."""
    BUSY = 1
    """There, and takes none: `xa`, `dnd`, a negative priority, as many talks as they may have."""
    AWAY = 2
    """Takes chats after others."""
    READY = 3


class Standing(Struct, frozen=True):
    """An operator as routing sees them."""

    availability: Availability
    talks: int = 0
    """Open talks that are theirs."""
    asked_at: float = 0.0
    """When they were last asked alone, in seconds."""

    def within(self, capacity: int) -> Standing:
        """The same; but one who has as many talks as `capacity` (0: no limit) takes no more."""
        if not capacity or self.talks < capacity:
            return self
        return Standing(min(self.availability, Availability.BUSY), self.talks, self.asked_at)


class Turn(Struct, frozen=True):
    """Whose turn a talk is: the ids of who is asked, since when, and who has passed."""

    asked: tuple[str, ...]
    since: float
    passed: tuple[str, ...] = ()


def turn(
    before: Turn | None,
    settings: RoutingSettings,
    operators: Mapping[str, Standing],
    last: str | None,
    now: float,
) -> Turn:
    """Whose turn it is now; `before` as long as nothing is to change.

    `operators` are as they stand `within` the site's capacity, `last` is who talked with the
    visitor last. Nobody is asked if nobody takes chats.
    """
    free = {id: one for id, one in operators.items() if one.availability >= Availability.AWAY}
    if settings.policy is RoutingPolicy.ALL:
        return _same(before, Turn(_best(free), now))
    passed: tuple[str, ...] = ()
    if before is not None and before.asked:
        in_time = not settings.answer_seconds or now - before.since < settings.answer_seconds
        if len(before.asked) > 1:
            last, in_time = None, True
        elif in_time and before.asked[0] in free:
            return before
        passed = before.passed + (() if in_time else before.asked)
    fresh = {id: one for id, one in free.items() if id not in passed}
    if not fresh:
        passed, fresh = (), free
    return _same(before, Turn(_choose(settings.policy, fresh, last), now, passed))


def missed(before: Turn, after: Turn, settings: RoutingSettings) -> bool:
    """Whether the turn passed on because the one who was asked alone did not answer in time."""
    limit = settings.answer_seconds if settings.policy is not RoutingPolicy.ALL else 0
    return bool(limit) and len(before.asked) == 1 and after.since - before.since >= limit


def desk_state(operators: Iterable[Availability]) -> DeskState:
    """What visitors are told of the desk."""
    best = max(operators, default=Availability.GONE)
    if best >= Availability.AWAY:
        return DeskState.ONLINE
    return DeskState.BUSY if best is Availability.BUSY else DeskState.OFFLINE


def _choose(
    policy: RoutingPolicy, free: Mapping[str, Standing], last: str | None
) -> tuple[str, ...]:
    if policy is RoutingPolicy.LAST_OPERATOR:
        return (last,) if last is not None and last in free else _best(free)
    best = _best(free)
    if policy is RoutingPolicy.LEAST_BUSY:
        return tuple(sorted(best, key=lambda id: (free[id].talks, free[id].asked_at, id))[:1])
    return tuple(sorted(best, key=lambda id: (free[id].asked_at, id))[:1])


def _best(free: Mapping[str, Standing]) -> tuple[str, ...]:
    """Those who are ready; if nobody is, those who are away."""
    most = max((one.availability for one in free.values()), default=Availability.GONE)
    return tuple(sorted(id for id, one in free.items() if one.availability is most))


def _same(before: Turn | None, after: Turn) -> Turn:
    if before is not None and (before.asked, before.passed) == (after.asked, after.passed):
        return before
    return after
