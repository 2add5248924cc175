"""Visitors behind a front: what each has said, and everything that went wrong meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import httpx2

from tests.e2e.support.fronts import Front
from tests.e2e.support.parley import SITE
from tests.edge.rpc.client import Closed, RpcError, WebSocket, frame, result_of

ORIGIN = "https://shop.example"
SPREAD_SECONDS = 0.5
"""The widget waits so long at most before it comes again."""
PAUSE_SECONDS = 0.1
"""Between one line and the next."""
GOING_AWAY = 1001


def address(number: int) -> str:
    """A visitor's own, of this machine."""
    return f"127.0.1.{number + 1}"


def browser(front: Front, source: str = "127.0.0.1") -> httpx2.AsyncClient:
    """Keeps its connection, as browsers do."""
    return httpx2.AsyncClient(
        base_url=front.url,
        transport=httpx2.AsyncHTTPTransport(local_address=source),
        headers={"Origin": ORIGIN},
        timeout=60,
    )


async def answer_to(client: httpx2.AsyncClient, method: str, **params: Any) -> dict[str, Any]:
    """The whole answer to a call. Raises httpx2's errors."""
    answer = await client.post("/rpc", content=json.dumps(frame(method, **params)))
    answer.raise_for_status()
    return dict(answer.json())


async def ask(client: httpx2.AsyncClient, method: str, **params: Any) -> Any:
    """A call's result. Raises RpcError, and httpx2's errors."""
    return result_of(await answer_to(client, method, **params))


class Visitor(ABC):
    """One visitor, with an address and a talk of their own."""

    def __init__(self, front: Front, number: int) -> None:
        self.front = front
        self.source = address(number)
        self.said: list[str] = []
        """The lines that were acknowledged."""
        self.log: list[str] = []
        """The talk, as it was stored in the end."""
        self.broken: list[Exception] = []
        """Connections that ended without a whole answer, and not with a close code."""
        self.wrong: list[Exception] = []
        """Answers that were errors."""
        self.moved = 0
        """How often it was told to go elsewhere."""
        self.polls = 0
        """How many were answered."""
        self.waited: list[float] = []
        """How long each acknowledgement took by POST, in seconds."""
        self.token = ""
        self._name = f"visitor {number}"

    async def stay(self, over: asyncio.Event) -> None:
        """Is there until then."""
        async with browser(self.front, self.source) as client:
            hello = await ask(client, "hello", site=SITE)
            self.token = hello["token"]
            await self.live(client, hello["cursor"], over)
            await self._read_log(client)

    def take(self, answer: dict[str, Any]) -> Any:
        """The result; a fresh token beside it replaces the old."""
        self.token = answer.get("token", self.token)
        return result_of(answer)

    @abstractmethod
    async def live(self, client: httpx2.AsyncClient, cursor: str, over: asyncio.Event) -> None:
        """What it does meanwhile."""

    async def _read_log(self, client: httpx2.AsyncClient) -> None:
        page = await ask(client, "history", token=self.token, limit=100)
        while True:
            self.log[:0] = [message["body"] for message in page["messages"]]
            if not page["more"]:
                return
            before = page["messages"][0]["seq"]
            page = await ask(client, "history", token=self.token, limit=100, before=before)

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Whatever goes wrong is noted, and life goes on."""
        try:
            yield
        except (httpx2.HTTPStatusError, RpcError, AssertionError) as error:
            self.wrong.append(error)
        except (httpx2.TransportError, OSError, Closed) as error:
            self.broken.append(error)


class Caller(Visitor):
    """Says line after line by POST; one that was not acknowledged again, under its id."""

    async def live(self, client: httpx2.AsyncClient, cursor: str, over: asyncio.Event) -> None:
        line = 1
        while not over.is_set():
            with self.noting():
                body = f"{self._name}, line {line}"
                said = {"token": self.token, "id": f"line{line}", "body": body}
                asked_at = time.monotonic()
                self.take(await answer_to(client, "say", **said))
                self.waited.append(time.monotonic() - asked_at)
                self.said.append(body)
                line += 1
            await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))


class Sitter(Visitor):
    """Has a socket, and says on it what callers say by POST."""

    async def live(self, client: httpx2.AsyncClient, cursor: str, over: asyncio.Event) -> None:
        self._line = 1
        while not over.is_set():
            with self.noting():
                socket = await WebSocket.open(self.front.port, ORIGIN, self.source)
                try:
                    await socket.call("resume", token=self.token, cursor=cursor)
                    await self._sit(socket, over)
                except Closed as closed:
                    if closed.code != GOING_AWAY:
                        raise
                    self.moved += 1
                finally:
                    socket.close()
            await asyncio.sleep(random.uniform(0, SPREAD_SECONDS))

    async def _sit(self, socket: WebSocket, over: asyncio.Event) -> None:
        while not over.is_set():
            body = f"{self._name}, line {self._line}"
            self.take(await socket.answer("say", id=f"line{self._line}", body=body))
            self.said.append(body)
            self._line += 1
            await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))


class Hearer(Visitor):
    """Has a stream of server-sent events."""

    async def live(self, client: httpx2.AsyncClient, cursor: str, over: asyncio.Event) -> None:
        ask = json.dumps({"token": self.token, "cursor": cursor})
        while not over.is_set():
            with self.noting():
                async with client.stream("POST", "/rpc/events", content=ask) as answer:
                    answer.raise_for_status()
                    reading = asyncio.ensure_future(self._hear(answer))
                    ended = asyncio.ensure_future(over.wait())
                    await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
                    ended.cancel()
                    if reading.done():
                        reading.result()
                    reading.cancel()
            await asyncio.sleep(random.uniform(0, SPREAD_SECONDS))

    async def _hear(self, answer: httpx2.Response) -> None:
        last = ""
        async for line in answer.aiter_lines():
            last = line or last
        if last != ": server stops":
            raise Closed(None)
        self.moved += 1


class Poller(Visitor):
    """Polls, and goes on from each answer."""

    async def live(self, client: httpx2.AsyncClient, cursor: str, over: asyncio.Event) -> None:
        while not over.is_set():
            with self.noting():
                found = await ask(client, "poll", token=self.token, cursor=cursor, wait=3)
                cursor = found["cursor"]
                self.polls += 1


KINDS: tuple[type[Caller] | type[Sitter] | type[Hearer] | type[Poller], ...]
KINDS = (Caller, Caller, Sitter, Sitter, Hearer, Poller)


class Crowd:
    """Visitors of all kinds in turn, who are there while the block lasts."""

    def __init__(self, front: Front, size: int) -> None:
        kinds = itertools.islice(itertools.cycle(KINDS), size)
        self.visitors = [kind(front, number) for number, kind in enumerate(kinds)]
        self._over = asyncio.Event()

    async def __aenter__(self) -> Crowd:
        self._staying = asyncio.gather(*(one.stay(self._over) for one in self.visitors))
        return self

    async def __aexit__(self, *error: object) -> None:
        self._over.set()
        await self._staying

    @property
    def said(self) -> int:
        """How many lines were acknowledged."""
        return sum(len(one.said) for one in self.visitors)

    @property
    def wrong(self) -> list[Exception]:
        """Everybody's."""
        return [error for one in self.visitors for error in one.wrong]

    @property
    def broken(self) -> dict[type[Visitor], list[Exception]]:
        """By kind, of those that had any."""
        found: dict[type[Visitor], list[Exception]] = {}
        for one in self.visitors:
            if one.broken:
                found.setdefault(type(one), []).extend(one.broken)
        return found

    @property
    def slowest(self) -> float:
        """The longest that an acknowledgement took by POST, in seconds."""
        return max(time for one in self.visitors for time in one.waited)

    @property
    def moved(self) -> int:
        """How often somebody was told to go elsewhere."""
        return sum(one.moved for one in self.visitors)
