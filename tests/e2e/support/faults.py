"""A TCP proxy that does to a connection what networks do: to be put in front of any server.

    browser ──▶ Proxy ──▶ rpc          gateway ──▶ Proxy ──▶ Jabber server
    rpc ──▶ Proxy ──▶ store, bus, cache     operator's client ──▶ Proxy ──▶ Jabber server

`up` is the way from client to server, `down` the way back; what is set on them holds at once,
for connections that are open too.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

ADDRESS = "127.0.0.1"
CHUNK = 65536


@dataclass
class Way:
    """One direction. `delay`: seconds before each piece goes on; `drip`: seconds per byte;
    `swallow`: a black hole, what comes is taken and goes nowhere."""

    delay: float = 0.0
    drip: float = 0.0
    swallow: bool = False
    octets: int = 0
    """How many went through."""

    async def carry(
        self, one: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Takes everything from one side of a connection to the other, then its end too."""
        while data := await reader.read(CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            step = 1 if self.drip else len(data)
            for start in range(0, len(data), step):
                if self.drip:
                    await asyncio.sleep(self.drip)
                if self.swallow or one.forgotten:
                    continue
                writer.write(data[start : start + step])
                self.octets += step
                await writer.drain()
        if self.swallow or one.forgotten:
            await asyncio.Event().wait()  # whoever is in a hole is not heard leaving
        writer.write_eof()


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    silent: bool = False
    forgotten: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def cut(self) -> None:
        """Both sides at once, without a word."""
        for task in self.tasks:
            task.cancel()
        for writer in (self.client, self.server):
            if writer is not None:
                writer.transport.abort()


class Proxy:
    """Listens at `port` of 127.0.0.1 and carries to port `target` there; see `proxy`."""

    def __init__(self, target: int, port: int = 0, seed: int = 0) -> None:
        self.target = target
        self.port = port
        self.up = Way()
        self.down = Way()
        self.cuts = 0
        """How many connections were cut, by command or at random."""
        self._random = random.Random(seed)
        self._every: tuple[float, float] | None = None
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def start(self) -> None:
        """Listens; `port` is a free one unless it was given."""
        self._server = await asyncio.start_server(self._accept, ADDRESS, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cuts what is open and listens no more."""
        assert self._server is not None
        self._server.close()
        for one in list(self._connections):
            one.cut()
        await self._server.wait_closed()
        while self._connections:
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Cuts every connection now; new ones are taken."""
        for one in list(self._connections):
            self._cut(one)

    def cut_at_random(self, least: float, most: float) -> None:
        """From now on each connection, open or new, lives `least` to `most` seconds more."""
        self._every = (least, most)
        for one in self._connections:
            self._doom(one)

    def cut_no_more(self) -> None:
        """Ends `cut_at_random`."""
        self._every = None

    def half_open(self, gone: Literal["client", "server"]) -> None:
        """Of every connection one side goes; the other hears nothing of it, and is not heard."""
        for one in self._connections:
            one.silent = True
            leaving = one.client if gone == "client" else one.server
            for task in one.tasks:
                task.cancel()
            if leaving is not None:
                leaving.transport.abort()

    def black_hole(self, on: bool = True) -> None:
        """Both ways: everything is taken, nothing arrives. What was lost stays lost."""
        self.up.swallow = self.down.swallow = on

    def forget(self) -> None:
        """As a NAT that has lost its table: what is open is in a black hole, new ones work."""
        for one in self._connections:
            one.forgotten = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one = _Connection(writer)
        self._connections.add(one)
        if self._every is not None:
            self._doom(one)
        try:
            there, one.server = await asyncio.open_connection(ADDRESS, self.target)
            one.tasks = [
                asyncio.ensure_future(self._carry(one, self.up, reader, one.server)),
                asyncio.ensure_future(self._carry(one, self.down, there, writer)),
            ]
            ended = await asyncio.gather(*one.tasks, return_exceptions=True)
            if one.silent:
                await self._drain(one)
            for error in ended:
                if not isinstance(error, OSError | asyncio.CancelledError | None):
                    raise error
        except OSError:
            pass  # the server is not there, or a side is gone: so is the connection
        finally:
            self._connections.discard(one)
            one.cut()

    async def _carry(
        self,
        one: _Connection,
        way: Way,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One way; a side that was reset, as by a kill, resets the other, which may be silent."""
        try:
            await way.carry(one, reader, writer)
        except OSError:
            if not (way.swallow or one.forgotten):
                one.cut()

    async def _drain(self, one: _Connection) -> None:
        """Keeps the side that was not told, until it leaves by itself or is cut."""
        stays = one.server if one.client.transport.is_closing() else one.client
        assert stays is not None
        with contextlib.suppress(OSError):
            await stays.wait_closed()

    def _doom(self, one: _Connection) -> None:
        assert self._every is not None
        asyncio.get_running_loop().call_later(
            self._random.uniform(*self._every), self._cut_at_last, one
        )

    def _cut_at_last(self, one: _Connection) -> None:
        if self._every is not None and one in self._connections:
            self._cut(one)

    def _cut(self, one: _Connection) -> None:
        self.cuts += 1
        one.cut()


@asynccontextmanager
async def proxy(target: int, *, port: int = 0, seed: int = 0) -> AsyncIterator[Proxy]:
    """A proxy in front of 127.0.0.1:`target`, for as long as the block; `seed` fixes chance."""
    made = Proxy(target, port, seed)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
