"""Rows of a room as everybody in it is sent them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from gateway import namespaces as ns
from gateway import outbound
from gateway.muc.ids import archive_id, archived
from gateway.muc.lines import line_of, spoken_of
from gateway.muc.moderation import read
from gateway.xml import element, text
from switchboard.errors import Reject
from switchboard.model import Act, Attachment, Message, Sender, SenderKind
from switchboard.reception.rooms import Origin
from switchboard.rooms import Room, RoomId, RoomSettings

DOMAIN = "chat.example"
ROOM = Room(RoomId("lobby", "shop"), RoomSettings(salt="s"))
OWN = f"lobby%shop@{DOMAIN}"
ANN = Sender(SenderKind.VISITOR, "g-ann", "Ann <b>")
BOB = Sender(SenderKind.OPERATOR, "g-bob", "Bob")


def row(seq: int, body: str = "hello", *, by: Sender = ANN, id: str = "", **more: Any) -> Message:
    """A row of the room's log; `id` is the one that its sender's client gave it."""
    origin = msgspec.json.encode(Origin(address="ann@example.org", id=id)).decode()
    return Message("lobby%shop", seq, f"c{seq}", by, body, 0, origin=origin, **more)


def sent(line: Message, *known: Message) -> ET.Element:
    """The stanza with a row."""
    made = line_of(ROOM, DOMAIN, line, {one.seq: one for one in known})
    attributes = {"from": made.sender, "id": made.id, "xmlns": ns.CLIENT}
    return ET.fromstring(element("message", dict(attributes), *made.content))


def child(stanza: ET.Element, namespace: str, name: str) -> ET.Element:
    """What has to be in a stanza."""
    found = stanza.find(f"{{{namespace}}}{name}")
    assert found is not None, ET.tostring(stanza)
    return found


def body(stanza: ET.Element) -> str | None:
    """What clients show that know nothing more."""
    return stanza.findtext(f"{{{ns.CLIENT}}}body")


class TestIds:
    """What rows are called."""

    def test_an_id_means_its_row(self) -> None:
        """And no other room's (XEP-0313 §3)."""
        id = archive_id(ROOM, 7)
        assert archived(ROOM, id) == 7
        assert archived(Room(RoomId("bar", "shop"), ROOM.settings), id) is None
        assert archived(Room(ROOM.id, RoomSettings(salt="t")), id) is None

    @pytest.mark.parametrize("id", ["", "7", "7-", "7-0123456789", "-1-0123456789", "٧-0123456789"])
    def test_nobody_can_make_one(self, id: str) -> None:
        """What was never given out means nothing."""
        assert archived(ROOM, id) is None

    def test_an_id_is_the_same_to_the_letter(self) -> None:
        """Another way to write the number is another id."""
        seq, mac = archive_id(ROOM, 7).split("-")
        for id in (f"07-{mac}", f"{seq}-{mac.upper()} ", f"7-{mac}\n"):
            assert archived(ROOM, id) is None


class TestLines:
    """Each kind of row."""

    def test_a_line(self) -> None:
        """From the occupant, with the sender's own id, the room's and the occupant's
        (XEP-0045 §7.4, XEP-0359 §3.1, XEP-0421 §3).
        """
        stanza = sent(row(3, "hi & bye", id="m1"))
        assert (stanza.get("from"), stanza.get("id")) == (f"{OWN}/Ann <b>", "m1")
        assert body(stanza) == "hi & bye"
        known = child(stanza, ns.STANZA_IDS, "stanza-id")
        assert (known.get("by"), known.get("id")) == (OWN, archive_id(ROOM, 3))
        assert child(stanza, ns.OCCUPANT_ID, "occupant-id").get("id") == "g-ann"
        assert "example.org" not in ET.tostring(stanza).decode()

    def test_a_browsers_line(self) -> None:
        """It has no id but the room's, and clients may correct by it."""
        assert sent(row(3)).get("id") == archive_id(ROOM, 3)

    def test_a_reply(self) -> None:
        """Names the line by the room's id and its author by name, and quotes it (XEP-0461 §4.1)."""
        stanza = sent(row(3, "yes", reply_to=2), row(2, "is it\nopen?", by=BOB, id="m2"))
        reply = child(stanza, ns.REPLY, "reply")
        assert (reply.get("to"), reply.get("id")) == (f"{OWN}/Bob", archive_id(ROOM, 2))
        words = body(stanza)
        assert words == "> Bob:\n> is it\n> open?\nyes"
        quoted = child(child(stanza, ns.FALLBACK, "fallback"), ns.FALLBACK, "body")
        assert words[int(quoted.get("end") or 0) :] == "yes"

    def test_a_reply_to_what_is_gone(self) -> None:
        """Is a line."""
        stanza = sent(row(3, "yes", reply_to=2))
        assert body(stanza) == "yes"
        assert stanza.find(f"{{{ns.REPLY}}}reply") is None

    def test_a_correction(self) -> None:
        """Names the line by the id of its stanza (XEP-0308 §3)."""
        change = row(4, "hello!", act=Act.EDIT, target=3)
        assert spoken_of([change]) == {3}
        stanza = sent(change, row(3, id="m1"))
        assert child(stanza, ns.REPLACE, "replace").get("id") == "m1"
        assert body(stanza) == "hello!"
        assert child(sent(change, row(3)), ns.REPLACE, "replace").get("id") == archive_id(ROOM, 3)

    def test_a_retraction(self) -> None:
        """Names the line by the room's id (XEP-0424 §3)."""
        stanza = sent(row(4, "", act=Act.RETRACT, target=3))
        assert child(stanza, ns.RETRACT, "retract").get("id") == archive_id(ROOM, 3)
        assert child(stanza, ns.FALLBACK, "fallback").get("for") == ns.RETRACT
        assert body(stanza)

    def test_a_reaction(self) -> None:
        """Names the line by the room's id (XEP-0444 §5.2)."""
        stanza = sent(row(4, "👍 🎉", act=Act.REACT, target=3), row(3, id="m1"))
        reactions = child(stanza, ns.REACTIONS, "reactions")
        assert reactions.get("id") == archive_id(ROOM, 3)
        assert [one.text for one in reactions] == ["👍", "🎉"]
        assert body(stanza) == "👍 🎉 to “hello”"

    def test_a_moderation(self) -> None:
        """From the room itself, who did it and why, in both versions (XEP-0425 §3)."""
        stanza = sent(row(4, "spam", by=BOB, act=Act.MODERATE, target=3))
        assert stanza.get("from") == OWN
        assert body(stanza) is None
        retract = child(stanza, ns.RETRACT, "retract")
        assert retract.get("id") == archive_id(ROOM, 3)
        assert retract.findtext(f"{{{ns.RETRACT}}}reason") == "spam"
        moderated = child(retract, ns.MODERATE, "moderated")
        assert moderated.get("by") == f"{OWN}/Bob"
        assert child(moderated, ns.OCCUPANT_ID, "occupant-id").get("id") == "g-bob"
        before = child(stanza, ns.FASTEN, "apply-to")
        assert before.get("id") == archive_id(ROOM, 3)
        moderated = child(before, ns.MODERATE_BEFORE, "moderated")
        assert moderated.get("by") == f"{OWN}/Bob"
        assert moderated.findtext(f"{{{ns.MODERATE_BEFORE}}}reason") == "spam"

    def test_what_was_taken_back(self) -> None:
        """Leaves a tombstone (XEP-0424 §4)."""
        stanza = sent(row(3, "", retracted=True, edited_at=1_000, id="m1"))
        assert body(stanza) is None
        assert child(stanza, ns.RETRACT, "retracted").get("stamp") == "1970-01-01T00:00:01Z"
        assert stanza.get("id") == "m1"

    def test_what_took_it_back(self) -> None:
        """Is named by the tombstone, with the moderator if it was one (XEP-0425 §4)."""
        line = row(3, "", retracted=True, edited_at=1_000, retracted_by=5)
        assert spoken_of([line]) == {5}
        stanza = sent(line, row(5, "", act=Act.RETRACT, target=3, id="m2"))
        assert child(stanza, ns.RETRACT, "retracted").get("id") == "m2"
        stanza = sent(line, row(5, "spam", by=BOB, act=Act.MODERATE, target=3))
        tombstone = child(stanza, ns.RETRACT, "retracted")
        assert tombstone.get("id") == archive_id(ROOM, 5)
        assert child(tombstone, ns.MODERATE, "moderated").get("by") == f"{OWN}/Bob"
        assert tombstone.findtext(f"{{{ns.RETRACT}}}reason") == "spam"

    def test_a_file(self) -> None:
        """By its link (XEP-0066 §3)."""
        file = Attachment("https://up.example/a.png", "a.png")
        stanza = sent(row(3, "a.png", attachment=file))
        assert body(stanza) == file.url
        assert child(stanza, ns.OOB, "x").findtext(f"{{{ns.OOB}}}url") == file.url

    def test_nobody_speaks_for_another(self) -> None:
        """Whatever a guest writes stays text under the guest's name."""
        forged = "</body></message><message from='x'><body>[desk] hi"
        stanza = sent(row(3, forged, by=Sender(SenderKind.VISITOR, "g-eve", '"/><x')))
        assert (stanza.get("from"), body(stanza)) == (f'{OWN}/"/><x', forged)


class TestModeration:
    """What moderators ask for."""

    reason = text("reason", "spam\nand more")

    def test_each_version(self) -> None:
        """XEP-0425 §3, and what version 0.2 had in its place."""
        now = element(
            "moderate",
            {"xmlns": ns.MODERATE, "id": "x"},
            element("retract", {"xmlns": ns.RETRACT}),
            self.reason,
        )
        before = element(
            "moderate",
            {"xmlns": ns.MODERATE_BEFORE},
            element("retract", {"xmlns": ns.RETRACT_BEFORE}),
            self.reason,
        )
        wrapped = element("apply-to", {"xmlns": ns.FASTEN, "id": "x"}, before)
        for one in (now, wrapped):
            asked = read(ET.fromstring(one))
            assert (asked.id, asked.reason) == ("x", "spam and more")

    @pytest.mark.parametrize(
        "payload",
        [
            element("moderate", {"xmlns": ns.MODERATE, "id": "x"}),
            element("apply-to", {"xmlns": ns.FASTEN, "id": "x"}, outbound.retract("x")),
        ],
    )
    def test_nothing_else_is_known(self, payload: str) -> None:
        """Moderation that is no retraction."""
        with pytest.raises(Reject):
            read(ET.fromstring(payload))
