"""What `parley check` says of memcached servers."""

from __future__ import annotations

import asyncio

import pytest

from parley.check_stores import cache_servers
from tests.memcached import SERVER, memcached

pytestmark = pytest.mark.skipif(SERVER is None, reason="no memcached here; `make test` installs it")


async def test_one_line_a_server() -> None:
    """One is well, one is frozen, one is gone: each is named, none holds the others up."""
    with memcached() as well, memcached() as frozen, memcached() as gone:
        frozen.freeze()
        gone.kill()
        servers = (well, frozen, gone)
        url = "memcached://" + ",".join(server.name for server in servers)
        found = await asyncio.wait_for(asyncio.to_thread(list, cache_servers(url)), 30)
    assert [finding.grade for finding in found] == ["ok", "warn", "warn"]
    assert [finding.part for finding in found] == [f"sessions {one.name}" for one in servers]
    assert found[0].words.startswith("memcached 1.")
    assert "timed out: start it" in found[1].words
    assert "refused: start it" in found[2].words


async def test_something_else() -> None:
    """What answers otherwise fails the check."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"-ERR unknown command\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (found,) = await asyncio.to_thread(list, cache_servers(f"memcached://127.0.0.1:{port}"))
    assert (found.grade, found.part) == ("fail", f"sessions 127.0.0.1:{port}")


def test_a_url_that_is_none() -> None:
    """It is named, with what to write instead."""
    (found,) = cache_servers("memcached://a:b")
    assert str(found) == "fail sessions: memcached://a:b: 'a:b' is no host:port"
