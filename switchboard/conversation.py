"""The talk's state machine: pure, one table; an illegal event raises and changes nothing.

    phase \\ event   visitor wrote   operator wrote     taken over      handed back   ended
    QUIET            WAITING         TAKEN by them      illegal         illegal       illegal
    WAITING          WAITING         TAKEN by them      TAKEN by them   illegal       QUIET
    TAKEN            TAKEN           TAKEN, as before   TAKEN by them   WAITING       QUIET

A second operator's line in a taken talk is stored and does not take it away. Who had a talk last
is remembered in every phase.
"""

from __future__ import annotations

from msgspec import Struct

from .errors import Reject
from .model import Phase, TalkState


class VisitorWrote(Struct, frozen=True, tag=True):
    """The visitor wrote a line."""


class OperatorWrote(Struct, frozen=True, tag=True):
    """An operator wrote a line; `operator` is the id."""

    operator: str


class TakenOver(Struct, frozen=True, tag=True):
    """The talk was given to an operator, by themselves or by another; `operator` is the id."""

    operator: str


class HandedBack(Struct, frozen=True, tag=True):
    """The operator has gone, or wants the talk no more: whoever takes chats is asked."""


class Ended(Struct, frozen=True, tag=True):
    """Somebody or the clock ended the talk."""


Event = VisitorWrote | OperatorWrote | TakenOver | HandedBack | Ended


class IllegalEvent(Reject):
    """The event cannot happen in this phase."""

    def __init__(self, phase: Phase, event: Event) -> None:
        super().__init__("invalid", f"{type(event).__name__} cannot happen when {phase.value}.")


def advance(state: TalkState, event: Event, seq: int) -> TalkState:
    """The state after `event`; `seq` is the log's last line before it.

    Raises IllegalEvent.
    """
    match event:
        case VisitorWrote():
            if state.phase is Phase.QUIET:
                return TalkState(Phase.WAITING, state.operator, seq)
            return state
        case OperatorWrote(operator):
            if state.phase is Phase.TAKEN:
                return state
            since = seq if state.phase is Phase.QUIET else state.since
            return TalkState(Phase.TAKEN, operator, since)
        case TakenOver(operator) if state.phase is not Phase.QUIET:
            return TalkState(Phase.TAKEN, operator, state.since)
        case HandedBack() if state.phase is Phase.TAKEN:
            return TalkState(Phase.WAITING, state.operator, state.since)
        case Ended() if state.phase is not Phase.QUIET:
            return TalkState(Phase.QUIET, state.operator, seq)
        case _:
            raise IllegalEvent(state.phase, event)
