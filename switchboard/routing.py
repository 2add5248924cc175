"""Which operators get a visitor's lines now: pure.

Ask-all: every operator who takes chats gets them until one answers, then that one alone; if
that one is not there, everybody who is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from .model import DeskState, Phase, TalkState


class Availability(enum.IntEnum):
    """How far an operator takes chats, from the presence of all their resources."""

    GONE = 0
    """No resource, or only sleeping ones."""
    BUSY = 1
    """There, and takes none: `xa`, `dnd`, a negative priority."""
    AWAY = 2
    """Takes chats after others."""
    READY = 3


def recipients(state: TalkState, operators: Mapping[str, Availability]) -> list[str]:
    """The ids of the operators who get the talk's lines; empty: the log keeps them.

    Whoever has the talk gets its lines even when busy: they chose to take it.
    """
    owner = state.operator if state.phase is Phase.TAKEN else None
    if owner is not None and operators.get(owner, Availability.GONE) > Availability.GONE:
        return [owner]
    for wanted in (Availability.READY, Availability.AWAY):
        found = sorted(id for id, there in operators.items() if there is wanted)
        if found:
            return found
    return []


def desk_state(operators: Iterable[Availability]) -> DeskState:
    """What visitors are told of the desk."""
    best = max(operators, default=Availability.GONE)
    if best >= Availability.AWAY:
        return DeskState.ONLINE
    return DeskState.BUSY if best is Availability.BUSY else DeskState.OFFLINE
