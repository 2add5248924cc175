"""Who gets a visitor's lines, and what the desk is told to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.model import DeskState, Phase, TalkState
from switchboard.routing import Availability, desk_state, recipients

GONE, BUSY, AWAY, READY = Availability

WAITING = TalkState(Phase.WAITING)
TAKEN = TalkState(Phase.TAKEN, "o-1")

crews = st.dictionaries(
    st.sampled_from([f"o-{i}" for i in range(6)]), st.sampled_from(Availability)
)
states = st.sampled_from([TalkState(), WAITING, TAKEN, TalkState(Phase.TAKEN, "o-removed")])


@pytest.mark.parametrize(
    ("state", "crew", "expected"),
    [
        (WAITING, {"o-2": READY, "o-1": READY, "o-3": AWAY}, ["o-1", "o-2"]),
        (WAITING, {"o-1": BUSY, "o-2": AWAY, "o-3": GONE}, ["o-2"]),
        (WAITING, {"o-1": BUSY, "o-2": GONE}, []),
        (WAITING, {}, []),
        (TAKEN, {"o-1": READY, "o-2": READY}, ["o-1"]),
        (TAKEN, {"o-1": AWAY, "o-2": READY}, ["o-1"]),
        (TAKEN, {"o-1": BUSY, "o-2": READY}, ["o-1"]),
        (TAKEN, {"o-1": GONE, "o-2": READY, "o-3": AWAY}, ["o-2"]),
        (TAKEN, {"o-1": GONE, "o-2": BUSY}, []),
        (TAKEN, {"o-2": AWAY}, ["o-2"]),
    ],
)
def test_examples(state: TalkState, crew: dict[str, Availability], expected: list[str]) -> None:
    """Who has the talk gets its lines, else everybody of the best who take chats."""
    assert recipients(state, crew) == expected


@given(state=states, crew=crews)
def test_nobody_gets_lines_who_is_not_there(
    state: TalkState, crew: dict[str, Availability]
) -> None:
    """Each recipient is known, there, and named once; a busy one only if the talk is theirs."""
    found = recipients(state, crew)
    assert len(set(found)) == len(found)
    for operator in found:
        assert crew[operator] >= (BUSY if operator == state.operator else AWAY)


@given(state=states, crew=crews)
def test_an_online_desk_has_somebody_who_gets_lines(
    state: TalkState, crew: dict[str, Availability]
) -> None:
    """As long as visitors are told `online`, lines go to somebody."""
    if desk_state(crew.values()) is DeskState.ONLINE:
        assert recipients(state, crew)


@pytest.mark.parametrize(
    ("crew", "expected"),
    [
        ([], DeskState.OFFLINE),
        ([GONE], DeskState.OFFLINE),
        ([GONE, BUSY], DeskState.BUSY),
        ([BUSY, AWAY], DeskState.ONLINE),
        ([GONE, READY], DeskState.ONLINE),
    ],
)
def test_the_desk_is_as_its_best_operator(crew: list[Availability], expected: DeskState) -> None:
    """The desk is online if anybody takes chats, and busy if somebody is there at least."""
    assert desk_state(crew) is expected
