"""Who is in the rooms: each change of it, told to Jabber clients and to web nodes.

The gateway is the authority for who is in a room and for names in it. Visitors of the site are
shown to Jabber clients by name up to the room's `named`, the others are counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from switchboard import events
from switchboard.errors import NotFound
from switchboard.membership import affiliation_of, default_role, role_after
from switchboard.nicks import nick_key, reserved
from switchboard.ports import Clock
from switchboard.reception import Directory, Rooms
from switchboard.rooms import Affiliation, Role, Room

from ..component import Link
from ..xml import Xml
from . import stanzas
from .hall import Client, Hall, Person
from .presences import GONE, HERE, News, Presences
from .registry import Registry
from .resources import resource_of
from .rosters import Rosters


class Crowd:
    """All rooms that anybody is in. `admins`: bare JIDs of those who own every room."""

    def __init__(
        self,
        domain: str,
        link: Link,
        directory: Directory,
        rooms: Rooms,
        clock: Clock,
        registry: Registry,
        admins: Collection[str],
    ) -> None:
        self._directory = directory
        self._rooms = rooms
        self._clock = clock
        self.admins = frozenset(admins)
        self._halls: dict[str, Hall] = {}
        self._epoch = 0
        self._registry = registry
        self.rosters = Rosters(rooms)
        self.presences = Presences(domain, link)
        self.given_before: dict[tuple[str, str], Role] = {}
        """By room and visitor: the role that a moderator had given them in an earlier process."""

    def __iter__(self) -> Iterator[Hall]:
        return iter(list(self._halls.values()))

    def find(self, conversation: str) -> Hall | None:
        """The room, if anybody is in it."""
        return self._halls.get(conversation)

    def room(self, conversation: str) -> Room:
        """The room of that log. Raises NotFound (XEP-0045 §7.2.11: nobody makes one so)."""
        room = self._directory.room(conversation)
        if room is None:
            raise NotFound("unknown_room", "There is no such room here.")
        return room

    def open(self, conversation: str) -> Hall:
        """The room, for somebody to come in. Raises NotFound."""
        hall = self._halls.get(conversation)
        if hall is None:
            self._epoch = max(self._clock.now(), self._epoch + 1)
            hall = self._halls[conversation] = Hall(self.room(conversation), self._epoch)
        return hall

    def close_if_empty(self, hall: Hall) -> None:
        """Lets go of a room that nobody is in."""
        if not hall.people and self._halls.get(hall.conversation) is hall:
            self.rosters.flush()
            del self._halls[hall.conversation]

    def affiliation(self, room: Room, address: str) -> Affiliation:
        """What a bare JID is to the room."""
        operator = self._directory.operator(room.id.site, address) is not None
        admin = address in self.admins
        return affiliation_of(room.settings, address, admin=admin, operator=operator)

    def is_reserved(self, room: Room, nick: str, address: str = "") -> bool:
        """Whether the name is for others than that bare JID: an operator's, the site's, a title."""
        operators = list(self._directory.operators(room.id.site))
        own = next((one.name for one in operators if one.address == address), "")
        if own and nick_key(own) == nick_key(nick):
            return False
        site = self._directory.site(room.id.site)
        others = (one.name for one in operators if one.address != address)
        return reserved(nick, others, site.settings.title)

    def is_operators(self, room: Room, nick: str) -> bool:
        """Whether people would take the name for an operator's of the site."""
        key = nick_key(nick)
        operators = self._directory.operators(room.id.site)
        return any(nick_key(operator.name) == key for operator in operators)

    # Who comes and goes

    def enter(
        self, hall: Hall, person: Person, client: Client, codes: Sequence[int], id: str
    ) -> None:
        """A Jabber client of somebody's comes in: others' presence, then its own (§7.2.2)."""
        news = person.id not in hall.people
        if news:
            hall.add(person)
        again = client.jid in person.clients
        first = not hall.has_clients
        hall.add_client(person, client)
        self._put(hall, person, client.jid)
        if first:
            for guest in hall.shown():
                self._remember(hall, guest)
        for other in hall.shown():
            if other is not person:
                self.presences.send(hall, other, person, client, HERE)
        if news or again:
            self.presences.tell_others(hall, person, HERE)
        if news:
            self.rosters.came(hall, person)
        self.presences.send(hall, person, person, client, News(codes=tuple(codes)), id)

    def restore(self, hall: Hall, person: Person, client: Client) -> None:
        """A client has been in it since an earlier process: it, and others, know that."""
        if person.id not in hall.people:
            hall.add(person)
            self.rosters.came(hall, person)
        hall.add_client(person, client)

    def come(self, hall: Hall, person: Person) -> None:
        """A visitor of the site comes in, under a name that is free."""
        hall.add(person)
        self.rosters.came(hall, person)
        if hall.named_guests < hall.room.settings.named:
            self._show(hall, person)

    def show(self, hall: Hall, person: Person) -> None:
        """Somebody is to be known by name; who has been silent longest makes room."""
        if person.shown:
            return
        if hall.named_guests >= max(hall.room.settings.named, 1):
            guests = (one for one in hall.shown() if one.visitor)
            self._hide(hall, min(guests, key=lambda one: one.said_at))
        self._show(hall, person)

    def drop_client(
        self, hall: Hall, jid: str, codes: Iterable[int] = (), payload: tuple[Xml, ...] = ()
    ) -> None:
        """One client goes, and with the last one its owner (§7.14)."""
        person = hall.of_client(jid)
        if person is None:
            return
        if len(person.clients) > 1:
            self.presences.send(hall, person, person, person.clients[jid], _gone(codes))
            hall.drop_client(jid)
            self._registry.drop(hall.conversation, jid)
            return
        self.remove(hall, person, _gone(codes), payload)

    def remove(
        self,
        hall: Hall,
        person: Person,
        news: News = GONE,
        payload: tuple[Xml, ...] = (),
        *,
        expelled: bool = False,
    ) -> None:
        """Somebody goes, or is made to, with all clients; everybody is told (§7.14, §8.2, §9.1).

        `payload` is the last word of who goes.
        """
        person.role = Role.NONE
        for client in person.clients.values():
            client.payload = payload
        if person.shown:
            self.presences.tell_all(hall, person, news)
        for jid in person.clients:
            self._registry.drop(hall.conversation, jid)
        if person.visitor and (person.given or (person.shown and hall.has_clients)):
            self._registry.drop(hall.conversation, person.jid)
        if person.visitor and person.shown:
            hall.named_guests -= 1
        hall.remove(person)
        if person.address and not hall.has_clients:
            self._forget_guests(hall)
        self.rosters.left(hall, person, expelled)
        if expelled and person.visitor:
            word = events.Expelled(hall.conversation, person.visitor, news.reason)
            self._rooms.tell(hall.conversation, word)
        self.close_if_empty(hall)

    def farewell(self, hall: Hall) -> None:
        """The component stops: each client is told that it is out (§7.14, code 332)."""
        for person, client in list(hall.clients()):
            self.presences.send(hall, person, person, client, _gone((stanzas.SHUTDOWN,)))
            hall.drop_client(client.jid)
            self._registry.drop(hall.conversation, client.jid)
        self._forget_guests(hall)

    # What changes

    def update(self, hall: Hall, person: Person) -> None:
        """Somebody's presence, or standing, is another now (§7.7)."""
        if person.shown:
            self.presences.tell_all(hall, person, HERE)

    def rename(self, hall: Hall, person: Person, nick: str) -> None:
        """Somebody is called otherwise (§7.6)."""
        if person.shown:
            now = resource_of(nick, person.id)
            self.presences.tell_all(hall, person, News(GONE.kind, (stanzas.RENAMED,), now))
        hall.rename(person, nick)
        self._remember(hall, person)
        if person.shown:
            self.presences.tell_all(hall, person, HERE)
        self.rosters.changed(hall, person)

    def set_role(
        self, hall: Hall, person: Person, role: Role, reason: str = "", actor: str = ""
    ) -> None:
        """Somebody may do something else now (§8.3, §8.4, §9.6, §9.7)."""
        person.role = role
        self._standing_changed(hall, person, reason, actor)

    def set_affiliation(
        self,
        hall: Hall,
        person: Person,
        affiliation: Affiliation,
        reason: str = "",
        actor: str = "",
    ) -> None:
        """Somebody is something else to the room, and has the role that goes with it (§9, §10)."""
        person.affiliation = affiliation
        person.role = role_after(person.role, affiliation, hall.room.settings)
        self._standing_changed(hall, person, reason, actor)

    def _standing_changed(self, hall: Hall, person: Person, reason: str, actor: str) -> None:
        default = default_role(person.affiliation, hall.room.settings)
        person.given = person.role is not default
        self._remember(hall, person)
        if person.shown:
            self.presences.tell_all(hall, person, News(reason=reason, actor=actor))
        self.rosters.changed(hall, person)

    def _show(self, hall: Hall, person: Person) -> None:
        person.shown = True
        hall.named_guests += 1
        self._remember(hall, person)
        self.presences.tell_all(hall, person, HERE)

    def _hide(self, hall: Hall, person: Person) -> None:
        person.shown = False
        hall.named_guests -= 1
        self._remember(hall, person)
        self.presences.tell_all(hall, person, GONE)

    # For the process that comes after this one: clients, whom they were shown, and roles

    def _remember(self, hall: Hall, person: Person) -> None:
        for jid in person.clients:
            self._put(hall, person, jid)
        if not person.visitor:
            return
        if person.given or (person.shown and hall.has_clients):
            self._put(hall, person, person.jid)
        elif hall.has_clients:
            self._registry.drop(hall.conversation, person.jid)

    def _put(self, hall: Hall, person: Person, jid: str) -> None:
        role = person.role if person.given else ""
        self._registry.put(hall.conversation, jid, person.nick, role)

    def _forget_guests(self, hall: Hall) -> None:
        for person in hall.shown():
            if person.visitor and not person.given:
                self._registry.drop(hall.conversation, person.jid)


def _gone(codes: Iterable[int]) -> News:
    return News(GONE.kind, tuple(codes))
