"""Whom the gateway gives whose card, and what presence says beside the page."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from gateway import namespaces as ns
from gateway.avatar import desk_avatar, visitor_avatar
from gateway.buddies.policy import IDLE_AFTER_MS
from gateway.buddies.presences import STATUS_EVERY
from gateway.capabilities import DESK, NODE, VISITOR
from gateway.jids import desk_full, visitor_full
from gateway.xml import Xml, element
from switchboard.model import Details, Page, Visit, new_visitor_id
from switchboard.site import PresenceSettings, Site
from tests.edge.gateway.shop import DOMAIN, Shop

STANZA = f"{{{ns.COMPONENT}}}"
VCARD = f"{{{ns.VCARD}}}"
ASK = element("vCard", {"xmlns": ns.VCARD})
DESK_JID = f"shop@{DOMAIN}"
IDLE_AFTER = IDLE_AFTER_MS / 1000


def items(node: str) -> Xml:
    """What asks for all that is published at a node (XEP-0060 §6.5.2)."""
    return element("pubsub", {"xmlns": ns.PUBSUB}, element("items", {"node": node}))


async def asks(
    shop: Shop, to: str, payload: Xml = ASK, sender: str = "ann@example.org/desk"
) -> ET.Element:
    """The one answer to a question of type get."""
    shop._number += 1
    attributes = {"type": "get", "from": sender, "to": to, "id": f"card{shop._number}"}
    shop._hears(element("iq", dict(attributes), payload))
    await shop.settled()
    answers = [one for one in shop.sent if one.get("id") == f"card{shop._number}"]
    assert len(answers) == 1
    assert (answers[0].get("from"), answers[0].get("to")) == (to, sender)
    return answers[0]


def condition(answer: ET.Element) -> str:
    """The defined condition of an error (RFC 6120 §8.3.3)."""
    assert answer.get("type") == "error"
    return answer[0][0].tag.partition("}")[2]


def presences(shop: Shop, sender: str) -> list[ET.Element]:
    """The presence that Ann's client was sent from a JID, in order."""
    return [
        one
        for one in shop.sent
        if one.tag == STANZA + "presence"
        and one.get("from") == sender
        and one.get("to") == "ann@example.org"
    ]


def shows(shop: Shop, visitor: str) -> list[str]:
    """The `show` of each, `available` where there is none."""
    return [
        one.findtext(STANZA + "show") or "available"
        for one in presences(shop, visitor_full(visitor, DOMAIN))
    ]


async def show_only(shop: Shop, settings: PresenceSettings) -> None:
    """Changes the site's presence settings."""
    site = shop.directory.site("shop")
    await shop.store.save_site(Site("shop", replace(site.settings, presence=settings)))
    await shop.directory.refresh()


class TestCards:
    """vCards (XEP-0054)."""

    async def test_an_operator_gets_it(self, shop: Shop, visitor: str) -> None:
        """From the visitor's bare JID and from the full one, with the page that is read now."""
        shop.reads(visitor, "prices")
        await shop.lists_are_right()
        for to in (f"{visitor}@{DOMAIN}", visitor_full(visitor, DOMAIN)):
            card = (await asks(shop, to))[0]
            assert card.findtext(VCARD + "FN") == f"Visitor {visitor[2:6]}"
            assert card.findtext(VCARD + "URL") == "https://shop.example/prices"
            assert "Page: prices" in (card.findtext(VCARD + "DESC") or "")

    async def test_of_a_visitor_who_has_left(self, shop: Shop, visitor: str) -> None:
        """The store knows what they told."""
        visit = Visit(visitor, "shop", DOMAIN, details=Details("Zoë", "zoe@shop.example"))
        await shop.talks.save_details(visit)
        await shop.says(visitor, "Hello")
        card = (await asks(shop, f"{visitor}@{DOMAIN}"))[0]
        assert card.findtext(VCARD + "FN") == "Zoë"
        assert card.findtext(f"{VCARD}EMAIL/{VCARD}USERID") == "zoe@shop.example"
        assert "Not on the site now" in (card.findtext(VCARD + "DESC") or "")

    @pytest.mark.parametrize("known", [True, False])
    async def test_a_stranger_gets_none(self, shop: Shop, visitor: str, known: bool) -> None:
        """Nor learns whether there is such a visitor; nor of the desk."""
        if known:
            shop.reads(visitor, "prices")
            await shop.lists_are_right()
        for to in (f"{visitor}@{DOMAIN}", DESK_JID):
            for payload in (ASK, items(ns.VCARD4_NODE)):
                answer = await asks(shop, to, payload, "eve@example.org/x")
                assert condition(answer) == "forbidden"
                assert [child.tag for child in answer] == [STANZA + "error"]

    async def test_the_desk_has_one(self, shop: Shop) -> None:
        """For its operators; the component and a desk that is not there have none."""
        card = (await asks(shop, DESK_JID))[0]
        assert card.findtext(VCARD + "FN") == "Shop"
        for to in (DOMAIN, f"other@{DOMAIN}"):
            answer = await asks(shop, to)
            assert condition(answer) == "service-unavailable"

    async def test_gajim_gets_it_from_the_node_it_asks_for(self, shop: Shop, visitor: str) -> None:
        """The new form stands where one's own server would keep it; nothing else is published."""
        shop.reads(visitor, "prices")
        await shop.lists_are_right()
        answer = await asks(shop, f"{visitor}@{DOMAIN}", items(ns.VCARD4_NODE))
        note = answer.findtext(f".//{{{ns.VCARD4}}}note/{{{ns.VCARD4}}}text") or ""
        assert "Page: prices" in note.split("\n")
        for node in ("eu.siacs.conversations.axolotl.devicelist", "urn:xmpp:omemo:2:devices", ""):
            other = await asks(shop, f"{visitor}@{DOMAIN}", items(node))
            assert condition(other) == "service-unavailable"
        publish = element("pubsub", {"xmlns": ns.PUBSUB})
        assert condition(await asks(shop, DESK_JID, publish)) == "service-unavailable"

    @pytest.mark.parametrize("kind", ["error", "result"])
    async def test_an_answer_is_not_answered(self, shop: Shop, visitor: str, kind: str) -> None:
        """So that no two sides send errors for ever (RFC 6120 §8.2.3)."""
        shop.reads(visitor, "prices")
        await shop.lists_are_right()
        count = len(shop.sent)
        for to in (f"{visitor}@{DOMAIN}", DESK_JID, DOMAIN):
            attributes = {"type": kind, "from": "eve@example.org/x", "to": to, "id": "q"}
            shop._hears(element("iq", dict(attributes), ASK))
        await shop.settled()
        assert shop.sent[count:] == []


class TestPresence:
    """What stands in presence beside show and status."""

    async def test_a_visitors(self, shop: Shop, visitor: str) -> None:
        """Name, capabilities and picture; what is said of the picture is so of the card's."""
        await shop.signs_in("ann")
        shop.reads(visitor, "prices")
        await shop.lists_are_right()
        (presence,) = presences(shop, visitor_full(visitor, DOMAIN))
        assert presence.findtext(f"{{{ns.NICK}}}nick") == f"Visitor {visitor[2:6]}"
        caps = presence.find(f"{{{ns.CAPS}}}c")
        assert caps is not None
        assert (caps.get("node"), caps.get("ver")) == (NODE, VISITOR.ver)
        photo = presence.findtext(f"{{{ns.VCARD_UPDATE}}}x/{{{ns.VCARD_UPDATE}}}photo")
        assert photo == visitor_avatar(visitor).sha1

    async def test_of_who_is_gone_nothing_is_said(self, shop: Shop, visitor: str) -> None:
        """Unavailable presence is bare."""
        await shop.signs_in("ann")
        shop.reads(visitor, "prices")
        await shop.lists_are_right()
        shop._attendance.closed(visitor, 1)
        shop.clock.seconds += 20
        shop._attendance.sweep()
        await shop.lists_are_right()
        last = presences(shop, visitor_full(visitor, DOMAIN))[-1]
        assert last.get("type") == "unavailable"
        assert list(last) == []

    async def test_the_desks(self, shop: Shop) -> None:
        """Title, capabilities, and a picture that changes with the site's colour."""
        await shop.signs_in("ann")
        shop._hears(f'<presence from="ann@example.org/desk" to="{DESK_JID}" type="subscribe"/>')
        await shop.settled()
        presence = presences(shop, desk_full("shop", DOMAIN))[-1]
        assert presence.findtext(f"{{{ns.NICK}}}nick") == "Shop"
        caps = presence.find(f"{{{ns.CAPS}}}c")
        assert caps is not None
        assert caps.get("ver") == DESK.ver
        settings = shop.directory.site("shop").settings
        look = replace(settings.look, accent="#0a6")
        await shop.store.save_site(Site("shop", replace(settings, look=look)))
        shop.clock.seconds += 5
        await shop.directory.refresh()
        await shop.settled()
        last = presences(shop, desk_full("shop", DOMAIN))[-1]
        photo = last.findtext(f"{{{ns.VCARD_UPDATE}}}x/{{{ns.VCARD_UPDATE}}}photo")
        assert photo == desk_avatar("#0a6").sha1 != desk_avatar("").sha1


class TestIdle:
    """XEP-0319, as time passes."""

    async def test_who_does_nothing_is_extended_away_once(self, shop: Shop, visitor: str) -> None:
        """After five minutes, without a change of the visit; and back with the first sign."""
        await shop.signs_in("ann")
        shop.reads(visitor, "prices")
        came = shop.clock.seconds
        while shop.clock.seconds < came + 2 * IDLE_AFTER:
            await shop.lists_are_right()
            shop.clock.seconds += 5
        assert shows(shop, visitor) == ["available", "xa"]
        idle = presences(shop, visitor_full(visitor, DOMAIN))[-1].find(f"{{{ns.IDLE}}}idle")
        assert idle is not None
        assert idle.get("since") == "1970-01-12T13:46:40Z"  # HandClock's start
        shop._attendance.active(visitor)
        await shop.lists_are_right()
        assert shows(shop, visitor) == ["available", "xa", "available"]
        last = presences(shop, visitor_full(visitor, DOMAIN))[-1]
        assert last.find(f"{{{ns.IDLE}}}idle") is None

    async def test_a_restless_visitor_is_one_presence_in_five_seconds(
        self, shop: Shop, visitor: str
    ) -> None:
        """Hidden and shown, idle and not, in quick succession."""
        await shop.signs_in("ann")
        shop.reads(visitor, "prices")
        await shop.lists_are_right()
        shop.clock.seconds += IDLE_AFTER
        for second in range(30):
            page = Page("https://shop.example/prices", "prices", visible=second % 2 == 0)
            shop._attendance.update(Visit(visitor, "shop", DOMAIN, page), stream=1)
            await shop.lists_are_right()
            shop.clock.seconds += 1
        assert len(shows(shop, visitor)) <= 2 + 30 / STATUS_EVERY


class TestWhoIsShown:
    """`presence.show`, and what the desk says of the rest."""

    async def test_only_who_opened_the_widget(self, shop: Shop, visitor: str) -> None:
        """Others are counted; who opens it, or writes, appears."""
        await show_only(shop, PresenceSettings(show="opened"))
        await shop.signs_in("ann")
        shop._hears(f'<presence from="ann@example.org/desk" to="{DESK_JID}" type="subscribe"/>')
        writes, reads = new_visitor_id(), new_visitor_id()
        for one in (visitor, writes, reads):
            shop.reads(one, "prices")
        await shop.lists_are_right()
        assert [shows(shop, one) for one in (visitor, writes, reads)] == [[], [], []]
        visit = shop._attendance.visit(visitor)
        assert visit is not None
        shop._attendance.update(replace(visit, opened=True), stream=1)
        await shop.says(writes, "Hello?")
        await shop.lists_are_right()
        told = [shows(shop, one) for one in (visitor, writes, reads)]
        assert told == [["available"], ["available"], []]
        shop.clock.seconds += 5
        shop.gateway._desks.announce()
        await shop.settled()
        status = presences(shop, desk_full("shop", DOMAIN))[-1].findtext(STANZA + "status")
        assert status == "3 visitors (2 shown), 1 waiting"

    async def test_the_desk_counts_those_beyond_the_cap(self, shop: Shop) -> None:
        """And says nothing of it where everybody is shown."""
        await shop.signs_in("ann")
        shop._hears(f'<presence from="ann@example.org/desk" to="{DESK_JID}" type="subscribe"/>')
        for count, status in ((50, "50 visitors, 0 waiting"), (52, "52 visitors (50 shown)")):
            while len(shop._attendance) < count:
                shop.reads(new_visitor_id(), "prices")
            await shop.lists_are_right()
            shop.clock.seconds += 5
            shop.gateway._desks.announce()
            await shop.settled()
            said = presences(shop, desk_full("shop", DOMAIN))[-1].findtext(STANZA + "status") or ""
            assert said.startswith(status)

    async def test_where_nobody_appears_by_themselves_none_are_said_to(self, shop: Shop) -> None:
        """Without the right to write contact lists the desk counts, and says no more."""
        shop._hears(
            f'<message from="example.org" to="{DOMAIN}">'
            f'<privilege xmlns="{ns.PRIVILEGES[0]}"/></message>'
        )
        await shop.signs_in("ann")
        for _ in range(52):
            shop.reads(new_visitor_id(), "prices")
        await shop.lists_are_right()
        shop._hears(f'<presence from="ann@example.org/desk" to="{DESK_JID}" type="subscribe"/>')
        await shop.settled()
        said = presences(shop, desk_full("shop", DOMAIN))[-1].findtext(STANZA + "status")
        assert said == "52 visitors, 0 waiting"
