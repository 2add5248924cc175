"""`parley check` and a Redis: in a bounded time, in words that say what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from parley.check_stores import check_bus
from tests.redis import PrivateRedis, redis_server

from .conftest import needs_redis, shared_redis

pytestmark = [pytest.mark.asyncio, needs_redis]


@pytest.fixture
def server() -> Iterator[PrivateRedis]:
    """A server that is nobody else's."""
    with redis_server() as running:
        yield running


async def test_one_that_is_well() -> None:
    """Its version is told, and no password."""
    server = shared_redis()
    found = str(await check_bus(server.url.replace("//", "//default:secret@")))
    assert found.startswith(f"ok bus: redis://127.0.0.1:{server.port}/0 (Redis ")


async def test_one_process_needs_none() -> None:
    """In memory there is nothing to ask."""
    assert str(await check_bus("memory://")) == "ok bus: memory://"


async def test_one_that_is_gone(server: PrivateRedis) -> None:
    """Nobody listens there."""
    server.kill()
    found = str(await check_bus(server.url))
    assert found.startswith(f"fail bus: redis://127.0.0.1:{server.port}/0: Error 111")
    assert "start Redis" in found
    server.start()


async def test_one_that_is_frozen(server: PrivateRedis) -> None:
    """It takes connections and answers nothing."""
    server.freeze()
    async with asyncio.timeout(30):  # it never answers
        found = str(await check_bus(server.url))
    assert "fail bus: " in found
    assert "no answer in time: start Redis" in found


async def test_a_wrong_password(server: PrivateRedis) -> None:
    """The remedy is in the URL, and the password in no line."""
    with server.client() as client:
        client.config_set("requirepass", "right")
    for url in (server.url, server.url.replace("//", "//:wr0ng@")):
        found = str(await check_bus(url))
        assert found.startswith("fail bus: ")
        assert "redis://:password@host:port/0" in found
        assert "wr0ng" not in found


async def test_a_user_who_may_too_little(server: PrivateRedis) -> None:
    """What to allow is named."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-eval")
    found = str(await check_bus(server.url))
    assert found.startswith("fail bus: ")
    assert "allow it publish, subscribe, eval" in found


async def test_a_url_that_is_none() -> None:
    """What one looks like."""
    found = str(await check_bus("carrier-pigeon://coop"))
    assert found.startswith("fail bus: carrier-pigeon://coop: ")
    assert "redis://host:port/0" in found
