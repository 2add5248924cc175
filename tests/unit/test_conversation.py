"""The talk's state machine: its whole table, and any walk through it."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from switchboard.conversation import (
    MOST_OTHERS,
    Ended,
    Event,
    HandedBack,
    IllegalEvent,
    Joined,
    Left,
    OperatorWrote,
    RoomWrote,
    TakenOver,
    VisitorWrote,
    advance,
)
from switchboard.model import Phase, TalkState

QUIET = TalkState(Phase.QUIET, "o-last", 3)
ROOM = TalkState(Phase.ROOM)
WAITING = TalkState(Phase.WAITING, "o-last", 3)
TAKEN = TalkState(Phase.TAKEN, "o-bob", 3)
SHARED = TalkState(Phase.TAKEN, "o-bob", 3, ("o-eve", "o-zoe"))
CROWD = TalkState(Phase.TAKEN, "o-bob", 3, tuple(f"o-{n}" for n in range(MOST_OTHERS)))
SEQ = 7

TABLE: list[tuple[TalkState, Event, TalkState | None]] = [
    (QUIET, VisitorWrote(), TalkState(Phase.WAITING, "o-last", SEQ)),
    (QUIET, OperatorWrote("o-eve"), TalkState(Phase.TAKEN, "o-eve", SEQ)),
    (QUIET, TakenOver("o-eve"), None),
    (QUIET, HandedBack(), None),
    (QUIET, Joined("o-eve"), None),
    (QUIET, Left("o-eve"), None),
    (QUIET, Ended(), None),
    (WAITING, VisitorWrote(), WAITING),
    (WAITING, OperatorWrote("o-eve"), TalkState(Phase.TAKEN, "o-eve", 3)),
    (WAITING, TakenOver("o-eve"), TalkState(Phase.TAKEN, "o-eve", 3)),
    (WAITING, HandedBack(), None),
    (WAITING, Joined("o-eve"), TalkState(Phase.WAITING, "o-last", 3, ("o-eve",))),
    (WAITING, Left("o-last"), None),
    (WAITING, Ended(), TalkState(Phase.QUIET, "o-last", SEQ)),
    (TAKEN, VisitorWrote(), TAKEN),
    (TAKEN, OperatorWrote("o-bob"), TAKEN),
    (TAKEN, OperatorWrote("o-eve"), TalkState(Phase.TAKEN, "o-bob", 3, ("o-eve",))),
    (TAKEN, Joined("o-bob"), TAKEN),
    (TAKEN, Joined("o-eve"), TalkState(Phase.TAKEN, "o-bob", 3, ("o-eve",))),
    (TAKEN, Left("o-bob"), TalkState(Phase.WAITING, "o-bob", 3)),
    (TAKEN, Left("o-eve"), None),
    (SHARED, OperatorWrote("o-eve"), SHARED),
    (SHARED, Joined("o-zoe"), SHARED),
    (SHARED, Left("o-eve"), TalkState(Phase.TAKEN, "o-bob", 3, ("o-zoe",))),
    (SHARED, Left("o-bob"), TalkState(Phase.TAKEN, "o-eve", 3, ("o-zoe",))),
    (SHARED, HandedBack(), TalkState(Phase.TAKEN, "o-eve", 3, ("o-zoe",))),
    (SHARED, TakenOver("o-zoe"), TalkState(Phase.TAKEN, "o-zoe", 3, ("o-eve",))),
    (SHARED, Ended(), TalkState(Phase.QUIET, "o-bob", SEQ)),
    (CROWD, Joined("o-eve"), CROWD),
    (TAKEN, TakenOver("o-bob"), TAKEN),
    (TAKEN, TakenOver("o-eve"), TalkState(Phase.TAKEN, "o-eve", 3)),
    (TAKEN, HandedBack(), TalkState(Phase.WAITING, "o-bob", 3)),
    (TAKEN, Ended(), TalkState(Phase.QUIET, "o-bob", SEQ)),
    (TalkState(), RoomWrote(), ROOM),
    (QUIET, RoomWrote(), None),
    (WAITING, RoomWrote(), None),
    (TAKEN, RoomWrote(), None),
    (ROOM, RoomWrote(), ROOM),
    (ROOM, VisitorWrote(), None),
    (ROOM, OperatorWrote("o-eve"), None),
    (ROOM, TakenOver("o-eve"), None),
    (ROOM, HandedBack(), None),
    (ROOM, Joined("o-eve"), None),
    (ROOM, Left("o-eve"), None),
    (ROOM, Ended(), None),
]


def name(value: object) -> str:
    """A readable id for a table's cell."""
    return value.phase.value if isinstance(value, TalkState) else repr(value)


@pytest.mark.parametrize(("state", "event", "after"), TABLE, ids=name)
def test_the_table(state: TalkState, event: Event, after: TalkState | None) -> None:
    """Every event in every phase leads where the table says, or is illegal."""
    if after is None:
        with pytest.raises(IllegalEvent) as caught:
            advance(state, event, SEQ)
        assert caught.value.reason == "invalid"
    else:
        assert advance(state, event, SEQ) == after


def test_the_table_is_whole() -> None:
    """The table above leaves out no phase and no kind of event."""
    cells = {(state.phase, type(event)) for state, event, _ in TABLE}
    assert cells == {(p, e) for p in Phase for e in get_args(Event)}


OPERATORS = st.sampled_from(("o-bob", "o-eve", "o-zoe"))


class Walk(RuleBasedStateMachine):
    """A talk that lives through any events, against a simple account of what was done."""

    def __init__(self) -> None:
        super().__init__()
        self.state = TalkState()
        self.seq = 0
        self.first: int | None = None
        self.answered_by: str | None = None
        self.others: list[str] = []
        self.last: str | None = None

    def happens(self, event: Event) -> None:
        """Advances, and holds the old state against change."""
        before = self.state
        copy = msgspec.structs.replace(before)
        self.state = advance(before, event, self.seq)
        assert before == copy

    @rule()
    def visitor_writes(self) -> None:
        """A line of the visitor."""
        self.happens(VisitorWrote())
        self.first = self.seq if self.first is None else self.first
        self.seq += 1

    @rule(operator=OPERATORS)
    def operator_writes(self, operator: str) -> None:
        """A line of an operator."""
        self.happens(OperatorWrote(operator))
        self.first = self.seq if self.first is None else self.first
        if self.answered_by is None:
            self.takes(operator)
        elif operator != self.answered_by:
            self.joins(operator)
        self.seq += 1

    @rule(operator=OPERATORS)
    def is_taken_over(self, operator: str) -> None:
        """An operator takes an open talk, whoever has it."""
        if self.first is None:
            with pytest.raises(IllegalEvent):
                self.happens(TakenOver(operator))
        else:
            self.happens(TakenOver(operator))
            self.takes(operator)

    @rule(operator=OPERATORS)
    def comes_in(self, operator: str) -> None:
        """An operator joins an open talk."""
        if self.first is None:
            with pytest.raises(IllegalEvent):
                self.happens(Joined(operator))
        else:
            self.happens(Joined(operator))
            if operator != self.answered_by:
                self.joins(operator)

    @rule(operator=OPERATORS)
    def goes_out(self, operator: str) -> None:
        """An operator leaves a talk that they have or are in."""
        if operator == self.answered_by:
            self.happens(Left(operator))
            self.gives_up()
        elif operator in self.others:
            self.happens(Left(operator))
            self.others.remove(operator)
        else:
            with pytest.raises(IllegalEvent):
                self.happens(Left(operator))

    @rule()
    def is_handed_back(self) -> None:
        """Its operator goes: the next has it, or nobody."""
        if self.answered_by is None:
            with pytest.raises(IllegalEvent):
                self.happens(HandedBack())
        else:
            self.happens(HandedBack())
            self.gives_up()

    @rule()
    def ends(self) -> None:
        """The talk's end, legal or not."""
        if self.first is None:
            with pytest.raises(IllegalEvent):
                self.happens(Ended())
        else:
            self.happens(Ended())
            self.first = self.answered_by = None
            self.others.clear()

    def takes(self, operator: str) -> None:
        """The talk is theirs."""
        self.last = self.answered_by = operator
        self.others = [other for other in self.others if other != operator]

    def joins(self, operator: str) -> None:
        """They are in it too."""
        if operator not in self.others:
            self.others.append(operator)

    def gives_up(self) -> None:
        """Whoever has it has it no more."""
        self.answered_by = self.others.pop(0) if self.others else None
        self.last = self.answered_by or self.last

    @invariant()
    def account_agrees(self) -> None:
        """A talk is open since its first line, and taken by whom the account says."""
        assert (self.state.phase is not Phase.QUIET) == (self.first is not None)
        assert (self.state.phase is Phase.TAKEN) == (self.answered_by is not None)
        assert self.state.operator == self.last
        assert self.state.others == tuple(self.others)
        assert self.state.since <= self.seq
        if self.first is not None:
            assert self.state.since == self.first


TestWalk = Walk.TestCase
