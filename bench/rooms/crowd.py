"""The members of a room, in a process of its own: they come, and talk in phases.

It tells what it does in lines of JSON on standard output, and goes on at each line it is sent.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvloop

from .kinds import KINDS, Kind
from .member import Member
from .tally import Tally

JOINING = 10
"""Members that join side by side."""
SILENCE = 20.0
"""Seconds without a delivery: what has not come does not come."""
_POLL = 0.05


class Crowd:
    """All members, of whom one after another speaks."""

    def __init__(self, kind: Kind, members: Sequence[Member], refusals: list[str]) -> None:
        self._kind = kind
        self._members = members
        self._refusals = refusals
        self._numbers = itertools.count(1)
        self._speakers: Iterator[Member] = itertools.cycle(members)
        self._tally = Tally(len(members))
        self._cpu = 0.0

    async def paced(self, rate: float, seconds: float) -> dict[str, Any]:
        """So many lines a second, whether they come through or not."""
        began = self._begin()
        for number in range(round(rate * seconds)):
            await asyncio.sleep(began + number / rate - time.perf_counter())
            self._say()
        await asyncio.sleep(began + seconds - time.perf_counter())
        return await self._end(began)

    async def flood(self, under_way: float, seconds: float) -> dict[str, Any]:
        """A line follows as soon as everybody has one of those that are under way."""
        stop_at = time.perf_counter() + seconds

        def follow() -> None:
            if time.perf_counter() < stop_at:
                self._say()

        began = self._begin(follow)
        for _ in range(round(under_way)):
            self._say()
        await asyncio.sleep(seconds)
        return await self._end(began)

    def _begin(self, follow: Callable[[], None] = lambda: None) -> float:
        self._tally = Tally(len(self._members), follow)
        for member in self._members:
            member.tally = self._tally
        self._cpu = time.process_time()
        return time.perf_counter()

    async def _end(self, began: float) -> dict[str, Any]:
        """Waits until all is delivered; the seconds are those until then."""
        before, since = -1, time.perf_counter()
        while not self._tally.complete and time.perf_counter() < since + SILENCE:
            if self._tally.deliveries != before:
                before, since = self._tally.deliveries, time.perf_counter()
            await asyncio.sleep(_POLL)
        took = time.perf_counter() - began
        cpu = time.process_time() - self._cpu
        tell(state="played")
        refused, self._refusals[:] = list(self._refusals), []
        return {
            "seconds": took,
            "crowd_cpu": cpu,
            "refused": len(refused),
            "refusals": refused[:3],
            **self._tally.result(),
        }

    def _say(self) -> None:
        number = next(self._numbers)
        line = self._kind.line(number)
        self._tally.say(number, time.perf_counter())
        next(self._speakers).send(line)

    def close(self) -> None:
        """Everybody is gone."""
        for member in self._members:
            member.close()


async def play(kind: Kind, port: int, members: int, phases: Sequence[str]) -> None:
    """Phases are `paced:LINES A SECOND:SECONDS` and `flood:LINES UNDER WAY:SECONDS`."""
    began = time.perf_counter()
    refusals: list[str] = []
    gate = asyncio.Semaphore(JOINING)

    async def one(number: int) -> Member:
        async with gate:
            return await kind.join(port, number, refusals)

    joined = list(await asyncio.gather(*map(one, range(members))))
    crowd = Crowd(kind, joined, refusals)
    tell(state="joined", members=members, seconds=time.perf_counter() - began)
    for phase in phases:
        await told_to_go_on()
        name, first, seconds = phase.split(":")
        way = crowd.paced if name == "paced" else crowd.flood
        tell(**await way(float(first), float(seconds)))
    crowd.close()


def tell(**what: object) -> None:
    """To who started this process."""
    print(json.dumps(what), flush=True)


async def told_to_go_on() -> None:
    """Waits for a line."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def main() -> None:
    """`ours|muc PORT MEMBERS PHASE…`."""
    kind, port, members, *phases = sys.argv[1:]
    uvloop.run(play(KINDS[kind], int(port), int(members), phases))


if __name__ == "__main__":
    main()
