"""The talk's state machine: its whole table, and any walk through it."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from switchboard.conversation import (
    Ended,
    Event,
    HandedBack,
    IllegalEvent,
    OperatorWrote,
    TakenOver,
    VisitorWrote,
    advance,
)
from switchboard.model import Phase, TalkState

QUIET = TalkState(Phase.QUIET, "o-last", 3)
WAITING = TalkState(Phase.WAITING, "o-last", 3)
TAKEN = TalkState(Phase.TAKEN, "o-bob", 3)
SEQ = 7

TABLE: list[tuple[TalkState, Event, TalkState | None]] = [
    (QUIET, VisitorWrote(), TalkState(Phase.WAITING, "o-last", SEQ)),
    (QUIET, OperatorWrote("o-eve"), TalkState(Phase.TAKEN, "o-eve", SEQ)),
    (QUIET, TakenOver("o-eve"), None),
    (QUIET, HandedBack(), None),
    (QUIET, Ended(), None),
    (WAITING, VisitorWrote(), WAITING),
    (WAITING, OperatorWrote("o-eve"), TalkState(Phase.TAKEN, "o-eve", 3)),
    (WAITING, TakenOver("o-eve"), TalkState(Phase.TAKEN, "o-eve", 3)),
    (WAITING, HandedBack(), None),
    (WAITING, Ended(), TalkState(Phase.QUIET, "o-last", SEQ)),
    (TAKEN, VisitorWrote(), TAKEN),
    (TAKEN, OperatorWrote("o-bob"), TAKEN),
    (TAKEN, OperatorWrote("o-eve"), TAKEN),
    (TAKEN, TakenOver("o-bob"), TAKEN),
    (TAKEN, TakenOver("o-eve"), TalkState(Phase.TAKEN, "o-eve", 3)),
    (TAKEN, HandedBack(), TalkState(Phase.WAITING, "o-bob", 3)),
    (TAKEN, Ended(), TalkState(Phase.QUIET, "o-bob", SEQ)),
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


class Walk(RuleBasedStateMachine):
    """A talk that lives through any events, against a simple account of what was done."""

    def __init__(self) -> None:
        super().__init__()
        self.state = TalkState()
        self.seq = 0
        self.first: int | None = None
        self.answered_by: str | None = None
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

    @rule(operator=st.sampled_from(("o-bob", "o-eve")))
    def operator_writes(self, operator: str) -> None:
        """A line of an operator."""
        self.happens(OperatorWrote(operator))
        self.first = self.seq if self.first is None else self.first
        self.last = self.answered_by = self.answered_by or operator
        self.seq += 1

    @rule(operator=st.sampled_from(("o-bob", "o-eve")))
    def is_taken_over(self, operator: str) -> None:
        """An operator takes an open talk, whoever has it."""
        if self.first is None:
            with pytest.raises(IllegalEvent):
                self.happens(TakenOver(operator))
        else:
            self.happens(TakenOver(operator))
            self.last = self.answered_by = operator

    @rule()
    def is_handed_back(self) -> None:
        """Its operator goes: nobody has it any more."""
        if self.answered_by is None:
            with pytest.raises(IllegalEvent):
                self.happens(HandedBack())
        else:
            self.happens(HandedBack())
            self.answered_by = None

    @rule()
    def ends(self) -> None:
        """The talk's end, legal or not."""
        if self.first is None:
            with pytest.raises(IllegalEvent):
                self.happens(Ended())
        else:
            self.happens(Ended())
            self.first = self.answered_by = None

    @invariant()
    def account_agrees(self) -> None:
        """A talk is open since its first line, and taken by whom the account says."""
        assert (self.state.phase is not Phase.QUIET) == (self.first is not None)
        assert (self.state.phase is Phase.TAKEN) == (self.answered_by is not None)
        assert self.state.operator == self.last
        assert self.state.since <= self.seq
        if self.first is not None:
            assert self.state.since == self.first


TestWalk = Walk.TestCase
