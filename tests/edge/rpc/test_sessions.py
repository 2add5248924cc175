"""The cache of visits: what it is asked, what is believed of it, and life without it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from switchboard.model import Details, Page, Visit
from switchboard.sessions.memcached import MemcachedSessions
from switchboard.sessions.memory import MemorySessions
from tests import memcached
from tests.edge.rpc.conftest import World, eventually


class CountingSessions(MemorySessions):
    """A cache that knows how often it was used."""

    uses = 0

    async def get(self, visitor: str) -> Visit | None:
        self.uses += 1
        return await super().get(visitor)

    def put(self, visit: Visit) -> None:
        self.uses += 1
        super().put(visit)


async def test_lines_cost_the_cache_nothing(world: World) -> None:
    """Once there is a talk, neither a line nor what goes with it asks or tells the cache, on a
    socket or by POST, however long it goes on.
    """
    sessions = CountingSessions()
    await world.restart(sessions)
    socket, hello = await world.visitor()
    said = await socket.answer("say", id="m0", body="Hello?")
    http, token = world.http(), said["token"]
    assert sessions.uses > 0
    sessions.uses = 0
    for number in range(1, 6):
        world.tick(50)
        await socket.call("typing", state="composing")
        await socket.call("say", id=f"s{number}", body="And?")
        await http.call("say", token=token, id=f"p{number}", body="And?")
        line = await world.operator_says(hello["visitor"]["id"], "Yes.")
        await socket.call("seen", seq=line.seq, state="read")
        await http.call("poll", token=token, cursor=hello["cursor"])
    assert sessions.uses == 0


async def test_details_make_a_fresh_token(world: World) -> None:
    """Beside the result of the call that changed them, once; and for another page with the former
    token beside the next result.
    """
    http = world.http()
    first = (await http.call("hello", site="acme"))["token"]
    answer = await http.answer("profile", token=first, name="Zoe")
    told = answer["token"]
    assert "token" not in await http.answer("profile", token=told, name="Zoe")
    assert "token" not in await http.answer("typing", token=told, state="paused")
    assert "token" in await http.answer("identify", token=told, id="7", email="z@shop.test")
    assert "token" in await http.answer("typing", token=first, state="paused")


async def test_a_copy_that_the_token_has_seen_the_end_of_is_none(world: World) -> None:
    """Details that were changed later are not put back: one who has spoken has those in the store,
    anybody else none.
    """
    http = world.http()
    for spoken in (True, False):
        hello = await http.call("hello", site="acme")
        token, visitor = hello["token"], hello["visitor"]["id"]
        if spoken:
            token = (await http.answer("say", token=token, id="m1", body="Hello?"))["token"]
        await http.call("profile", token=token, name="Old")
        old = world.visit(visitor)
        token = (await http.answer("profile", token=token, name="Zoe"))["token"]
        sessions = MemorySessions()
        sessions.put(old)
        await world.restart(sessions)
        http = world.http()
        answer = await http.answer("typing", token=token, state="composing")
        assert "token" not in answer
        found = world.visit(visitor)
        assert (found.details.name, found.generation) == ("Zoe" if spoken else "", 2)


async def test_a_copy_as_new_as_the_token_counts(world: World) -> None:
    """Who never spoke keeps the name on another node, without any SQL."""
    http = world.http()
    hello = await http.call("hello", site="acme", name="Zoe")
    token = (await http.answer("profile", token=hello["token"], phone="1"))["token"]
    await world.restart(world.sessions)
    world.forget_statements()
    again = await world.http().call("hello", site="acme", token=token)
    assert world.statements == []
    assert again["visitor"]["name"] == "Zoe"
    assert world.visit(again["visitor"]["id"]).details == Details("Zoe", phone="1")


async def test_what_was_told_to_another_node_is_learnt_here(world: World) -> None:
    """A page is open here, and another page's node was told the name: the next call brings it,
    and nothing else of what that node knows.
    """
    _, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    here = world.visit(visitor)
    there = replace(here, page=Page("https://shop.test/there")).described(Details("Zoe"))
    world.sessions.put(there)
    token = world.edge._services.tokens
    await world.http().call("typing", token=token.text(token.issue(there)), state="composing")
    found = world.visit(visitor)
    assert (found.details.name, found.generation, found.page) == ("Zoe", 1, here.page)


@pytest.fixture
def server() -> Iterator[memcached.PrivateMemcached]:
    with memcached.memcached() as server:
        yield server


needs_memcached = pytest.mark.skipif(
    memcached.SERVER is None, reason="no memcached here; `make test` installs it"
)


@needs_memcached
async def test_a_visitor_changes_nodes(world: World, server: memcached.PrivateMemcached) -> None:
    """What one node has put into memcached another one has, once the first has stopped."""
    await world.restart(first := MemcachedSessions([server.name]))
    hello = await world.http().call("hello", site="acme", name="Zoe", locale="de")
    await first.close()
    await world.restart(second := MemcachedSessions([server.name]))
    await world.http().call("typing", token=hello["token"], state="composing")
    found = world.visit(hello["visitor"]["id"])
    assert (found.details.name, found.locale) == ("Zoe", "de")
    await second.close()


@needs_memcached
@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "killed"])
async def test_without_memcached_all_goes_on(
    world: World, server: memcached.PrivateMemcached, frozen: bool
) -> None:
    """Calls are answered, no error is seen, and who has spoken is known."""
    await world.restart(first := MemcachedSessions([server.name]))
    hello = await world.http().call("hello", site="acme")
    said = await world.http().answer("say", token=hello["token"], id="m1", body="Hello?")
    await world.http().call("profile", token=said["token"], name="Zoe")
    await first.close()
    if frozen:
        server.freeze()
    else:
        server.kill()
    await world.restart(sessions := MemcachedSessions([server.name]))
    http, token = world.http(), said["token"]

    again = await http.call("hello", site="acme", token=token, page={"url": "https://shop.test/"})
    assert again["visitor"]["name"] == "Zoe"
    assert [line["body"] for line in again["messages"]] == ["Hello?"]
    await http.call("say", token=token, id="m2", body="Still there?")
    await http.call("profile", token=token, email="zoe@shop.test")
    socket = await world.socket()
    await socket.call("resume", token=token, cursor=again["cursor"])
    assert (await socket.message())["body"] == "Still there?"
    await socket.call("page", url="https://shop.test/b")
    await asyncio.gather(*(http.call("hello", site="acme", name=f"N{n}") for n in range(20)))
    await eventually(lambda: sessions.out() == [server.name])
    await sessions.close()
