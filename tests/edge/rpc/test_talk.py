"""A visitor and a desk talk, over each transport."""

from __future__ import annotations

import asyncio

import pytest

from switchboard.events import Committed, Receipt, Typing
from switchboard.model import DeskState
from switchboard.reception.talks import operator_sender
from tests.edge.rpc.client import RpcError
from tests.edge.rpc.conftest import ANN, DOMAIN, World, eventually


async def test_socket_round_trip(world: World) -> None:
    """A line goes to the desk and an answer comes back, each an event in the log's order."""
    socket, hello = await world.visitor()
    said = await socket.call("say", id="m1", body="Hello?")
    assert (said["id"], said["seq"]) == ("m1", 1)
    await world.operator_says(hello["visitor"]["id"], "Yes!")

    own, answer = await socket.message(), await socket.message()
    assert own["from"] == {
        "kind": "visitor",
        "id": hello["visitor"]["id"],
        "name": hello["visitor"]["name"],
        "self": True,
    }
    assert own["conversation"] == "desk"
    assert own["at"] == said["at"]
    assert answer["from"] == {"kind": "operator", "id": "o-ann", "name": "Ann"}
    assert (answer["seq"], answer["body"]) == (2, "Yes!")


async def test_poll_round_trip(world: World) -> None:
    """The same by POST: the poll waits and brings what comes."""
    http = world.http()
    hello = await http.call("hello", site="acme", page={})
    token, cursor = hello["token"], hello["cursor"]
    said = await http.answer("say", token=token, id="m1", body="Hello?")
    token = said["token"]
    first = await http.call("poll", token=token, cursor=cursor, wait=5)
    assert [e["data"]["message"]["id"] for e in first["events"]] == ["m1"]

    waiting = asyncio.create_task(http.call("poll", token=token, cursor=first["cursor"], wait=5))
    await eventually(lambda: len(world.edge._services.polls._waiting) == 1)
    await world.operator_says(hello["visitor"]["id"], "Yes!")
    second = await waiting
    assert [e["data"]["message"]["body"] for e in second["events"]] == ["Yes!"]
    assert second["cursor"] != first["cursor"]


async def test_batch(world: World) -> None:
    """Calls of a batch are carried out in order; an error in one leaves the others alone."""
    http = world.http()
    token = (await http.call("hello", site="acme"))["token"]
    calls = [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "say",
            "params": {"token": token, "id": "a", "body": "1"},
        },
        {"jsonrpc": "2.0", "id": 2, "method": "nonsense"},
        {"jsonrpc": "2.0", "method": "typing", "params": {"token": token, "state": "composing"}},
        7,
        {
            "jsonrpc": "2.0",
            "id": 3,
            "method": "say",
            "params": {"token": token, "id": "b", "body": "2"},
        },
    ]
    answers = (await http.post(calls)).json
    assert [answer["id"] for answer in answers] == [1, 2, None, 3]
    assert [a["result"]["seq"] for a in answers if "result" in a] == [1, 2]
    assert [a["error"]["code"] for a in answers if "error" in a] == [-32601, -32600]
    assert any(isinstance(event, Typing) for event in world.heard)


async def test_a_batch_does_not_answer_without_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would make its answer too long is not carried out, and may be asked again."""
    monkeypatch.setattr("rpc.dispatch.LONGEST_ANSWER", 20_000)
    http = world.http()
    token = (await http.call("hello", site="acme"))["token"]
    for number in range(6):
        token = (await http.answer("say", token=token, id=f"c{number}", body="x" * 4000)).get(
            "token", token
        )
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": "history", "params": {"token": token}}
        for number in range(3)
    ]
    first, *others = (await http.post(calls)).json
    assert len(first["result"]["messages"]) == 6
    assert [answer["id"] for answer in others] == [1, 2]
    assert {answer["error"]["data"]["reason"] for answer in others} == {"unavailable"}
    assert {answer["error"]["data"]["retry_after"] for answer in others} == {1}


async def test_notification_is_not_answered(world: World) -> None:
    """A call without an id is carried out and answered by nothing."""
    response = await world.http().post({"jsonrpc": "2.0", "method": "ping"})
    assert (response.status, response.body) == (204, b"")


@pytest.mark.parametrize("way", ["post", "socket"])
async def test_the_same_id_gives_the_same_answer(world: World, way: str) -> None:
    """A repeated `say` is one line, whatever its body."""
    socket, hello = await world.visitor()
    caller = socket if way == "socket" else world.http()
    token = hello["token"]
    first = await caller.call("say", token=token, id="m1", body="one")
    for body in ("two", "", "x" * 4001):
        assert await caller.call("say", token=token, id="m1", body=body) == first
    assert sum(isinstance(event, Committed) for event in world.heard) == 1


async def test_own_lines_reach_other_tabs(world: World) -> None:
    """What a visitor says in one tab is an event in the other."""
    socket, hello = await world.visitor()
    other = await world.socket()
    await other.call("hello", site="acme", token=hello["token"])
    await socket.call("say", id="m1", body="Hello?")
    assert (await other.message())["id"] == "m1"


async def test_hello_again_brings_the_log(world: World) -> None:
    """After a reload the last lines are there, and a cursor behind them."""
    socket, hello = await world.visitor()
    for number in range(55):
        await socket.call("say", id=f"m{number}", body="line")
    reloaded = await world.socket()
    again = await reloaded.call("hello", site="acme", token=hello["token"])
    assert again["visitor"] == hello["visitor"]
    assert [m["seq"] for m in again["messages"]] == list(range(6, 56))
    await world.operator_says(hello["visitor"]["id"], "Yes!")
    assert (await reloaded.message())["seq"] == 56


async def test_history(world: World) -> None:
    """Older lines come page by page; `more` says whether there are older ones."""
    socket, _ = await world.visitor()
    assert await socket.call("history") == {"messages": [], "more": False}
    for number in range(5):
        await socket.call("say", id=f"m{number}", body="line")
    last = await socket.call("history", limit=2)
    assert ([m["seq"] for m in last["messages"]], last["more"]) == ([4, 5], True)
    first = await socket.call("history", before=4, limit=1000)
    assert ([m["seq"] for m in first["messages"]], first["more"]) == ([1, 2, 3], False)


async def test_resume_brings_what_was_missed(world: World) -> None:
    """A new socket goes on from the cursor, each line once and in order."""
    socket, hello = await world.visitor()
    said = await socket.answer("say", id="m1", body="Hello?")
    await socket.message()
    socket.close()
    for body in ("a", "b", "c"):
        await world.operator_says(hello["visitor"]["id"], body)
    again = await world.socket()
    resumed = await again.call("resume", token=said["token"], cursor=socket.cursor)
    assert resumed == {
        "desk": {"state": "offline", "name": "Acme"},
        "talk": {"state": "taken", "name": "Ann"},
        "rooms": [],
    }
    assert [(await again.message())["body"] for _ in range(3)] == ["a", "b", "c"]
    await world.operator_says(hello["visitor"]["id"], "d")
    assert (await again.message())["body"] == "d"


async def test_long_absence_is_made_up_for(world: World) -> None:
    """Hundreds of missed lines come in order, over a socket and by polls."""
    socket, hello = await world.visitor()
    visitor, cursor = hello["visitor"]["id"], hello["cursor"]
    said = await socket.answer("say", id="m1", body="Hello?")
    socket.close()
    for number in range(430):
        await world.operator_says(visitor, str(number))

    again = await world.socket()
    await again.call("resume", token=said["token"], cursor=cursor)
    assert [(await again.message())["seq"] for _ in range(431)] == list(range(1, 432))

    seqs: list[int] = []
    while len(seqs) < 431:
        polled = await world.http().call("poll", token=said["token"], cursor=cursor, wait=5)
        seqs += [e["data"]["message"]["seq"] for e in polled["events"] if e["type"] == "message"]
        cursor = polled["cursor"]
    assert seqs == list(range(1, 432))


async def test_receipts_of_the_desk(world: World) -> None:
    """The desk's progress comes as receipts, forward only, and after a reload again."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    token = (await socket.answer("say", id="m1", body="Hello?"))["token"]
    await socket.call("say", id="m2", body="Hello?")
    assert [(await socket.message())["seq"] for _ in range(2)] == [1, 2]
    world.operator_seen(visitor, delivered=2)
    world.operator_seen(visitor, delivered=1)
    world.operator_seen(visitor, delivered=2, read=1)
    expected = [
        {"to": "desk", "seq": 2, "state": "delivered"},
        {"to": "desk", "seq": 1, "state": "read"},
    ]
    assert [(await socket.event())["data"] for _ in range(2)] == expected
    assert await socket.quiet() == []

    resumed = await world.socket()
    await resumed.call("resume", token=token, cursor=socket.cursor)
    assert await resumed.quiet() == []

    polled = await world.http().call("poll", token=token, cursor=hello["cursor"])
    receipts = [e["data"] for e in polled["events"] if e["type"] == "receipt"]
    assert receipts == [expected[1], expected[0]]


async def test_seen_and_poll_move_the_visitors_cursor(world: World) -> None:
    """`seen` moves forward only and never beyond the log; a poll's cursor says delivered."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    await world.operator_says(visitor, "one")
    await world.operator_says(visitor, "two")
    await socket.message()

    async def told(**params: object) -> list[tuple[int, int]]:
        world.heard.clear()
        await socket.call("seen", **params)
        await asyncio.sleep(0)
        return [(e.delivered, e.read) for e in world.heard if isinstance(e, Receipt)]

    assert await told(seq=1, state="delivered") == [(1, 0)]
    assert await told(seq=1, state="delivered") == []
    assert await told(seq=99, state="read") == [(2, 2)]
    assert await told(seq=1, state="read") == []
    conversation = await world.talks.conversation(visitor)
    assert conversation is not None
    assert (conversation.cursors[visitor].delivered, conversation.cursors[visitor].read) == (2, 2)

    await world.operator_says(visitor, "three")
    token = (await socket.answer("ping")).get("token") or hello["token"]
    polled = await world.http().call("poll", token=token, cursor=hello["cursor"])
    world.heard.clear()
    await world.http().call("poll", token=token, cursor=polled["cursor"])
    assert [(e.delivered, e.read) for e in world.heard if isinstance(e, Receipt)] == [(3, 2)]


async def test_typing_and_desk_do_not_move_the_cursor(world: World) -> None:
    """They come as events beside the log; one's own typing does not."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    sender = {"kind": "operator", "id": "o-ann", "name": "Ann"}
    await socket.call("typing", state="composing")
    world.talks.typing(visitor, DOMAIN, operator_sender(ANN), composing=True)
    typing = await socket.event()
    assert typing["type"] == "typing"
    assert typing["data"] == {"to": "desk", "from": sender, "state": "composing"}
    world.desk(DeskState.ONLINE)
    desk = await socket.event()
    assert (desk["type"], desk["data"]) == ("desk", {"state": "online", "name": "Acme"})
    assert typing["cursor"] == desk["cursor"] == hello["cursor"]
    assert [e.composing for e in world.heard if isinstance(e, Typing)] == [True, True]


async def test_a_poll_brings_passing_events_once(world: World) -> None:
    """Typing since the poll before, and the latest desk, each once per page."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    token, cursor = hello["token"], hello["cursor"]
    world.desk(DeskState.BUSY)
    world.desk(DeskState.ONLINE)
    world.talks.typing(hello["visitor"]["id"], DOMAIN, operator_sender(ANN), composing=True)
    await asyncio.sleep(0.01)
    polled = await http.call("poll", token=token, cursor=cursor, wait=5)
    assert [e["type"] for e in polled["events"]] == ["desk", "typing"]
    assert polled["events"][0]["data"]["state"] == "online"
    again = await http.call("poll", token=token, cursor=polled["cursor"])
    assert again == {"cursor": polled["cursor"], "events": []}


async def test_operator_writes_first(world: World) -> None:
    """A visitor who never spoke gets the line, has spoken from then on, and finds it again."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    token, visitor = hello["token"], hello["visitor"]["id"]
    await http.call("profile", token=token, name="Zoe")
    await world.operator_says(visitor, "May I help?")
    polled = await http.answer("poll", token=token, cursor=hello["cursor"], wait=5)
    talk, line = polled["result"]["events"]
    assert talk["data"] == {"state": "taken", "name": "Ann"}
    assert line["data"]["message"]["body"] == "May I help?"
    assert world.visit(visitor).spoken
    await eventually(lambda: any("visitors" in s for s in world.statements))
    await world.store.flush()  # returns once all before it is committed
    details = await world.talks.details(visitor)
    assert details is not None
    assert details.name == "Zoe"
    await world.restart()
    again = await world.http().call("hello", site="acme", token=polled["token"])
    assert [m["body"] for m in again["messages"]] == ["May I help?"]


async def test_other_conversations_are_not_there(world: World) -> None:
    """`to` names the desk or a room that exists."""
    socket, _ = await world.visitor()
    for method, params in (
        ("say", {"id": "m1", "body": "x"}),
        ("typing", {"state": "paused"}),
        ("seen", {"seq": 1, "state": "read"}),
        ("history", {}),
    ):
        with pytest.raises(RpcError) as raised:
            await socket.call(method, to="v-aaaaaaaaaaaaaaaa", **params)
        assert raised.value.reason == "unknown_room"
