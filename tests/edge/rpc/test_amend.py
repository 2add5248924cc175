"""What a visitor may change of what was said: edit, retract, react."""

from __future__ import annotations

from typing import Any

import pytest

from switchboard.events import Committed
from switchboard.model import Act
from tests.edge.rpc.client import RpcError
from tests.edge.rpc.conftest import ANN, DOMAIN, World


async def lines(world: World, token: str) -> list[dict[str, Any]]:
    """The log as the visitor finds it."""
    return list((await world.http().call("history", token=token))["messages"])


@pytest.mark.parametrize("way", ["post", "socket"])
async def test_edit(world: World, way: str) -> None:
    """A line of one's own has another text, and says when; to repeat it is no second change."""
    socket, _ = await world.visitor()
    token = (await socket.answer("say", id="m1", body="helo"))["token"]
    caller = socket if way == "socket" else world.http()
    for _ in range(2):
        assert await caller.call("edit", token=token, seq=1, body="hello") == {}
    [line] = await lines(world, token)
    assert (line["seq"], line["body"], "retracted" in line) == (1, "hello", False)
    assert line["edited"] >= line["at"]
    changes = [e.message for e in world.heard if isinstance(e, Committed)][1:]
    assert [(row.act, row.target, row.body) for row in changes] == [(Act.EDIT, 1, "hello")]


async def test_retract(world: World) -> None:
    """Of a line of one's own only its place is left; to retract it again is no change."""
    socket, hello = await world.visitor()
    token = (await socket.answer("say", id="m1", body="secret"))["token"]
    await world.talks.answer(ANN, hello["visitor"]["id"], DOMAIN, "re", None, None, reply_to=1)
    await socket.call("react", seq=1, emoji=["👍"])
    await socket.call("edit", seq=1, body="more secret")
    for _ in range(2):
        assert await socket.call("retract", seq=1) == {}
    first, answer = await lines(world, token)
    assert (first["body"], first["retracted"]) == ("", True)
    assert not {"edited", "reactions", "attachment"} & first.keys()
    assert (answer["body"], answer["reply_to"]) == ("re", 1)


async def test_react(world: World) -> None:
    """Any line may have emoji, one's own and others'; those named last hold."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]
    token = (await socket.answer("say", id="m1", body="Hello?"))["token"]
    await world.operator_says(visitor["id"], "Yes!")
    await socket.call("react", seq=2, emoji=["👍", "❤️"])
    await socket.call("react", seq=2, emoji=["❤️", "1️⃣"])
    me = {"kind": "visitor", "id": visitor["id"], "name": visitor["name"], "self": True}
    _, answer = await lines(world, token)
    assert answer["reactions"] == [
        {"emoji": "❤️", "from": [me]},
        {"emoji": "1️⃣", "from": [me]},
    ]
    await socket.call("react", seq=1, emoji=["🎉"])
    await socket.call("react", seq=2, emoji=[])
    own, answer = await lines(world, token)
    assert own["reactions"] == [{"emoji": "🎉", "from": [me]}]
    assert "reactions" not in answer


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("edit", {"seq": 2, "body": "mine now"}, "forbidden"),
        ("retract", {"seq": 2}, "forbidden"),
        ("edit", {"seq": 99, "body": "x"}, "not_found"),
        ("retract", {"seq": 2**53}, "not_found"),
        ("react", {"seq": 99, "emoji": ["👍"]}, "not_found"),
        ("edit", {"seq": 4, "body": "a change"}, "not_found"),
        ("react", {"seq": 5, "emoji": ["👍"]}, "not_found"),
        ("edit", {"seq": 3, "body": "again"}, "invalid"),
        ("react", {"seq": 3, "emoji": ["👍"]}, "invalid"),
        ("edit", {"seq": 1, "body": "x" * 4001}, "too_long"),
        ("edit", {"seq": 1, "body": " \u0000 "}, "invalid"),
        ("edit", {"seq": 1}, "invalid"),
        ("edit", {"seq": 0, "body": "x"}, "invalid"),
        ("edit", {"seq": 2**64, "body": "x"}, "invalid"),
        ("edit", {"seq": "1", "body": "x"}, "invalid"),
        ("retract", {"seq": 1.5}, "invalid"),
        ("react", {"seq": 1, "emoji": "👍"}, "invalid"),
        ("react", {"seq": 1, "emoji": ["hello"]}, "invalid"),
        ("react", {"seq": 1, "emoji": ["👍 👎"]}, "invalid"),
        ("react", {"seq": 1, "emoji": [""]}, "invalid"),
        ("react", {"seq": 1, "emoji": ["<b>"]}, "invalid"),
        ("react", {"seq": 1, "emoji": ["👍" * 33]}, "invalid"),
        ("react", {"seq": 1, "emoji": list("👍👎😀😁😂😃😄😅😆")}, "invalid"),
        ("react", {"seq": 1}, "invalid"),
        ("edit", {"seq": 1, "body": "x", "to": "lounge"}, "unknown_room"),
        ("retract", {"seq": 1, "to": "lounge"}, "unknown_room"),
        ("react", {"seq": 1, "emoji": [], "to": "lounge"}, "unknown_room"),
    ],
)
async def test_refused(world: World, method: str, params: dict[str, Any], reason: str) -> None:
    """Others' lines, what is no line, what was retracted, and what is no text or emoji."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    token = (await socket.answer("say", id="m1", body="mine"))["token"]
    await world.operator_says(visitor, "Ann's")
    await socket.call("say", id="m2", body="retracted")
    await socket.call("retract", seq=3)
    await world.talks.note(ANN, visitor, DOMAIN, "a note")
    before = await lines(world, token)
    world.heard.clear()
    with pytest.raises(RpcError) as raised:
        await socket.call(method, **params)
    assert raised.value.reason == reason
    assert await lines(world, token) == before
    assert not any(isinstance(event, Committed) for event in world.heard)


@pytest.mark.parametrize(
    ("method", "params"),
    [("edit", {"body": "x"}), ("retract", {}), ("react", {"emoji": ["👍"]})],
)
async def test_who_never_spoke_changes_nothing_without_sql(
    world: World, method: str, params: dict[str, Any]
) -> None:
    """There is nothing to change, and the store is not asked."""
    socket, _ = await world.visitor()
    world.forget_statements()
    with pytest.raises(RpcError) as raised:
        await socket.call(method, seq=1, **params)
    assert raised.value.reason == "not_found"
    assert world.statements == []


async def test_anothers_log_is_out_of_reach(world: World) -> None:
    """A seq means a line of the caller's own log."""
    mine, _ = await world.visitor()
    other, _ = await world.visitor()
    token = (await mine.answer("say", id="m1", body="mine"))["token"]
    await other.call("say", id="m1", body="theirs")
    await other.call("edit", seq=1, body="changed")
    await other.call("react", seq=1, emoji=["👍"])
    [line] = await lines(world, token)
    assert (line["body"], "reactions" in line) == ("mine", False)


async def test_changes_are_counted_as_lines_are(idle_world: World) -> None:
    """They share the visitor's messages a minute; a refused one counts too."""
    await idle_world.start(messages_per_minute=4)
    socket, _ = await idle_world.visitor()
    await socket.call("say", id="m1", body="one")
    await socket.call("edit", seq=1, body="two")
    await socket.call("react", seq=1, emoji=["👍"])
    with pytest.raises(RpcError):
        await socket.call("edit", seq=9, body="x")
    for method, params in (
        ("retract", {"seq": 1}),
        ("edit", {"seq": 1, "body": "three"}),
        ("react", {"seq": 1, "emoji": []}),
        ("say", {"id": "m2", "body": "four"}),
    ):
        with pytest.raises(RpcError) as raised:
            await socket.call(method, **params)
        assert raised.value.reason == "rate_limited"
    idle_world.tick(60)
    assert await socket.call("retract", seq=1) == {}
