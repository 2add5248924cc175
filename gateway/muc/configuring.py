"""A room as its owners set it (XEP-0045 §10): the form, made from one table, and back.

Rooms are the site's to make and to remove: nobody creates or destroys one from Jabber.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import msgspec
from msgspec import Struct

from switchboard.errors import Forbidden, NotFound, Reject
from switchboard.reception import Rooms
from switchboard.rooms import Affiliation, Room, RoomSettings

from .. import namespaces as ns
from ..inbound.stanza import Iq
from ..xml import Xml, element, text
from . import stanzas
from .crowd import Crowd
from .door import Answer

VALUE_CHARS = 500
MOST_VALUES = 500
MOST = 1e9

Values = tuple[str, ...]


class Setting(Struct, frozen=True):
    """A field of the form: which of RoomSettings it is, and how that reads."""

    var: str
    name: str
    kind: str
    label: str
    write: Callable[[object], Values]
    read: Callable[[Values], object]
    """Raises ValueError."""


def _yes_or_no(values: Values) -> bool:
    """XEP-0004 §3.3, xs:boolean."""
    return {"1": True, "true": True, "0": False, "false": False}[_one(values)]


def _one(values: Values) -> str:
    [value] = values or ("",)
    return value


def _switch(var: str, name: str, label: str) -> Setting:
    return Setting(var, name, "boolean", label, lambda on: ("1" if on else "0",), _yes_or_no)


def _line(var: str, name: str, label: str) -> Setting:
    return Setting(var, name, "text-single", label, lambda value: (str(value),), _one)


def _number(var: str, name: str, label: str) -> Setting:
    def read(values: Values) -> object:
        number = float(_one(values))
        if not 0 <= number <= MOST:
            raise ValueError("not a number that can be stored")
        return int(number) if number.is_integer() else number

    return Setting(var, name, "text-single", label, lambda value: (f"{value:g}",), read)


def _lines(var: str, name: str, label: str) -> Setting:
    def read(values: Values) -> object:
        return tuple(one.strip() for one in values if one.strip())

    def write(value: object) -> Values:
        assert isinstance(value, tuple)
        return value

    return Setting(var, name, "text-multi", label, write, read)


SETTINGS = (
    _line("muc#roomconfig_roomname", "title", "Title"),
    _switch("muc#roomconfig_publicroom", "listed", "Jabber clients find it"),
    _switch("muc#roomconfig_moderatedroom", "moderated", "Newcomers need to be given voice"),
    _switch("muc#roomconfig_membersonly", "members_only", "Of Jabber users, members only"),
    _switch("muc#roomconfig_enablelogging", "public", "Anybody may read its log"),
    _switch("x-guests", "guests", "Visitors of the site may come"),
    _switch("x-links", "links", "Others than moderators may send links"),
    _number("x-slow-seconds", "slow_seconds", "Seconds between two messages of one person"),
    _number("x-messages-per-minute", "messages_per_minute", "Messages a minute of everybody"),
    _number("x-named", "named", "Visitors whom Jabber clients see by name"),
    _lines("x-words", "words", "Words that are refused"),
)


class Configuring:
    """Answers owners, in the room's lane."""

    def __init__(self, crowd: Crowd, rooms: Rooms) -> None:
        self._crowd = crowd
        self._rooms = rooms
        query = f"{{{ns.MUC_OWNER}}}query"
        self.answers: dict[tuple[str, str], Answer] = {
            ("get", query): self._form,
            ("set", query): self._set,
        }

    async def _form(self, iq: Iq) -> Xml:
        """§10.2."""
        room = self._owned(iq)
        fields = [stanzas.field("FORM_TYPE", ns.MUC_ROOM_CONFIG, "hidden")]
        for one in SETTINGS:
            value = one.write(getattr(room.settings, one.name))
            fields.append(stanzas.field(one.var, value, one.kind, one.label))
        title = text("title", f"The room {room.title}")
        form = element("x", {"xmlns": ns.FORMS, "type": "form"}, title, *fields)
        return element("query", {"xmlns": ns.MUC_OWNER}, form)

    async def _set(self, iq: Iq) -> Xml:
        """§10.2, and §10.9, which is refused."""
        room = self._owned(iq)
        assert iq.payload is not None
        if iq.payload.find(f"{{{ns.MUC_OWNER}}}destroy") is not None:
            raise Forbidden("not_allowed", "Rooms are removed on the site, not from Jabber.")
        form = iq.payload.find(f"{{{ns.FORMS}}}x")
        if form is None or form.get("type") not in ("submit", "cancel"):
            raise Reject("bad_request", "This is no form that was filled in.")
        if form.get("type") == "cancel":
            return Xml("")
        settings = submitted(form, room.settings)
        if settings != room.settings:
            try:
                await self._rooms.configure(room, settings)
            except NotFound:
                raise Forbidden("not_allowed", "A page's own room is set on the site.") from None
        return Xml("")

    def _owned(self, iq: Iq) -> Room:
        room = self._crowd.room(iq.to.local)
        if self._crowd.affiliation(room, iq.sender.bare) is not Affiliation.OWNER:
            raise Forbidden("forbidden", "Only owners set a room.")
        return room


def submitted(form: ET.Element, settings: RoomSettings) -> RoomSettings:
    """The settings with what was filled in; fields that are not known are left alone.

    Raises Reject `invalid` for a value that may not be, and then nothing of it counts.
    """
    filled = msgspec.to_builtins(settings)
    known = {one.var: one for one in SETTINGS}
    for field in form.iterfind(f"{{{ns.FORMS}}}field"):
        setting = known.get(field.get("var") or "")
        if setting is None:
            continue
        found = field.findall(f"{{{ns.FORMS}}}value")[:MOST_VALUES]
        values = tuple((one.text or "")[:VALUE_CHARS] for one in found)
        try:
            filled[setting.name] = setting.read(values)
        except (ValueError, KeyError, OverflowError):
            raise Reject("invalid", f"{setting.label}: that cannot be.") from None
    try:
        return msgspec.convert(filled, RoomSettings)
    except msgspec.ValidationError:
        raise Reject("invalid", "One of these values cannot be.") from None
