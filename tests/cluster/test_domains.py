"""Several component domains: gateways share them, and an operator notices nothing of it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from cluster.cluster import HOST, Cluster, running
from tests.chaos.visitor import Visitor
from tests.chaos.ways import OverSocket
from tests.e2e.support.operator import Operator
from tests.e2e.support.wait import eventually

DOMAINS = ("chat.localhost", "talk.localhost")
PASSWORD = "correct horse"
SITE = "shop"
VISITORS = 12
TAKEN_OVER_SECONDS = 10.0


async def test_two_domains(tmp_path: Path) -> None:
    """Each gateway has one; the other takes over both, and every visitor is heard on either."""
    cluster = Cluster(tmp_path, domains=DOMAINS, grace=3, limits=False)
    await cluster.prosody.add_user("ann", PASSWORD)
    async with running(cluster):
        await cluster.set_up(SITE, "The shop", "https://shop.example", {f"ann@{HOST}": "Ann"})
        ann = Operator(f"ann@{HOST}", PASSWORD)
        await ann.login(cluster.prosody.c2s_port)
        visitors = [
            Visitor(n, SITE, cluster.port, OverSocket(cluster.port), random.Random(n))
            for n in range(VISITORS)
        ]
        try:
            assert await asyncio.to_thread(_owned, cluster) == [1, 1]
            for visitor in visitors:
                visitor.come()
            jids = await _talk(visitors, ann, "before")
            shared = Counter(jid.partition("@")[2] for jid in jids)
            assert shared.keys() == set(DOMAINS)
            cluster.gateways[0].kill()
            assert await _talk(visitors, ann, "after") == jids
            assert await asyncio.to_thread(_owned, cluster) == [0, 2]
        finally:
            for visitor in visitors:
                await visitor.leave(politely=False)
            await ann.logout()


def _owned(cluster: Cluster) -> list[int]:
    """How many domains each gateway serves."""
    return [
        sum(link["state"] == "up" for link in one.ready()[1].get("jabber", {}).values())
        for one in cluster.gateways
    ]


async def _talk(visitors: Sequence[Visitor], ann: Operator, word: str) -> list[str]:
    """Everybody says a line and is answered; gives the visitors' bare JIDs."""
    jids = []
    for visitor in visitors:
        visitor.say(f"{word} from {visitor.name}")
    for visitor in visitors:
        line = await ann.wait_for_message(f"{word} from {visitor.name}", timeout=TAKEN_OVER_SECONDS)
        jids.append(line.sender.partition("/")[0])
        ann.send_message_to(line.sender, f"{word}, {visitor.name}")
    for visitor in visitors:
        await eventually(
            partial(_has, visitor, f"{word}, {visitor.name}"), TAKEN_OVER_SECONDS, "the answer"
        )
        visitor.check()
    return jids


def _has(visitor: Visitor, body: str) -> bool:
    return any(line.body == body for line in visitor.log)
