"""Invitations by way of the room, and what becomes of them (XEP-0045 §7.8).

An invitation goes out from the room, with the name of who invites in it and no JID, and as a direct
one beside it (XEP-0249), which clients show that know no other. Who declines is heard only if they
were invited: a room is no way for strangers to reach who is in it. A visitor of the site is asked
on the page, and only by operators.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

from msgspec import Struct
from msgspec.structs import replace
from slixmpp import JID, InvalidJID

from switchboard.errors import Forbidden, NotFound, Reject
from switchboard.model import Operator, Visit
from switchboard.ports import Clock
from switchboard.reception import Directory, Rooms, Talks
from switchboard.rooms import MOST_AFFILIATIONS, Affiliation, Role, Room
from switchboard.text import clean_line

from .. import namespaces as ns
from ..component import Link
from ..jids import Jid, parse, room_bare, room_full, visitor_of
from ..outbound import direct_invitation
from ..xml import Xml, element, text
from .crowd import Crowd
from .hall import Person
from .often import Often

REASON_CHARS = 300
THREAD_CHARS = 200
MOST_AT_ONCE = 10
WITHIN = 60.0
"""Seconds in which somebody may invite MOST_AT_ONCE."""
MOST_OPEN = 10_000
"""Invitations that may be declined; of more the oldest are forgotten."""

_USER = f"{{{ns.MUC_USER}}}x"
_INVITE = f"{{{ns.MUC_USER}}}invite"
_DECLINE = f"{{{ns.MUC_USER}}}decline"
_REASON = f"{{{ns.MUC_USER}}}reason"
_CONTINUE = f"{{{ns.MUC_USER}}}continue"


class Invitation(Struct, frozen=True):
    """Somebody is asked to come; `to` is a bare or full JID."""

    to: str
    reason: str
    continues: str | None
    """The thread of the talk that goes on in the room (§7.9); None: it is none."""

    @property
    def bare(self) -> str:
        """The bare JID."""
        return parse(self.to).bare


def invitations(xml: ET.Element) -> list[Invitation]:
    """What a message to a room asks for. Raises Reject `bad_request` or `bad_nick`: no JID."""
    asked = xml.findall(f"{_USER}/{_INVITE}")
    if len(asked) > MOST_AT_ONCE:
        raise Reject("bad_request", f"At most {MOST_AT_ONCE} can be invited at once.")
    return [_invitation(one) for one in asked]


def declines(xml: ET.Element) -> str | None:
    """Why somebody does not come; None: the message says nothing of it."""
    decline = xml.find(f"{_USER}/{_DECLINE}")
    return None if decline is None else _reason(decline)


def invitation(room: Room, domain: str, by: Person, asked: Invitation) -> Xml:
    """As it goes out (§7.8.2, XEP-0249 §2)."""
    own = room_bare(room.conversation, domain)
    reason = [text("reason", asked.reason)] if asked.reason else []
    thread = asked.continues
    goes_on = [] if thread is None else [element("continue", {"thread": thread or None})]
    inviter = room_full(room.conversation, domain, by.resource)
    invite = element("invite", {"from": inviter}, *reason, *goes_on)
    words = f"{by.nick} invites you to the room {room.title} ({own})"
    return element(
        "message",
        {"from": own, "to": asked.to},
        text("body", f"{words}: {asked.reason}" if asked.reason else words),
        element("x", {"xmlns": ns.MUC_USER}, invite),
        direct_invitation(own, asked.reason, thread),
    )


def declined(room: Room, domain: str, to: str, invitee: str, reason: str) -> Xml:
    """What who invited somebody is told; `invitee` is the bare JID that they gave."""
    why = [text("reason", reason)] if reason else []
    decline = element("decline", {"from": invitee}, *why)
    attributes = {"from": room_bare(room.conversation, domain), "to": to}
    return element("message", dict(attributes), element("x", {"xmlns": ns.MUC_USER}, decline))


class Invitations:
    """Passes them on, for who is in the room and has a voice there."""

    def __init__(
        self,
        domain: str,
        link: Link,
        crowd: Crowd,
        rooms: Rooms,
        talks: Talks,
        directory: Directory,
        visit: Callable[[str], Visit | None],
        clock: Clock,
    ) -> None:
        self._domain = domain
        self._link = link
        self._crowd = crowd
        self._rooms = rooms
        self._talks = talks
        self._directory = directory
        self._visit = visit
        self._open: dict[tuple[str, str], str] = {}
        """By room and the invitee's bare JID: the bare JID of who invited them."""
        self._often = Often(clock, MOST_AT_ONCE, WITHIN, "You invite too many.")

    async def take(self, sender: Jid, xml: ET.Element) -> bool:
        """What a message says of invitations; False: nothing.

        Raises Reject, Forbidden or RetryLater, and NotFound for an answer to nothing.
        """
        reason, asked = declines(xml), invitations(xml)
        if reason is None and not asked:
            return False
        room = self._crowd.room(parse(xml.get("to") or "").local)
        if reason is not None:
            self._decline(sender, room, reason)
        else:
            await self._invite(sender, room, asked)
        return True

    async def _invite(self, sender: Jid, room: Room, asked: list[Invitation]) -> None:
        hall = self._crowd.find(room.conversation)
        person = None if hall is None else hall.of_client(sender.full)
        if person is None:
            raise Reject("not_joined", "You are not in this room: enter it first.")
        if person.role is Role.VISITOR:
            raise Forbidden("no_voice", "You have no voice in this room.")
        if room.settings.members_only and not person.standing.manages:
            raise Forbidden("forbidden", "Only admins invite to a room of members.")
        self._often.count(person.address, len(asked))
        operator = self._directory.operator(room.id.site, person.address)
        visits = [self._visit_of(one, room.id.site, operator) for one in asked]
        others = [one for one, visit in zip(asked, visits, strict=True) if visit is None]
        for visit in filter(None, visits):
            assert operator is not None
            await self._talks.invite(operator, visit.visitor, visit.domain, room)
        if room.settings.members_only:
            await self._make_members(room, others)
        for one in others:
            self._open.pop((room.conversation, one.bare), None)
            self._open[room.conversation, one.bare] = person.address
            self._link.send(invitation(room, self._domain, person, one))
        while len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]

    def _visit_of(self, asked: Invitation, site: str, operator: Operator | None) -> Visit | None:
        """The visitor of the site who is asked; None: it is anybody else.

        Raises Forbidden for who is no operator, and NotFound.
        """
        to = parse(asked.to)
        visitor = visitor_of(to.local)
        visit = None if visitor is None else self._visit(visitor)
        ours = visit is not None and visit.domain == to.domain
        if not ours and to.domain != self._domain:
            return None
        if operator is None:
            raise Forbidden("forbidden", "Only the site's operators call its visitors.")
        if visit is None or not ours or visit.site != site:
            raise NotFound("not_found", "There is no such visitor on the site now.")
        return visit

    def _decline(self, sender: Jid, room: Room, reason: str) -> None:
        inviter = self._open.pop((room.conversation, sender.bare), None)
        if inviter is None:
            raise NotFound("not_found", "You were not invited to this room.")
        hall = self._crowd.find(room.conversation)
        person = None if hall is None else hall.of_address(inviter)
        clients = [inviter] if person is None else list(person.clients)
        for jid in clients:
            self._link.send(declined(room, self._domain, jid, sender.bare, reason))

    async def _make_members(self, room: Room, asked: list[Invitation]) -> None:
        """Who is invited to a room of members may come (§7.8.2)."""
        known = room.settings.affiliations
        fresh = {one.bare: Affiliation.MEMBER for one in asked if one.bare not in known}
        if not fresh:
            return
        if len(known) + len(fresh) > MOST_AFFILIATIONS:
            raise Reject("bad_request", f"A room has at most {MOST_AFFILIATIONS} members.")
        await self._rooms.configure(room, replace(room.settings, affiliations=known | fresh))


def _invitation(invite: ET.Element) -> Invitation:
    try:
        to = JID(invite.get("to") or "")
    except InvalidJID:
        to = JID()
    if not to.domain:
        raise Reject("bad_nick", "Whoever is invited needs a JID.")
    goes_on = invite.find(_CONTINUE)
    thread = None if goes_on is None else clean_line(goes_on.get("thread") or "", THREAD_CHARS)
    return Invitation(to.full, _reason(invite), thread)


def _reason(element: ET.Element) -> str:
    return clean_line(element.findtext(_REASON) or "", REASON_CHARS)
