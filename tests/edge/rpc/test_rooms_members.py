"""Who is in a room: what browsers are told of it, and what a gateway has them do."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from switchboard import events
from switchboard.model import Ban, DeskState, Occupant, SenderKind
from switchboard.rooms import Role, RoomSettings
from tests.edge.rpc.client import RpcError, WebSocket
from tests.edge.rpc.conftest import ACME, DOMAIN, World, eventually
from tests.edge.rpc.rooms import ANN, Gateway, ann_says, bodies, conversation, guest


def crowd(count: int) -> list[Occupant]:
    """So many in a room."""
    return [Occupant(f"g-{n:05}", SenderKind.VISITOR, f"Guest {n:05}") for n in range(count)]


async def member_events(socket: WebSocket) -> list[tuple[str, str, int, int]]:
    """What a socket was told of members: op, name, count, more."""
    return [
        (told["op"], told["who"]["name"], told["count"], told.get("more", 0))
        for told in (event["data"] for event in await socket.quiet() if event["type"] == "member")
    ]


async def in_peace(world: World, socket: WebSocket) -> None:
    """All that is to be told has been."""
    await socket.quiet()
    world.tick(11)
    await socket.quiet()


async def test_one_by_one(world: World) -> None:
    """Some who come, go or are renamed are told each, within a second, with who is there then."""
    zoe, _ = await guest(world, "Zoe")
    await in_peace(world, zoe)
    max_, _ = await guest(world, "Max")
    await guest(world, "Eve")
    assert await member_events(zoe) == []
    world.tick(1)
    assert await member_events(zoe) == [("join", "Max", 3, 0), ("join", "Eve", 3, 0)]
    await max_.call("join", room="lobby", name="Maxine")
    world.tick(1)
    assert await member_events(zoe) == [("rename", "Maxine", 3, 0)]
    await max_.call("leave", room="lobby")
    world.tick(1)
    assert await member_events(zoe) == [("leave", "Maxine", 2, 0)]


async def test_whoever_closes_the_page(world: World) -> None:
    """They leave after the grace period, and who comes back within it has not left."""
    zoe, _ = await guest(world, "Zoe")
    max_, hello = await guest(world, "Max")
    await in_peace(world, zoe)
    max_.close()
    await eventually(lambda: world.edge.sockets == 1)
    world.tick(10)
    back, _ = await guest(world, token=hello["token"])
    world.tick(10)
    assert await member_events(zoe) == []
    back.close()
    await eventually(lambda: world.edge.sockets == 1)
    world.tick(17)
    assert await member_events(zoe) == [("leave", "Max", 1, 0)]


async def test_many_at_once(world: World) -> None:
    """They are one event, which says how many."""
    zoe, _ = await guest(world, "Zoe")
    await in_peace(world, zoe)
    Gateway(world).changed(came=tuple(crowd(12)))
    await zoe.quiet()
    world.tick(1)
    assert await member_events(zoe) == [("join", "Guest 00011", 13, 11)]


async def test_a_poll_is_told_too(world: World) -> None:
    """It brings who came since the poll before; a cursor is not moved by it."""
    http = world.http()
    hello = await http.call("hello", site="acme", room="lobby", name="Zoe")
    token = hello["token"]
    world.tick(2)
    first = await http.call("poll", token=token, cursor=hello["cursor"])
    await guest(world, "Max")
    world.tick(2)
    polled = await http.call("poll", token=token, cursor=first["cursor"])
    told = [one["data"] for one in polled["events"] if one["type"] == "member"]
    assert [(one["op"], one["who"]["name"], one["count"]) for one in told] == [("join", "Max", 2)]
    world.clock.advance(1)
    again = await http.call("poll", token=token, cursor=polled["cursor"])
    assert again["events"] == []


async def test_the_gateways_word(world: World) -> None:
    """Who is there from Jabber is told, listed and counted with the node's own guests."""
    gateway = Gateway(world)
    zoe, hello = await guest(world, "Zoe")
    own = hello["rooms"][0]["self"]
    await eventually(lambda: gateway.asked() == 1)
    gateway.all(ANN, Occupant(own, SenderKind.VISITOR, "Zoe"))
    await zoe.quiet()
    listed = await zoe.call("members", room="lobby")
    assert listed == {
        "members": [
            {"kind": "operator", "id": "g-ann", "name": "Ann"},
            {"kind": "visitor", "id": own, "name": "Zoe", "self": True},
        ],
        "count": 2,
        "more": False,
    }


async def test_the_first_on_a_node(world: World) -> None:
    """They are told how many are there already, and not that all of them have just come."""
    gateway = Gateway(world)
    world.desk(DeskState.ONLINE)
    await eventually(lambda: world.desks.heard("acme"))

    def answer(event: events.Event) -> None:
        if event == events.RoomAsked(conversation("lobby")):
            gateway.all(ANN, *crowd(700))

    world.bus.subscribe("domain/" + DOMAIN, answer)
    zoe, hello = await guest(world, "Zoe")
    assert hello["rooms"][0]["members"] == 702
    world.tick(11)
    assert [event[:2] for event in await member_events(zoe)] == [("join", "Zoe")]


async def test_what_was_missed_is_asked_for(world: World) -> None:
    """A gap in the gateway's words, or none at all, has it asked again; then no more."""
    gateway = Gateway(world)
    zoe, _ = await guest(world, "Zoe")
    world.tick(31)
    await eventually(lambda: gateway.asked() == 2)
    gateway.all(ANN)
    await zoe.quiet()
    world.tick(40)
    await zoe.quiet()
    assert gateway.asked() == 2
    gateway.lose()
    gateway.changed(left=(ANN,))
    await zoe.quiet()
    world.tick(4)
    await eventually(lambda: gateway.asked() > 2)


async def test_thousands(world: World) -> None:
    """A long list comes in parts, in order, and is searched; nothing is missing or twice."""
    gateway = Gateway(world)
    zoe, _ = await guest(world, "Zoe")
    gateway.all(ANN, *crowd(3000))
    await eventually(lambda: len(world.edge._services.halls.hall(_lobby(world)).roster) == 3002)
    names: list[str] = []
    after: dict[str, Any] = {}
    while True:
        part = await zoe.call("members", room="lobby", limit=1000, **after)
        assert part["count"] == 3002
        assert len(part["members"]) <= 100
        names += [one["name"] for one in part["members"]]
        if not part["more"]:
            break
        after = {"after": part["members"][-1]["id"]}
    assert names == ["Ann", *[who.name for who in crowd(3000)], "Zoe"]
    found = await zoe.call("members", room="lobby", search="GUEST 0299")
    assert (len(found["members"]), found["more"]) == (10, False)
    with pytest.raises(RpcError) as error:
        await zoe.call("members", room="lobby", after="g-nobody")
    assert error.value.reason == "not_found"


async def test_a_kick(world: World) -> None:
    """Who is made to go is told at once, on every page, and hears no more; others hear of it."""
    gateway = Gateway(world)
    zoe, hello = await guest(world, "Zoe")
    own = Occupant(hello["rooms"][0]["self"], SenderKind.VISITOR, "Zoe")
    tab, _ = await guest(world, token=hello["token"])
    max_, _ = await guest(world, "Max")
    gateway.all(own, ANN)
    await in_peace(world, max_)
    for socket in (zoe, tab):
        await socket.quiet()
    room = conversation("lobby")
    world.rooms.tell(room, events.Expelled(room, hello["visitor"]["id"], "spam"))
    for socket in (zoe, tab):
        (told,) = await socket.quiet()
        assert (told["type"], told["data"]["op"]) == ("member", "kick")
        assert told["data"]["who"]["self"] is True
    gateway.changed(expelled=(own,))
    await ann_says(world, "That was spam")
    assert await bodies(max_, 1) == ["That was spam"]
    assert await zoe.quiet() == []
    world.tick(1)
    assert await member_events(max_) == [("kick", "Zoe", 2, 0)]
    with pytest.raises(RpcError) as error:
        await zoe.call("say", id="m1", body="But", to="lobby")
    assert error.value.reason == "not_joined"
    assert world.visit(hello["visitor"]["id"]).rooms == ()


async def test_a_kick_whose_word_is_lost(world: World) -> None:
    """What the gateway tells everybody is enough."""
    gateway = Gateway(world)
    zoe, hello = await guest(world, "Zoe")
    gateway.changed(expelled=(Occupant(hello["rooms"][0]["self"], SenderKind.VISITOR, "Zoe"),))
    assert [event["data"]["op"] for event in await zoe.quiet()] == ["kick"]
    assert world.visit(hello["visitor"]["id"]).rooms == ()


async def test_a_rename_by_the_gateway(world: World) -> None:
    """Of two with one name the later gets another: they are told, and so is everybody."""
    zoe, hello = await guest(world, "Zoe")
    max_, _ = await guest(world, "Max")
    await in_peace(world, max_)
    await zoe.quiet()
    room = conversation("lobby")
    world.rooms.tell(room, events.Renamed(room, hello["visitor"]["id"], "Zoe 2"))
    (told,) = await zoe.quiet()
    assert (told["data"]["op"], told["data"]["who"]["name"]) == ("rename", "Zoe 2")
    world.tick(1)
    assert await member_events(max_) == [("rename", "Zoe 2", 2, 0)]
    await zoe.call("say", id="m1", body="Hm", to="lobby")
    assert (await max_.message())["from"]["name"] == "Zoe 2"
    (seated,) = world.visit(hello["visitor"]["id"]).rooms
    assert seated.name == "Zoe 2"


async def test_a_rename_whose_word_is_lost(world: World) -> None:
    """Whoever the gateway goes on to call otherwise is called so; not who was just renamed."""
    gateway = Gateway(world)
    zoe, hello = await guest(world, "Zoe")
    own = hello["rooms"][0]["self"]
    gateway.all(Occupant(own, SenderKind.VISITOR, "Zoe 2"))
    await zoe.quiet()
    world.tick(6)
    assert world.visit(hello["visitor"]["id"]).rooms[0].name == "Zoe"
    await zoe.call("join", room="lobby", name="Chloe")
    world.tick(5)
    assert world.visit(hello["visitor"]["id"]).rooms[0].name == "Chloe"
    world.tick(6)
    assert world.visit(hello["visitor"]["id"]).rooms[0].name == "Zoe 2"


async def test_voice(world: World) -> None:
    """Who is given voice by a moderator is told, and may speak; and not when it is taken."""
    gateway = Gateway(world, "stage")
    zoe, hello = await guest(world, "Zoe", "stage")
    own = hello["rooms"][0]["self"]
    gateway.all(Occupant(own, SenderKind.VISITOR, "Zoe", Role.VISITOR))
    assert await zoe.quiet() == []
    gateway.changed(changed=(Occupant(own, SenderKind.VISITOR, "Zoe", Role.PARTICIPANT),))
    assert [event["data"] for event in await zoe.quiet()] == [
        {"room": "stage", "role": "participant"}
    ]
    await zoe.call("say", id="m1", body="Thanks", to="stage")
    assert await bodies(zoe, 1) == ["Thanks"]
    gateway.all(Occupant(own, SenderKind.VISITOR, "Zoe", Role.VISITOR))
    assert [event["data"]["role"] for event in await zoe.quiet()] == ["visitor"]
    with pytest.raises(RpcError) as error:
        await zoe.call("say", id="m2", body="But", to="stage")
    assert error.value.reason == "no_voice"


async def test_a_ban(world: World) -> None:
    """Who is banned is out of every room, on every page, within moments."""
    zoe, hello = await guest(world, "Zoe")
    visitor = hello["visitor"]["id"]
    await world.store.save_ban(Ban("acme", visitor, 0, "Ann", world.clock.now()))
    await world.directory.refresh()
    assert (await zoe.event())["data"]["op"] == "kick"
    await ann_says(world, "Good day")
    assert world.visit(visitor).rooms == ()
    back = await world.socket()
    for method, params in [
        ("hello", {"site": "acme", "token": hello["token"], "room": "lobby"}),
        ("join", {"token": hello["token"], "room": "lobby"}),
        ("resume", {"token": hello["token"], "cursor": hello["cursor"]}),
    ]:
        with pytest.raises(RpcError) as error:
            await back.call(method, **params)
        assert error.value.reason == "forbidden"


async def test_a_room_that_is_given_up(world: World) -> None:
    """Everybody is told to go from a room that its site has no more."""
    zoe, hello = await guest(world, "Zoe")
    settings = ACME.settings
    rooms = {"hall": RoomSettings(salt="salt")}
    changed = replace(settings, rooms=rooms)
    await world.store.save_site(replace(ACME, settings=changed))
    await world.directory.refresh()
    assert [event["data"]["op"] for event in await zoe.quiet()] == ["kick"]
    assert world.visit(hello["visitor"]["id"]).rooms == ()


async def test_a_room_that_comes_back(world: World) -> None:
    """Whoever was in it when it was given up, as far as the cache knows, may join again."""
    zoe, hello = await guest(world, "Zoe")
    zoe.close()
    await eventually(lambda: world.edge.sockets == 0)
    lobby = ACME.settings.rooms
    await world.store.save_site(replace(ACME, settings=replace(ACME.settings, rooms={})))
    await world.restart(world.sessions)
    back = await world.socket()
    assert (await back.call("hello", site="acme", token=hello["token"]))["rooms"] == []
    await world.store.save_site(replace(ACME, settings=replace(ACME.settings, rooms=lobby)))
    await world.directory.refresh()
    joined = await back.call("join", room="lobby")
    assert (joined["room"]["name"], joined["room"]["members"]) == ("Zoe", 1)
    await ann_says(world, "Welcome back")
    assert await bodies(back, 1) == ["Welcome back"]


async def test_nobody_is_left(world: World) -> None:
    """A room that nobody on the node is in is let go after a while."""
    zoe, _ = await guest(world, "Zoe")
    assert len(world.edge._services.halls) == 1
    zoe.close()
    await eventually(lambda: world.edge.sockets == 0)
    world.tick(90)
    assert len(world.edge._services.halls) == 0


async def test_strangers_open_no_rooms(world: World) -> None:
    """Calls about rooms that one is not in cost the node nothing that stays."""
    socket, _ = await world.visitor()
    for letter in "abcde":
        room = f"p-{letter * 16}"
        assert await socket.call("leave", room=room) == {}
        with pytest.raises(RpcError):
            await socket.call("members", room=room)
    assert len(world.edge._services.halls) == 0


def _lobby(world: World) -> Any:
    return world.rooms.room("acme", "lobby")
