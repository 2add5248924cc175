"""A room over several nodes, parts of which are killed while everybody talks."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.cluster import DOMAIN, HOST, Cluster, running
from cluster.member import Member
from tests.chaos.guest import Guest
from tests.chaos.ways import WAYS
from tests.e2e.support.wait import eventually

GUESTS = 12
ROOM = "lobby"
SITE = "shop"
EVERY = 0.5
"""Seconds between two lines of a guest, at the mean."""
TALKED_SECONDS = 5.0
WELL_SECONDS = 30.0


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """It serves, and has a site with a room."""
    made = Cluster(tmp_path, grace=3, limits=False)
    await made.prosody.add_user("ann", "correct horse")
    async with running(made):
        await made.set_up(SITE, "The shop", "https://shop.example", {f"ann@{HOST}": "Ann"})
        await made.parley("site", "set", SITE, f"rooms.{ROOM}.messages_per_minute=0")
        yield made


async def test_a_room_survives_kills(cluster: Cluster) -> None:
    """Of the gateway, of a web node, of the Jabber server: every line once, in one order."""
    guests = [_guest(cluster, number) for number in range(GUESTS)]
    for guest in guests:
        guest.come()
    try:
        await eventually(lambda: all(one.id for one in guests), WELL_SECONDS, "guests are there")
        talking = [asyncio.ensure_future(_talk(guest)) for guest in guests]
        for member in (_active_gateway(cluster), cluster.web[0], cluster.prosody):
            await asyncio.sleep(TALKED_SECONDS)
            await _killed(cluster, member)
        await asyncio.sleep(TALKED_SECONDS)
        for one in talking:
            one.cancel()
        for guest in guests:
            guest.check()
        await eventually(
            lambda: all(one.settled for one in guests),
            WELL_SECONDS,
            lambda: str([(one.name, len(one.said), len(one.acknowledged)) for one in guests]),
        )
        said = {body for guest in guests for body in guest.said}
        assert len(said) > GUESTS
        await eventually(
            lambda: all(len(one.log) == len(said) for one in guests),
            WELL_SECONDS,
            lambda: str([(one.name, len(one.log), len(said)) for one in guests]),
        )
        for guest in guests:
            guest.check()
            assert {line.body for line in guest.log} == said
            assert guest.log == guests[0].log
            assert (guest.tally.repeated, guest.tally.gaps) == (0, 0)
            seqs = {line.body: line.seq for line in guest.log}
            assert all(seqs[body] == seq for body, seq in guest.acknowledged.items())
        await eventually(
            lambda: all(one.members == GUESTS for one in guests),
            WELL_SECONDS,
            lambda: str([one.members for one in guests]),
        )
    finally:
        for guest in guests:
            await guest.leave(politely=False)


def _guest(cluster: Cluster, number: int) -> Guest:
    source = f"127.0.1.{1 + number}"
    way = WAYS[number % len(WAYS)](cluster.port, source)
    return Guest(number, SITE, ROOM, cluster.port, way, random.Random(number), source)


def _active_gateway(cluster: Cluster) -> Member:
    return next(one for one in cluster.gateways if f"{DOMAIN}: up" in one.health())


async def _killed(cluster: Cluster, member: Member) -> None:
    """Started again, and every part is well again."""
    member.kill()
    await asyncio.sleep(1.0)
    await member.start()

    async def well() -> bool:
        nodes = [*cluster.web, *cluster.gateways]
        return all(await asyncio.gather(*(asyncio.to_thread(one.serves) for one in nodes)))

    await eventually(well, WELL_SECONDS, "every part is well")


async def _talk(guest: Guest) -> None:
    chance = random.Random(guest.number)
    for number in itertools.count(1):
        await asyncio.sleep(chance.expovariate(1 / EVERY))
        guest.say(f"g{guest.number} m{number}")
