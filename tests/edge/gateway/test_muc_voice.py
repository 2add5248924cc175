"""Asking for voice, and giving it (XEP-0045 §7.13, §8.6)."""

from __future__ import annotations

import pytest

from gateway import namespaces as ns
from gateway.muc.stanzas import field
from switchboard.rooms import RoomSettings
from tests.edge.gateway.jabber_user import C, JabberUser, child, item
from tests.edge.gateway.shop import Shop

FORMS = f"{{{ns.FORMS}}}"


@pytest.fixture
def lobby_settings() -> RoomSettings:
    return RoomSettings(moderated=True)


async def submits(user: JabberUser, **fields: str) -> None:
    inside = [field("FORM_TYPE", ns.MUC_REQUEST)]
    inside += [field(var.replace("__", "#"), value) for var, value in fields.items()]
    form = f'<x xmlns="{ns.FORMS}" type="submit">{"".join(inside)}</x>'
    await user.message("", "normal", form)


async def test_asked_and_given(ann: JabberUser, eve: JabberUser) -> None:
    """§7.13, §8.6: moderators get a form, and who allows it gives voice."""
    await submits(eve, muc__role="participant")
    form = child(ann.got[-1], ns.FORMS, "x")
    values = {one.get("var"): one.findtext(f"{FORMS}value") for one in form.iter(f"{FORMS}field")}
    assert (values["muc#roomnick"], values["muc#jid"]) == ("Eve", eve.jid)
    await submits(ann, muc__roomnick="Eve", muc__request_allow="true")
    assert item(eve.presences("Eve")[-1])["role"] == "participant"
    await eve.says("thank you")
    assert ann.lines() == [("Eve", "thank you")]


async def test_not_given(ann: JabberUser, eve: JabberUser) -> None:
    """§8.6: who is refused stays without."""
    await submits(ann, muc__roomnick="Eve", muc__request_allow="0")
    assert item(eve.presences("Eve")[-1])["role"] == "visitor"


async def test_nobody_gives_it_to_themselves(ann: JabberUser, eve: JabberUser) -> None:
    """§8.6: only moderators do."""
    await submits(eve, muc__roomnick="Eve", muc__request_allow="1")
    assert eve.error() == ("forbidden", "auth")


async def test_not_without_end(rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
    """Who asks again and again is told to wait, and moderators hear no more of it."""
    ann.forget()
    for _ in range(20):
        await submits(eve, muc__role="participant")
    assert eve.error() == ("resource-constraint", "wait")
    assert len([one for one in ann.got if one.tag == C + "message"]) == 5


async def test_from_outside(rooms: Shop, ann: JabberUser) -> None:
    """§7.13: who is not in the room asks for nothing."""
    stranger = JabberUser(rooms, "mallory@example.net/x")
    await submits(stranger, muc__role="participant")
    assert stranger.error() == ("not-acceptable", "modify")
