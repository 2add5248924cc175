"""The logs of public rooms, as anybody gets them, and what a cache needs to keep them."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from rpc import log_slices
from rpc.log_slices import FRESH_SECONDS, SLICE, Slices
from switchboard.bus.memory import MemoryBus
from switchboard.errors import RetryLater
from switchboard.events import Event, Look, conversation_topic
from switchboard.model import Act, Attachment, Message, Occupant, Sender, SenderKind
from switchboard.ports import Unsubscribe
from switchboard.reception import Rooms
from switchboard.reception.rooms import Origin, sender_of
from switchboard.rooms import Room, RoomSettings, page_room
from switchboard.store import SqlStore
from tests.edge.rpc.client import Http, Response
from tests.edge.rpc.conftest import ACME, OTHER_ORIGIN, ManualClock, World, eventually

LOG = "/rooms/acme/lobby/log"
ADA = sender_of(Occupant("g-ada", SenderKind.VISITOR, "Ada"))
BOSS = Sender(SenderKind.OPERATOR, "g-boss", "Ann")
SECRET = Origin(visitor="v-aaaaaaaaaaaaaaaa")


class Lobby:
    """A public room, and who writes there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.room = world.rooms.room("acme", "lobby")
        self.http = world.http(origin=None)
        self._lines = 0

    async def say(self, body: str, **more: Any) -> int:
        """Ada's next line; its seq."""
        self._lines += 1
        said = self.world.rooms.say(self.room, ADA, f"m{self._lines}", body, SECRET, **more)
        return (await said).seq

    async def fill(self, lines: int) -> None:
        """So many lines."""
        await asyncio.gather(*(self.say(f"line {n}") for n in range(1, lines + 1)))

    async def amend(self, act: Act, target: int, body: str = "", by: Sender = ADA) -> None:
        """Changes a line."""
        await self.world.rooms.amend(self.room, by, act, target, SECRET, body)

    async def log(self, query: str = "", http: Http | None = None, **headers: str) -> Response:
        """What anybody gets."""
        return await (http or self.http).request("GET", LOG + query, b"", **headers)

    async def heard(self) -> None:
        """Until the node has heard of all that was written."""
        for _ in range(3):
            await asyncio.sleep(0)


class LossyBus(MemoryBus):
    """It may be deaf for a while, and tells so afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.deaf = False
        self.listeners: list[Callable[[], None]] = []

    def publish(self, topic: str, event: Event) -> None:
        if not self.deaf:
            super().publish(topic, event)

    def on_missed(self, listener: Callable[[], None]) -> Unsubscribe:
        self.listeners.append(listener)
        return lambda: None


@pytest.fixture
async def lobby(idle_world: World) -> Lobby:
    """A node that serves it."""
    return await opened(idle_world)


async def opened(world: World) -> Lobby:
    """The node serves, and the room is there."""
    rooms = {"lobby": RoomSettings(public=True), "club": RoomSettings()}
    settings = msgspec.structs.replace(
        ACME.settings, rooms=rooms, page_rooms=RoomSettings(public=True)
    )
    await world.store.save_site(msgspec.structs.replace(ACME, settings=settings))
    await world.start()
    return Lobby(world)


async def test_the_last_lines(lobby: Lobby) -> None:
    """Without `after` it is the last 50, as they stand, and nothing of whose they are."""
    await lobby.fill(60)
    answer = await lobby.log()
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=10, must-revalidate"
    found = answer.json
    assert found["room"] == "lobby"
    assert [line["seq"] for line in found["messages"]] == list(range(11, 61))
    assert (found["after"], found["last"], found["more"]) == (10, 60, False)
    line = found["messages"][-1]
    assert line.pop("at")
    assert line == {
        "conversation": "lobby",
        "seq": 60,
        "id": "m60",
        "from": {"kind": "visitor", "id": "g-ada", "name": "Ada"},
        "body": "line 60",
    }
    assert b"v-aaaa" not in answer.body


async def test_slices(lobby: Lobby) -> None:
    """Each row is in one of them, and the last says that there is no more."""
    await lobby.fill(SLICE + 20)
    await lobby.amend(Act.EDIT, 3, "third")
    first = (await lobby.log("?after=0")).json
    assert [line["seq"] for line in first["messages"]] == list(range(1, SLICE + 1))
    assert first["messages"][2]["body"] == "third"
    assert (first["last"], first["more"]) == (SLICE, True)
    second = (await lobby.log(f"?after={SLICE}")).json
    assert [line["seq"] for line in second["messages"]] == list(range(SLICE + 1, SLICE + 21))
    assert (second["last"], second["more"]) == (SLICE + 21, False)
    beyond = (await lobby.log(f"?after={2 * SLICE}")).json
    assert (beyond["messages"], beyond["last"], beyond["more"]) == ([], 2 * SLICE, False)


async def test_an_empty_log(lobby: Lobby) -> None:
    """It is there, with nothing in it."""
    empty = {"room": "lobby", "after": 0, "messages": [], "last": 0, "more": False}
    assert (await lobby.log()).json == empty
    assert (await lobby.log("?after=0")).json == empty


async def test_a_pages_own_room(lobby: Lobby) -> None:
    """It has a log too, where such rooms are public."""
    name = page_room("https://shop.test/a")
    answer = await lobby.http.request("GET", f"/rooms/acme/{name}/log")
    assert answer.json["room"] == name


async def test_any_seq_leads_to_its_slice(lobby: Lobby) -> None:
    """By a redirect that caches may keep, so that they hold each row once."""
    answer = await lobby.log("?after=234")
    assert answer.status == 308
    assert answer.headers["location"] == "log?after=200"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "query",
    [
        *("?", "?after=", "?after=-1", "?after=x", "?after=1e3", "?after=00", "?after=%30"),
        *("?after=0&after=100", "?x=1", "?after=0&x=1", f"?after={10**16}"),
    ],
)
async def test_other_questions_are_refused(lobby: Lobby, query: str) -> None:
    """An address has one form."""
    assert (await lobby.log(query)).status == 400


async def test_what_is_not_public_is_not_there(lobby: Lobby) -> None:
    """The answer is to the letter that of a room that does not exist."""
    closed = await lobby.http.request("GET", "/rooms/acme/club/log")
    unknown = await lobby.http.request("GET", "/rooms/acme/none/log")
    for answer in (closed, unknown):
        answer.headers.pop("date")
    assert closed == unknown
    assert closed.status == 404
    for path in ("/rooms", "/rooms/acme", "/rooms/acme/lobby", LOG + "/", "/rooms/none/lobby/log"):
        assert (await lobby.http.request("GET", path)).status == 404
    assert (await lobby.http.request("GET", "/rooms/acme/lobb%79/log")).status == 404


async def test_a_room_that_is_closed_is_gone(lobby: Lobby) -> None:
    """From all that was kept of it, too."""
    await lobby.fill(1)
    assert (await lobby.log()).status == 200
    await lobby.world.rooms.configure(lobby.room, RoomSettings())
    assert (await lobby.log()).status == 404


async def test_any_page_may_read_it(lobby: Lobby) -> None:
    """Whatever its origin, and nothing in the answer goes by that."""
    for origin in (None, OTHER_ORIGIN, "https://elsewhere.test"):
        answer = await lobby.log(http=lobby.world.http(origin))
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["vary"] == "Accept-Encoding"
    asked = await lobby.http.request("OPTIONS", LOG)
    assert asked.status == 204
    assert asked.headers["access-control-allow-headers"] == "If-None-Match"
    assert (await lobby.http.request("POST", LOG)).status == 405


async def test_head(lobby: Lobby) -> None:
    """It is GET without the body."""
    await lobby.fill(3)
    whole = await lobby.log()
    head = await lobby.http.request("HEAD", LOG)
    assert (head.status, head.body) == (200, b"")
    for answer in (whole, head):
        answer.headers.pop("date")
    assert head.headers == whole.headers


async def test_nothing_new_is_said_in_a_word(lobby: Lobby) -> None:
    """By whichever of its tags a client knows it, weakened by a proxy or not."""
    await lobby.fill(3)
    for encoding in ("identity", "gzip"):
        etag = (await lobby.log(Accept_Encoding=encoding)).headers["etag"]
        assert etag.startswith('"')
        for known in (etag, f'"x", W/{etag}', "*"):
            again = await lobby.log(Accept_Encoding=encoding, If_None_Match=known)
            assert (again.status, again.body) == (304, b"")
            assert again.headers["etag"] == etag
            assert "max-age=10" in again.headers["cache-control"]
    assert (await lobby.log(If_None_Match='"x"')).status == 200


async def test_compressed(lobby: Lobby) -> None:
    """For who takes it so, and as other octets under another tag."""
    await lobby.fill(30)
    plain, zipped = await lobby.log(), await lobby.log(Accept_Encoding="gzip, br")
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body) / 3
    assert zipped.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize(
    ("act", "by", "body"),
    [
        (Act.EDIT, ADA, "better"),
        (Act.RETRACT, ADA, ""),
        (Act.MODERATE, BOSS, "not here"),
        (Act.REACT, BOSS, "👍"),
    ],
)
@pytest.mark.parametrize("query", ["", "?after=0"])
async def test_a_change_changes_the_tag(
    lobby: Lobby, act: Act, by: Sender, body: str, query: str
) -> None:
    """Of the slice that the line is in, and the line is as it stands after it."""
    await lobby.fill(SLICE + 1)
    query = query if query else f"?after={SLICE}"
    target = SLICE + 1 if query.endswith("100") else 2
    before = await lobby.log(query)
    await lobby.amend(act, target, body, by)
    await lobby.heard()
    after = await lobby.log(query, If_None_Match=before.headers["etag"])
    assert after.status == 200
    line = next(line for line in after.json["messages"] if line["seq"] == target)
    match act:
        case Act.EDIT:
            assert line["body"] == "better"
        case Act.REACT:
            assert line["reactions"][0]["emoji"] == "👍"
        case _:
            assert line["retracted"]
            assert line["body"] == ""


async def test_a_change_leaves_other_slices_alone(lobby: Lobby) -> None:
    """A new line, and a change far off, are no news to who reads an old slice."""
    await lobby.fill(2 * SLICE + 1)
    first, second = await lobby.log("?after=0"), await lobby.log(f"?after={SLICE}")
    tail = await lobby.log()
    await lobby.amend(Act.RETRACT, SLICE + 5)
    await lobby.heard()
    assert (await lobby.log("?after=0", If_None_Match=first.headers["etag"])).status == 304
    changed = await lobby.log(f"?after={SLICE}", If_None_Match=second.headers["etag"])
    assert changed.status == 200
    assert (await lobby.log(If_None_Match=tail.headers["etag"])).status == 200


async def test_a_slice_that_was_the_last(lobby: Lobby) -> None:
    """It says that there is more as soon as there is."""
    await lobby.fill(SLICE)
    assert not (await lobby.log("?after=0")).json["more"]
    await lobby.say("one more")
    await lobby.heard()
    assert (await lobby.log("?after=0")).json["more"]


async def test_known_slices_cost_no_sql(lobby: Lobby) -> None:
    """Neither whole nor as no news, nor beyond the end; and a new line costs one reader a read."""
    await lobby.fill(10)
    etag = (await lobby.log()).headers["etag"]
    await lobby.log("?after=0")
    lobby.world.forget_statements()
    for query in ("", "?after=0", "?after=100", "?after=99900"):
        assert (await lobby.log(query)).status == 200
    assert (await lobby.log(If_None_Match=etag)).status == 304
    assert lobby.world.statements == []
    await lobby.say("news")
    await lobby.heard()
    lobby.world.forget_statements()
    answers = await asyncio.gather(*(lobby.log() for _ in range(20)))
    assert {answer.json["last"] for answer in answers} == {11}
    assert sum(one.startswith("SELECT") for one in lobby.world.statements) == 1


@pytest.mark.parametrize("how", ["look", "time"])
async def test_what_no_row_tells_of(lobby: Lobby, how: str) -> None:
    """Such as an erasure: it shows at a word on the bus, and after a while without one."""
    await lobby.fill(2)
    before = await lobby.log()
    engine = lobby.world.store.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE messages SET body = '' WHERE seq = 2")
    assert (await lobby.log()).body == before.body
    if how == "look":
        topic = conversation_topic(lobby.room.conversation)
        lobby.world.bus.publish(topic, Look(lobby.room.conversation, 2))
        await lobby.heard()
    else:
        lobby.world.clock.advance(FRESH_SECONDS)
    after = await lobby.log(If_None_Match=before.headers["etag"])
    assert after.status == 200
    assert after.json["messages"][1]["body"] == ""


async def test_a_bus_that_may_have_lost_something(store: SqlStore, clock: ManualClock) -> None:
    """All is read anew, and nothing is listened to for what nobody asks for any more."""
    bus = LossyBus()
    world = World(store, clock, bus)
    try:
        lobby = await opened(world)
        seq = await lobby.say("before")
        await lobby.log()
        bus.deaf = True
        await lobby.amend(Act.EDIT, seq, "after")
        await lobby.heard()
        assert (await lobby.log()).json["messages"][0]["body"] == "before"
        bus.deaf = False
        for listener in bus.listeners:
            listener()
        assert not [topic for topic, those in bus._topics.items() if "lobby" in topic and those]
        assert (await lobby.log()).json["messages"][0]["body"] == "after"
    finally:
        await world.stop()


async def test_a_change_while_it_is_read(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before the change is kept for nobody who asks after it."""
    await lobby.fill(1)
    read, going_on = lobby.world.rooms.history, asyncio.Event()
    waiting = 0

    async def slowly(room: Room, before: int | None, limit: int) -> list[Message]:
        nonlocal waiting
        rows = await read(room, before, limit)
        waiting += 1
        await going_on.wait()
        return rows

    monkeypatch.setattr(lobby.world.rooms, "history", slowly)
    early = asyncio.create_task(lobby.log())
    await eventually(lambda: waiting == 1)
    await lobby.amend(Act.RETRACT, 1)
    await lobby.heard()
    late = asyncio.create_task(lobby.log())
    await eventually(lambda: waiting == 2)
    going_on.set()
    await early
    for answer in (await late, await lobby.log()):
        assert answer.json["messages"][0]["retracted"]
    assert waiting == 2


async def test_hostile_text(lobby: Lobby) -> None:
    """It comes as JSON and as nothing else."""
    body = '</script><img src=x onerror="alert(1)">\u2028\u202ftest"'
    await lobby.say(body, attachment=Attachment("https://files.test/x", "<b>.html"))
    answer = await lobby.log()
    assert answer.json["messages"][0]["body"] == body
    assert json.loads(answer.body)


class FailingRooms(Rooms):
    """Whose store cannot be asked."""

    async def end(self, room: Room) -> int:
        raise RetryLater("unavailable", "The store is away.", 2)


async def test_a_store_that_is_away(lobby: Lobby) -> None:
    """It is said in a way that no cache keeps, and it is asked again the next time."""
    slices = lobby.world.edge._slices
    working = slices._rooms
    slices._rooms = FailingRooms.__new__(FailingRooms)
    answer = await lobby.log()
    assert answer.status == 503
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["retry-after"] == "2"
    assert answer.json["error"]["data"]["reason"] == "unavailable"
    slices._rooms = working
    assert (await lobby.log()).status == 200


async def test_what_is_kept_is_bounded(lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    """In octets, in rooms, and in what is asked for beyond the end."""
    monkeypatch.setattr(log_slices, "MOST_BYTES", 60_000)
    monkeypatch.setattr(log_slices, "MOST_ROOMS", 3)
    world = lobby.world
    slices: Slices = world.edge._slices
    await lobby.fill(5 * SLICE)
    for n in range(50):
        await lobby.log(f"?after={n * SLICE}")
    assert 0 < len(slices) < 5
    assert slices._octets <= 60_000
    for n in range(10):
        name = page_room(f"https://shop.test/{n}")
        await lobby.http.request("GET", f"/rooms/acme/{name}/log")
    assert len(slices._logs) == 3
    assert sum(topic.startswith("conversation/") for topic in world.bus._topics) == 3  # type: ignore[attr-defined]
    await eventually(lambda: not slices._reading and not slices._learning)
