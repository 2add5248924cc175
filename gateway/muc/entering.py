"""Jabber users come in, change their presence or name, and leave (XEP-0045 §7.2 to §7.14)."""

from __future__ import annotations

from switchboard.errors import Reject, RetryLater, SwitchboardError
from switchboard.membership import Standing, check_enters, default_role
from switchboard.model import SenderKind
from switchboard.nicks import clean_nick
from switchboard.ports import Clock
from switchboard.reception import Directory
from switchboard.rooms import Room

from . import stanzas
from .crowd import Crowd
from .hall import Client, Hall, Person
from .log import Log
from .often import Often
from .requests import History, RoomPresence

MOST_CLIENTS = 1000
"""In one room; admins and owners may come all the same (§7.2.9)."""
MOST_CLIENTS_EACH = 20
"""Of one bare JID in one room."""
ENTRIES_MOST = 30
ENTRIES_WITHIN = 60.0
"""So often in so many seconds a bare JID may come in, or change its name."""
KICKABLE = frozenset(
    {
        "gone",
        "internal-server-error",
        "item-not-found",
        "jid-malformed",
        "recipient-unavailable",
        "redirect",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
        "undefined-condition",
    }
)
"""Errors by which a client is known to be gone (§7.14)."""


class Entering:
    """What presence towards a room does; each call is in the room's lane."""

    def __init__(self, crowd: Crowd, log: Log, directory: Directory, clock: Clock) -> None:
        self._crowd = crowd
        self._log = log
        self._directory = directory
        self._often = Often(clock, ENTRIES_MOST, ENTRIES_WITHIN, "You enter rooms too often.")

    async def handle(self, presence: RoomPresence) -> None:
        """One presence stanza. Raises a SwitchboardError for who is to be told of it."""
        room = presence.to.local
        jid = presence.sender.full
        if presence.type == "unavailable":
            self.leave(room, jid, presence)
        elif presence.type == "error":
            self.bounced(room, jid, presence.condition)
        elif presence.type == "":
            hall = self._crowd.find(room)
            person = None if hall is None else hall.of_client(jid)
            if hall is not None and person is not None and self._renames(person, presence):
                # mcabber asks to enter once more, under another name.
                self._rename(hall, person, presence)
            elif presence.entry is not None:
                await self._enter(presence)
            elif hall is None or person is None:
                there = self._crowd.room(room)
                self._crowd.presences.deny(there, presence.to, presence.sender)
            else:
                person.clients[jid].payload = presence.payload
                person.clients[jid] = person.clients.pop(jid)  # the last one speaks for all
                self._crowd.update(hall, person)

    def _renames(self, person: Person, presence: RoomPresence) -> bool:
        return bool(presence.to.resource) and presence.to.resource != person.resource

    def leave(self, room: str, jid: str, presence: RoomPresence | None = None) -> None:
        """A client leaves, or its server says that it is gone (§7.14)."""
        hall = self._crowd.find(room)
        if hall is not None:
            payload = () if presence is None else presence.payload
            self._crowd.drop_client(hall, jid, payload=payload)
            self._log.close(hall)

    def bounced(self, room: str, jid: str, condition: str) -> None:
        """Something that was sent to a client came back (§7.14)."""
        hall = self._crowd.find(room)
        if hall is not None and condition in KICKABLE:
            self._crowd.drop_client(hall, jid, (stanzas.UNREACHABLE,))
            self._log.close(hall)

    def person(self, room: Room, nick: str, address: str) -> Person:
        """Who has a bare JID, as they enter."""
        affiliation = self._crowd.affiliation(room, address)
        standing = Standing(affiliation, default_role(affiliation, room.settings))
        operator = self._directory.operator(room.id.site, address) is not None
        kind = SenderKind.OPERATOR if operator else SenderKind.VISITOR
        return Person(room.occupant(address), kind, nick, standing, address=address)

    async def _enter(self, presence: RoomPresence) -> None:
        room = self._crowd.room(presence.to.local)
        address = presence.sender.bare
        if not presence.to.resource:
            raise Reject("no_nick", "Choose a name to be called by in this room.")
        hall = self._crowd.find(room.conversation)
        if hall is None or hall.of_client(presence.sender.full) is None:
            self._often.count(address)
        nick = self._nick(room, presence)
        check_enters(self._crowd.affiliation(room, address), room.settings)
        hall = await self._opened(room.conversation)
        try:
            person = hall.of_address(address)
            if person is None:
                self._check_free(hall, nick, address)
                person = self.person(room, nick, address)
                if not person.standing.manages and sum(1 for _ in hall.clients()) >= MOST_CLIENTS:
                    raise RetryLater("full", "This room is full.", 60)
            elif len(person.clients) >= MOST_CLIENTS_EACH:
                raise RetryLater("full", "You are in this room with too many clients.", 60)
            codes = [stanzas.LOGGED] if room.settings.public else []
            if person.resource != presence.to.resource:
                # The same bare JID is one occupant: another client has its name (§7.2.8).
                codes.append(stanzas.RENAMED_BY_ROOM)
            client = Client(presence.sender.full, presence.payload)
            self._crowd.enter(hall, person, client, codes, presence.id)
            self._log.tell_history(hall, client.jid, presence.entry or History())
        finally:
            self._log.close(hall)
            self._crowd.close_if_empty(hall)

    async def _opened(self, conversation: str) -> Hall:
        """The room, whose log is followed. Raises NotFound or RetryLater."""
        while True:
            hall = self._crowd.open(conversation)
            try:
                await self._log.open(hall)
            except SwitchboardError:
                self._crowd.close_if_empty(hall)
                raise
            # Whoever was in it may have left meanwhile: then it was closed.
            if self._crowd.find(conversation) is hall:
                return hall

    def _rename(self, hall: Hall, person: Person, presence: RoomPresence) -> None:
        """§7.6."""
        self._often.count(person.address)
        nick = self._nick(hall.room, presence)
        self._check_free(hall, nick, person.address)
        person.clients[presence.sender.full].payload = presence.payload
        if nick != person.nick:
            self._crowd.rename(hall, person, nick)

    def _nick(self, room: Room, presence: RoomPresence) -> str:
        try:
            return clean_nick(presence.to.resource)
        except Reject as problem:
            raise Reject("bad_nick", str(problem)) from None

    def _check_free(self, hall: Hall, nick: str, address: str) -> None:
        """Raises Reject `name_taken` (§7.2.8)."""
        holder = hall.named(nick)
        if holder is not None and holder.address != address:
            raise Reject("name_taken", "Somebody in this room has this name, or one like it.")
        if self._crowd.is_reserved(hall.room, nick, address):
            raise Reject("name_taken", "This name is an operator's.")
