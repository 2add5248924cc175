"""Presence of occupants, to the Jabber clients in their room (XEP-0045 §7.2.2)."""

from __future__ import annotations

from msgspec import Struct

from switchboard.rooms import Affiliation, Role, Room

from ..component import Link
from ..jids import Jid, room_full
from ..xml import Xml
from . import stanzas
from .hall import Client, Hall, Person


class News(Struct, frozen=True):
    """What a presence says beside who it is of; `kind` is the stanza's type."""

    kind: str | None = None
    codes: tuple[int, ...] = ()
    nick: str | None = None
    """The resource that they have from now on (§7.6)."""
    reason: str = ""
    actor: str = ""
    """The resource of who did it."""
    destroyed: bool = False
    """Whether the room is no more (§10.9)."""


HERE = News()
GONE = News("unavailable")


class Presences:
    """Tells clients; what could not be said while the link was down is said afterwards."""

    def __init__(self, domain: str, link: Link) -> None:
        self._domain = domain
        self._link = link

    def tell_all(self, hall: Hall, person: Person, news: News) -> None:
        """Others first, then all of the person's own clients."""
        self.tell_others(hall, person, news)
        for client in list(person.clients.values()):
            self.send(hall, person, person, client, news)

    def tell_others(self, hall: Hall, person: Person, news: News) -> None:
        """Everybody but the person's own clients."""
        if not self._link.up and hall.has_clients:
            hall.unsaid[person.resource] = person.id
        for viewer, client in hall.clients():
            if viewer is not person:
                self.send(hall, person, viewer, client, news)

    def send(
        self, hall: Hall, person: Person, viewer: Person, client: Client, news: News, id: str = ""
    ) -> None:
        """To one client; moderators see whose presence it is (§7.2.4)."""
        sees = viewer is person or viewer.role is Role.MODERATOR
        standing = stanzas.item(
            person.affiliation,
            Role.NONE if news.kind and news.nick is None else person.role,
            jid=person.real_jid if sees else None,
            nick=news.nick,
            reason=news.reason,
            actor=news.actor,
        )
        codes = (stanzas.SELF, *news.codes) if viewer is person else news.codes
        from_jid = room_full(hall.conversation, self._domain, person.resource)
        inside = Xml(standing + stanzas.DESTROY) if news.destroyed else standing
        self._link.send(
            stanzas.presence(
                from_jid, client.jid, news.kind, inside, codes, person.id, id, person.payload
            )
        )

    def retell(self, hall: Hall) -> None:
        """The link is up again: clients hear who came, went or changed meanwhile."""
        unsaid, hall.unsaid = hall.unsaid, {}
        for resource, id in unsaid.items():
            person = hall.people.get(id)
            if person is not None and person.shown and person.resource == resource:
                self.tell_all(hall, person, HERE)
            else:
                self.tell_gone(hall, resource, id)

    def tell_gone(self, hall: Hall, resource: str, id: str) -> None:
        """Nobody is there under that name."""
        from_jid = room_full(hall.conversation, self._domain, resource)
        nobody = stanzas.item(Affiliation.NONE, Role.NONE)
        for _, client in hall.clients():
            self._link.send(stanzas.presence(from_jid, client.jid, GONE.kind, nobody, (), id))

    def deny(self, room: Room, at: Jid, client: Jid) -> None:
        """A client takes itself for somebody in a room, and is not (§7.2.18): it may enter anew."""
        why = stanzas.item(Affiliation.NONE, Role.NONE, reason="You are not in this room.")
        codes = (stanzas.SELF, stanzas.KICKED, stanzas.UNREACHABLE)
        id = room.occupant(client.bare)
        self._link.send(stanzas.presence(at.full, client.full, GONE.kind, why, codes, id))
