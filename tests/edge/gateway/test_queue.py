"""Who waits and in which order, the site's hours, and ratings: as the gateway tells them."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from gateway.namespaces import COMPONENT
from switchboard import events
from switchboard.hours import HoursSettings
from switchboard.model import DeskState, Visit, new_visitor_id
from switchboard.reception.desks import MOST_QUEUED
from switchboard.site import Site
from tests.edge.gateway.shop import DOMAIN, Shop

DESK = f"shop@{DOMAIN}/desk"
MORNING = 1_800_000_000
"""2027-01-15 08:00 UTC, a Friday, in seconds."""


class Board:
    """What web nodes hear of the desk."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.heard: list[Any] = []
        shop.bus.subscribe(events.desk_topic("shop"), self.heard.append)

    async def after(self, seconds: float) -> tuple[list[tuple[str, ...]], list[DeskState]]:
        """The queues and states that are told within that time, looked at each second."""
        self.heard.clear()
        for _ in range(int(seconds) or 1):
            self._shop.clock.seconds += min(seconds, 1)
            self._shop.gateway._desks.announce()
        await asyncio.sleep(0)
        return (
            [one.visitors for one in self.heard if isinstance(one, events.Queue)],
            [one.state for one in self.heard if isinstance(one, events.Desk)],
        )


async def wait_in_line(shop: Shop, count: int) -> list[str]:
    """So many visitors write, a second apart."""
    visitors = [new_visitor_id() for _ in range(count)]
    for visitor in visitors:
        await shop.says(visitor, "hello")
        shop.clock.seconds += 1
    return visitors


async def test_who_asks_is_told(shop: Shop) -> None:
    """How the desk is, at once and not when it is due."""
    await shop.signs_in("ann")
    board = Board(shop)
    await board.after(1)
    board.heard.clear()
    shop.bus.publish(events.domain_topic(DOMAIN), events.DesksAsked())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [one.state for one in board.heard] == [DeskState.ONLINE]


async def test_the_queue_is_told_oldest_first(shop: Shop) -> None:
    """Who writes once more keeps the place; who is answered leaves it, and all move up."""
    board = Board(shop)
    await shop.signs_in("ann")
    first, second, third = await wait_in_line(shop, 3)
    await shop.says(first, "anybody?")
    queues, _ = await board.after(0)
    assert queues == [(first, second, third)]
    await shop.writes("ann", first, "good day")
    queues, _ = await board.after(4)
    assert queues == []
    queues, _ = await board.after(1)
    assert queues == [(second, third)]
    assert "You have" in (await _take(shop)).removeprefix("[desk] ")
    queues, _ = await board.after(5)
    assert queues == [(third,)]


async def _take(shop: Shop) -> str:
    await shop.hears(
        f'<message from="ann@example.org/desk" to="shop@{DOMAIN}" type="chat"><body>!take</body>'
        "</message>"
    )
    return shop.told("ann")[-1]


async def test_a_storm_is_one_word_in_five_seconds(shop: Shop) -> None:
    """However many wait and come, what is told of it is bounded in size and in time."""
    board = Board(shop)
    for number in range(MOST_QUEUED + 20):
        await shop.talks.say(Visit(new_visitor_id(), "shop", DOMAIN), f"c{number}", "hello")
    await shop.settled()
    queues, _ = await board.after(20)
    assert [len(queue) for queue in queues] == [MOST_QUEUED] * 4


async def test_an_empty_queue_is_told_once(shop: Shop, visitor: str) -> None:
    """Then there is nothing to tell."""
    board = Board(shop)
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")
    await board.after(1)
    await shop.writes("ann", visitor, "good day")
    queues, _ = await board.after(30)
    assert queues == [()]


async def test_a_closed_site_is_offline(shop: Shop, visitor: str) -> None:
    """At its hour, whoever is there; and what is written then is theirs all the same."""
    board = Board(shop)
    found = shop.directory.site("shop")
    settings = replace(found.settings, hours=HoursSettings(friday=("08:00-08:01",)))
    await shop.store.save_site(Site("shop", settings))
    shop.clock.seconds = MORNING - 2
    await shop.directory.refresh()
    await shop.signs_in("ann")
    await shop.hears(f'<presence from="ann@example.org" to="shop@{DOMAIN}" type="subscribed"/>')
    await board.after(1)
    assert shop.gateway._desks.state("shop") is DeskState.OFFLINE
    _, states = await board.after(1)
    assert states == [DeskState.ONLINE]
    _, states = await board.after(60)
    assert states[-1] is DeskState.OFFLINE
    await shop.says(visitor, "hello")
    assert shop.got("ann") == ["hello"]


async def test_operators_learn_what_a_visitor_thinks(shop: Shop, visitor: str) -> None:
    """Who has, or had, the talk, and who was in it; as a word of the desk, in one line."""
    for name in ("ann", "bob", "cyd"):
        await shop.signs_in(name)
    visit = Visit(visitor, "shop", DOMAIN)
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "good day")
    await shop.writes("ann", visitor, "!end")
    await shop.talks.rate(visit, 4, "Good\n[Ann] but slow")
    await shop.settled()
    assert shop.told("ann")[-1] == "[desk] Rated 4 of 5: Good [Ann] but slow"
    assert not any("Rated" in one for name in ("bob", "cyd") for one in shop.told(name))
    await shop.talks.rate(visit, 5, "")
    await shop.settled()
    assert shop.told("ann")[-1] == "[desk] Rated 5 of 5."
    noted = [one for one in shop.sent if "Rated" in (one.findtext(f"{{{COMPONENT}}}body") or "")]
    assert {one.get("from") for one in noted} == {f"{visitor}@{DOMAIN}/web"}
