"""What an operator's client is told of visitors who read on."""

from __future__ import annotations

from pathlib import Path

from gateway import namespaces as ns
from gateway.buddies.presences import STATUS_EVERY
from switchboard.bus.memory import MemoryBus
from switchboard.model import new_visitor_id
from switchboard.site import RoutingSettings
from switchboard.store import open_store
from tests.edge.gateway.shop import Shop


def statuses(shop: Shop, visitor: str) -> list[str]:
    """What Ann's client was told of a visitor, in order."""
    own = [
        one
        for one in shop.sent
        if one.tag.endswith("presence") and one.get("from", "").startswith(visitor)
    ]
    return [one.findtext(f"{{{ns.COMPONENT}}}status") or "" for one in own]


async def test_pages_in_quick_succession_are_one_status(shop: Shop, visitor: str) -> None:
    """The first at once, then at most one in STATUS_EVERY, and the last is always told."""
    await shop.signs_in("ann")
    for second in range(12):
        shop.reads(visitor, f"page {second}")
        await shop.lists_are_right()
        shop.clock.seconds += 1
    shop.clock.seconds += STATUS_EVERY
    await shop.lists_are_right()
    told = [status.partition(" · ")[0] for status in statuses(shop, visitor)]
    assert told == ["page 0", "page 5", "page 10", "page 11"]


async def test_a_thousand_visitors_reach_the_cap_and_no_further(shop: Shop) -> None:
    """One page a second in all: 50 buddies, each told at most once in STATUS_EVERY."""
    await shop.signs_in("ann")
    visitors = [new_visitor_id() for _ in range(1000)]
    for visitor in visitors:
        shop.reads(visitor, "first")
    await shop.lists_are_right()
    shown = {visitor for visitor in visitors if statuses(shop, visitor)}
    assert len(shown) == 50
    for second in range(60):
        shop.clock.seconds += 1
        shop.reads(visitors[(second * 7) % 1000], f"page {second}")
        await shop.lists_are_right()
    for visitor in visitors:
        assert len(statuses(shop, visitor)) <= 1 + 60 / STATUS_EVERY


def entries(shop: Shop, name: str, visitor: str) -> list[str]:
    """What an operator's contact list was told of a visitor: each entry's subscription."""
    items = [
        item
        for one in shop.sent
        if one.tag.endswith("iq") and one.get("to") == f"{name}@example.org"
        for item in one.iter("{jabber:iq:roster}item")
    ]
    return [
        item.get("subscription", "")
        for item in items
        if item.get("jid", "").startswith(f"{visitor}@")
    ]


async def test_entries_that_were_not_noted_are_known_to_the_next(
    shop: Shop, visitor: str, routing: RoutingSettings, tmp_path: Path
) -> None:
    """A line went out, its entries were not noted yet, another took the talk: no ghost is left."""
    for name in ("ann", "bob"):
        await shop.signs_in(name)
    await shop.lists_are_right()
    await shop.says(visitor, "Hello")
    assert entries(shop, "ann", visitor) == entries(shop, "bob", visitor) == ["both"]
    await shop.writes("bob", visitor, "Good day")
    store = await open_store(f"sqlite:///{tmp_path}/log.db", clock=shop.clock, gather=0)
    noted = {entry.visitor for entry in await store.shown("chat.example.org")}
    assert noted == {"shop"}
    following = Shop(store, shop.clock, MemoryBus())
    await following.open(routing)
    following.gateway._buddies._settle()
    for name in ("bob", "ann"):
        await following.signs_in(name)
    await following.lists_are_right()
    assert entries(following, "ann", visitor) == ["remove"]
    assert entries(following, "bob", visitor) == ["both"]
    await store.close()
