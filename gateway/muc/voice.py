"""Who has no voice asks for one, and moderators give it (XEP-0045 §7.13, §8.6)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from switchboard.errors import Forbidden, NotFound, Reject
from switchboard.membership import check_role
from switchboard.ports import Clock
from switchboard.rooms import Role

from .. import namespaces as ns
from ..component import Link
from ..inbound.stanza import Message
from ..jids import room_bare
from ..xml import Xml, element, text
from . import stanzas
from .crowd import Crowd
from .hall import Hall, Person
from .often import Often

ASKS_MOST = 5
ASKS_WITHIN = 300.0
"""So often in so many seconds a bare JID may ask."""

_FORM = f"{{{ns.FORMS}}}x"
_FIELD = f"{{{ns.FORMS}}}field"
_VALUE = f"{{{ns.FORMS}}}value"


def request(xml: ET.Element) -> dict[str, str] | None:
    """What a message's form about voice has, by field; None: it has no such form."""
    form = xml.find(_FORM)
    if form is None or form.get("type") != "submit":
        return None
    fields = {
        field.get("var") or "": (field.findtext(_VALUE) or "").strip()
        for field in form.findall(_FIELD)[:20]
    }
    return fields if fields.get("FORM_TYPE") == ns.MUC_REQUEST else None


class Voices:
    """Passes requests on to moderators, and does what they answer."""

    def __init__(self, domain: str, link: Link, crowd: Crowd, clock: Clock) -> None:
        self._domain = domain
        self._link = link
        self._crowd = crowd
        self._often = Often(clock, ASKS_MOST, ASKS_WITHIN, "You ask for voice too often.")

    def take(self, stanza: Message, xml: ET.Element) -> bool:
        """What a message to a room says of voice; False: nothing.

        Raises Reject, Forbidden, NotFound or RetryLater.
        """
        asked = request(xml)
        if asked is None:
            return False
        hall = self._crowd.find(stanza.to.local)
        person = None if hall is None else hall.of_client(stanza.sender.full)
        if hall is None or person is None:
            raise Reject("not_joined", "You are not in this room: enter it first.")
        if "muc#request_allow" in asked:
            self._decide(hall, person, asked)
        elif asked.get("muc#role") != Role.PARTICIPANT:
            raise Reject("bad_request", "Voice is what can be asked for.")
        elif person.role is Role.VISITOR:
            self._often.count(person.address)
            self._ask(hall, person)
        return True

    def _ask(self, hall: Hall, person: Person) -> None:
        """§7.13."""
        room = room_bare(hall.conversation, self._domain)
        form = _form(person)
        for viewer, client in hall.clients():
            if viewer.role is Role.MODERATOR:
                self._link.send(element("message", {"from": room, "to": client.jid}, form))

    def _decide(self, hall: Hall, person: Person, asked: dict[str, str]) -> None:
        """§8.6; who has a voice by now, and who is refused one, is left as they are."""
        if person.role is not Role.MODERATOR:
            raise Forbidden("forbidden", "Only moderators give voice.")
        other = hall.addressed(asked.get("muc#roomnick", ""))
        if other is None:
            raise NotFound("unknown_occupant", "Nobody here has this name.")
        if asked["muc#request_allow"] in ("1", "true") and other.role is Role.VISITOR:
            check_role(person.standing, other.standing, Role.PARTICIPANT)
            self._crowd.set_role(hall, other, Role.PARTICIPANT)


def _form(person: Person) -> Xml:
    fields = [
        stanzas.field("FORM_TYPE", ns.MUC_REQUEST, "hidden"),
        stanzas.field("muc#role", Role.PARTICIPANT.value, "list-single", "Requested role"),
        stanzas.field("muc#jid", person.real_jid, "jid-single", "User ID"),
        stanzas.field("muc#roomnick", person.resource, "text-single", "Room nickname"),
        stanzas.field("muc#request_allow", "false", "boolean", "Grant voice to this person?"),
    ]
    title = text("title", f"{person.nick} asks for voice")
    return element("x", {"xmlns": ns.FORMS, "type": "form"}, title, *fields)
