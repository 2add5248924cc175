"""What operators' presence does to lines."""

from __future__ import annotations

from gateway.jids import parse
from tests.edge.gateway.conftest import DOMAIN, Shop


async def test_presence_told_to_one_more_contact_is_no_return(shop: Shop, visitor: str) -> None:
    """A client that lost a line is not tried again because the desk has become its contact."""
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")
    ann = parse("ann@example.org/desk")
    shop.gateway._delivery.bounced(visitor, ann)
    await shop.settled()
    assert shop.got("ann") == ["hello"]
    await shop.hears(f'<presence from="{ann.full}" to="shop@{DOMAIN}"/>')
    assert shop.got("ann") == ["hello"]
    await shop.hears(f'<presence from="{ann.full}" to="shop@{DOMAIN}"><show>away</show></presence>')
    assert shop.got("ann") == ["hello", "hello"]
