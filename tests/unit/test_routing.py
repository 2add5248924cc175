"""Whose turn a talk is, and what the desk is told to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from switchboard.model import DeskState
from switchboard.routing import Availability, Standing, Turn, desk_state, missed, turn
from switchboard.site import RoutingPolicy, RoutingSettings

GONE, BUSY, AWAY, READY = Availability
ALL, ROUND_ROBIN, LEAST_BUSY, LAST_OPERATOR = RoutingPolicy

standings = st.builds(Standing, st.sampled_from(Availability), st.integers(0, 3), st.floats(0, 9))
crews = st.dictionaries(st.sampled_from([f"o-{i}" for i in range(5)]), standings)


def crew(**availability: Availability | Standing) -> dict[str, Standing]:
    """Operators by name."""
    return {
        name: one if isinstance(one, Standing) else Standing(one)
        for name, one in availability.items()
    }


@pytest.mark.parametrize(
    ("policy", "operators", "asked"),
    [
        (ALL, crew(b=READY, a=READY, c=AWAY), ("a", "b")),
        (ALL, crew(a=BUSY, b=AWAY, c=GONE), ("b",)),
        (ALL, crew(a=BUSY, b=GONE), ()),
        (ALL, {}, ()),
        (ROUND_ROBIN, crew(a=Standing(READY, 0, 5.0), b=Standing(READY, 9, 4.0)), ("b",)),
        (ROUND_ROBIN, crew(a=Standing(AWAY, 0, 1.0), b=Standing(READY, 0, 4.0)), ("b",)),
        (LEAST_BUSY, crew(a=Standing(READY, 2), b=Standing(READY, 1, 9.0)), ("b",)),
        (LEAST_BUSY, crew(a=Standing(READY, 1, 5.0), b=Standing(READY, 1, 4.0)), ("b",)),
        (LEAST_BUSY, crew(a=Standing(READY, 5), b=Standing(AWAY, 0)), ("a",)),
        (LAST_OPERATOR, crew(last=AWAY, b=READY), ("last",)),
        (LAST_OPERATOR, crew(last=BUSY, b=READY, c=READY), ("b", "c")),
        (LAST_OPERATOR, crew(b=READY, c=AWAY), ("b",)),
    ],
)
def test_who_is_asked_first(
    policy: RoutingPolicy, operators: dict[str, Standing], asked: tuple[str, ...]
) -> None:
    """Each policy's choice; those who are away come after all others."""
    assert turn(None, RoutingSettings(policy), operators, "last", 0.0).asked == asked


def test_who_does_not_answer_in_time_has_passed() -> None:
    """One after the other is asked, and then all over again."""
    routing = RoutingSettings(ROUND_ROBIN, answer_seconds=30.0)
    operators = crew(a=READY, b=READY, c=AWAY)
    now, before, seen = 0.0, None, []
    for _ in range(5):
        after = turn(before, routing, operators, None, now)
        assert turn(after, routing, operators, None, now + 29.9) is after
        if before is not None:
            assert missed(before, after, routing)
        (asked,) = after.asked
        operators[asked] = Standing(operators[asked].availability, 0, now)
        seen.append(asked)
        before, now = after, now + 30.0
    assert seen == ["a", "b", "c", "a", "b"]


def test_who_goes_offline_has_missed_nothing() -> None:
    """The next is asked at once."""
    routing = RoutingSettings(ROUND_ROBIN, answer_seconds=30.0)
    before = turn(None, routing, crew(a=READY, b=READY), None, 0.0)
    after = turn(before, routing, crew(a=GONE, b=READY), None, 5.0)
    assert after.asked == ("b",)
    assert not missed(before, after, routing)


def test_the_last_operator_and_then_everybody() -> None:
    """Whoever comes later is asked too, and the last one is not asked alone again."""
    routing = RoutingSettings(LAST_OPERATOR, answer_seconds=30.0)
    first = turn(None, routing, crew(a=READY, b=READY, c=READY), "b", 0.0)
    assert first.asked == ("b",)
    second = turn(first, routing, crew(a=READY, b=READY, c=READY), "b", 30.0)
    assert second.asked == ("a", "c")
    third = turn(second, routing, crew(a=READY, b=READY, c=READY, d=READY), "b", 90.0)
    assert third.asked == ("a", "c", "d")


@given(crews, st.integers(1, 3))
def test_capacity_makes_busy(operators: dict[str, Standing], capacity: int) -> None:
    """Who has as many talks as they may have takes no more, and 0 is no limit."""
    for standing in operators.values():
        within = standing.within(capacity)
        assert (within.availability > BUSY) == (
            standing.availability > BUSY and standing.talks < capacity
        )
        assert standing.within(0) == standing


@given(st.sampled_from(RoutingPolicy), crews, st.sampled_from(["o-0", "o-9", None]))
def test_an_online_desk_has_somebody_who_is_asked(
    policy: RoutingPolicy, operators: dict[str, Standing], last: str | None
) -> None:
    """As long as visitors are told `online`, and only then, somebody is asked."""
    found = turn(None, RoutingSettings(policy), operators, last, 0.0)
    online = desk_state(one.availability for one in operators.values()) is DeskState.ONLINE
    assert bool(found.asked) == online


class Waiting(RuleBasedStateMachine):
    """A visitor whom nobody answers, while operators come, go and are asked."""

    def __init__(self) -> None:
        super().__init__()
        self.routing = RoutingSettings(ROUND_ROBIN, answer_seconds=30.0)
        self.now = 0.0
        self.operators = crew(a=READY, b=READY, c=READY)
        self.turn: Turn | None = None
        self.times = dict.fromkeys(self.operators, 0)
        self.stable = 0.0

    @rule(policy=st.sampled_from([ROUND_ROBIN, LEAST_BUSY, LAST_OPERATOR, ALL]))
    def site_is_set(self, policy: RoutingPolicy) -> None:
        self.routing = RoutingSettings(policy, answer_seconds=30.0)
        self.look()

    @rule(name=st.sampled_from("abc"), availability=st.sampled_from(Availability))
    def presence(self, name: str, availability: Availability) -> None:
        before = self.operators[name]
        self.operators[name] = Standing(availability, before.talks, before.asked_at)
        self.look()

    @rule(seconds=st.sampled_from([0.5, 10.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.look()

    def look(self) -> None:
        self.turn = turn(self.turn, self.routing, self.operators, "a", self.now)
        if len(self.turn.asked) == 1:
            (asked,) = self.turn.asked
            before = self.operators[asked]
            self.operators[asked] = Standing(before.availability, before.talks, self.turn.since)

    @invariant()
    def somebody_who_can_is_asked(self) -> None:
        """Nobody who takes no chats; somebody if anybody does; nobody twice."""
        if self.turn is None:
            return
        takes = {name for name, one in self.operators.items() if one.availability >= AWAY}
        assert set(self.turn.asked) <= takes
        assert bool(self.turn.asked) == bool(takes)
        assert len(set(self.turn.asked)) == len(self.turn.asked)

    @invariant()
    def looking_again_changes_nothing(self) -> None:
        """The decision stands until something happens."""
        if self.turn is not None:
            assert turn(self.turn, self.routing, self.operators, "a", self.now) is self.turn


TestWaiting = Waiting.TestCase


@pytest.mark.parametrize(
    ("availability", "expected"),
    [
        ([], DeskState.OFFLINE),
        ([GONE], DeskState.OFFLINE),
        ([GONE, BUSY], DeskState.BUSY),
        ([BUSY, AWAY], DeskState.ONLINE),
        ([GONE, READY], DeskState.ONLINE),
    ],
)
def test_the_desk_is_as_its_best_operator(
    availability: list[Availability], expected: DeskState
) -> None:
    """The desk is online if anybody takes chats, and busy if somebody is there at least."""
    assert desk_state(availability) is expected
