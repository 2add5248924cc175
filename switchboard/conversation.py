"""The talk's state machine: pure, one table; an illegal event raises and changes nothing.

    phase \\ event   visitor wrote   operator wrote      ended
    QUIET            WAITING         TAKEN by them       illegal
    WAITING          WAITING         TAKEN by them       QUIET
    TAKEN            TAKEN           TAKEN, as before    QUIET

A second operator's line in a taken talk is stored and does not take it away.
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


class Ended(Struct, frozen=True, tag=True):
    """Somebody or the clock ended the talk."""


Event = VisitorWrote | OperatorWrote | Ended


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
                return TalkState(phase=Phase.WAITING, since=seq)
            return state
        case OperatorWrote(operator):
            if state.phase is Phase.TAKEN:
                return state
            since = seq if state.phase is Phase.QUIET else state.since
            return TalkState(phase=Phase.TAKEN, operator=operator, since=since)
        case Ended():
            if state.phase is Phase.QUIET:
                raise IllegalEvent(state.phase, event)
            return TalkState(since=seq)
