"""Rooms: coming, talking and going, over a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from switchboard.model import Act
from switchboard.reception.rooms import Origin, origin_of, sender_of
from tests.edge.rpc.client import RpcError, WebSocket
from tests.edge.rpc.conftest import World
from tests.edge.rpc.rooms import ANN, ann_says, bodies, conversation, guest


async def refused(socket: WebSocket, method: str, **params: Any) -> str:
    """Why a call is refused."""
    with pytest.raises(RpcError) as error:
        await socket.call(method, **params)
    return str(error.value.reason)


async def test_hello_joins(world: World) -> None:
    """A visitor who comes with a room is in it, under the name they bring."""
    _, hello = await guest(world, "Zoe")
    (room,) = hello["rooms"]
    assert room["self"].startswith("g-")
    assert room == {
        "id": "lobby",
        "title": "Lobby",
        "subject": "Be kind",
        "members": 1,
        "messages": [],
        "more": False,
        "name": "Zoe",
        "self": room["self"],
        "role": "participant",
    }


async def test_everybody_hears(world: World) -> None:
    """A line comes to all who are there, once, with the author as the room knows them."""
    zoe, hello = await guest(world, "Zoe")
    max_, _ = await guest(world, "Max")
    said = await zoe.call("say", id="m1", body="Hello all", to="lobby")
    line = await max_.message()
    assert line == {
        "conversation": "lobby",
        "seq": said["seq"],
        "id": "m1",
        "from": {"kind": "visitor", "id": hello["rooms"][0]["self"], "name": "Zoe"},
        "body": "Hello all",
        "at": said["at"],
    }
    own = await zoe.message()
    assert own == {**line, "from": {**line["from"], "self": True}}
    assert await max_.quiet() == []


async def test_nobody_learns_who_it_is(world: World) -> None:
    """Neither the visitor's id nor where a line comes from reaches the others."""
    zoe, hello = await guest(world, "Zoe")
    max_, _ = await guest(world, "Max")
    await zoe.call("say", id="m1", body="Hello", to="lobby")
    await ann_says(world, "Good day")
    told = str([await max_.event(), await max_.event()])
    assert hello["visitor"]["id"] not in told
    assert "desk.test" not in told
    (stored, _) = await world.rooms.history(world.rooms.room("acme", "lobby"), None, 10)
    assert origin_of(stored) == Origin(visitor=hello["visitor"]["id"])


async def test_both_own_tabs(world: World) -> None:
    """What one says comes to one's other page too, as one's own, in the log's order."""
    first, hello = await guest(world, "Zoe")
    second, again = await guest(world, token=hello["token"])
    assert again["rooms"][0]["name"] == "Zoe"
    assert again["rooms"][0]["members"] == 1
    for number in range(5):
        await first.call("say", id=f"a{number}", body=f"a{number}", to="lobby")
        await second.call("say", id=f"b{number}", body=f"b{number}", to="lobby")
    told = [[await tab.message() for _ in range(10)] for tab in (first, second)]
    assert told[0] == told[1]
    assert [line["seq"] for line in told[0]] == list(range(1, 11))
    assert all(line["from"]["self"] for line in told[0])


async def test_order_among_many(world: World) -> None:
    """Whoever speaks at the same time: everybody has the same lines in the same order."""
    sockets = [(await guest(world, f"Guest {number}"))[0] for number in range(5)]
    await asyncio.gather(
        *(
            socket.call("say", id=f"m{turn}", body=f"{at}/{turn}", to="lobby")
            for at, socket in enumerate(sockets)
            for turn in range(1)
        )
    )
    told = [await bodies(socket, 5) for socket in sockets]
    assert all(one == told[0] for one in told)


async def test_the_same_id_is_the_same_line(world: World) -> None:
    """A repeated say is answered as the first was, and nobody hears it again."""
    zoe, _ = await guest(world, "Zoe")
    first = await zoe.call("say", id="m1", body="Hello", to="lobby")
    assert await zoe.call("say", id="m1", body="otherwise", to="lobby") == first
    assert [event["data"]["message"]["body"] for event in await zoe.quiet()] == ["Hello"]


async def test_join_gives_what_was_said(world: World) -> None:
    """Who comes later has the last fifty lines, and what is said from then on."""
    for number in range(52):
        await ann_says(world, f"line {number}")
    socket, _ = await world.visitor()
    joined = (await socket.call("join", room="lobby", name="Zoe"))["room"]
    assert [line["body"] for line in joined["messages"]] == [f"line {n}" for n in range(2, 52)]
    assert joined["more"] is True
    await ann_says(world, "Good day")
    assert await bodies(socket, 1) == ["Good day"]


async def test_history(world: World) -> None:
    """Earlier lines come in pages, to who is there."""
    for number in range(3):
        await ann_says(world, f"line {number}")
    zoe, _ = await guest(world, "Zoe")
    page = await zoe.call("history", to="lobby", before=3, limit=1)
    assert ([line["body"] for line in page["messages"]], page["more"]) == (["line 1"], True)
    page = await zoe.call("history", to="lobby", before=3)
    assert ([line["seq"] for line in page["messages"]], page["more"]) == ([1, 2], False)


async def test_names_are_ones_own(world: World) -> None:
    """A name that somebody has, or that looks like it, or an operator's, is refused."""
    await guest(world, "Zoe")
    socket, _ = await world.visitor()
    for name in ("Zoe", "zoe", "Zоe"):
        assert await refused(socket, "join", room="lobby", name=name) == "name_taken"
    for name in ("Ann", "ANN", "Acme", "Admin"):
        assert await refused(socket, "join", room="lobby", name=name) == "name_reserved"
    assert await refused(socket, "join", room="lobby", name=" \u200b") == "invalid"
    assert await refused(socket, "say", id="m1", body="Hello", to="lobby") == "not_joined"
    assert (await socket.call("join", room="lobby", name="Max"))["room"]["name"] == "Max"


async def test_hello_joins_under_another_name(world: World) -> None:
    """Who brings a name that is not to be had gets one that is nobody else's."""
    await guest(world, "Zoe")
    names = [(await guest(world, name))[1]["rooms"][0]["name"] for name in ("Zoe", "Ann", None)]
    assert all(name.startswith("Visitor ") for name in names)
    assert len(set(names)) == 3


async def test_rename(world: World) -> None:
    """Joining again with another name renames: lines have it from then on, the old one is free."""
    zoe, hello = await guest(world, "Zoe")
    max_, _ = await guest(world, "Max")
    renamed = (await zoe.call("join", room="lobby", name="Chloe"))["room"]
    assert (renamed["name"], renamed["self"]) == ("Chloe", hello["rooms"][0]["self"])
    await zoe.call("say", id="m1", body="It is me", to="lobby")
    assert (await max_.message())["from"]["name"] == "Chloe"
    assert (await max_.call("join", room="lobby", name="Zoe"))["room"]["name"] == "Zoe"


async def test_leave(world: World) -> None:
    """Who left hears nothing more of the room, on no page, and cannot speak there."""
    first, hello = await guest(world, "Zoe")
    second, _ = await guest(world, token=hello["token"])
    assert await first.call("leave", room="lobby") == {}
    await ann_says(world, "Anybody?")
    assert await refused(first, "say", id="m1", body="Me", to="lobby") == "not_joined"
    told = [event["type"] for event in await first.quiet()]
    assert told == []
    (left,) = await second.quiet()
    assert left["data"]["op"] == "leave"
    assert left["data"]["who"]["self"] is True
    again = (await second.call("join", room="lobby"))["room"]
    assert [line["body"] for line in again["messages"]] == ["Anybody?"]
    assert await second.call("leave", room="lobby") == {}
    assert await second.call("leave", room="lobby") == {}


async def test_a_reload_stays(world: World) -> None:
    """A visitor's next page has the rooms that the visitor is in, under the same name."""
    first, hello = await guest(world, "Zoe")
    await first.call("join", room="hall", name="Zoe in the hall")
    first.close()
    again = await (await world.socket()).call("hello", site="acme", token=hello["token"])
    assert [(r["id"], r["name"]) for r in again["rooms"]] == [
        ("lobby", "Zoe"),
        ("hall", "Zoe in the hall"),
    ]


async def test_two_rooms_and_the_desk(world: World) -> None:
    """Each event comes once, from whichever conversation; the cursor holds all of them."""
    zoe, hello = await guest(world, "Zoe")
    await zoe.call("join", room="hall", name="Zoe")
    await ann_says(world, "in the lobby")
    await ann_says(world, "in the hall", "hall")
    await world.operator_says(hello["visitor"]["id"], "at the desk")
    told = [await zoe.message() for _ in range(3)]
    assert [line["conversation"] for line in told] == ["lobby", "hall", "desk"]
    cursor = zoe.cursor
    zoe.close()
    await ann_says(world, "more in the lobby")
    await ann_says(world, "more in the hall", "hall")
    await world.operator_says(hello["visitor"]["id"], "more at the desk")
    back = await world.socket()
    resumed = await back.call("resume", token=hello["token"], cursor=cursor)
    assert sorted(room["id"] for room in resumed["rooms"]) == ["hall", "lobby"]
    told = [await back.message() for _ in range(3)]
    assert sorted(line["body"] for line in told) == [
        "more at the desk",
        "more in the hall",
        "more in the lobby",
    ]
    assert await back.quiet() == []


async def test_changes(world: World) -> None:
    """Corrections, retractions and reactions come to everybody, with `self` to whose they are."""
    zoe, hello = await guest(world, "Zoe")
    max_, _ = await guest(world, "Max")
    own = hello["rooms"][0]["self"]
    await zoe.call("say", id="m1", body="Helo", to="lobby")
    await zoe.call("edit", to="lobby", seq=1, body="Hello")
    await max_.call("react", to="lobby", seq=1, emoji=["👍"])
    await zoe.call("react", to="lobby", seq=1, emoji=["👍"])
    await zoe.call("retract", to="lobby", seq=1)
    told = [[await one.event() for _ in range(5)] for one in (zoe, max_)]
    kinds = ["message", "edited", "reactions", "reactions", "retracted"]
    assert [[event["type"] for event in events] for events in told] == [kinds, kinds]
    assert told[1][1]["data"] == {
        "to": "lobby",
        "seq": 1,
        "body": "Hello",
        "at": told[1][1]["data"]["at"],
    }
    (by_zoe,) = (who for who in told[0][3]["data"]["reactions"][0]["from"] if who["id"] == own)
    assert by_zoe["self"] is True
    others = [who.get("self", False) for who in told[1][3]["data"]["reactions"][0]["from"]]
    assert others == [True, False]


async def test_only_ones_own_lines(world: World) -> None:
    """Nobody corrects or retracts what another guest said."""
    zoe, _ = await guest(world, "Zoe")
    max_, _ = await guest(world, "Max")
    await zoe.call("say", id="m1", body="Mine", to="lobby")
    assert await refused(max_, "edit", to="lobby", seq=1, body="Yours") == "forbidden"
    assert await refused(max_, "retract", to="lobby", seq=1) == "forbidden"


async def test_a_moderator_takes_a_line_back(world: World) -> None:
    """A moderated line is retracted in every browser."""
    zoe, _ = await guest(world, "Zoe")
    await zoe.call("say", id="m1", body="Spam", to="lobby")
    await zoe.message()
    room = world.rooms.room("acme", "lobby")
    await world.rooms.amend(room, sender_of(ANN), Act.MODERATE, 1, Origin())
    assert (await zoe.event())["data"] == {"to": "lobby", "seq": 1}
    _, hello = await guest(world, "Max")
    assert hello["rooms"][0]["messages"][0]["retracted"] is True


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("say", {"id": "m1", "body": "Hello"}),
        ("edit", {"seq": 1, "body": "Hello"}),
        ("retract", {"seq": 1}),
        ("react", {"seq": 1, "emoji": ["👍"]}),
        ("history", {}),
        ("seen", {"seq": 1, "state": "read"}),
        ("typing", {"state": "composing"}),
    ],
)
async def test_who_has_not_joined(world: World, method: str, params: dict[str, Any]) -> None:
    """Nothing is told to, and nothing taken from, who is not in the room; or there is none."""
    await ann_says(world, "Good day")
    socket, _ = await world.visitor()
    assert await refused(socket, method, to="lobby", **params) == "not_joined"
    assert await refused(socket, method, to="nowhere", **params) == "unknown_room"


async def test_no_such_room(world: World) -> None:
    """Neither by hello nor by join; another site's room is none."""
    socket, _ = await world.visitor()
    for room in ("nowhere", "desk", "", "lobby%acme"):
        assert await refused(socket, "join", room=room) == "unknown_room"
        assert await refused(socket, "hello", site="acme", room=room) == "unknown_room"
    other = await world.socket("https://other.test")
    await other.call("hello", site="other")
    assert await refused(other, "join", room="lobby") == "unknown_room"
    assert await refused(other, "join", room="lobby%acme") == "unknown_room"
    assert await refused(socket, "members", room="lobby") == "not_joined"
    assert await refused(socket, "leave", room="nowhere") == "unknown_room"


async def test_not_for_guests(world: World) -> None:
    """A room that is not for visitors refuses them."""
    socket, _ = await world.visitor()
    assert await refused(socket, "join", room="staff") == "forbidden"


async def test_a_moderated_room(world: World) -> None:
    """Newcomers listen there, and may leave; they cannot speak."""
    socket, hello = await guest(world, "Zoe", "stage")
    assert hello["rooms"][0]["role"] == "visitor"
    assert await refused(socket, "say", id="m1", body="Hello", to="stage") == "no_voice"
    await ann_says(world, "Welcome", "stage")
    assert await bodies(socket, 1) == ["Welcome"]
    assert await refused(socket, "react", to="stage", seq=1, emoji=["👍"]) == "no_voice"


async def test_the_floor(world: World) -> None:
    """The room's policy is asked, and a line that is stored already is answered all the same."""
    zoe, _ = await guest(world, "Zoe")
    assert await refused(zoe, "say", id="m1", body="https://spam.test", to="lobby") == "links"
    first = await zoe.call("say", id="m2", body="Hello", to="lobby")
    await zoe.call("say", id="m3", body="https://shop.test", to="lobby")
    assert await zoe.call("say", id="m2", body="", to="lobby") == first


async def test_pages_have_rooms(world: World) -> None:
    """Those who read the same page, whatever the query, are in its room; the next has another."""
    zoe, hello = await guest(world, "Zoe", "page", page={"url": "https://shop.test/a?product=1"})
    _, same = await guest(world, "Max", "page", page={"url": "https://shop.test/a?product=2#b"})
    other, elsewhere = await guest(world, "Eve", "page", page={"url": "https://shop.test/b"})
    names = [one["rooms"][0]["id"] for one in (hello, same, elsewhere)]
    assert names[0] == names[1] != names[2]
    await zoe.call("say", id="m1", body="Hello", to=names[0])
    assert await other.quiet() == []


async def test_a_pages_room_is_left_with_it(world: World) -> None:
    """A visitor who reads on is in the next page's room only, unless the first is still open."""
    first, hello = await guest(world, "Zoe", "page", page={"url": "https://shop.test/a"})
    _, both = await guest(
        world, None, "page", page={"url": "https://shop.test/b"}, token=hello["token"]
    )
    assert len(both["rooms"]) == 1
    assert len(world.visit(hello["visitor"]["id"]).rooms) == 2
    first.close()
    while world.edge.sockets > 1:
        await asyncio.sleep(0.01)
    _, one = await guest(
        world, None, "page", page={"url": "https://shop.test/c"}, token=hello["token"]
    )
    rooms = [seated.room for seated in world.visit(hello["visitor"]["id"]).rooms]
    assert rooms == [conversation(found["rooms"][0]["id"]) for found in (both, one)]


async def test_only_so_many_rooms(world: World) -> None:
    """Nobody is in more than ten at a time."""
    socket, _ = await world.visitor()
    for number in range(10):
        await socket.call("join", room=f"p-{'a' * 15}{chr(ord('a') + number)}")
    assert await refused(socket, "join", room="lobby") == "forbidden"


async def test_talk_in_a_room_is_no_talk_with_the_desk(world: World) -> None:
    """Who spoke in a room has not spoken to the desk: nothing of theirs is asked of the store."""
    zoe, hello = await guest(world, "Zoe")
    await zoe.call("say", id="m1", body="Hello", to="lobby")
    assert not world.visit(hello["visitor"]["id"]).spoken
    assert world.heard_lines(hello["visitor"]["id"]) == []


async def test_a_socket_without_hello(world: World) -> None:
    """A call with a token joins, but no events come where none were asked for."""
    _, hello = await world.visitor()
    bare = await world.socket()
    joined = await bare.call(
        "join", token=hello["token"], room="lobby", name="Zoe", cursor=hello["cursor"]
    )
    assert joined["room"]["name"] == "Zoe"
    await ann_says(world, "Good day")
    assert await bare.quiet() == []
    polled = await world.http().call("poll", token=hello["token"], cursor=joined["cursor"])
    assert [one["type"] for one in polled["events"]] == ["desk", "message"]


async def test_idle_guests_ask_nothing(world: World) -> None:
    """A line is one write of the store's: nobody who hears of it reads it there."""
    sockets = [(await guest(world, f"Guest {number}"))[0] for number in range(3)]
    await sockets[0].quiet()
    world.forget_statements()
    await ann_says(world, "Good day")
    for socket in sockets:
        assert await bodies(socket, 1) == ["Good day"]
    reads = [one for one in world.statements if conversation("lobby") in one or "seq >" in one]
    assert reads == []
