"""The fault proxy does what it says, so that a test behind it means what it says."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from tests.e2e.support.faults import Proxy, proxy
from tests.e2e.support.wait import eventually

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that gives back what it gets; `heard` is all of it, `open` its connections."""

    def __init__(self) -> None:
        self.heard = b""
        self.open = 0
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.open += 1
        self.writer = writer
        try:
            while data := await reader.read(1000):
                self.heard += data
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()


@pytest.fixture
def echo() -> Echo:
    """What the server behind the proxy has heard."""
    return Echo()


@pytest.fixture
async def between(echo: Echo) -> AsyncIterator[Proxy]:
    """A proxy in front of the echo."""
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with proxy(server.sockets[0].getsockname()[1], seed=1) as made:
        yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
async def client(between: Proxy) -> AsyncIterator[Client]:
    """A connection through the proxy that has carried an octet each way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
    writer.write(b"!")
    assert await reader.readexactly(1) == b"!"
    yield reader, writer
    writer.transport.abort()


async def test_octets_go_through_and_so_does_the_end(echo: Echo, client: Client) -> None:
    """Unchanged both ways; a half-close is passed on."""
    reader, writer = client
    sent = bytes(range(256)) * 1000
    writer.write(sent)
    writer.write_eof()
    assert await reader.read(-1) == sent
    assert echo.heard == b"!" + sent


async def test_a_reset_is_passed_on(client: Client, echo: Echo) -> None:
    """A client that says nothing learns of it all the same when its server is killed."""
    reader, _ = client
    assert echo.writer is not None
    resets = struct.pack("ii", 1, 0)
    echo.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, resets)
    echo.writer.transport.abort()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        async with asyncio.timeout(30):
            await reader.readexactly(1)


async def test_nobody_there_is_a_closed_connection() -> None:
    """Without a server the client is cut."""
    async with proxy(1) as made:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.transport.abort()


async def test_delay(between: Proxy, client: Client) -> None:
    """A piece takes as long as both ways say."""
    reader, writer = client
    between.up.delay, between.down.delay = 0.1, 0.2
    began = asyncio.get_running_loop().time()
    writer.write(b"x")
    await reader.readexactly(1)
    assert asyncio.get_running_loop().time() - began >= 0.29


async def test_drip(between: Proxy, client: Client, echo: Echo) -> None:
    """An octet at a time, one way only."""
    reader, writer = client
    between.up.drip = 0.01
    began = asyncio.get_running_loop().time()
    writer.write(b"0123456789")
    lengths = set()
    async with asyncio.timeout(30):
        while len(echo.heard) < 10:
            lengths.add(len(echo.heard))
            await asyncio.sleep(0)
    assert len(lengths) > 5, "they do not come all at once"
    assert await reader.readexactly(10) == b"0123456789"
    assert asyncio.get_running_loop().time() - began >= 0.09


async def test_cut(between: Proxy, client: Client, echo: Echo) -> None:
    """Both sides lose the connection; the next one works."""
    reader, _ = client
    between.cut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    await eventually(lambda: echo.open == 0, what="the server has lost it too")
    assert between.cuts == 1
    again, writer = await asyncio.open_connection("127.0.0.1", between.port)
    writer.write(b"y")
    assert await again.readexactly(1) == b"y"
    writer.transport.abort()


async def test_cut_at_random(between: Proxy, client: Client) -> None:
    """Open connections and new ones live between the two bounds, until told otherwise."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    between.cut_at_random(0.1, 0.3)
    fresh = await asyncio.open_connection("127.0.0.1", between.port)
    for reader in (client[0], fresh[0]):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            async with asyncio.timeout(30):
                await reader.readexactly(1)
        assert loop.time() - began >= 0.09
    fresh[1].transport.abort()
    between.cut_no_more()
    reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
    await asyncio.sleep(0.4)
    writer.write(b"z")
    assert await reader.readexactly(1) == b"z"
    writer.transport.abort()


async def test_black_hole(between: Proxy, client: Client, echo: Echo) -> None:
    """What goes in never comes out, not even afterwards; no side is told."""
    reader, writer = client
    between.black_hole()
    writer.write(b"lost")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    between.black_hole(False)
    writer.write(b"found")
    assert await reader.readexactly(5) == b"found"
    assert echo.heard == b"!found"


async def test_forget(between: Proxy, client: Client, echo: Echo) -> None:
    """What was open is in a black hole for good, and no side is told; a new one works."""
    reader, writer = client
    between.forget()
    writer.write(b"lost")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    again, fresh = await asyncio.open_connection("127.0.0.1", between.port)
    fresh.write(b"found")
    assert await again.readexactly(5) == b"found"
    assert echo.heard == b"!found"
    assert echo.open == 2
    fresh.transport.abort()


async def test_half_open_towards_the_client(between: Proxy, client: Client, echo: Echo) -> None:
    """The server's side is gone; the client hears nothing and may go on writing."""
    reader, writer = client
    between.half_open("server")
    await eventually(lambda: echo.open == 0, what="the server has lost it")
    writer.write(b"into the void")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    assert echo.heard == b"!"


async def test_half_open_towards_the_server(between: Proxy, client: Client, echo: Echo) -> None:
    """The client's side is gone; the server keeps what nobody holds, until it is cut."""
    reader, _ = client
    between.half_open("client")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    assert echo.open == 1
    between.cut()
    await eventually(lambda: echo.open == 0, what="the server has lost it")
