"""What follows for who is in a room from what is set on the site, by an owner or by a command."""

from __future__ import annotations

from switchboard.model import SenderKind
from switchboard.reception import Directory
from switchboard.rooms import Affiliation, Room

from ..component import Link
from ..jids import room_bare
from . import stanzas
from .crowd import Crowd
from .hall import Hall, Person
from .log import Log
from .presences import GONE, News


class Settling:
    """Compares rooms in memory with those of the directory."""

    def __init__(
        self, domain: str, link: Link, crowd: Crowd, log: Log, directory: Directory
    ) -> None:
        self._domain = domain
        self._link = link
        self._crowd = crowd
        self._log = log
        self._directory = directory

    def directory_changed(self) -> None:
        """To be called after each change of sites, rooms or operators."""
        for hall in self._crowd:
            room = self._directory.room(hall.conversation)
            if room is None:
                self._destroyed(hall)
                continue
            before, hall.room = hall.room, room
            self._tell_settings(hall, before)
            for person in list(hall.people.values()):
                if person.address:
                    self._judge(hall, person, before)
            self._log.close(hall)

    def _destroyed(self, hall: Hall) -> None:
        """§10.9: everybody goes."""
        for person in list(hall.people.values()):
            person.affiliation = Affiliation.NONE
            self._crowd.remove(hall, person, News(GONE.kind, destroyed=True))
        self._log.close(hall)

    def _tell_settings(self, hall: Hall, before: Room) -> None:
        """§10.2.1; the subject is told as by the room itself."""
        then, now = before.settings, hall.room.settings
        room = room_bare(hall.conversation, self._domain)
        if now.public is not then.public:
            self._tell(hall, 170 if now.public else 171)
        if _visible(before) != _visible(hall.room):
            self._tell(hall, stanzas.CONFIGURED)
        if now.subject != hall.subject:
            hall.subject = now.subject
            for _, client in hall.clients():
                self._link.send(stanzas.subject(room, client.jid, hall.subject))

    def _tell(self, hall: Hall, code: int) -> None:
        room = room_bare(hall.conversation, self._domain)
        for _, client in hall.clients():
            self._link.send(stanzas.status(room, client.jid, code))

    def _judge(self, hall: Hall, person: Person, before: Room) -> None:
        """Whether they may stay (§9.1, §9.4, §10.2.1), and as what."""
        room = hall.room
        affiliation = self._crowd.affiliation(room, person.address)
        reason, actor = hall.why.get(person.address, ("", ""))
        code = 0
        if affiliation is Affiliation.OUTCAST:
            code = stanzas.BANNED
        elif affiliation is Affiliation.NONE and room.settings.members_only:
            was = before.settings.members_only
            code = stanzas.UNAFFILIATED if was else stanzas.MEMBERS_ONLY_NOW
        if code:
            person.affiliation = affiliation
            news = News(GONE.kind, (code,), reason=reason, actor=actor)
            self._crowd.remove(hall, person, news, expelled=True)
            return
        operator = self._directory.operator(room.id.site, person.address) is not None
        kind = SenderKind.OPERATOR if operator else SenderKind.VISITOR
        if affiliation is not person.affiliation or kind is not person.kind:
            person.kind = kind
            self._crowd.set_affiliation(hall, person, affiliation, reason, actor)


def _visible(room: Room) -> tuple[object, ...]:
    settings = room.settings
    return (
        room.title,
        settings.listed,
        settings.moderated,
        settings.members_only,
        settings.links,
        settings.slow_seconds,
    )
