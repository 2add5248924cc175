"""A visitor: what the widget does, without a page.

Each line has an id of the client's making, one `say` is under way at a time, and it is kept and
said again with the same id until it is acknowledged. The cursor moves with each event; a lost
connection is resumed from it; `reset` is answered by `hello`. It comes again after the widget's
own delays, any time up to half a second at first, doubled each time up to 8 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.chaos.http import Broken, Http, Refused

PAGE = {"url": "https://shop.example/chaos", "title": "Chaos", "referrer": "", "visible": True}
BACKOFF_FIRST = 0.5
BACKOFF_MOST = 8.0


@dataclass(frozen=True)
class Line:
    """A line as the visitor's browser has it."""

    seq: int
    kind: str
    body: str


@dataclass
class Tally:
    """What happened on the way."""

    connections: int = 0
    says: int = 0
    """How many times a line was sent, those included that were sent again."""
    resets: int = 0
    repeated: int = 0
    """Events for a line that stood before the cursor already."""
    gaps: int = 0
    """Events that left a line out."""
    refusals: list[str] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    """Of each line: when it was sent first, and when it was acknowledged, by the loop's clock."""


class Way(Protocol):
    """One of the transports."""

    name: str

    async def attend(self, visitor: Visitor) -> None:
        """One connection from its begin to its end. Raises Broken, Refused."""

    async def call(
        self, visitor: Visitor, method: str, params: dict[str, object]
    ) -> dict[str, Any]:
        """One call's answer. Raises Broken, Refused."""

    def close(self) -> None:
        """Drops what is open."""


class Visitor:
    """`say` queues a line; `log` is what the widget would show, in the order of arrival."""

    def __init__(
        self,
        number: int,
        site: str,
        port: int,
        way: Way,
        chance: random.Random,
        source: str | None = None,
    ) -> None:
        self.number = number
        self.name = f"Vera {number:03}"
        self.to = "desk"
        """Where its lines go."""
        self.site = site
        self.way = way
        self.id = ""
        self.token = ""
        self.cursor = ""
        self.desk = ""
        """The desk's state as it was told last."""
        self.log: list[Line] = []
        self.said: list[str] = []
        """Bodies of all that it was told to say, in order."""
        self.acknowledged: dict[str, int] = {}
        """Body -> the seq that the server gave."""
        self.tally = Tally()
        self.calls = Http(port, source)
        self._chance = chance
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._delivered = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def last(self) -> int:
        """The last line that it has."""
        return self.log[-1].seq if self.log else 0

    @property
    def settled(self) -> bool:
        """Whether all that was said is acknowledged."""
        return len(self.acknowledged) == len(self.said)

    def come(self) -> None:
        """Comes to the site, and stays until `leave`."""
        works = (self._attend(), self._talk(), self._tell_delivered())
        self._tasks = [asyncio.ensure_future(work) for work in works]

    def check(self) -> None:
        """Raises what a task of its died of."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    def say(self, body: str) -> None:
        """Sends a line as soon as those before it are acknowledged."""
        self.said.append(body)
        self._waiting.put_nowait((f"c{self.number}-{len(self.said)}", body))

    async def leave(self, politely: bool) -> None:
        """Closes the page; politely says `bye`, as a browser tries to."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.way.close()
        if politely and self.token:
            with contextlib.suppress(Broken, Refused):
                await self.calls.call("bye", {"token": self.token})
        self.calls.close()

    # What the ways call

    def hello_params(self) -> dict[str, object]:
        """Params of `hello`."""
        known: dict[str, object] = {"token": self.token} if self.token else {}
        return {"site": self.site, "page": PAGE, "name": self.name, **known}

    async def welcomed(self, result: dict[str, Any]) -> None:
        """Takes the result of `hello`."""
        self.id = result["visitor"]["id"]
        self.token = result["token"]
        self.desk = result["desk"]["state"]
        lines = result["messages"]
        while lines and lines[0]["seq"] > self.last + 1:
            params = {"token": self.token, "to": self.to, "before": lines[0]["seq"]}
            lines = (await self.calls.call("history", params))["result"]["messages"] + lines
        for line in lines:
            if line["seq"] > self.last:
                self._append(line)
        self.cursor = result["cursor"]

    def take(self, cursor: str, type: str, data: dict[str, Any]) -> None:
        """Takes one event."""
        if type == "reset":
            self.tally.resets += 1
            self.cursor = ""
            return
        if type == "message":
            line = data["message"]
            if line["seq"] <= self.last:
                self.tally.repeated += 1
            else:
                self.tally.gaps += line["seq"] != self.last + 1
                self._append(line)
        elif type == "desk":
            self.desk = data["state"]
        if cursor:
            self.cursor = cursor

    def took_token(self, answer: dict[str, Any]) -> None:
        """Any answer may carry a fresh token."""
        self.token = answer.get("token") or self.token

    # Inside

    def _append(self, line: dict[str, Any]) -> None:
        self.log.append(Line(line["seq"], line["from"]["kind"], line["body"]))

    async def _attend(self) -> None:
        wait = BACKOFF_FIRST
        while True:
            self.tally.connections += 1
            began = asyncio.get_running_loop().time()
            asked = 0.0
            try:
                await self.way.attend(self)
            except Broken:
                pass
            except Refused as refusal:
                asked = self._note(refusal)
            if asyncio.get_running_loop().time() - began > 1.0:
                wait = BACKOFF_FIRST
            await asyncio.sleep(asked + self._chance.uniform(0.0, wait))
            wait = min(wait * 2, BACKOFF_MOST)

    async def _talk(self) -> None:
        while True:
            id, body = await self._waiting.get()
            began = asyncio.get_running_loop().time()
            answer = await self._until_done("say", {"id": id, "to": self.to, "body": body})
            assert answer["result"]["id"] == id
            self.tally.waits.append((began, asyncio.get_running_loop().time()))
            self.acknowledged[body] = answer["result"]["seq"]

    async def _tell_delivered(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            theirs = [line.seq for line in self.log if line.kind != "visitor"]
            if (
                self.to == "desk"
                and self.way.name != "poll"
                and theirs
                and theirs[-1] > self._delivered
            ):
                await self._until_done("seen", {"seq": theirs[-1], "state": "delivered"})
                self._delivered = theirs[-1]

    async def _until_done(self, method: str, params: dict[str, object]) -> dict[str, Any]:
        wait = BACKOFF_FIRST
        while True:
            self.tally.says += method == "say"
            asked = 0.0
            try:
                return await self.way.call(self, method, params)
            except Broken:
                pass
            except Refused as refusal:
                asked = self._note(refusal)
            await asyncio.sleep(asked + self._chance.uniform(0.0, wait))
            wait = min(wait * 2, BACKOFF_MOST)

    def _note(self, refusal: Refused) -> float:
        """Seconds that `unavailable` and its like ask to wait; no other refusal is in order."""
        self.tally.refusals.append(str(refusal))
        if not refusal.retry_after:
            raise AssertionError(f"{self.name} over {self.way.name}: {refusal}")
        return refusal.retry_after
