"""What an operator's client is told of visitors who read on."""

from __future__ import annotations

from gateway import namespaces as ns
from gateway.buddies.list import STATUS_EVERY
from switchboard.model import new_visitor_id
from tests.edge.gateway.conftest import Shop


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
