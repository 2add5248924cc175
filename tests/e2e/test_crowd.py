"""A thousand visitors who browse, as an operator's client on a real server sees them."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.buddies.presences import STATUS_EVERY
from parley.private_prosody import PrivateProsody
from tests.e2e.support.bridge import bridge
from tests.e2e.support.operator import Operator, Received
from tests.e2e.support.wait import eventually

VISITORS = 1000
SECONDS = 60
CAP = 50
RESTLESS = 10
RESTLESS_SECONDS = 22
"""So many of those shown then read a page a second each."""
SLACK = 0.3
"""Seconds by which the way to the client may shorten the time between two presences."""


@pytest.mark.long
async def test_a_thousand_visitors_at_one_page_a_second(
    tmp_path: Path, prosody: PrivateProsody, operator: Callable[..., Awaitable[Operator]]
) -> None:
    """At most the cap's buddies, and of each at most one presence in STATUS_EVERY seconds."""
    chance = random.Random(4)
    async with bridge(tmp_path, prosody, {"ann@localhost": "Ann"}) as shop:
        await shop.linked()
        ann = await operator("ann")
        await eventually(lambda: "shop@chat.localhost" in ann.roster(), 10.0)
        visits = [shop.arrive(title="first") for _ in range(VISITORS)]
        await eventually(lambda: len(_told(ann)) >= CAP, 20.0, "the list is full")
        start = len(ann.received)
        for second in range(SECONDS):
            place = chance.randrange(VISITORS)
            page = replace(visits[place].page, title=f"page {second}")
            visits[place] = shop.attendance.update(replace(visits[place], page=page), stream=1)
            await asyncio.sleep(1.0)
        browsing = sum(1 for one in ann.received[start:] if _is_of(one))
        restless = [
            visit for visit in visits if f"{visit.visitor}@{visit.domain}/web" in _told(ann)
        ]
        for second in range(RESTLESS_SECONDS):
            for visit in restless[:RESTLESS]:
                page = replace(visit.page, title=f"restless {second}")
                shop.attendance.update(replace(visit, page=page), stream=1)
            await asyncio.sleep(1.0)
        told = _told(ann)
        roster = [contact for contact in ann.roster() if contact.startswith("v-")]
        nearest = min(b - a for at in told.values() for a, b in itertools.pairwise(at))
        figures = {
            "buddies": len(roster),
            "presences in a minute of browsing": browsing,
            "most of one restless visitor": max(map(len, told.values())),
            "nearest two of one visitor, seconds": round(nearest, 1),
        }
        print(json.dumps(figures))
        assert len(roster) == CAP
        assert len(told) == CAP
        assert nearest >= STATUS_EVERY - SLACK


def _told(ann: Operator) -> dict[str, list[float]]:
    """By visitor: when each available presence came."""
    found: dict[str, list[float]] = {}
    for one in ann.received:
        if _is_of(one) and not one.type:
            found.setdefault(one.sender, []).append(one.at)
    return found


def _is_of(one: Received) -> bool:
    return one.kind == "presence" and one.sender.startswith("v-")
