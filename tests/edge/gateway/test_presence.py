"""What operators' presence does to lines."""

from __future__ import annotations

from gateway.jids import parse
from tests.edge.gateway.shop import DOMAIN, Shop


async def test_presence_told_to_one_more_contact_is_no_return(shop: Shop, visitor: str) -> None:
    """A client that lost a line is not tried again because the desk has become its contact."""
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")
    ann = parse("ann@example.org/desk")
    shop.gateway._delivery.clients.bounced(visitor, ann)
    await shop.settled()
    assert shop.got("ann") == ["hello"]
    await shop.hears(f'<presence from="{ann.full}" to="shop@{DOMAIN}"/>')
    assert shop.got("ann") == ["hello"]
    await shop.hears(f'<presence from="{ann.full}" to="shop@{DOMAIN}"><show>away</show></presence>')
    assert shop.got("ann") == ["hello", "hello"]


async def test_the_last_line_is_told_once(shop: Shop, visitor: str) -> None:
    """A link that breaks again and again reminds of a line only once; a new line is another."""
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")

    async def reminded() -> int:
        await shop.relinks()
        await shop.signs_in("ann")
        return sum("was stored" in words for words in shop.told("ann"))

    await shop.writes("ann", visitor, "good day")
    assert await reminded() == 1
    assert await reminded() == 1
    await shop.writes("ann", visitor, "what is it?")
    assert await reminded() == 2


async def test_a_repetition_counts_where_all_presence_is_told(shop: Shop, visitor: str) -> None:
    """A new stream says its presence to the domain again, and gets what was on the way again."""
    await shop.signs_in("ann")
    desk = f'<presence from="ann@example.org/desk" to="shop@{DOMAIN}"/>'
    await shop.hears(desk)
    await shop.says(visitor, "hello")
    await shop.hears(desk)
    assert shop.got("ann") == ["hello"]
    await shop.signs_in("ann")
    assert shop.got("ann") == ["hello", "hello"]


async def test_who_left_without_a_word_is_gone(shop: Shop) -> None:
    """ejabberd tells it to contacts alone; whether the client is there, the server knows."""
    await shop.signs_in("ann")
    ann = parse("ann@example.org/desk")
    for gone in (False, True):
        await shop.hears(f'<presence from="{ann.full}" to="shop@{DOMAIN}"/>')
        if gone:
            shop.gone.add(ann.full)
        await shop.hears(f'<presence from="{ann.full}" to="shop@{DOMAIN}" type="unavailable"/>')
        assert shop.gateway._operators.is_there(ann.bare) is not gone
