"""What a card says of a visitor."""

from __future__ import annotations

import base64
import hashlib
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway import namespaces as ns
from gateway.avatar import visitor_avatar
from gateway.card import desk_card, vcard, vcard4, visitor_card
from switchboard.model import Details, Page, Visit
from switchboard.site import LookSettings, Site, SiteSettings
from switchboard.text import clean_line

VISITOR = "v-abcdefghijklmnop"
SITE = Site("shop", SiteSettings("The shop", ("https://shop.example",), "s"))
NOW = 1_795_515_000_000
"""2026-11-24 10:10 UTC."""
VISIT = Visit(
    VISITOR,
    "shop",
    "chat.example.org",
    Page("https://shop.example/prices", "Prices", "https://search.example/"),
    locale="de-DE",
    since=NOW - 60_000,
    browser="Firefox on Android",
    time_zone="Europe/Berlin",
)


def read(visit: Visit | None = VISIT, details: Details | None = None) -> ET.Element:
    card = visitor_card(VISITOR, SITE, visit, details or Details(), NOW)
    return ET.fromstring(vcard(card))


def of(card: ET.Element, path: str) -> str | None:
    return card.findtext("/".join(f"{{{ns.VCARD}}}{name}" for name in path.split("/")))


def lines(card: ET.Element) -> list[str]:
    return (of(card, "DESC") or "").split("\n")


def test_all_that_is_known() -> None:
    """Who, how to reach them, and in lines for people where they are."""
    details = Details("Zoë", "zoe@shop.example", "+49 30 1", {"order": "7"})
    card = read(details=details)
    assert card.tag == f"{{{ns.VCARD}}}vCard"
    assert (of(card, "FN"), of(card, "NICKNAME")) == ("Zoë", "Zoë")
    assert of(card, "EMAIL/USERID") == "zoe@shop.example"
    assert of(card, "TEL/NUMBER") == "+49 30 1"
    assert of(card, "URL") == "https://shop.example/prices"
    assert lines(card) == [
        "Page: Prices",
        "Address: https://shop.example/prices",
        "Came from: https://search.example/",
        "Language: de-DE",
        "Browser: Firefox on Android",
        "Local time: 11:10 (Europe/Berlin)",
        "First seen: 2026-11-24 10:09 UTC",
        "Site: The shop",
        "Details: unverified, as typed by the visitor or an operator",
        "Told: order = 7",
    ]


def test_the_picture_is_the_one_that_presence_names() -> None:
    """Its octets have the hash of XEP-0153."""
    card = read()
    png = base64.b64decode(of(card, "PHOTO/BINVAL") or "")
    assert hashlib.sha1(png).hexdigest() == visitor_avatar(VISITOR).sha1
    assert of(card, "PHOTO/TYPE") == "image/png"


def test_the_new_form_says_the_same() -> None:
    """Name, mail, phone and lines are those of the old one."""
    details = Details("Zoë <b>", "zoe@shop.example", "+49 30 1")
    card = visitor_card(VISITOR, SITE, VISIT, details, NOW)
    found = ET.fromstring(vcard4(card)).find(f".//{{{ns.VCARD4}}}vcard")
    assert found is not None
    said = {child.tag.partition("}")[2]: child.findtext(f"{{{ns.VCARD4}}}text") for child in found}
    assert said == {
        "fn": "Zoë <b>",
        "nickname": "Zoë <b>",
        "email": "zoe@shop.example",
        "tel": "+49 30 1",
        "note": "\n".join(card.lines),
    }


def test_who_told_nothing() -> None:
    """What is not known is left out, and has no empty line."""
    card = read(Visit(VISITOR, "shop", "chat.example.org"))
    assert of(card, "FN") == "Visitor abcd"
    assert [child.tag.partition("}")[2] for child in card] == ["FN", "NICKNAME", "DESC", "PHOTO"]
    assert lines(card) == ["Site: The shop", "Details: none told yet"]


def test_who_has_left() -> None:
    """What they told stays; where they are is not said."""
    card = read(None, Details("Zoë"))
    assert of(card, "FN") == "Zoë"
    assert of(card, "URL") is None
    assert lines(card)[0] == "Not on the site now"


def test_what_the_site_vouches_for() -> None:
    """Its own id of the visitor stands there, and only then the word `verified`."""
    card = read(details=Details("Zoë", verified="customer 4711"))
    said = "Details: verified, the site knows this visitor as “customer 4711”"
    assert said in lines(card)
    assert not [one for one in lines(read(details=Details("Zoë"))) if one.endswith(": verified")]


def test_a_time_zone_that_this_machine_lacks() -> None:
    """Is no local time."""
    for zone in ("Mars/Olympus", "", "../etc"):
        assert not [one for one in lines(read(replace(VISIT, time_zone=zone))) if "Local" in one]


@given(st.text(), st.text(), st.text(), st.text())
def test_hostile_text_stays_text(name: str, email: str, title: str, field: str) -> None:
    """Whatever a visitor tells, the card is well-formed and no line of ours is forged."""
    cleaned = [clean_line(one, 200) for one in (name, email, title, field)]
    name, email, title, field = cleaned
    page = replace(VISIT.page, title=title)
    card = read(replace(VISIT, page=page), Details(name, email, fields={field: field}))
    said = lines(card)
    assert of(card, "FN") == (name or "Visitor abcd")
    assert sum(one.startswith("Details: ") for one in said) == 1
    assert len(said) == 10 - (not title)


def test_markup_is_escaped() -> None:
    """A name cannot become an element."""
    hostile = "</FN><PHOTO><EXTVAL>https://evil.example</EXTVAL></PHOTO>&\"'"
    card = read(details=Details(hostile))
    assert of(card, "FN") == hostile
    assert of(card, "PHOTO/EXTVAL") is None


def test_the_desk_has_a_card() -> None:
    """Of the site's title."""
    site = Site("shop", replace(SITE.settings, look=LookSettings(accent="#0a6")))
    card = ET.fromstring(vcard(desk_card(site)))
    assert of(card, "FN") == "The shop"
    assert of(card, "URL") == "https://shop.example"
    assert of(card, "PHOTO/BINVAL")
