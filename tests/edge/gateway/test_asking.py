"""Who is asked, who has a talk, and how it changes hands."""

from __future__ import annotations

import pytest

from switchboard.model import DeskState, Phase, new_visitor_id
from switchboard.site import RoutingPolicy, RoutingSettings
from tests.edge.gateway.shop import Shop

ONE_BY_ONE = RoutingSettings(RoutingPolicy.ROUND_ROBIN, answer_seconds=30.0)


async def phase(shop: Shop, visitor: str) -> tuple[Phase, str | None]:
    """Where the talk stands, as it is stored."""
    found = await shop.store.conversation(visitor)
    assert found is not None
    return found.state.phase, found.state.operator


async def test_all_are_asked_and_the_first_answer_takes_it(shop: Shop, visitor: str) -> None:
    """The others are told by whom, and get no more of it."""
    await shop.signs_in("ann")
    await shop.signs_in("bob")
    await shop.says(visitor, "hello")
    await shop.writes("bob", visitor, "good day")
    await shop.says(visitor, "a question")
    assert shop.got("bob") == ["hello", "a question"]
    assert shop.got("ann") == ["hello"]
    assert "Bob answers" in shop.told("ann")[0]


@pytest.mark.parametrize("routing", [ONE_BY_ONE])
async def test_who_does_not_answer_is_passed_over(shop: Shop, visitor: str) -> None:
    """The next gets all that was said; and who lets two visitors wait counts as away."""
    for name in ("ann", "bob"):
        await shop.signs_in(name)
    await shop.says(visitor, "hello")
    await shop.passes(20)
    await shop.says(visitor, "anybody?")
    assert (shop.got("ann"), shop.got("bob")) == (["hello", "anybody?"], [])
    await shop.passes(11)
    assert shop.got("bob") == ["hello", "anybody?"]
    await shop.writes("bob", visitor, "good day")
    await shop.passes(60)
    assert await phase(shop, visitor) == (Phase.TAKEN, "o-bob")

    other = new_visitor_id()
    await shop.says(other, "hello too")
    assert shop.got("ann")[2:] == ["hello too"]
    await shop.passes(31)
    assert shop.got("bob")[2:] == ["hello too"]
    assert "!back" in shop.told("ann")[-1]
    await shop.writes("bob", other, "good day too")
    third = new_visitor_id()
    await shop.says(third, "and me")
    assert shop.got("bob")[-1] == "and me"
    await shop.writes("ann", third, "!back")
    await shop.says(new_visitor_id(), "the fourth")
    assert shop.got("ann")[-1] == "the fourth"


@pytest.mark.parametrize("routing", [RoutingSettings(capacity=1)])
async def test_who_has_enough_is_not_asked(shop: Shop, visitor: str) -> None:
    """With nobody left the desk is busy, the log keeps the line, and the end of a talk frees it."""
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "good day")
    other = new_visitor_id()
    await shop.says(other, "and me?")
    assert shop.gateway._desks.state("shop") is DeskState.BUSY
    assert "and me?" not in shop.got("ann")
    await shop.writes("ann", visitor, "!end")
    await shop.passes(5)
    assert shop.got("ann")[-1] == "and me?"
    assert shop.gateway._desks.state("shop") is DeskState.ONLINE


async def test_an_operator_who_leaves_hands_back(shop: Shop, visitor: str) -> None:
    """Others get the lines at once, and after a while whoever answers has the talk."""
    await shop.signs_in("ann")
    await shop.signs_in("bob")
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "good day")
    await shop.signs_out("ann")
    await shop.passes(59)
    assert await phase(shop, visitor) == (Phase.TAKEN, "o-ann")
    await shop.says(visitor, "still there?")
    assert shop.got("bob")[-1] == "still there?"
    await shop.passes(2)
    assert await phase(shop, visitor) == (Phase.WAITING, "o-ann")
    await shop.writes("bob", visitor, "I am")
    assert await phase(shop, visitor) == (Phase.TAKEN, "o-bob")


async def test_what_was_answered_is_not_told_again(shop: Shop, visitor: str) -> None:
    """A colleague gets it once the visitor writes again, with all that was said before."""
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")
    await shop.passes(5)
    await shop.writes("ann", visitor, "good day")
    await shop.signs_in("bob")
    await shop.signs_out("ann")
    await shop.passes(100)
    assert await phase(shop, visitor) == (Phase.WAITING, "o-ann")
    assert shop.got("bob") == []
    await shop.says(visitor, "one more thing")
    assert shop.got("bob") == ["hello", "one more thing"]


async def test_an_operator_who_comes_back_in_time_keeps_the_talk(shop: Shop, visitor: str) -> None:
    """A client that reconnects changes nothing."""
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "good day")
    for _ in range(3):
        await shop.signs_out("ann")
        await shop.passes(40)
        await shop.signs_in("ann")
        await shop.passes(40)
    assert await phase(shop, visitor) == (Phase.TAKEN, "o-ann")


async def test_a_talk_is_taken_over(shop: Shop, visitor: str) -> None:
    """By `!take`: the former operator is told, and lines go to the new one."""
    for name in ("ann", "bob"):
        await shop.signs_in(name)
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "good day")
    await shop.writes("bob", visitor, "!take")
    assert "You have this talk now" in shop.told("bob")[-1]
    assert "Bob answers" in shop.told("ann")[-1]
    await shop.says(visitor, "a question")
    assert shop.got("bob")[-1] == "a question"
    assert "a question" not in shop.got("ann")
    await shop.writes("bob", visitor, "!take")
    assert "already" in shop.told("bob")[-1]
    await shop.writes("bob", visitor, "!end")
    await shop.passes(10)
    await shop.writes("bob", visitor, "!take")
    assert "No talk is open" in shop.told("bob")[-1]


async def test_busy_and_away_by_command(shop: Shop, visitor: str) -> None:
    """Whatever the client's presence says, and until `!back`."""
    for name in ("ann", "bob"):
        await shop.signs_in(name)
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "!away")
    await shop.says(new_visitor_id(), "only bob")
    assert shop.got("bob")[-1] == "only bob"
    assert "only bob" not in shop.got("ann")
    await shop.writes("bob", visitor, "!busy")
    assert shop.got("ann")[-1] == "only bob"
    await shop.writes("ann", visitor, "!busy")
    assert shop.gateway._desks.state("shop") is DeskState.BUSY
    await shop.writes("ann", visitor, "!back")
    assert shop.gateway._desks.state("shop") is DeskState.ONLINE
