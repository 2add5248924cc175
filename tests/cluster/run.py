"""One run: the cluster, visitors and two operators at work, every hit in turn, the verdict."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.cluster import DOMAIN, HOST, Cluster, running
from tests.chaos.desk import Scripted
from tests.chaos.presence import wrong_presence
from tests.chaos.run import LOGIN_SECONDS, SAID_SECONDS, count
from tests.chaos.storm import say
from tests.chaos.verdict import Verdict
from tests.chaos.visitor import Visitor
from tests.chaos.ways import WAYS
from tests.cluster.storm import Dealt, Hit, Storm
from tests.e2e.support.wait import eventually

PASSWORD = "correct horse"
SITE = "shop"
GRACE_SECONDS = 3
OPERATORS = {"ann": True, "bob": False}
"""Whose clients send receipts (XEP-0184); the other one answers pings."""


@dataclass(frozen=True)
class Plan:
    """`every`: the mean of seconds between two lines of a visitor."""

    visitors: int
    every: float
    hits: tuple[Hit, ...]
    seed: int = 1


@dataclass
class Outcome:
    """What a run gave."""

    plan: Plan
    verdict: Verdict
    seconds: float
    dealt: list[Dealt]
    waits: list[tuple[float, float]]
    """Of each line: when it was sent first, and when it was acknowledged."""
    wrong_presence: list[str]
    ways: dict[str, int]
    nodes: dict[str, int]
    """How many visitors each web node had before the first hit."""
    resets: int
    repeated: int
    gaps: int
    refusals: list[str]

    @property
    def complaints(self) -> list[str]:
        """A sentence for each promise that was broken."""
        found = [*self.verdict.complaints, *self.wrong_presence]
        for one in self.dealt:
            found += [f"after {one.hit.what} {one.hit.whom}: {said}" for said in one.wrong]
        if self.repeated or self.gaps:
            found.append(f"{self.repeated} events repeated, {self.gaps} gaps")
        return found

    def slowest(self, one: Dealt) -> float:
        """Seconds that the slowest line took that was on its way during a hit."""
        return max((e - b for b, e in self.waits if b < one.well and e > one.began), default=0.0)

    def percentile(self, share: float, without: Sequence[str] = ()) -> float:
        """Seconds within which that share of the lines was acknowledged.

        `without`: those left out that were on their way while one of these was away.
        """
        away = [(one.began, one.well) for one in self.dealt if one.hit.whom in without]
        counted = sorted(
            ended - began
            for began, ended in self.waits
            if not any(began < until and ended > since for since, until in away)
        )
        return counted[min(len(counted) - 1, int(len(counted) * share))]


@dataclass
class _Home:
    cluster: Cluster
    by_hand: bool = False
    domain: str = DOMAIN

    async def transcript(self) -> list[dict[str, Any]]:
        text = await self.cluster.parley("transcript", SITE, "--format", "json")
        return [json.loads(line) for line in text.splitlines()]


async def run(plan: Plan, folder: Path) -> Outcome:
    """Runs the plan; nothing is raised for a broken promise, all of them are in the outcome."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    cluster = Cluster(folder, grace=GRACE_SECONDS, limits=False)
    for name in OPERATORS:
        await cluster.prosody.add_user(name, PASSWORD)
    async with running(cluster):
        jids = {f"{name}@{HOST}": name.title() for name in OPERATORS}
        await cluster.set_up(SITE, "The shop", "https://shop.example", jids)
        await cluster.parley("site", "set", SITE, "presence.max_buddies=1000")
        colleagues = [
            Scripted(
                f"{name}@{HOST}",
                PASSWORD,
                cluster.prosody.c2s_port,
                (number, len(OPERATORS)),
                chance,
                receipts=receipts,
            )
            for number, (name, receipts) in enumerate(OPERATORS.items())
        ]
        visitors = [_visitor(plan, number, cluster.port) for number in range(plan.visitors)]
        works = [asyncio.ensure_future(one.run()) for one in colleagues]
        try:
            return await _work(plan, cluster, visitors, colleagues, chance, began)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            for visitor in visitors:
                await visitor.leave(politely=False)
            for one in colleagues:
                await one.close()


def _visitor(plan: Plan, number: int, port: int) -> Visitor:
    """From an address of its own, for the front tells visitors apart by theirs."""
    source = f"127.0.{1 + number // 250}.{1 + number % 250}"
    way = WAYS[number % len(WAYS)](port, source)
    chance = random.Random(plan.seed * 1000 + number)
    return Visitor(number, SITE, port, way, chance, source)


async def _work(
    plan: Plan,
    cluster: Cluster,
    visitors: Sequence[Visitor],
    colleagues: Sequence[Scripted],
    chance: random.Random,
    began: float,
) -> Outcome:
    async def operators_are_here() -> None:
        await eventually(
            lambda: all(one.here for one in colleagues), LOGIN_SECONDS, "operators log in"
        )

    def wrong() -> list[str]:
        unseen = [
            f"{one.notes.name} sees {visitor.name} offline, who is there"
            for one in colleagues
            # At once for all: the lines' times are taken by this thread, too.
            for online in [one.online() if one.here else set()]
            for visitor in visitors
            if f"{visitor.id}@{DOMAIN}" not in online
        ]
        told = [f"{one.name} is told: {one.desk}" for one in visitors if one.desk != "online"]
        return unseen + told

    await operators_are_here()
    for visitor in visitors:
        visitor.come()
    await eventually(lambda: all(one.id for one in visitors), 60.0, "visitors are there")
    await eventually(lambda: not wrong(), 60.0, lambda: f"before the storm: {wrong()[:3]}")
    nodes = {one.name: one.ready()[1]["visitors"] for one in cluster.web}
    say(f"all are there: {nodes}")
    storm = Storm(cluster, operators_are_here, wrong)
    talking = [
        asyncio.ensure_future(_talk(visitor, random.Random(plan.seed + 7919 * number), plan.every))
        for number, visitor in enumerate(visitors)
    ]
    try:
        for hit in plan.hits:
            await storm.deal(hit)
            for visitor in visitors:
                visitor.check()
    finally:
        for one in talking:
            one.cancel()
    await eventually(
        lambda: all(one.settled for one in visitors), SAID_SECONDS, "all is acknowledged"
    )
    frozen = [
        (one.began, one.well)
        for one in storm.dealt
        if one.hit == Hit("freeze", "the active gateway")
    ]
    verdict = await count(_Home(cluster), visitors, colleagues, frozen)
    left = await wrong_presence(_Home(cluster), visitors, colleagues, chance)
    tallies = [visitor.tally for visitor in visitors]
    names = [visitor.way.name for visitor in visitors]
    return Outcome(
        plan=plan,
        verdict=verdict,
        seconds=time.monotonic() - began,
        dealt=storm.dealt,
        waits=sorted(wait for tally in tallies for wait in tally.waits),
        wrong_presence=left,
        ways={name: names.count(name) for name in dict.fromkeys(names)},
        nodes=nodes,
        resets=sum(tally.resets for tally in tallies),
        repeated=sum(tally.repeated for tally in tallies),
        gaps=sum(tally.gaps for tally in tallies),
        refusals=[refusal for tally in tallies for refusal in tally.refusals],
    )


async def _talk(visitor: Visitor, chance: random.Random, every: float) -> None:
    for number in itertools.count(1):
        await asyncio.sleep(chance.expovariate(1.0 / every))
        visitor.say(f"v{visitor.number} m{number}")
