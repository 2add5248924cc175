"""A room's guests as Chatty's were, in a process of its own: each asks every 2 s what is new.

It tells what it does in lines of JSON on standard output, and goes on at each line it is sent.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import uvloop

from ..post import Post
from ..socket import PAGE, SITE
from .crowd import JOINING, tell, told_to_go_on
from .kinds import ROOM
from .member import body, number_of
from .tally import Tally, quantiles

PERIOD = 2.0
"""Seconds from one ping of a guest's to the next."""
MEMBERS = 100
"""So many are listed with each ping: as many as one answer may have."""
_END_SECONDS = 5 * PERIOD


@dataclass
class Guest:
    """Who asks."""

    number: int
    token: str
    cursor: str


class Pollers:
    """All guests: they ask from the beginning to the end, and speak in phases."""

    def __init__(self, post: Post, guests: Sequence[Guest]) -> None:
        self._post = post
        self._guests = guests
        self._speakers = itertools.cycle(guests)
        self._numbers = itertools.count(1)
        self._tally = Tally(len(guests))
        self._requests = 0
        self._times = array("d")
        self._refusals: list[str] = []

    async def ask_on(self) -> None:
        """Everybody does, until cancelled; spread evenly over the period."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for guest in self._guests:
                first = began + guest.number * PERIOD / len(self._guests)
                group.create_task(self._ask_on(guest, first))

    async def paced(self, rate: float, seconds: float) -> dict[str, Any]:
        """So many lines a second; counted is what happens in these seconds."""
        self._tally = tally = Tally(len(self._guests))
        self._requests, self._times = 0, array("d")
        began, cpu = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for number in range(round(rate * seconds)):
                await asyncio.sleep(began + number / rate - time.perf_counter())
                group.create_task(self._say())
            await asyncio.sleep(began + seconds - time.perf_counter())
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        requests, times = self._requests, self._times
        tell(state="played")
        # What was said last is heard with the next pings.
        deadline = time.perf_counter() + _END_SECONDS
        while not tally.complete and time.perf_counter() < deadline:
            await asyncio.sleep(0.1)
        refused, self._refusals = self._refusals, []
        return {
            "seconds": took,
            "crowd_cpu": cpu,
            "requests": requests,
            "request": quantiles(times),
            "refused": len(refused),
            "refused_with": refused[:3],
            **tally.result(),
        }

    async def _ask_on(self, guest: Guest, due: float) -> None:
        while True:
            await asyncio.sleep(due - time.perf_counter())
            due += PERIOD
            began = time.perf_counter()
            try:
                polled, _ = await self._post.results(
                    ("poll", {"token": guest.token, "cursor": guest.cursor, "wait": 0}),
                    ("members", {"token": guest.token, "room": ROOM, "limit": MEMBERS}),
                )
            except (OSError, asyncio.IncompleteReadError) as failure:
                self._refusals.append(f"guest {guest.number}: {failure!r}")
                continue
            now = time.perf_counter()
            self._requests += 1
            self._times.append(now - began)
            guest.cursor = polled["cursor"]
            for event in polled["events"]:
                if event["type"] == "message":
                    text = event["data"]["message"]["body"]
                    self._tally.receive(guest.number, number_of(text), now)
                elif event["type"] == "reset":
                    self._refusals.append(f"guest {guest.number}: reset")

    async def _say(self) -> None:
        guest, number = next(self._speakers), next(self._numbers)
        self._tally.say(number, time.perf_counter())
        line = {"token": guest.token, "to": ROOM, "id": uuid4().hex, "body": body(number)}
        while True:
            self._requests += 1
            try:
                await self._post.result("say", **line)
            except (OSError, asyncio.IncompleteReadError) as failure:
                # As the widget does: with the same id, so that it is said once.
                self._refusals.append(f"guest {guest.number}: {failure!r}")
                await asyncio.sleep(PERIOD)
            else:
                return


async def play(port: int, guests: int, phases: Sequence[str]) -> None:
    """Phases are `paced:LINES A SECOND:SECONDS`."""
    post = Post(port)
    gate = asyncio.Semaphore(JOINING)
    began = time.perf_counter()

    async def one(number: int) -> Guest:
        async with gate:
            said = await post.result(
                "hello", site=SITE, page=PAGE, room=ROOM, name=f"Guest {number}"
            )
            return Guest(number, said["token"], said["cursor"])

    pollers = Pollers(post, await asyncio.gather(*map(one, range(guests))))
    asking = asyncio.create_task(pollers.ask_on())
    tell(state="joined", members=guests, seconds=time.perf_counter() - began)
    for phase in phases:
        await told_to_go_on()
        _, rate, seconds = phase.split(":")
        tell(**await pollers.paced(float(rate), float(seconds)))
        if asking.done():
            asking.result()
    asking.cancel()
    await asyncio.wait([asking])
    post.close()


def main() -> None:
    """`PORT GUESTS PHASE…`."""
    port, guests, *phases = sys.argv[1:]
    uvloop.run(play(int(port), int(guests), phases))


if __name__ == "__main__":
    main()
