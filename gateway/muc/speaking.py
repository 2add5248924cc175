"""Jabber users speak: to everybody, about the subject, or to one (XEP-0045 §7.4, §7.5, §8.1).

To everybody goes what was committed, in the log's order: see `log`.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from switchboard.errors import Forbidden, NotFound, Reject
from switchboard.floor import keeps_floor
from switchboard.model import Act, Sender, SenderKind, Visit
from switchboard.ports import Clock
from switchboard.reception import Directory, Rooms, Talks
from switchboard.reception.rooms import Origin
from switchboard.rooms import Role
from switchboard.text import clean_body, clean_line

from ..component import Link
from ..inbound.amend import origin_of, sent_as
from ..jids import room_full
from . import stanzas
from .amending import Amending, Change
from .crowd import Crowd
from .hall import Hall, Person
from .often import Often
from .requests import ID_CHARS, RoomMessage

SUBJECT_CHARS = 500
PRIVATE_CHARS = 10_000


class Speaking:
    """What messages towards a room do, in the room's lane; lines are stored in their sender's."""

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
        messages_per_minute: int,
    ) -> None:
        self._domain = domain
        self._link = link
        self._crowd = crowd
        self._rooms = rooms
        self._talks = talks
        self._directory = directory
        self._visit = visit
        self._clock = clock
        self._amending = Amending(rooms)
        self._often = Often(clock, messages_per_minute, 60.0, "Too much at once; please wait.")

    def speaker(self, message: RoomMessage) -> tuple[Hall, Person]:
        """The room and who writes there. Raises NotFound, or Reject `not_joined` (§7.4)."""
        hall = self._crowd.find(message.stanza.to.local)
        if hall is None:
            self._crowd.room(message.stanza.to.local)
        person = None if hall is None else hall.of_client(message.stanza.sender.full)
        if hall is None or person is None:
            raise Reject("not_joined", "You are not in this room: enter it first.")
        if len(message.stanza.id) > ID_CHARS:
            raise Reject("bad_request", f"An id has at most {ID_CHARS} characters.")
        return hall, person

    async def to_everybody(self, message: RoomMessage) -> None:
        """Type groupchat, to the room (§7.4)."""
        hall, person = self.speaker(message)
        if message.subject is not None and not message.chats:
            await self._change_subject(hall, person, message)
            return
        stanza = message.stanza
        if stanza.encrypted:
            raise Reject("invalid", "This room cannot read what is encrypted: turn that off here.")
        if not (stanza.body or stanza.about.retracts or stanza.about.reacts_to):
            return
        self._count(person)
        sender = Sender(person.kind, person.id, person.nick)
        origin = Origin(address=person.address, id=stanza.id)
        settings, now = hall.room.settings, self._clock.monotonic()
        said = await self._amending.read(hall.room, person.id, stanza)
        if isinstance(said, Change):
            if said.act is not Act.RETRACT:
                hall.floor.judge_change(settings, person.occupant, said.body, now)
            await self._rooms.amend(hall.room, sender, said.act, said.target, origin, said.body)
            return
        hall.floor.judge(settings, person.occupant, said.body, now)
        await self._rooms.relay(
            hall.room,
            sender,
            said.body,
            origin,
            sent_as(stanza),
            said.reply_to,
            stanza.about.attachment,
        )

    async def to_one(self, message: RoomMessage) -> None:
        """To an occupant (§7.5).

        An operator's word to a visitor of the site is the desk's talk with them.
        """
        hall, person = self.speaker(message)
        stanza = message.stanza
        if stanza.type == "groupchat":
            raise Reject("bad_request", "A message to one is no groupchat.")
        if not stanza.body:
            return
        self._count(person)
        other = hall.addressed(stanza.to.resource)
        if other is None:
            raise NotFound("unknown_occupant", "Nobody here has this name.")
        if other.visitor:
            await self._to_visitor(hall, person, other, message)
            return
        privileged = any(
            one.kind is SenderKind.OPERATOR or one.role is Role.MODERATOR for one in (person, other)
        )
        if not privileged:
            raise Forbidden("forbidden", "Here only moderators are written to in private.")
        from_jid = room_full(hall.conversation, self._domain, person.resource)
        body = clean_body(stanza.body, PRIVATE_CHARS)
        kind = "chat" if stanza.type == "chat" else "normal"
        for client in other.clients.values():
            self._link.send(stanzas.private(from_jid, client.jid, stanza.id, body, kind, person.id))

    def _count(self, person: Person) -> None:
        """So that one alone does not use up what the room may say, or fill a moderator's window."""
        if not keeps_floor(person.occupant):
            self._often.count(person.address)

    async def _to_visitor(
        self, hall: Hall, person: Person, other: Person, message: RoomMessage
    ) -> None:
        site = hall.room.id.site
        operator = self._directory.operator(site, person.address)
        visit = self._visit(other.visitor)
        if operator is None:
            raise Forbidden("forbidden", "Only operators write to visitors in private.")
        if visit is None:
            raise NotFound("unknown_occupant", "This visitor has left.")
        stanza = message.stanza
        await self._talks.answer(
            operator,
            other.visitor,
            visit.domain,
            stanza.body,
            sent_as(stanza),
            origin_of(stanza, acknowledged=False),
        )

    async def _change_subject(self, hall: Hall, person: Person, message: RoomMessage) -> None:
        """§8.1: moderators'."""
        if person.role is not Role.MODERATOR:
            raise Forbidden("forbidden", "Only moderators change the subject.")
        words = clean_line(message.subject or "", SUBJECT_CHARS)
        before, hall.subject = hall.subject, words
        try:
            await self._rooms.configure(hall.room, replace(hall.room.settings, subject=words))
        except NotFound:
            hall.subject = before
            raise Forbidden("forbidden", "The subject of a page's own room is fixed.") from None
        except Exception:
            hall.subject = before
            raise
        from_jid = room_full(hall.conversation, self._domain, person.resource)
        for _, client in hall.clients():
            self._link.send(
                stanzas.subject(from_jid, client.jid, words, message.stanza.id, person.id)
            )
