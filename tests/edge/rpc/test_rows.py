"""What visitors hear of each row of the log, over each way; and what never reaches them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rpc.rows import PUSH_LIVES_MS
from switchboard.bus.memory import MemoryBus
from switchboard.model import Act, Attachment, Sender
from switchboard.reception import Talks
from switchboard.reception.talks import operator_sender, visitor_sender
from tests.edge.rpc.client import RpcError
from tests.edge.rpc.conftest import ANN, DOMAIN, World

WAYS = ["socket", "events", "poll"]
END = "nothing more"
FILE = Attachment("https://files.test/a.pdf", "a.pdf", "application/pdf", 12_345)
Happening = tuple[str, dict[str, Any]]


async def amend(world: World, visitor: str, act: Act, target: int, body: str = "") -> None:
    """An operator changes a line."""
    who = operator_sender(ANN)
    await world.talks.amend(who, visitor, "acme", DOMAIN, act, target, body)


async def own_change(world: World, visitor: str, act: Act, target: int, body: str = "") -> None:
    """The visitor changes a line."""
    who: Sender = visitor_sender(world.visit(visitor))
    await world.talks.amend(who, visitor, "acme", DOMAIN, act, target, body)


async def begin(world: World) -> tuple[str, str, str]:
    """A visitor with a line of their own, seq 1: id, token, and the cursor after it."""
    socket, hello = await world.visitor()
    token = (await socket.answer("say", id="m1", body="Hello?"))["token"]
    await socket.message()
    return hello["visitor"]["id"], token, socket.cursor


async def told(world: World, way: str, token: str, cursor: str) -> list[Happening]:
    """The events after a cursor up to an operator's END, but the desk's and receipts."""
    found: list[Happening] = []

    def ended(event: dict[str, Any]) -> bool:
        if event["type"] not in ("desk", "receipt"):
            found.append((event["type"], event["data"]))
        return bool(event["type"] == "message" and event["data"]["message"]["body"] == END)

    next_event: Callable[[], Awaitable[dict[str, Any]]]
    if way == "poll":
        while True:
            polled = await world.http().call("poll", token=token, cursor=cursor, wait=5)
            assert polled["cursor"]
            over = [ended(event) for event in polled["events"]]
            if any(over):
                return found[:-1]
            cursor = polled["cursor"]
    if way == "socket":
        socket = await world.socket()
        await socket.call("resume", token=token, cursor=cursor)
        next_event = socket.event
    else:
        next_event = (await world.stream(token, cursor)).event
    while not ended(await next_event()):
        pass
    return found[:-1]


ANN_ON_WIRE = {"kind": "operator", "id": "o-ann", "name": "Ann"}


@pytest.mark.parametrize("way", WAYS)
async def test_changes_are_events(world: World, way: str) -> None:
    """Whoever missed several changes is told each in order, and has the lines as they stand."""
    visitor, token, cursor = await begin(world)
    await world.talks.answer(
        ANN, visitor, DOMAIN, FILE.url, None, None, reply_to=1, attachment=FILE
    )
    await amend(world, visitor, Act.REACT, 1, "👍")
    await own_change(world, visitor, Act.EDIT, 1, "Hello!")
    await own_change(world, visitor, Act.REACT, 1, "👍 🎉")
    await amend(world, visitor, Act.RETRACT, 2)
    await world.operator_says(visitor, END)

    me = {**await who_is(world, visitor), "self": True}
    events = await told(world, way, token, cursor)
    line = events[0][1]["message"]
    assert (line["seq"], line["retracted"], line["body"], line["reply_to"]) == (2, True, "", 1)
    assert "attachment" not in line
    edited = events[2][1]
    assert edited.pop("at").endswith("Z")
    assert events[1:] == [
        (
            "reactions",
            {"to": "desk", "seq": 1, "reactions": [{"emoji": "👍", "from": [ANN_ON_WIRE]}]},
        ),
        ("edited", {"to": "desk", "seq": 1, "body": "Hello!"}),
        (
            "reactions",
            {
                "to": "desk",
                "seq": 1,
                "reactions": [
                    {"emoji": "👍", "from": [ANN_ON_WIRE, me]},
                    {"emoji": "🎉", "from": [me]},
                ],
            },
        ),
        ("retracted", {"to": "desk", "seq": 2}),
    ]


async def who_is(world: World, visitor: str) -> dict[str, Any]:
    return {"kind": "visitor", "id": visitor, "name": world.visit(visitor).name}


async def test_changes_come_as_they_happen(world: World) -> None:
    """A socket, a stream and a waiting poll hear of a change at once, without reading the store."""
    visitor, token, cursor = await begin(world)
    socket = await world.socket()
    await socket.call("resume", token=token, cursor=cursor)
    assert await socket.quiet() == []
    source = await world.stream(token, cursor)
    await source.any_event()
    world.forget_statements()
    await own_change(world, visitor, Act.EDIT, 1, "Hello!")
    heard = [await socket.event(), await source.event()]
    assert [event["type"] for event in heard] == ["edited"] * 2
    assert heard[0]["data"] == heard[1]["data"]
    assert socket.cursor == source.cursor != cursor
    assert not any("messages" in s and "seq > " in s for s in world.statements)
    polled = await world.http().call("poll", token=token, cursor=cursor, wait=5)
    assert [e["type"] for e in polled["events"] if e["type"] != "desk"] == ["edited"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_retracted_text_is_told_to_nobody(world: World, way: str) -> None:
    """Neither the line nor its corrections bring back what was retracted meanwhile."""
    visitor, token, cursor = await begin(world)
    await world.operator_says(visitor, "a secret")
    await amend(world, visitor, Act.EDIT, 2, "another secret")
    await amend(world, visitor, Act.RETRACT, 2)
    await world.operator_says(visitor, END)
    events = await told(world, way, token, cursor)
    assert [kind for kind, _ in events] == ["message", "retracted"]
    assert "secret" not in json.dumps(events)


@pytest.mark.parametrize("way", WAYS)
async def test_notes_reach_no_visitor(world: World, way: str) -> None:
    """Not one octet of a note, whether it was missed or comes while the visitor listens."""
    visitor, token, cursor = await begin(world)
    await world.talks.note(ANN, visitor, DOMAIN, "a private word")
    await world.operator_says(visitor, "public")
    await world.talks.note(ANN, visitor, DOMAIN, "a private word")
    await world.operator_says(visitor, END)
    events = await told(world, way, token, cursor)
    assert [(kind, data["message"]["body"]) for kind, data in events] == [("message", "public")]
    assert "private" not in json.dumps(events)
    http = world.http()
    for method, params in (
        ("hello", {"site": "acme"}),
        ("history", {}),
        ("history", {"before": 3}),
        ("poll", {"cursor": cursor}),
    ):
        answer = await http.answer(method, token=token, **params)
        assert "private" not in json.dumps(answer)
    attempts: dict[str, dict[str, Any]] = {
        "edit": {"body": "mine"},
        "retract": {},
        "react": {"emoji": ["👍"]},
    }
    for method, more in attempts.items():
        with pytest.raises(RpcError) as raised:
            await http.call(method, token=token, seq=2, **more)
        assert "private" not in str(raised.value)


async def test_a_note_moves_cursors_and_says_nothing(world: World) -> None:
    """Whoever listens goes on: the next line needs no read, and a poll goes on waiting."""
    visitor, token, cursor = await begin(world)
    socket = await world.socket()
    await socket.call("resume", token=token, cursor=cursor)
    await world.talks.note(ANN, visitor, DOMAIN, "a private word")
    assert await socket.quiet() == []
    polled = await world.http().call("poll", token=token, cursor=cursor, wait=0.05)
    assert [event["type"] for event in polled["events"]] == ["desk"]
    world.forget_statements()
    await world.operator_says(visitor, "public")
    assert (await socket.message())["seq"] == 3
    assert not any("messages" in s and "seq > " in s for s in world.statements)
    after = await world.http().call("poll", token=token, cursor=polled["cursor"], wait=5)
    assert [event["data"]["message"]["seq"] for event in after["events"]] == [3]


async def test_a_note_on_a_silent_visitor(world: World) -> None:
    """They have not spoken by it, nothing of them is stored, and later lines reach them."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    token, visitor = hello["token"], hello["visitor"]["id"]
    await http.call("profile", token=token, name="Zoe")
    socket = await world.socket()
    again = await socket.call("hello", site="acme", token=token)
    await world.talks.note(ANN, visitor, DOMAIN, "a private word")
    assert await socket.quiet() == []
    assert not world.visit(visitor).spoken
    assert await world.talks.details(visitor) is None
    assert "token" not in await http.answer("ping", token=token)
    await world.restart()
    for cursor, news in ((hello["cursor"], []), (again["cursor"], ["desk"])):
        polled = await world.http().call("poll", token=token, cursor=cursor)
        assert [event["type"] for event in polled["events"]] == news
    late = await world.socket()
    found = await late.call("hello", site="acme", token=token)
    assert (found["messages"], found["more"]) == ([], False)
    await world.operator_says(visitor, "public")
    assert (await late.message())["body"] == "public"
    assert (await late.call("say", id="m1", body="Hello?"))["seq"] == 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("late", [0, 2])
async def test_push(world: World, way: str, late: int) -> None:
    """An address is told while it is fresh, and passed over later."""
    visitor, token, cursor = await begin(world)
    await world.talks.push(ANN, visitor, DOMAIN, "https://shop.test/offer")
    world.clock.step(PUSH_LIVES_MS / 1000 - 1 + late)
    await world.operator_says(visitor, END)
    events = await told(world, way, token, cursor)
    assert events == ([] if late else [("push", {"url": "https://shop.test/offer"})])
    again = await world.http().call("hello", site="acme", token=token)
    assert [line["seq"] for line in again["messages"]] == [1, 3]


async def test_push_to_a_silent_visitor(world: World) -> None:
    """It comes by itself, to who never spoke too."""
    socket, hello = await world.visitor()
    await world.talks.push(ANN, hello["visitor"]["id"], DOMAIN, "https://shop.test/offer")
    event = await socket.event()
    assert (event["type"], event["data"]) == ("push", {"url": "https://shop.test/offer"})


async def test_lines_as_they_stand(world: World) -> None:
    """History and hello give replies, files and reactions, and no change as a line."""
    visitor, token, _ = await begin(world)
    await world.talks.answer(
        ANN, visitor, DOMAIN, FILE.url, None, None, reply_to=1, attachment=FILE
    )
    await world.talks.answer(
        ANN, visitor, DOMAIN, "bare", None, None, attachment=Attachment("https://a.test/b", "b")
    )
    await amend(world, visitor, Act.REACT, 1, "👍")
    hello = await world.http().call("hello", site="acme", token=token)
    history = await world.http().call("history", token=token)
    assert hello["messages"] == history["messages"]
    first, second, third = history["messages"]
    assert first["reactions"] == [{"emoji": "👍", "from": [ANN_ON_WIRE]}]
    assert second["reply_to"] == 1
    assert second["attachment"] == {
        "url": "https://files.test/a.pdf",
        "name": "a.pdf",
        "type": "application/pdf",
        "size": 12_345,
    }
    assert third["attachment"] == {"url": "https://a.test/b", "name": "b"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fresh", [False, True])
async def test_hello_stands_at_the_last_row(world: World, way: str, fresh: bool) -> None:
    """Its cursor is past changes and notes: nothing after it is lost, nothing before it told."""
    visitor, token, _ = await begin(world)
    await own_change(world, visitor, Act.EDIT, 1, "Hello!")
    await world.talks.note(ANN, visitor, DOMAIN, "a private word")
    if fresh:
        await world.restart()
    hello = await world.http().call("hello", site="acme", token=token)
    assert [line["body"] for line in hello["messages"]] == ["Hello!"]
    await amend(world, visitor, Act.REACT, 1, "👍")
    await world.operator_says(visitor, END)
    events = await told(world, way, token, hello["cursor"])
    assert [kind for kind, _ in events] == ["reactions"]


async def test_hello_where_nothing_is_kept(world: World) -> None:
    """A log that retention has emptied still has its end, and goes on from there."""
    visitor, token, _ = await begin(world)
    await world.operator_says(visitor, "expired")
    await world.restart()
    path = world.store.engine.url.database
    assert path is not None
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as store:
        store.executescript("DELETE FROM messages")
    socket = await world.socket()
    hello = await socket.call("hello", site="acme", token=token)
    assert (hello["messages"], hello["more"]) == ([], False)
    await world.operator_says(visitor, "kept")
    assert [event["data"]["message"]["seq"] for event in await socket.quiet()] == [3]


async def test_hello_finds_what_no_hint_told(world: World) -> None:
    """A node that heard nothing of the last rows gives them all the same, each once."""
    visitor, token, _ = await begin(world)
    unheard = Talks(world.store, MemoryBus(), world.clock, 4000)
    await unheard.answer(ANN, visitor, DOMAIN, "unheard", None, None)
    ann = operator_sender(ANN)
    await unheard.amend(ann, visitor, "acme", DOMAIN, Act.EDIT, 2, "unheard, corrected")
    socket = await world.socket()
    hello = await socket.call("hello", site="acme", token=token)
    assert [line["body"] for line in hello["messages"]] == ["Hello?", "unheard, corrected"]
    await world.operator_says(visitor, "heard")
    assert [event["data"]["message"]["seq"] for event in await socket.quiet()] == [4]


@pytest.mark.parametrize(
    ("below", "limit", "more"),
    [(0, 2, False), (0, 1, True), (3, 2, False), (3, 1, True), (3, 100, False)],
)
async def test_more_means_lines(world: World, below: int, limit: int, more: bool) -> None:
    """What lies below the page counts only if a visitor may see it."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    visitor, token = hello["visitor"]["id"], hello["token"]
    for _ in range(below):
        await world.talks.note(ANN, visitor, DOMAIN, "a private word")
    token = (await http.answer("say", token=token, id="m1", body="one"))["token"]
    await http.call("say", token=token, id="m2", body="two")
    await http.call("edit", token=token, seq=below + 1, body="1")
    page = await http.call("history", token=token, limit=limit)
    assert (len(page["messages"]), page["more"]) == (min(limit, 2), more)
    assert (await http.call("history", token=token, before=below + 1))["more"] is False


@pytest.mark.parametrize(("lines", "more"), [(50, False), (51, True)])
async def test_hello_says_whether_there_is_more(world: World, lines: int, more: bool) -> None:
    """By the lines that a visitor may see, not by the first one's seq."""
    _, hello = await world.visitor()
    visitor, token = hello["visitor"]["id"], hello["token"]
    await world.talks.note(ANN, visitor, DOMAIN, "a private word")
    for number in range(lines):
        await world.operator_says(visitor, str(number))
    again = await world.http().call("hello", site="acme", token=token)
    assert [line["seq"] for line in again["messages"]] == list(range(lines - 48, lines + 2))
    assert again["more"] is more
