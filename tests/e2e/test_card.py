"""What an operator's client finds out about a visitor, on a real Prosody."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser
from slixmpp import ClientXMPP
from slixmpp.plugins.xep_0030.stanza.info import DiscoInfo

from gateway.buddies.policy import IDLE_AFTER_MS
from parley.private_prosody import PrivateProsody
from switchboard.clock import SystemClock
from switchboard.model import Details, Page, Visit, new_visitor_id
from tests.e2e.support.bridge import Bridge, bridge
from tests.e2e.support.browser import Widget
from tests.e2e.support.operator import DISCO_INFO, Operator, Received
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually

Login = Callable[..., Awaitable[Operator]]

DESK = "shop@chat.localhost"
VCARD = "{vcard-temp}"
CAPS = "{http://jabber.org/protocol/caps}c"
IDLE = "{urn:xmpp:idle:1}idle"
PHOTO = "{vcard-temp:x:update}x/{vcard-temp:x:update}photo"


@pytest.fixture
async def desk(tmp_path: Path, prosody: PrivateProsody) -> AsyncIterator[Bridge]:
    """A linked gateway whose site has the operator ann."""
    async with bridge(tmp_path, prosody, {"ann@localhost": "Ann"}) as running:
        await running.linked()
        yield running


def jid(visit: Visit) -> str:
    return f"{visit.visitor}@chat.localhost"


async def online(operator: Operator, contact: str, show: str | None = None) -> Received:
    """The last presence of a contact, once it is available with that `show`."""

    def found() -> Received | None:
        one = operator.presence_of(contact)
        right = one is not None and one.type == "" and one.child_text("show") == show
        return one if right else None

    return await eventually(found, 15.0, f"{contact} is {show or 'available'}")


async def ask(operator: Operator, to: str, payload: ET.Element) -> Received:
    """The answer to a question of type get."""
    id = operator.send_iq(to, "get", payload)
    return await operator.wait_for(lambda one: one.kind == "iq" and one.id == id)


async def vcard(operator: Operator, contact: str) -> ET.Element:
    """A contact's card (XEP-0054 §3.3)."""
    answer = await ask(operator, contact, ET.Element(VCARD + "vCard"))
    assert answer.type == "result", answer.text
    card = answer.xml.find(VCARD + "vCard")
    assert card is not None
    return card


def picture(card: ET.Element) -> bytes:
    """The octets of its photo."""
    return base64.b64decode(card.findtext(f"{VCARD}PHOTO/{VCARD}BINVAL") or "")


def lines(card: ET.Element) -> list[str]:
    """Its description."""
    return (card.findtext(VCARD + "DESC") or "").split("\n")


class TestCard:
    """vCards and avatars."""

    async def test_of_a_visitor(self, desk: Bridge, operator: Login) -> None:
        """Page and details, and the picture whose hash presence told."""
        ann = await operator("ann")
        visit = Visit(
            new_visitor_id(),
            "shop",
            "chat.localhost",
            Page("https://shop.example/a?b&c", "Prices <b>&\"'"),
            Details("Zoë <b>", "zoe@shop.example", "+49 30 1"),
            browser="Firefox on Android",
            time_zone="Asia/Tokyo",
        )
        desk.attendance.update(visit, stream=1)
        presence = await online(ann, jid(visit))
        card = await vcard(ann, jid(visit))
        assert hashlib.sha1(picture(card)).hexdigest() == presence.xml.findtext(PHOTO)
        assert card.findtext(VCARD + "FN") == "Zoë <b>"
        assert card.findtext(VCARD + "URL") == "https://shop.example/a?b&c"
        assert card.findtext(f"{VCARD}EMAIL/{VCARD}USERID") == "zoe@shop.example"
        assert card.findtext(f"{VCARD}TEL/{VCARD}NUMBER") == "+49 30 1"
        assert "Page: Prices <b>&\"'" in lines(card)
        assert "Browser: Firefox on Android" in lines(card)
        assert "Details: unverified, as typed by the visitor or an operator" in lines(card)

    async def test_of_the_desk(self, desk: Bridge, operator: Login) -> None:
        """Its title in presence and card, and a picture of its own."""
        ann = await operator("ann")
        presence = await online(ann, DESK)
        assert presence.xml.findtext("{http://jabber.org/protocol/nick}nick") == "The shop"
        card = await vcard(ann, DESK)
        assert card.findtext(VCARD + "FN") == "The shop"
        assert hashlib.sha1(picture(card)).hexdigest() == presence.xml.findtext(PHOTO)

    async def test_of_nobody_to_a_stranger(
        self, desk: Bridge, prosody: PrivateProsody, operator: Login
    ) -> None:
        """One error, and nothing after it."""
        await prosody.add_user("mallory", "correct horse")
        mallory = await operator("mallory")
        visit = desk.arrive("Eve")
        for to in (jid(visit), jid(visit) + "/web", DESK):
            answer = await ask(mallory, to, ET.Element(VCARD + "vCard"))
            assert answer.type == "error"
            assert "forbidden" in answer.text
            assert "Eve" not in answer.text
        # A later question is answered next, so nothing else was on its way.
        count = len(mallory.received)
        await ask(mallory, jid(visit), ET.Element("{urn:xmpp:ping}ping"))
        assert len(mallory.received) == count + 1


class TestCapabilities:
    """XEP-0115."""

    async def test_the_hash_is_of_what_disco_says(self, desk: Bridge, operator: Login) -> None:
        """As slixmpp computes it, of visitors and desks; all visitors have one."""
        ann = await operator("ann")
        one, other = desk.arrive("Eve"), desk.arrive("Zed")
        hashes = []
        for contact in (jid(one), jid(other), DESK):
            presence = await online(ann, contact)
            caps = presence.xml.find(CAPS)
            assert caps is not None
            assert caps.get("hash") == "sha-1"
            node = f"{caps.get('node')}#{caps.get('ver')}"
            query = ET.Element(DISCO_INFO + "query", {"node": node})
            answer = (await ask(ann, presence.sender, query)).xml.find(DISCO_INFO + "query")
            assert answer is not None
            assert verstring(answer) == caps.get("ver")
            hashes.append(caps.get("ver"))
            plain = await ask(ann, presence.sender, ET.Element(DISCO_INFO + "query"))
            found = plain.xml.find(DISCO_INFO + "query")
            assert found is not None
            assert verstring(found) == caps.get("ver")
            assert found.find(f"{DISCO_INFO}feature[@var='vcard-temp']") is not None
        assert hashes[0] == hashes[1] != hashes[2]


def verstring(query: ET.Element) -> str:
    """XEP-0115 §5.1 by slixmpp."""
    client = ClientXMPP("somebody@localhost", "")
    client.register_plugin("xep_0115")
    return str(client.plugin["xep_0115"].generate_verstring(DiscoInfo(query), "sha-1"))


class TestIdle:
    """Away, extended away, and since when (XEP-0319)."""

    async def test_a_visitor_who_does_nothing(self, desk: Bridge, operator: Login) -> None:
        """Available, then extended away as time passes, then available with the first sign."""
        ann = await operator("ann")
        since = SystemClock().now() - IDLE_AFTER_MS + 3000
        visit = Visit(new_visitor_id(), "shop", "chat.localhost", active_at=since)
        desk.attendance.update(visit, stream=1)
        came = await online(ann, jid(visit))
        assert came.xml.find(IDLE) is None
        idle = (await online(ann, jid(visit), "xa")).xml.find(IDLE)
        assert idle is not None
        assert idle.get("since") == utc(since)
        desk.attendance.active(visit.visitor)
        back = await online(ann, jid(visit))
        assert back.xml.find(IDLE) is None
        shows = [
            one.child_text("show")
            for one in ann.received
            if one.kind == "presence" and one.sender.startswith(visit.visitor)
        ]
        assert shows == [None, "xa", None]

    async def test_a_hidden_page(self, desk: Bridge, operator: Login) -> None:
        """Away says since when, too."""
        ann = await operator("ann")
        visit = desk.arrive("Eve")
        await online(ann, jid(visit))
        hidden = msgspec.structs.replace(visit.page, visible=False)
        desk.attendance.update(msgspec.structs.replace(visit, page=hidden), stream=1)
        idle = (await online(ann, jid(visit), "away")).xml.find(IDLE)
        assert idle is not None
        assert idle.get("since") == utc(visit.active_at)


def utc(milliseconds: int) -> str:
    """As XEP-0082 writes it."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@pytest.fixture
async def parley(tmp_path: Path, prosody: PrivateProsody, shop: Website) -> AsyncIterator[Parley]:
    """`parley run` for that site, which shows only those who opened the widget, with ann."""
    running = Parley(tmp_path / "parley", prosody, origin=shop.url)
    await running.set_up({"ann@localhost": "Ann"})
    running.order("site", "set", SITE, "presence.show=opened")
    shop.snippet = running.order("snippet", SITE)
    await running.start()
    yield running
    running.end()


class TestWidget:
    """What a real browser tells."""

    async def test_who_opens_the_widget_appears_with_a_card(
        self, parley: Parley, shop: Website, browser: Browser, operator: Login
    ) -> None:
        """Not before, and still after a reload; the card has what the browser and the site say."""
        ann = await operator("ann")
        context = await browser.new_context(timezone_id="Asia/Tokyo", locale="ja-JP")
        page = await context.new_page()
        await page.goto(f"{shop.url}/prices")
        visitor = Widget(page, re.compile("Chat|チャット"), "メッセージ", "送信")
        counted = "1 visitor (0 shown), 0 waiting"
        await ann.wait_for(
            lambda one: one.sender == f"{DESK}/desk" and one.child_text("status") == counted
        )
        assert shown(ann) == []
        await visitor.open()
        await eventually(lambda: len(shown(ann)) == 1, 10.0, "the visitor appears")
        (contact,) = shown(ann)
        await visitor.close()
        count = len(ann.received)
        await page.goto(f"{shop.url}/other")
        await ann.wait_for(lambda one: "Page /other" in (one.child_text("status") or ""))
        assert not [one for one in ann.received[count:] if one.type == "unavailable"]

        secret = json.loads(await asyncio.to_thread(parley.must, "site", "show", SITE, "--json"))
        key = secret["identify_secret"].encode()
        right = hmac.new(key, b"customer 7", hashlib.sha256).hexdigest()
        details = {"id": "customer 7", "hash": right, "name": "Zoë", "email": "zoe@shop.example"}
        await page.evaluate("details => parley('identify', details)", details)
        await eventually(lambda: ann.roster()[contact].name == "Zoë", 10.0, "the name")
        card = await vcard(ann, contact)
        assert card.findtext(f"{VCARD}EMAIL/{VCARD}USERID") == "zoe@shop.example"
        said = lines(card)
        assert "Details: verified, the site knows this visitor as “customer 7”" in said
        assert "Page: Page /other" in said
        assert "Language: ja-JP" in said
        assert "Browser: Chrome on Linux" in said
        assert [one for one in said if one.startswith("Local time: ") and "Asia/Tokyo" in one]

        presence = await online(ann, contact)
        png = picture(card)
        assert hashlib.sha1(png).hexdigest() == presence.xml.findtext(PHOTO)
        size = await page.evaluate(
            """async source => {
                const image = new Image()
                image.src = source
                await image.decode()
                return [image.naturalWidth, image.naturalHeight]
            }""",
            f"data:image/png;base64,{base64.b64encode(png).decode()}",
        )
        assert size == [64, 64]
        await context.close()


def shown(operator: Operator) -> list[str]:
    """The visitors in an operator's contact list."""
    return [jid for jid in operator.roster() if jid.startswith("v-")]
