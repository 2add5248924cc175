"""What a message says of others is taken apart; nothing in it, however odd, does harm."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import namespaces as ns
from gateway.inbound.stanza import Message, message
from gateway.xml import Xml, element, escape, text
from switchboard.model import Attachment


def read(*children: str, body: str = "words") -> Message:
    """A message of an operator's client with those children."""
    words = text("body", body) if body else ""
    head = f'<message xmlns="{ns.COMPONENT}" from="a@b/c" to="v@d" type="chat" id="i1">'
    return message(ET.fromstring(f"{head}{words}{''.join(children)}</message>"))


def quotes(*ranges: tuple[str | None, str | None], namespace: str = ns.REPLY) -> Xml:
    """A reply's quotation (XEP-0428)."""
    bodies = [element("body", {"start": start, "end": end}) for start, end in ranges]
    return element("fallback", {"xmlns": ns.FALLBACK, "for": namespace}, *bodies)


FORWARDED = '<forwarded xmlns="urn:xmpp:forward:0">{}</forwarded>'
REPLY = element("reply", {"xmlns": ns.REPLY, "id": "m1"})


def test_each_reference_is_read() -> None:
    """Correction, retraction in both forms, reactions, reply."""
    about = read(f'<replace xmlns="{ns.REPLACE}" id="m1"/>').about
    assert about.replaces == "m1"
    assert read(f'<retract xmlns="{ns.RETRACT}" id="m1"/>').about.retracts == "m1"
    before = f'<retract xmlns="{ns.RETRACT_BEFORE}"/>'
    assert read(f'<apply-to xmlns="{ns.FASTEN}" id="m1">{before}</apply-to>').about.retracts == "m1"
    assert read(f'<apply-to xmlns="{ns.FASTEN}" id="m1"/>').about.retracts == ""
    some = "<reaction>👍</reaction><reaction> ❤️ </reaction>"
    about = read(f'<reactions xmlns="{ns.REACTIONS}" id="m1">{some}</reactions>').about
    assert (about.reacts_to, about.reactions) == ("m1", ("👍", "❤️"))
    assert read(REPLY).about.replies_to == "m1"


@pytest.mark.parametrize(
    "wrapper",
    [
        f'<sent xmlns="urn:xmpp:carbons:2">{FORWARDED}</sent>',
        f'<result xmlns="urn:xmpp:mam:2">{FORWARDED}</result>',
        FORWARDED,
    ],
)
def test_what_is_forwarded_says_nothing(wrapper: str) -> None:
    """Carbons, archives and forwarded messages are anybody's forgery."""
    children = (
        f'<replace xmlns="{ns.REPLACE}" id="m1"/><retract xmlns="{ns.RETRACT}" id="m1"/>'
        f'<reactions xmlns="{ns.REACTIONS}" id="m1"/>{REPLY}{quotes(("0", "3"))}'
        f'<x xmlns="{ns.OOB}"><url>https://a.example/x</url></x>'
    )
    inner = f'<message xmlns="jabber:client"><body>forged</body>{children}</message>'
    assert read(wrapper.format(inner)) == read()


@pytest.mark.parametrize(
    ("ranges", "left"),
    [
        ([("0", "4")], "words"),
        ([("0", None)], "> 👍\nwords"),
        ([(None, None)], "> 👍\nwords"),
        ([("4", "99999")], "> 👍\n"),
        ([("0", "4"), ("2", "4"), ("0", "1")], "words"),
        ([("4", "5"), ("0", "3")], "\nords"),
        ([("4", "0")], "> 👍\nwords"),
        ([("3", "3")], "> 👍\nwords"),
        ([("-4", "4")], "> 👍\nwords"),
        ([("0", "4e0")], "> 👍\nwords"),
        ([("٠", "٤")], "> 👍\nwords"),
        ([("0", "9" * 5000)], "> 👍\nwords"),
        ([("99", "100")], "> 👍\nwords"),
        ([], "> 👍\nwords"),
    ],
)
def test_a_quotation_is_cut_out(ranges: list[tuple[str | None, str | None]], left: str) -> None:
    """By Unicode code points; ranges that make no sense, or leave nothing, cut nothing."""
    found = read(REPLY, quotes(*ranges), body="> 👍\nwords")
    assert found.about.own_words == left
    assert found.body == "> 👍\nwords"


def test_another_protocols_fallback_cuts_nothing() -> None:
    """Only a reply's quotation is left out of the words."""
    assert read(REPLY, quotes(("0", "3"), namespace="urn:other")).about.own_words == "words"


@given(
    body=st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: escape(text)),
    ranges=st.lists(st.tuples(st.none() | st.text("0123456789-+ ex", max_size=12), st.none())),
)
def test_any_range_is_safe(body: str, ranges: list[tuple[str | None, str | None]]) -> None:
    """Whatever is left was in the body, in its order, and is something."""
    found = read(REPLY, quotes(*ranges), body=body)
    letters = iter(found.body)
    assert all(letter in letters for letter in found.about.own_words)
    assert bool(found.about.own_words.strip()) == bool(found.body.strip())


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("https://up.example/a1/holiday%20photo.jpg", "holiday photo.jpg"),
        ("http://up.example:5280/x/y.pdf?key=1#p", "y.pdf"),
        ("https://up.example/", "file"),
        ("https://up.example/%E2%80%AEgpj.exe", "gpj.exe"),
        ("https://up.example/..%2F..%2Fetc%2Fpasswd", ".. .. etc passwd"),
        ("https://up.example/%FF%00.png", "�.png"),
    ],
)
def test_a_link_is_a_file(link: str, name: str) -> None:
    """XEP-0066, with or without a body; the name is the last part of the path, made safe."""
    oob = element("x", {"xmlns": ns.OOB}, text("url", link))
    found = read(oob, body=link)
    assert found.about.attachment == Attachment(link, name)
    assert read(oob, body="").body == link


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "aesgcm://up.example/x#00",
        "file:///etc/passwd",
        "https://",
        "//up.example/x",
        "https://[::1",
        "https://up.example/a b",
        "https://up.example/\u202ex",
        "https://up.example/" + "x" * 2000,
        "",
    ],
)
def test_other_addresses_are_no_files(link: str) -> None:
    """Only what a browser may be given is passed on."""
    oob = element("x", {"xmlns": ns.OOB}, text("url", link))
    assert read(oob, body="look").about.attachment is None
    assert read(oob, body="look").body == "look"


def file_sharing(name: str, size: str, kind: str, link: str) -> Xml:
    """XEP-0447 §4 with the metadata of XEP-0446."""
    metadata = [text("name", name), text("size", size), text("media-type", kind)]
    return element(
        "file-sharing",
        {"xmlns": ns.FILE_SHARING},
        element("file", {"xmlns": ns.FILE_METADATA}, *metadata),
        element("sources", {}, element("url-data", {"xmlns": ns.URL_DATA, "target": link})),
    )


def test_metadata_are_taken_where_they_are_given() -> None:
    """Name, size in octets and media type; what is no such thing is left out."""
    link = "https://up.example/a1/f"
    found = read(file_sharing("Plan.pdf", "1234", "application/pdf", link)).about.attachment
    assert found == Attachment(link, "Plan.pdf", "application/pdf", 1234)
    wrong = read(file_sharing("\u202e \n", "-1", 'text/html" onload=', link)).about.attachment
    assert wrong == Attachment(link, "f")
    assert read(file_sharing("x", "1", "a/b", "data:text/html,x")).about.attachment is None
