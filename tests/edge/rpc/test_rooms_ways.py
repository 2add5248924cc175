"""Rooms over every way, and what a break costs: each row once, in order, or `reset`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rpc.room_log import KEPT_ROWS
from rpc.rounds import SLICE
from switchboard import events
from switchboard.bus.memory import MemoryBus
from switchboard.errors import RetryLater
from switchboard.model import Act
from switchboard.reception import Rooms
from switchboard.reception.rooms import Origin, sender_of
from tests.edge.rpc.client import Closed, EventSource, WebSocket, frame
from tests.edge.rpc.conftest import DOMAIN, LINES, World, eventually
from tests.edge.rpc.rooms import ANN, PAGE, ann_says, bodies, conversation, guest

WAYS = ["socket", "events", "poll"]


def unheard(world: World) -> Rooms:
    """Whoever says something by it is heard by no hint."""
    return Rooms(world.store, MemoryBus(), world.clock, world.directory, DOMAIN, 4000)


async def say_unheard(world: World, body: str) -> None:
    rooms = unheard(world)
    room = rooms.room("acme", "lobby")
    await rooms.relay(room, sender_of(ANN), body, Origin(), None)


async def after(world: World, way: str, token: str, cursor: str, count: int) -> tuple[Any, str]:
    """So many lines after a cursor, by one way, and the cursor after them."""
    if way == "poll":
        found: list[str] = []
        while len(found) < count:
            polled = await world.http().call("poll", token=token, cursor=cursor, wait=5)
            assert polled["cursor"], polled
            cursor = polled["cursor"]
            lines = [one for one in polled["events"] if one["type"] == "message"]
            found += [one["data"]["message"]["body"] for one in lines]
        return found, cursor
    reader: WebSocket | EventSource
    if way == "socket":
        reader = await world.socket()
        await reader.call("resume", token=token, cursor=cursor)
    else:
        reader = await world.stream(token, cursor)
    found = [(await reader.message())["body"] for _ in range(count)]
    reader.close()
    return found, reader.cursor


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("then", WAYS)
async def test_on_by_another_way(world: World, way: str, then: str) -> None:
    """A cursor of one way is good for each other: nothing is lost and nothing comes twice."""
    zoe, hello = await guest(world, "Zoe")
    token = hello["token"]
    await ann_says(world, "one")
    assert await bodies(zoe, 1) == ["one"]
    zoe.close()
    cursor = zoe.cursor
    await ann_says(world, "two")
    await ann_says(world, "three")
    found, cursor = await after(world, way, token, cursor, 2)
    await ann_says(world, "four")
    more, cursor = await after(world, then, token, cursor, 1)
    assert (found, more) == (["two", "three"], ["four"])


@pytest.mark.parametrize("way", ["poll", "events"])
async def test_join_by_a_call(world: World, way: str) -> None:
    """Who has no socket gets a cursor that is in the room, and reads on from what join gave."""
    await ann_says(world, "before")
    http = world.http()
    hello = await http.call("hello", site="acme", page=PAGE)
    joined = await http.call(
        "join", token=hello["token"], room="lobby", name="Zoe", cursor=hello["cursor"]
    )
    assert [line["body"] for line in joined["room"]["messages"]] == ["before"]
    await ann_says(world, "after")
    assert (await after(world, way, hello["token"], joined["cursor"], 1))[0] == ["after"]
    said = await http.call("say", token=hello["token"], id="m1", body="Mine", to="lobby")
    assert said["seq"] == 3
    found, _ = await after(world, way, hello["token"], joined["cursor"], 2)
    assert found == ["after", "Mine"]


@pytest.mark.parametrize("way", ["poll", "events"])
async def test_hello_by_a_call(world: World, way: str) -> None:
    """Its cursor is in the room that it joined."""
    hello = await world.http().call("hello", site="acme", page=PAGE, room="lobby", name="Zoe")
    assert hello["rooms"][0]["name"] == "Zoe"
    await ann_says(world, "Good day")
    assert (await after(world, way, hello["token"], hello["cursor"], 1))[0] == ["Good day"]


async def test_a_poll_waits_for_a_line(world: World) -> None:
    """It is answered as soon as somebody says something in the room."""
    http = world.http()
    hello = await http.call("hello", site="acme", page=PAGE, room="lobby")
    first = await http.call("poll", token=hello["token"], cursor=hello["cursor"])
    waits = asyncio.create_task(
        http.call("poll", token=hello["token"], cursor=first["cursor"], wait=20)
    )
    await eventually(lambda: world.edge.visitors == 1)
    await asyncio.sleep(0.05)
    await ann_says(world, "Good day")
    polled = await waits
    lines = [one["data"]["message"]["body"] for one in polled["events"] if one["type"] == "message"]
    assert lines == ["Good day"]


async def test_a_lost_hint(world: World) -> None:
    """What no hint brought comes with the next row, to everybody, by one read."""
    sockets = [(await guest(world, f"Guest {number}"))[0] for number in range(20)]
    await ann_says(world, "first")
    for socket in sockets:
        assert await bodies(socket, 1) == ["first"]
    await say_unheard(world, "unheard")
    world.forget_statements()
    await ann_says(world, "heard")
    for socket in sockets:
        assert await bodies(socket, 2) == ["unheard", "heard"]
    reads = [one for one in world.statements if "messages.seq > " in one]
    assert len(reads) == 1


async def test_a_look(world: World) -> None:
    """A word that there is more is enough, and one that is wrong does no harm."""
    zoe, _ = await guest(world, "Zoe")
    await say_unheard(world, "unheard")
    world.rooms.tell(conversation("lobby"), events.Look(conversation("lobby"), 1))
    assert await bodies(zoe, 1) == ["unheard"]
    world.rooms.tell(conversation("lobby"), events.Look(conversation("lobby"), 7))
    await ann_says(world, "heard")
    assert await bodies(zoe, 1) == ["heard"]


async def test_the_store_does_not_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read is read at the next sweep, and nothing is out of order."""
    zoe, _ = await guest(world, "Zoe")
    world.tick(1)
    assert (await zoe.event())["type"] == "member"
    await say_unheard(world, "unheard")
    whole = world.rooms.read

    async def fails(*args: Any) -> Any:
        raise RetryLater("unavailable", "The store is away.", 1)

    monkeypatch.setattr(world.rooms, "read", fails)
    await ann_says(world, "heard")
    assert await zoe.quiet() == []
    monkeypatch.setattr(world.rooms, "read", whole)
    world.tick(1)
    assert await bodies(zoe, 2) == ["unheard", "heard"]


@pytest.mark.parametrize("way", WAYS)
async def test_what_was_retracted_meanwhile(world: World, way: str) -> None:
    """Who comes back is not told the text of a line that is no more."""
    zoe, hello = await guest(world, "Zoe")
    zoe.close()
    await ann_says(world, "secret")
    room = world.rooms.room("acme", "lobby")
    await world.rooms.amend(room, sender_of(ANN), Act.RETRACT, 1, Origin())
    found, _ = await after(world, way, hello["token"], hello["cursor"], 1)
    assert found == [""]


@pytest.mark.parametrize("rows", [3, KEPT_ROWS + 60])
async def test_a_full_connection(world: World, rows: int) -> None:
    """It holds a place: when it reads again it has every row, in order, and nobody waited."""
    slow, hello = await guest(world, "Zoe")
    fast, _ = await guest(world, "Max")
    await ann_says(world, "first")
    assert await bodies(slow, 1) == await bodies(fast, 1) == ["first"]
    text = "€" * 3990
    count = rows + LINES
    stays_full = world.edge._streams._full
    for number in range(count):
        await ann_says(world, f"{number} {text}")
        assert (await fast.message())["body"].startswith(f"{number} ")
    assert stays_full
    told = [body.split()[0] for body in await bodies(slow, count)]
    assert told == [str(number) for number in range(count)]
    assert hello["rooms"][0]["name"] == "Zoe"


async def test_more_than_a_slice(world: World) -> None:
    """A room of more readers than are served at once: everybody has all rows in order."""
    zoe, _ = await guest(world, "Zoe")
    hall = world.edge._services.halls.find(conversation("lobby"))
    assert hall is not None
    taken: dict[int, list[int]] = {}

    class Ear:
        """A reader without a connection."""

        def __init__(self, number: int) -> None:
            self.heard = taken[number] = []

        def ready(self) -> bool:
            return True

        def hear(self, reader: Any, told: Sequence[Any]) -> None:
            for row in told:
                assert row.seq == reader.seq + 1
                reader.move(row)
                self.heard.append(row.seq)

        def left(self, reader: Any) -> None: ...

        def renamed(self) -> None: ...

        def fall_behind(self) -> None: ...

        def lose_place(self) -> None:
            raise AssertionError

    for number in range(3 * SLICE):
        await hall.rounds.catch_up(hall.add(Ear(number), f"g-{number}"))
    await asyncio.gather(*(ann_says(world, f"line {number}") for number in range(5)))
    await bodies(zoe, 5)
    await eventually(lambda: all(heard == [1, 2, 3, 4, 5] for heard in taken.values()))


@pytest.mark.parametrize("way", WAYS)
async def test_a_node_is_gone_with_the_cache(world: World, way: str) -> None:
    """Another node puts the visitor where the cursor says they were, under their name."""
    zoe, hello = await guest(world, "Zoe")
    await ann_says(world, "before")
    await bodies(zoe, 1)
    cursor = zoe.cursor
    await world.restart()
    await ann_says(world, "meanwhile")
    found, _ = await after(world, way, hello["token"], cursor, 1)
    assert found == ["meanwhile"]
    (seated,) = world.visit(hello["visitor"]["id"]).rooms
    assert (seated.room, seated.name) == (conversation("lobby"), "Zoe")


@pytest.mark.parametrize("way", WAYS)
async def test_who_left_is_not_put_back(world: World, way: str) -> None:
    """An old cursor brings nobody into a room that they left: they are told that they are not."""
    zoe, hello = await guest(world, "Zoe")
    await ann_says(world, "before")
    await bodies(zoe, 1)
    await zoe.call("leave", room="lobby")
    token, cursor = hello["token"], zoe.cursor
    if way == "socket":
        back = await world.socket()
        assert (await back.call("resume", token=token, cursor=cursor))["rooms"] == []
        event = await back.event()
    elif way == "events":
        event = await (await world.stream(token, cursor)).event()
    else:
        polled = await world.http().call("poll", token=token, cursor=cursor)
        event = polled["events"][-1]
    assert (event["type"], event["data"]["op"]) == ("member", "leave")
    assert event["data"]["who"] == {
        "kind": "visitor",
        "id": hello["rooms"][0]["self"],
        "name": "Zoe",
        "self": True,
    }


async def test_a_cursor_from_the_future(world: World) -> None:
    """A place that is none of the room's log is a reset."""
    zoe, hello = await guest(world, "Zoe")
    for body in ("one", "two"):
        await ann_says(world, body)
    await bodies(zoe, 2)
    with world.store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM messages")
        connection.exec_driver_sql("DELETE FROM conversations")
    await world.restart()
    back = await world.socket()
    await back.call("resume", token=hello["token"], cursor=zoe.cursor)
    assert [event["type"] for event in await back.quiet()] == ["reset"]
    polled = await world.http().call("poll", token=hello["token"], cursor=zoe.cursor)
    assert [event["type"] for event in polled["events"]] == ["reset"]


async def test_a_line_of_another_log(world: World) -> None:
    """A place at a line that was not the one that the browser had is a reset."""
    zoe, hello = await guest(world, "Zoe")
    await ann_says(world, "one")
    await bodies(zoe, 1)
    with world.store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM messages")
        connection.exec_driver_sql("DELETE FROM conversations")
    await world.restart()
    for body in ("another one", "two"):
        await ann_says(world, body)
    back = await world.socket()
    await back.call("resume", token=hello["token"], cursor=zoe.cursor)
    assert [event["type"] for event in await back.quiet()] == ["reset"]


async def test_another_visitors_cursor(world: World) -> None:
    """It is a reset, in a room as at the desk; nor does a part of it help."""
    zoe, _ = await guest(world, "Zoe")
    max_, hello = await guest(world, "Max")
    await ann_says(world, "one")
    await bodies(zoe, 1)
    await bodies(max_, 1)
    own, part = max_.cursor.split(".")
    theirs = zoe.cursor.split(".")[1]
    assert part == theirs
    for cursor in (zoe.cursor, part, f"{part}.{own}", f"{own}.", f"{own}.{own}", f"{own}.{part}x"):
        polled = await world.http().call("poll", token=hello["token"], cursor=cursor)
        assert [event["type"] for event in polled["events"]] == ["reset"]


async def test_no_events_before_the_answer(world: World) -> None:
    """Lines that come while join is under way come after its answer, and are not in it."""
    socket, _ = await world.visitor()
    socket.send(frame("join", room="lobby", name="Zoe"))
    said = [asyncio.create_task(ann_says(world, f"line {number}")) for number in range(5)]
    told = (await socket.next_answer())["result"]["room"]["messages"]
    await asyncio.gather(*said)
    lines = [line["body"] for line in told]
    lines += await bodies(socket, 5 - len(lines))
    assert lines == [f"line {number}" for number in range(5)]
    assert await socket.quiet() == []


async def test_the_server_stops(world: World) -> None:
    """Guests' sockets are closed as all others are."""
    zoe, _ = await guest(world, "Zoe")
    await world.stop()
    with pytest.raises(Closed):
        await zoe.event()
