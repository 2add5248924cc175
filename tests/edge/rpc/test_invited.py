"""A visitor is asked into a room: the event, and who may enter the room of a talk."""

from __future__ import annotations

import pytest

from switchboard.errors import Forbidden
from switchboard.rooms import talk_room
from tests.edge.rpc.client import RpcError, WebSocket
from tests.edge.rpc.conftest import ANN, DOMAIN, World
from tests.edge.rpc.rooms import bodies
from tests.edge.rpc.test_rows import ANN_ON_WIRE, END, WAYS, begin, told


async def invited(world: World, visitor: str, room: str) -> None:
    """Ann asks the visitor into a room of the site."""
    await world.talks.invite(ANN, visitor, DOMAIN, world.rooms.room("acme", room))


async def refused(socket: WebSocket, room: str) -> str:
    """Why the visitor may not join."""
    with pytest.raises(RpcError) as error:
        await socket.call("join", room=room)
    return str(error.value.reason)


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_told(world: World, way: str) -> None:
    """Over each way, by whom and where to."""
    visitor, token, cursor = await begin(world)
    await invited(world, visitor, "lobby")
    await world.operator_says(visitor, END)
    told_of = ("invite", {"room": "lobby", "from": ANN_ON_WIRE})
    assert await told(world, way, token, cursor) == [told_of]


async def test_one_who_never_spoke_hears_it(world: World) -> None:
    """At once, on the socket that is there."""
    socket, hello = await world.visitor()
    await invited(world, hello["visitor"]["id"], "lobby")
    event = await socket.event()
    assert (event["type"], event["data"]["room"]) == ("invite", "lobby")


async def test_the_room_of_a_talk_is_the_visitors_own(world: World) -> None:
    """They enter it and are heard there; no other visitor comes in, nor hello with it."""
    eve, hello = await world.visitor()
    own = talk_room(hello["visitor"]["id"])
    assert (await eve.call("join", room=own, name="Eve"))["room"]["id"] == own
    await eve.call("say", id="m1", body="here I am", to=own)
    assert await bodies(eve, 1) == ["here I am"]
    max_, _ = await world.visitor()
    assert await refused(max_, own) == "forbidden"
    other = await world.socket()
    with pytest.raises(RpcError) as error:
        await other.call("hello", site="acme", page={"url": "https://shop.test/"}, room=own)
    assert error.value.reason == "forbidden"


async def test_it_is_in_no_public_log(world: World) -> None:
    """Whoever knows its name reads nothing."""
    _, hello = await world.visitor()
    own = talk_room(hello["visitor"]["id"])
    assert (await world.http().request("GET", f"/rooms/acme/{own}/log")).status == 404


async def test_only_where_they_may_go(world: World) -> None:
    """Nobody is asked into the room of another visitor's talk."""
    visitor, _, _ = await begin(world)
    with pytest.raises(Forbidden):
        await invited(world, visitor, talk_room("v-aaaaaaaaaaaaaaaa"))
