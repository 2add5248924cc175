"""A ring of real memcached servers: spread, ends, freezes, returns, and what nobody may notice."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from threading import Event

import pytest
from msgspec.structs import replace
from pymemcache.client.base import Client

from switchboard.model import Page, Visit
from switchboard.sessions import memcached as module
from switchboard.sessions.memcached import FAILURES, MemcachedSessions, servers_of
from tests.contract.conftest import needs_memcached
from tests.e2e.support.wait import eventually
from tests.memcached import PrivateMemcached, memcached

pytestmark = needs_memcached

QUICK = 0.1
"""Seconds between two flushes, instead of one."""
LONG = 120.0
"""Seconds that no test waits for: what ends sooner did not wait for its limit."""
WELL_BEFORE = 30.0
"""Seconds by which even a busy machine has done what does not wait."""


@pytest.fixture(autouse=True)
def _callers_are_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no reason for a miss; a test of the callers' limit sets its own."""
    monkeypatch.setattr(module, "GET_SECONDS", LONG)


@pytest.fixture
def ring() -> Iterator[list[PrivateMemcached]]:
    """Two servers."""
    with ExitStack() as servers:
        yield [servers.enter_context(memcached()) for _ in range(2)]


@asynccontextmanager
async def node(
    ring: list[PrivateMemcached], flush_every: float = QUICK
) -> AsyncIterator[MemcachedSessions]:
    """What one process has; let go of at the end."""
    sessions = MemcachedSessions([server.name for server in ring], flush_every)
    try:
        yield sessions
    finally:
        await sessions.close()


def visit_on(sessions: MemcachedSessions, server: PrivateMemcached, page: str = "a") -> Visit:
    """A new visitor's, whose place is on that server."""
    while True:
        visitor = f"v-{secrets.token_hex(8)}"
        if sessions._ring.get_node(visitor) == server.name:
            return Visit(visitor, "acme", "chat.example", Page(f"https://acme.example/{page}"))


def on_page(visit: Visit, page: str) -> Visit:
    return replace(visit, page=Page(f"https://acme.example/{page}"))


async def stored(sessions: MemcachedSessions, *visits: Visit) -> None:
    """Puts them, and waits until nothing waits any more."""
    for visit in visits:
        sessions.put(visit)
    await eventually(lambda: not any(s._waiting for s in sessions._servers.values()))


async def test_visits_are_shared_and_spread(ring: list[PrivateMemcached]) -> None:
    """What one process puts another one gets, and each server has its part."""
    async with node(ring) as one, node(list(reversed(ring))) as other:
        visits = [Visit(f"v-{n:016}", "acme", "chat.example", since=n) for n in range(400)]
        await stored(one, *visits)
        assert [await other.get(visit.visitor) for visit in visits] == visits
        counts = Counter(one._ring.get_node(visit.visitor) for visit in visits)
        assert min(counts[server.name] for server in ring) > 120
        for server in ring:
            client = Client(server.name)
            assert int(client.stats()[b"curr_items"]) == counts[server.name] + 1
            client.close()


async def test_many_puts_are_one_write(ring: list[PrivateMemcached]) -> None:
    """Of a visitor only the last visit is stored, and what waits is what others here get."""
    async with node(ring[:1], flush_every=0.3) as one, node(ring[:1]) as other:
        visit = visit_on(one, ring[0])
        client = Client(ring[0].name)
        for number in range(500):
            one.put(on_page(visit, str(number)))
        assert await one.get(visit.visitor) == on_page(visit, "499")
        assert await other.get(visit.visitor) is None
        assert client.stats()[b"cmd_set"] == 0
        await stored(one)
        assert await other.get(visit.visitor) == on_page(visit, "499")
        assert client.stats()[b"cmd_set"] == 2  # the life, and the visit
        client.close()


async def test_close_stores_what_waits(ring: list[PrivateMemcached]) -> None:
    """A process that stops in good order loses nothing, and is an empty cache afterwards."""
    one = MemcachedSessions([server.name for server in ring], flush_every=60.0)
    visits = [Visit(f"v-{n:016}", "acme", "chat.example") for n in range(250)]
    for visit in visits:
        one.put(visit)
    await one.close()
    await one.close()
    one.put(on_page(visits[0], "late"))
    assert await one.get(visits[0].visitor) is None
    async with node(ring) as other:
        assert [await other.get(visit.visitor) for visit in visits] == visits


@pytest.mark.parametrize("frozen", [False, True], ids=["killed", "frozen"])
async def test_one_server_gone_costs_little(
    ring: list[PrivateMemcached], frozen: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its visits are misses, the others' are as before; it is logged once, and its return once."""
    async with node(ring) as sessions:
        lost, kept = visit_on(sessions, ring[0]), visit_on(sessions, ring[1])
        await stored(sessions, lost, kept)
        caplog.set_level(logging.WARNING)
        if frozen:
            ring[0].freeze()
        else:
            ring[0].kill()

        gets = [asyncio.create_task(sessions.get(lost.visitor)) for _ in range(100)]
        assert await sessions.get(kept.visitor) == kept
        assert await asyncio.gather(*gets) == [None] * 100
        assert sessions.out() == [ring[0].name]
        for _ in range(50):
            assert await sessions.get(lost.visitor) is None
            assert await sessions.get(kept.visitor) == kept
            await asyncio.sleep(0.01)  # it is tried again meanwhile
        await stored(sessions, on_page(lost, "b"), on_page(kept, "b"))
        assert await sessions.get(lost.visitor) is None
        assert await sessions.get(kept.visitor) == on_page(kept, "b")

        if frozen:
            ring[0].thaw()
        else:
            ring[0].start()
        await eventually(lambda: sessions.out() == [])
        await stored(sessions, on_page(lost, "c"))
        assert await sessions.get(lost.visitor) == on_page(lost, "c")
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith(f"memcached {ring[0].name} is out: ")
    assert said[1] == f"memcached {ring[0].name} is back"


async def test_a_frozen_server_holds_up_no_other(
    ring: list[PrivateMemcached], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others answer while a hundred calls still wait for it; those it answers when it thaws."""
    monkeypatch.setattr(module, "IO_SECONDS", LONG)
    async with node(ring) as sessions:
        lost, kept = visit_on(sessions, ring[0]), visit_on(sessions, ring[1])
        await stored(sessions, lost, kept)
        ring[0].freeze()
        gets = [asyncio.create_task(sessions.get(lost.visitor)) for _ in range(100)]
        async with asyncio.timeout(WELL_BEFORE):
            assert await sessions.get(kept.visitor) == kept
        assert not any(get.done() for get in gets)
        ring[0].thaw()
        assert await asyncio.gather(*gets) == [lost] * 100
        assert sessions.out() == []


async def test_a_caller_is_let_go(
    ring: list[PrivateMemcached], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its own time, and with a miss, though the server's thread still waits for an answer."""
    monkeypatch.setattr(module, "IO_SECONDS", LONG)
    async with node(ring[:1]) as sessions:
        visit = visit_on(sessions, ring[0])
        await stored(sessions, visit)
        ring[0].freeze()
        with monkeypatch.context() as impatient:
            impatient.setattr(module, "GET_SECONDS", 0.05)
            async with asyncio.timeout(WELL_BEFORE):
                found = await asyncio.gather(*(sessions.get(visit.visitor) for _ in range(100)))
        assert found == [None] * 100
        assert sessions.out() == []
        ring[0].thaw()
        assert await sessions.get(visit.visitor) == visit


async def test_who_closes_is_let_go(
    ring: list[PrivateMemcached], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the time that closing has, though a server does not take what waits."""
    monkeypatch.setattr(module, "IO_SECONDS", LONG)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    sessions = MemcachedSessions([server.name for server in ring], flush_every=LONG)
    sessions.put(visit_on(sessions, ring[0]))
    ring[0].freeze()
    async with asyncio.timeout(WELL_BEFORE):
        await sessions.close()
    ring[0].thaw()  # the thread ends


async def test_what_is_out_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After three attempts in a row neither the server nor its thread has to do with any get."""
    monkeypatch.setattr(module, "IO_SECONDS", 0.05)
    asked = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked.append(line)
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        name = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        sessions = MemcachedSessions([name], flush_every=LONG)
        visitors = [f"v-{number:016}" for number in range(100)]
        assert await asyncio.gather(*map(sessions.get, visitors)) == [None] * 100
        assert sessions.out() == [name]
        await eventually(lambda: len(asked) == FAILURES)
        over = Event()
        sessions._servers[name]._thread.submit(over.wait)
        try:
            async with asyncio.timeout(WELL_BEFORE):
                assert await asyncio.gather(*map(sessions.get, visitors)) == [None] * 100
        finally:
            over.set()
        assert len(asked) == FAILURES
        await sessions.close()


async def test_nothing_old_after_a_freeze(ring: list[PrivateMemcached]) -> None:
    """A server that was frozen while a visit changed has nothing to tell of it, to anybody, and
    what was sent to it meanwhile and is carried out late does not count either.
    """
    async with node(ring[:1]) as one, node(ring[:1]) as other:
        visit = visit_on(one, ring[0])
        await stored(one, visit)
        assert await other.get(visit.visitor) == visit
        ring[0].freeze()
        await stored(one, on_page(visit, "b"))  # sent, and given up
        await eventually(lambda: one.out() == [ring[0].name])
        ring[0].thaw()
        await eventually(lambda: one.out() == [])
        assert await one.get(visit.visitor) is None
        assert await other.get(visit.visitor) is None
        await stored(other, on_page(visit, "c"))
        assert await one.get(visit.visitor) == on_page(visit, "c")


async def test_nothing_old_after_a_single_failure(ring: list[PrivateMemcached]) -> None:
    """One write that is given up, and the server is not even out: what it holds counts no more."""
    async with node(ring[:1]) as one, node(ring[:1]) as other:
        visit = visit_on(one, ring[0])
        await stored(one, visit)
        ring[0].freeze()
        await stored(one, on_page(visit, "b"))
        ring[0].thaw()
        assert one.out() == []
        assert await one.get(visit.visitor) is None
        await eventually(lambda: not any(s._behind for s in one._servers.values()))
        assert await other.get(visit.visitor) is None


async def test_a_freeze_without_writes_loses_nothing(ring: list[PrivateMemcached]) -> None:
    """If nothing changed while a server was away, what it holds is right."""
    async with node(ring[:1]) as sessions:
        visit = visit_on(sessions, ring[0])
        await stored(sessions, visit)
        ring[0].freeze()
        while not sessions.out():
            assert await sessions.get(visit.visitor) is None
        ring[0].thaw()
        await eventually(lambda: sessions.out() == [])
        assert await sessions.get(visit.visitor) == visit


async def test_a_restart_is_an_empty_cache(ring: list[PrivateMemcached]) -> None:
    """A server that comes back empty is used again, whoever notices first."""
    async with node(ring[:1]) as one, node(ring[:1]) as other:
        visit = visit_on(one, ring[0])
        await stored(one, visit)
        ring[0].kill()
        ring[0].start()
        await eventually(lambda: not (one.out() or other.out()))
        assert await one.get(visit.visitor) is None
        await stored(other, on_page(visit, "b"))
        await eventually(lambda: not other.out())
        await stored(other, on_page(visit, "b"))
        assert await one.get(visit.visitor) == on_page(visit, "b")


async def test_all_gone_is_an_empty_cache(ring: list[PrivateMemcached]) -> None:
    """Every get is a miss, and every put is dropped."""
    async with node(ring) as sessions:
        visits = [Visit(f"v-{n:016}", "acme", "chat.example") for n in range(20)]
        await stored(sessions, *visits)
        for server in ring:
            server.freeze()
        await asyncio.gather(*(sessions.get(visit.visitor) for visit in visits))
        await eventually(lambda: len(sessions.out()) == 2)
        await stored(sessions, *visits)
        assert [await sessions.get(visit.visitor) for visit in visits] == [None] * 20


async def test_garbage_is_a_miss(
    ring: list[PrivateMemcached], caplog: pytest.LogCaptureFixture
) -> None:
    """What is no visit, or another visitor's, is none, and is logged once; the server goes on."""
    caplog.set_level(logging.WARNING)
    async with node(ring[:1]) as sessions:
        visit = visit_on(sessions, ring[0])
        await stored(sessions, visit)
        client = Client(ring[0].name)
        key, life = module._key(visit.visitor), client.get(module._LIFE)
        other = client.get(key).replace(visit.visitor.encode(), b"v-" + b"q" * 16)
        for octets in (
            b"",
            b"x",
            life,
            life + b"\xc1",
            life + b"\x80",
            other,
            secrets.token_bytes(99),
        ):
            client.set(key, octets, noreply=False)
            assert await sessions.get(visit.visitor) is None
        client.set(module._LIFE, b"short", noreply=False)
        assert await sessions.get(visit.visitor) is None
        await stored(sessions, on_page(visit, "b"))
        assert await sessions.get(visit.visitor) == on_page(visit, "b")
        assert sessions.out() == []
        client.close()
    assert len(caplog.records) == 1


async def test_what_talks_nonsense_is_out(unused_tcp_port: int) -> None:
    """A server of another protocol is as good as none."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(b"VALUE a b c d\r\n-ERR unknown command\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", unused_tcp_port):
        sessions = MemcachedSessions([f"127.0.0.1:{unused_tcp_port}"], QUICK)
        for number in range(5):
            sessions.put(Visit(f"v-{number:016}", "acme", "chat.example"))
            assert await sessions.get("v-qqqqqqqqqqqqqqqq") is None
        assert sessions.out()
        await sessions.close()


def test_urls() -> None:
    """A list of servers, each once; what is none is refused."""
    assert servers_of("memcached://a:1,b:2,a:1") == ("a:1", "b:2")
    assert servers_of("memcached:///run/memcached.sock") == ("/run/memcached.sock",)
    for wrong in ("memcached://", "memcached://a:1,", "redis://a:1", "memcached://a:b"):
        with pytest.raises(ValueError, match="host:port"):
            servers_of(wrong)
