"""One visitor of the day, over a socket or by requests."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from ..post import Post
from ..socket import Socket

CALL_SECONDS = 20.0
"""So long an answer, or a line, may take to come."""
POLL_SECONDS = 5.0

Page = dict[str, object]


class Visitor(Protocol):
    """What the widget does."""

    id: str
    """Empty before the first `hello`."""
    extra: int
    """Calls beside those of the day."""

    async def hello(self, site: str, page: Page) -> None:
        """A page view begins."""

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """The result. Raises ConnectionError."""

    async def poll(self, lines: int) -> None:
        """Asks for events, and waits for one if fewer of the operator's lines have come."""

    async def heard(self, lines: int) -> int:
        """The seq of the last once so many lines of the operator have come in this page view."""

    async def leave(self) -> None:
        """The page view ends with `bye`."""

    async def close(self) -> None:
        """Drops what is open: the part of the day that is played is over."""


class SocketVisitor:
    """Implements Visitor."""

    def __init__(self, port: int, post: Post) -> None:
        self.id = ""
        self.extra = 0
        self._port = port
        self._post = post
        self._token = ""
        self._socket: Socket | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._log = _Log()

    async def hello(self, site: str, page: Page) -> None:
        async with asyncio.timeout(CALL_SECONDS):
            self._socket = await Socket.open(self._port)
            result = await self._socket.hello(site, page, self._token)
        self.id, self._token = result["visitor"]["id"], result["token"]
        self._log = _Log()
        self._reading = asyncio.create_task(self._read(self._socket))

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        assert self._socket is not None
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._socket.call(method, **params)] = answer
        async with asyncio.timeout(CALL_SECONDS):
            return await answer

    async def poll(self, lines: int) -> None:
        raise TypeError("events come over the socket by themselves")

    async def heard(self, lines: int) -> int:
        return await self._log.reaches(lines)

    async def leave(self) -> None:
        # By `navigator.sendBeacon`.
        await self._post.result("bye", token=self._token)
        await self.close()

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    async def _read(self, socket: Socket) -> None:
        try:
            while True:
                frame = await socket.read()
                if "id" in frame:
                    answer = self._answers.pop(frame["id"], None)
                    if answer is None or answer.done():
                        continue
                    if "error" in frame:
                        answer.set_exception(ConnectionError(str(frame["error"])))
                    else:
                        answer.set_result(frame["result"])
                else:
                    self._log.take(frame["params"])
        except (ConnectionError, asyncio.IncompleteReadError) as lost:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionError(str(lost)))


class PostVisitor:
    """Implements Visitor."""

    def __init__(self, post: Post) -> None:
        self.id = ""
        self.extra = 0
        self._post = post
        self._token = ""
        self._cursor = ""
        self._log = _Log()

    async def hello(self, site: str, page: Page) -> None:
        token = {"token": self._token} if self._token else {}
        result = await self._call("hello", site=site, page=page, **token)
        self.id, self._token = result["visitor"]["id"], result["token"]
        self._cursor = result["cursor"]
        self._log = _Log()

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        return await self._call(method, token=self._token, **params)

    async def poll(self, lines: int) -> None:
        wait = POLL_SECONDS if self._log.lines < lines else 0
        result = await self._call("poll", token=self._token, cursor=self._cursor, wait=wait)
        self._cursor = result["cursor"]
        for event in result["events"]:
            self._log.take(event)

    async def heard(self, lines: int) -> int:
        async with asyncio.timeout(CALL_SECONDS):
            while self._log.lines < lines:
                self.extra += 1
                await self.poll(lines)
        return self._log.seq

    async def leave(self) -> None:
        await self._call("bye", token=self._token)

    async def close(self) -> None:
        pass

    async def _call(self, method: str, **params: object) -> dict[str, Any]:
        async with asyncio.timeout(CALL_SECONDS):
            return await self._post.result(method, **params)


class _Log:
    """The operator's lines of a page view."""

    def __init__(self) -> None:
        self.lines = 0
        self.seq = 0
        self._more = asyncio.Event()

    def take(self, event: dict[str, Any]) -> None:
        if event["type"] == "reset":
            raise ConnectionError("the cursor was refused")
        if event["type"] != "message" or event["data"]["message"]["from"]["kind"] != "operator":
            return
        self.lines += 1
        self.seq = event["data"]["message"]["seq"]
        self._more.set()

    async def reaches(self, lines: int) -> int:
        async with asyncio.timeout(CALL_SECONDS):
            while self.lines < lines:
                self._more.clear()
                await self._more.wait()
        return self.seq
