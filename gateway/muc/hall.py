"""One room as the gateway holds it in memory: who is in it, and under which name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from switchboard.floor import Floor
from switchboard.membership import Standing
from switchboard.model import Message, Occupant, SenderKind
from switchboard.nicks import nick_key
from switchboard.rooms import Role, Room

from ..xml import Xml
from .resources import resource_of

TAIL = 100
"""The last lines, kept for who enters."""


class Person:
    """Somebody in a room: a visitor of the site, or who has a bare JID, with all their clients."""

    __slots__ = (
        "address",
        "affiliation",
        "asked",
        "clients",
        "given",
        "id",
        "jid",
        "kind",
        "nick",
        "role",
        "said_at",
        "shown",
        "visitor",
    )

    def __init__(
        self,
        id: str,
        kind: SenderKind,
        nick: str,
        standing: Standing,
        *,
        address: str = "",
        visitor: str = "",
        jid: str = "",
    ) -> None:
        self.id = id
        self.kind = kind
        self.nick = nick
        self.affiliation = standing.affiliation
        self.role = standing.role
        self.given = False
        """Whether the role is not what everybody has who comes in, but a moderator's doing."""
        self.address = address
        """The bare JID; "": it is a visitor."""
        self.visitor = visitor
        self.jid = jid
        """What moderators see: of a visitor, their own JID; of others see `real_jid`."""
        self.asked = nick
        """The name that a visitor's web node knows, as long as it has not heard of another."""
        self.clients: dict[str, Client] = {}
        """By full JID."""
        self.shown = bool(address)
        """Whether Jabber clients are told of them by name."""
        self.said_at = 0

    @property
    def standing(self) -> Standing:
        """What they are to the room and may do in it."""
        return Standing(self.affiliation, self.role)

    @property
    def occupant(self) -> Occupant:
        """As everybody may know them."""
        return Occupant(self.id, self.kind, self.nick, self.role)

    @property
    def resource(self) -> str:
        """Their name in the room's JIDs."""
        return resource_of(self.nick, self.id)

    @property
    def real_jid(self) -> str:
        """For moderators: a full JID of theirs."""
        return next(iter(self.clients), self.jid or self.address)

    @property
    def payload(self) -> tuple[Xml, ...]:
        """What the client that told of it last says in presence: show, status, capabilities."""
        for client in reversed(self.clients.values()):
            return client.payload
        return ()


class Client:
    """One client of somebody in the room."""

    __slots__ = ("jid", "payload")

    def __init__(self, jid: str, payload: tuple[Xml, ...] = ()) -> None:
        self.jid = jid
        """Full."""
        self.payload = payload


class Hall:
    """A room that anybody is in. Changing it tells nobody: see `Crowd`."""

    def __init__(self, room: Room, epoch: int) -> None:
        self.room = room
        self.subject = room.settings.subject
        self.epoch = epoch
        self.number = 0
        """Of the last word that web nodes were told."""
        self.people: dict[str, Person] = {}
        """By occupant's id."""
        self.head: int | None = None
        """The last row that clients were sent; None: there is no client, or it is not known yet."""
        self.tail: deque[Message] = deque(maxlen=TAIL)
        self.floor = Floor()
        self.unsaid: dict[str, str] = {}
        """Resources of whose presence clients were not told while the link was down, each with its
        occupant's id."""
        self.named_guests = 0
        """Visitors of the site whom Jabber clients know by name."""
        self.why: dict[str, tuple[str, str]] = {}
        """While affiliations are being changed: by bare JID, the reason and who does it."""
        self._by_name: dict[str, Person] = {}
        self._by_resource: dict[str, Person] = {}
        self._by_client: dict[str, Person] = {}

    @property
    def conversation(self) -> str:
        """The id of its log, and the local part of its JID."""
        return self.room.conversation

    @property
    def has_clients(self) -> bool:
        """Whether any Jabber client is in it."""
        return bool(self._by_client)

    def named(self, nick: str) -> Person | None:
        """Who has that name, or one that people would take for it."""
        return self._by_name.get(nick_key(nick))

    def addressed(self, resource: str) -> Person | None:
        """Whom a JID of the room's, or an item, means by that resource."""
        return self._by_resource.get(resource) or self.named(resource)

    def of_address(self, address: str) -> Person | None:
        """The occupant with that bare JID."""
        return self.people.get(self.room.occupant(address))

    def of_visitor(self, visitor: str) -> Person | None:
        """The visitor, if in it."""
        return self.people.get(self.room.occupant(visitor))

    def of_client(self, jid: str) -> Person | None:
        """Whose client that full JID is."""
        return self._by_client.get(jid)

    def clients(self) -> Iterator[tuple[Person, Client]]:
        """All Jabber clients in it, each with its owner."""
        for jid, person in self._by_client.items():
            yield person, person.clients[jid]

    def shown(self) -> Iterator[Person]:
        """Everybody whom Jabber clients know by name."""
        return (person for person in self.people.values() if person.shown)

    def with_role(self, role: Role) -> Iterator[Person]:
        """Everybody in it with that role."""
        return (person for person in self.people.values() if person.role is role)

    def add(self, person: Person) -> None:
        """Somebody comes, whose name is free."""
        self.people[person.id] = person
        self._by_name[nick_key(person.nick)] = person
        self._by_resource[person.resource] = person

    def add_client(self, person: Person, client: Client) -> None:
        """Another client of somebody's in it."""
        person.clients[client.jid] = client
        self._by_client[client.jid] = person

    def drop_client(self, jid: str) -> Person | None:
        """A client goes; whose it was."""
        person = self._by_client.pop(jid, None)
        if person is not None:
            del person.clients[jid]
        return person

    def remove(self, person: Person) -> None:
        """Somebody goes, with all clients."""
        for jid in list(person.clients):
            self.drop_client(jid)
        del self.people[person.id]
        del self._by_name[nick_key(person.nick)]
        self._by_resource.pop(person.resource, None)

    def rename(self, person: Person, nick: str) -> None:
        """To a name that is free, or theirs in another spelling."""
        del self._by_name[nick_key(person.nick)]
        self._by_resource.pop(person.resource, None)
        person.nick = nick
        self._by_name[nick_key(nick)] = person
        self._by_resource[person.resource] = person
