"""The talk's state machine: pure, one table; an illegal event raises and changes nothing.

    phase \\ event   visitor wrote   operator wrote     taken over      handed back   ended
    QUIET            WAITING         TAKEN by them      illegal         illegal       illegal
    WAITING          WAITING         TAKEN by them      TAKEN by them   illegal       QUIET
    TAKEN            TAKEN           TAKEN, as before   TAKEN by them   WAITING       QUIET

Beside the operator who has a talk there may be others in it: who joined while it is open, and who
wrote a line in a talk that somebody else has. They stay until they have left, take the talk over or
it ends. When the one who has it leaves or hands it back, the first of the others has it. Who had a
talk last is remembered in every phase. A room's log is in the phase ROOM for ever, from its first
line on, and nothing else happens to it.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from .errors import Reject
from .model import Phase, TalkState

MOST_OTHERS = 8


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


class Joined(Struct, frozen=True, tag=True):
    """An operator takes part beside the one who has the talk; `operator` is the id."""

    operator: str


class Left(Struct, frozen=True, tag=True):
    """An operator takes part no more; `operator` is the id."""

    operator: str


class Ended(Struct, frozen=True, tag=True):
    """Somebody or the clock ended the talk."""


class RoomWrote(Struct, frozen=True, tag=True):
    """Somebody wrote a line in a room."""


Event = VisitorWrote | OperatorWrote | TakenOver | HandedBack | Joined | Left | Ended | RoomWrote


class IllegalEvent(Reject):
    """The event cannot happen in this phase."""

    def __init__(self, phase: Phase, event: Event) -> None:
        super().__init__("invalid", f"{type(event).__name__} cannot happen when {phase.value}.")


def advance(state: TalkState, event: Event, seq: int) -> TalkState:
    """The state after `event`; `seq` is the log's last line before it.

    Raises IllegalEvent.
    """
    if state.phase is Phase.ROOM:
        if isinstance(event, RoomWrote):
            return state
        raise IllegalEvent(state.phase, event)
    match event:
        case RoomWrote() if state == TalkState():
            return TalkState(Phase.ROOM)
        case VisitorWrote():
            if state.phase is Phase.QUIET:
                return TalkState(Phase.WAITING, state.operator, seq)
            return state
        case OperatorWrote(operator):
            if state.phase is Phase.TAKEN:
                return _joined(state, operator)
            since = seq if state.phase is Phase.QUIET else state.since
            return TalkState(Phase.TAKEN, operator, since, _without(state, operator))
        case TakenOver(operator) if state.phase is not Phase.QUIET:
            return TalkState(Phase.TAKEN, operator, state.since, _without(state, operator))
        case HandedBack() if state.phase is Phase.TAKEN:
            return _given_up(state)
        case Joined(operator) if state.phase is not Phase.QUIET:
            return _joined(state, operator)
        case Left(operator) if state.phase is Phase.TAKEN and operator == state.operator:
            return _given_up(state)
        case Left(operator) if operator in state.others:
            return replace(state, others=_without(state, operator))
        case Ended() if state.phase is not Phase.QUIET:
            return TalkState(Phase.QUIET, state.operator, seq)
        case _:
            raise IllegalEvent(state.phase, event)


def newcomers(before: TalkState, after: TalkState) -> set[str]:
    """Who is in an open talk now and was not before."""
    return _those_in(after) - _those_in(before)


def _joined(state: TalkState, operator: str) -> TalkState:
    has_it = state.phase is Phase.TAKEN and operator == state.operator
    if has_it or operator in state.others or len(state.others) >= MOST_OTHERS:
        return state
    return replace(state, others=(*state.others, operator))


def _given_up(state: TalkState) -> TalkState:
    if not state.others:
        return TalkState(Phase.WAITING, state.operator, state.since)
    return replace(state, operator=state.others[0], others=state.others[1:])


def _without(state: TalkState, operator: str) -> tuple[str, ...]:
    return tuple(other for other in state.others if other != operator)


def _those_in(state: TalkState) -> set[str]:
    owner = {state.operator} if state.phase is Phase.TAKEN and state.operator else set[str]()
    return owner | set(state.others)
