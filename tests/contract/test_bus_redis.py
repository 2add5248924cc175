"""What is Redis's own: two processes, a server that goes, freezes, refuses, and is spoken to by
others."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import pytest
import pytest_asyncio

from switchboard import events, model
from switchboard.bus.outgoing import MOST_LOOKS, MOST_WAITING
from switchboard.bus.redis import RedisBus
from switchboard.errors import Reject
from switchboard.events import Committed, Event, Look, conversation_topic, domain_topic
from switchboard.model import Message, Phase, Sender, SenderKind, TalkState
from tests.e2e.support.wait import eventually
from tests.redis import PrivateRedis, redis_server

from .conftest import needs_redis, shared_redis

pytestmark = [pytest.mark.asyncio, needs_redis]

ANN = "v-ann"
TOPIC = conversation_topic(ANN)
VISITOR = Sender(SenderKind.VISITOR, ANN, "Ann")
WAITING = TalkState(Phase.WAITING, None, 0)

Connect = Callable[..., Awaitable[RedisBus]]


@pytest.fixture
def server() -> Iterator[PrivateRedis]:
    """A server that is nobody else's."""
    with redis_server() as running:
        yield running


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes buses that are up, and closes them afterwards."""
    buses: list[RedisBus] = []

    async def one(server: PrivateRedis, up: bool = True) -> RedisBus:
        bus = RedisBus(server.url)
        buses.append(bus)
        await bus.start()
        if up:
            await eventually(lambda: bus.up)
        return bus

    yield one
    for bus in buses:
        await bus.close()


def row(seq: int, state: TalkState = WAITING, conversation: str = ANN) -> Committed:
    """The visitor's line of that number."""
    return Committed(Message(conversation, seq, f"c{seq}", VISITOR, "Hello", seq), state, "acme")


async def hears(bus: RedisBus, topic: str = TOPIC) -> list[Event]:
    """A list to which a topic's events are added, from now on."""
    heard: list[Event] = []
    bus.subscribe(topic, heard.append)
    await bus.listening(topic)
    return heard


def misses(bus: RedisBus) -> list[float]:
    """A list to which is added when something was missed."""
    times: list[float] = []
    bus.on_missed(lambda: times.append(time.monotonic()))
    return times


async def test_events_cross_in_order_and_come_once(connect: Connect) -> None:
    """Every subscriber of both processes gets all events in order, the sender's own only once."""
    here, there = await connect(shared_redis()), await connect(shared_redis())
    own, other = await hears(here), await hears(there)
    rows = [row(seq) for seq in range(1, 301)]
    for one in rows:
        here.publish(TOPIC, one)
        if one.message.seq % 50 == 0:
            await asyncio.sleep(0.001)
    await eventually(lambda: len(other) == 300)
    assert own == other == rows
    there.publish(TOPIC, Look(ANN, 301))
    await eventually(lambda: len(own) == 301)
    assert len(other) == 301


async def test_every_event_is_the_same_on_the_other_side(connect: Connect) -> None:
    """Each kind of event crosses as it is, on its own topic."""
    here, there = await connect(shared_redis()), await connect(shared_redis())
    visit = model.Visit(ANN, "acme", "chat.example", details=model.Details(fields={"a": "b"}))
    rating = model.Rating(ANN, 1, "acme", None, 5, "fine", 3)
    told: list[Event] = [
        row(1),
        events.StateChanged(ANN, TalkState(Phase.TAKEN, "o-bob", 0, ("o-cyd",)), 1),
        Look(ANN, 1),
        events.Described(ANN, model.Details("Ann", tags=("vip",))),
        events.Receipt(ANN, VISITOR, 3, 2),
        events.Typing(ANN, VISITOR, True),
        events.Desk("acme", model.DeskState.BUSY, "Acme"),
        events.Queue("acme", (ANN,)),
        events.Rated(rating),
        events.VisitorHere("node", 1, 1, visit),
        events.VisitorLeft("node", 1, 2, ANN),
        events.CensusAsked(),
        events.CensusPage("node", 1, 3, 0, True, (visit,)),
        events.NodeHere("node", 1, 3),
        events.NodeLeft("node", 1),
    ]
    heard = await hears(there, "domain/chat.example")
    apart = await hears(there, "domain/other.example")
    for one in told:
        here.publish("domain/chat.example", one)
    await eventually(lambda: len(heard) == len(told))
    assert heard == told
    assert apart == []


async def test_a_process_hears_the_shards_it_listens_to(connect: Connect) -> None:
    """It subscribes with its first listener on a shard, leaves with the last, and comes again."""
    bus = await connect(shared_redis())

    def channels() -> int:
        with shared_redis().client() as client:
            return len(client.pubsub_channels("parley:0:conversation/*"))

    stops = [bus.subscribe(conversation_topic(f"v-{n}"), print) for n in range(5)]
    await eventually(lambda: channels() == 5)
    again = bus.subscribe(conversation_topic("v-0"), print)
    stops[0]()
    await bus.listening(conversation_topic("v-1"))
    assert channels() == 5
    for stop in (*stops[1:], again):
        stop()
    await eventually(lambda: channels() == 0)
    for _ in range(100):
        bus.subscribe(TOPIC, print)()
    heard = await hears(bus)
    there = await connect(shared_redis())
    there.publish(TOPIC, row(1))
    await eventually(lambda: len(heard) == 1)


async def test_a_killed_server_is_found_again(server: PrivateRedis, connect: Connect) -> None:
    """Whoever listens is told at once, then every two seconds, and when events flow again."""
    here, there = await connect(server), await connect(server)
    heard, missed = await hears(there), misses(there)
    server.kill()
    killed = time.monotonic()
    await eventually(lambda: not there.up)
    assert missed
    assert "onne" in there.reason
    await eventually(lambda: len(missed) == 3)
    # What comes late puts off all that comes after it.
    assert all(later - killed > number * 1.9 for number, later in enumerate(missed))
    server.start()
    started = time.monotonic()
    await eventually(lambda: here.up and there.up)
    await eventually(lambda: missed[-1] > started)
    here.publish(TOPIC, row(1))
    await eventually(lambda: heard == [row(1)])


async def test_what_could_not_be_told_is_told_as_a_look(
    server: PrivateRedis, connect: Connect
) -> None:
    """Of each conversation and topic the highest seq, once; more than rows tells all to look."""
    here, there = await connect(server), await connect(server)
    lines, domain = await hears(there), await hears(there, domain_topic("chat.example"))
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-publish")
    for seq in (1, 2, 3):
        here.publish(TOPIC, row(seq))
        here.publish(domain_topic("chat.example"), row(seq))
        await eventually(lambda: not here.up)
    assert there.up
    assert "publish" in here.reason
    here.publish(TOPIC, events.Typing(ANN, VISITOR, True))
    missed = misses(there)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "+publish")
    await eventually(lambda: bool(lines and domain))
    await asyncio.sleep(0)
    assert lines == domain == [Look(ANN, 3)]
    assert missed == []
    assert here.up

    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-publish")
    here.publish(TOPIC, events.StateChanged(ANN, WAITING, 0))
    await eventually(lambda: not here.up)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "+publish")
    await eventually(lambda: bool(missed))
    assert there.up


async def test_a_frozen_server_is_noticed(server: PrivateRedis, connect: Connect) -> None:
    """By who tells and by who listens, while it is frozen; when it thaws all are told to look."""
    here, there = await connect(server), await connect(server)
    heard, missed = await hears(there), misses(there)
    server.freeze()
    here.publish(TOPIC, row(1))
    await eventually(lambda: not here.up and not there.up)
    assert missed
    async with asyncio.timeout(30):
        assert await there.recent(ANN, 0) is None
        await there.listening(TOPIC)
    server.thaw()
    thawed = time.monotonic()
    await eventually(lambda: here.up and there.up)
    await eventually(lambda: missed[-1] > thawed)
    here.publish(TOPIC, row(2))
    await eventually(lambda: row(2) in heard)


async def test_a_server_that_is_not_there(
    server: PrivateRedis, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The process starts without it, hears itself, and says what is wrong once."""
    server.kill()
    bus = await connect(server, up=False)
    heard = await hears(bus)
    bus.publish(TOPIC, row(1))
    await eventually(lambda: heard == [row(1)])
    await asyncio.sleep(1.5)
    assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 1
    server.start()
    await eventually(lambda: bus.up)


async def test_a_wrong_password_is_said_and_not_shown(
    server: PrivateRedis, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the server and the reason; never the password."""
    with server.client() as client:
        client.config_set("requirepass", "right")
    caplog.set_level(logging.DEBUG, "switchboard")
    for password, reason in (("wr0ng", "password"), ("right", "")):
        bus = RedisBus(server.url.replace("//", f"//:{password}@"))
        await bus.start()
        await eventually(partial(_says, bus, reason))
        await bus.close()
    text = caplog.text
    assert f"redis://127.0.0.1:{server.port}/0" in text
    assert "password" in text
    assert "wr0ng" not in text
    assert "right" not in text


def _says(bus: RedisBus, reason: str) -> bool:
    return reason in bus.reason and bus.up == (reason == "")


async def test_a_url_that_is_none() -> None:
    """Is refused before anything is tried."""
    with pytest.raises(Reject, match="redis://host:port/0"):
        RedisBus("carrier-pigeon://coop")


async def test_what_others_publish_is_ignored(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Foreign and broken payloads cost one line in the log, and nothing else."""
    bus, there = await connect(shared_redis()), await connect(shared_redis())
    heard = await hears(bus)
    pack = msgspec.msgpack.encode
    look = pack(Look(ANN, 1))
    hostile = [
        b"",
        b"hello",
        b"\xc1\xff",
        look[:-1],
        pack(["x"]),
        pack({"origin": "x"}),
        pack(["x", [["t"]]]),
        pack(["x", [[TOPIC, {"type": "Look", "conversation": ANN, "seq": "many"}]]]),
        pack(["x", [[TOPIC, {"type": "Unheard", "of": 1}]]]),
        b"\x92" * 100_000,
    ]
    with shared_redis().client() as client:
        (channel,) = client.pubsub_channels("parley:0:conversation/*")
        for payload in hostile:
            client.publish(channel, payload)
    there.publish(TOPIC, Look(ANN, 2))
    await eventually(lambda: heard == [Look(ANN, 2)])
    assert bus.up
    assert len([one for one in caplog.records if "not ours" in one.getMessage()]) == 1


async def test_a_process_too_slow_to_listen_recovers(
    server: PrivateRedis, connect: Connect
) -> None:
    """Redis cuts it off when too much waits for it; it comes back and knows that it missed some."""
    with server.client() as client:
        client.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 1")
    bus = await connect(server)
    heard, missed = await hears(bus), misses(bus)
    with server.client() as client:
        (channel,) = client.pubsub_channels("parley:0:conversation/*")

    def flood() -> None:
        with server.client() as client:
            for _ in range(60):
                client.publish(channel, b"\xc1" * 1_000_000)

    with ThreadPoolExecutor() as pool:
        flooding = pool.submit(flood)
        time.sleep(0.3)  # the loop does nothing
        flooding.result()
    await eventually(lambda: bool(missed))
    await eventually(lambda: bus.up)
    there = await connect(server)
    there.publish(TOPIC, Look(ANN, 2))
    await eventually(lambda: heard == [Look(ANN, 2)])


async def test_too_much_to_tell_is_cut_down(server: PrivateRedis, connect: Connect) -> None:
    """What waits has a bound: what is dropped is told as how far logs reach, or as a loss."""
    here, there = await connect(server), await connect(server)
    heard = await hears(there)
    for seq in range(1, MOST_WAITING + 2):
        here.publish(TOPIC, row(seq))
    await eventually(lambda: Look(ANN, MOST_WAITING) in heard)
    assert len(heard) <= 2
    assert len(here._publisher._outgoing) == 0
    server.kill()
    await eventually(lambda: not here.up and not there.up)
    for n in range(MOST_LOOKS + 5):
        here.publish(conversation_topic(f"v-{n}"), row(1, conversation=f"v-{n}"))
    assert len(here._publisher._outgoing._looks) == MOST_LOOKS
    assert here._publisher._outgoing._lost


async def test_the_last_rows_are_kept(connect: Connect) -> None:
    """Another process gets the rows behind a seq, the receipts and the state; or knows nothing."""
    here, there = await connect(shared_redis()), await connect(shared_redis())
    conversation = "v-recent"
    topic = conversation_topic(conversation)
    await hears(there, topic)
    assert await there.recent(conversation, 0) is None
    rows = [row(seq, conversation=conversation) for seq in range(1, 6)]
    receipt = events.Receipt(conversation, Sender(SenderKind.OPERATOR, "o-bob", "Bob"), 3, 3)
    ended = events.StateChanged(conversation, TalkState(Phase.QUIET, None, 5), 5)
    told: list[Event] = [*rows[:3], receipt, *rows[3:], ended]
    for one in told:
        here.publish(topic, one)
    here.publish(topic, events.Typing(conversation, VISITOR, True))
    # What this process has still to tell is in the list as well.
    assert await here.recent(conversation, 3) == [*rows[3:], receipt, ended]
    assert await there.recent(conversation, 0) == [*rows, receipt, ended]
    assert await there.recent(conversation, 5) == [receipt, ended]
    assert await there.recent(conversation, 6) is None
    for seq in range(6, 101):
        here.publish(topic, row(seq, conversation=conversation))
    await here.recent(conversation, 0)
    assert await there.recent(conversation, 10) is None
    late = await there.recent(conversation, 90)
    assert late is not None
    assert late[:10] == [row(seq, conversation=conversation) for seq in range(91, 101)]
    with shared_redis().client() as client:
        (key,) = client.keys(f"parley:0:recent:*:{conversation}")
        assert client.llen(key) <= 64
        assert 100 < client.ttl(key) <= 120


async def test_a_list_with_a_hole_is_not_believed(connect: Connect) -> None:
    """A process died before it told row 2: nobody takes the rest for the whole."""
    bus = await connect(shared_redis())
    topic = conversation_topic("v-hole")
    await hears(bus, topic)
    for seq in (1, 4, 3):
        bus.publish(topic, row(seq, conversation="v-hole"))
    assert await bus.recent("v-hole", 0) is None
    bus.publish(topic, row(2, conversation="v-hole"))
    told = await bus.recent("v-hole", 2)
    assert told is not None
    assert told[:2] == [row(3, conversation="v-hole"), row(4, conversation="v-hole")]
    # A talk that was ended after a row of which nothing was told yet.
    bus.publish(topic, events.StateChanged("v-hole", TalkState(since=5), 5))
    assert await bus.recent("v-hole", 4) is None
    bus.publish(topic, row(5, conversation="v-hole"))
    ended = events.StateChanged("v-hole", TalkState(since=5), 5)
    assert await bus.recent("v-hole", 5) == [ended]


async def test_who_failed_to_tell_begins_a_new_generation(
    server: PrivateRedis, connect: Connect
) -> None:
    """A row that one process could not tell makes every list before it void, for all."""
    here, there = await connect(server), await connect(server)
    heard = await hears(there)
    here.publish(TOPIC, row(1))
    await eventually(lambda: heard == [row(1)])
    assert await there.recent(ANN, 1) is not None
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-publish", "-eval")
    here.publish(TOPIC, row(2))
    await eventually(lambda: not here.up)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "+publish", "+eval")
    await eventually(lambda: Look(ANN, 2) in heard)
    assert there.up
    assert await there.recent(ANN, 1) is None
    there.publish(TOPIC, row(3))
    assert await here.recent(ANN, 1) is None
    told = await here.recent(ANN, 2)
    assert told is not None
    assert told[0] == row(3)


async def test_a_server_restored_from_an_older_state(
    server: PrivateRedis, connect: Connect
) -> None:
    """Lists that it saved before its last rows were told are void when it is back."""
    bus = await connect(server)
    await hears(bus)
    bus.publish(TOPIC, row(1))
    assert await bus.recent(ANN, 1) is not None
    with server.client() as client:
        client.save()
    bus.publish(TOPIC, row(2))
    assert await bus.recent(ANN, 2) is not None
    server.kill()
    await eventually(lambda: not bus.up)
    server.start()
    with server.client() as client:
        assert client.keys("parley:0:recent:*")
    await eventually(lambda: bus.up)
    assert await bus.recent(ANN, 1) is None


async def test_without_memory_there_are_hints_only(server: PrivateRedis, connect: Connect) -> None:
    """A full server keeps no rows, and loses those that would be too few; hints go on."""
    here, there = await connect(server), await connect(server)
    heard = await hears(there)
    here.publish(TOPIC, row(1))
    await eventually(lambda: heard == [row(1)])
    with server.client() as client:
        client.config_set("maxmemory", "1")
    here.publish(TOPIC, row(2))
    await eventually(lambda: heard == [row(1), row(2)])
    assert await there.recent(ANN, 1) is None
    assert here.up
    with server.client() as client:
        client.config_set("maxmemory", "0")
    assert await there.recent(ANN, 1) is None
    here.publish(TOPIC, row(3))
    assert await here.recent(ANN, 3) is not None


async def test_a_server_that_takes_no_writes(
    server: PrivateRedis, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Its disk is full: hints go on, lists are not believed, nor afterwards."""
    here, there = await connect(server), await connect(server)
    heard = await hears(there)
    here.publish(TOPIC, row(1))
    await eventually(lambda: heard == [row(1)])
    with server.client() as client:
        client.config_set("min-replicas-to-write", "1")
    for seq in (2, 3):
        here.publish(TOPIC, row(seq))
        await here.recent(ANN, 0)
    await eventually(lambda: heard == [row(1), row(2), row(3)])
    assert await there.recent(ANN, 1) is None
    assert here.up
    assert len([one for one in caplog.records if "no recent rows" in one.getMessage()]) == 1
    with server.client() as client:
        client.config_set("min-replicas-to-write", "0")
        await eventually(lambda: client.get("parley:0:recent") == b"1", 2)
    assert await there.recent(ANN, 1) is None


async def test_what_waits_is_sent_at_the_end(connect: Connect) -> None:
    """A process that stops has told what it published."""
    there = await connect(shared_redis())
    heard = await hears(there)
    bus = RedisBus(shared_redis().url)
    await bus.start()
    await eventually(lambda: bus.up)
    bus.publish(TOPIC, row(1))
    await bus.close()
    await eventually(lambda: heard == [row(1)])
