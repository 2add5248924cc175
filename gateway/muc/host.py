"""The rooms of the first domain put together: what the gateway hears goes in here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from xml.etree import ElementTree as ET

from switchboard import events
from switchboard.lanes import Lanes
from switchboard.model import Visit
from switchboard.ports import Clock, Store
from switchboard.reception import Bans, Directory, Rooms, Talks

from ..component import Link
from ..xml import Xml
from .archive import Archive
from .configuring import Configuring
from .crowd import Crowd
from .describing import Describing
from .door import RoomDoor
from .entering import Entering
from .guests import Guests
from .invitations import Invitations
from .log import Log
from .moderating import Moderating
from .moderation import Moderation
from .registry import Registry
from .restoring import Restoring
from .settling import Settling
from .speaking import Speaking
from .voice import Voices


class RoomHost:
    """Hosts the rooms as long as the domain is ours. `admins`: bare JIDs that own every room."""

    def __init__(
        self,
        domain: str,
        link: Link,
        store: Store,
        directory: Directory,
        rooms: Rooms,
        talks: Talks,
        bans: Bans,
        visit: Callable[[str], Visit | None],
        clock: Clock,
        lanes: Lanes,
        admins: Collection[str],
        messages_per_minute: int,
    ) -> None:
        self._domain = domain
        self._link = link
        registry = Registry(store, lanes)
        self._crowd = crowd = Crowd(domain, link, directory, rooms, clock, registry, admins)
        self._log = Log(domain, link, crowd, rooms, store, clock, lanes)
        self._guests = Guests(crowd, rooms, clock)
        self._directory = directory
        self._describing = Describing(domain, crowd, directory)
        entering = Entering(crowd, self._log, directory, clock)
        self._restoring = Restoring(domain, link, crowd, self._log, entering, registry)
        speaking = Speaking(
            domain, link, crowd, rooms, talks, directory, visit, clock, messages_per_minute
        )
        moderating = Moderating(domain, crowd, self._log, self._guests, rooms, directory, bans)
        configuring = Configuring(crowd, rooms)
        self._settling = Settling(domain, link, crowd, self._log, directory)
        self._door = RoomDoor(
            link,
            crowd,
            entering,
            speaking,
            self._describing,
            Invitations(domain, link, crowd, rooms, talks, directory, visit, clock),
            Voices(domain, link, crowd, clock),
            {
                **moderating.answers,
                **configuring.answers,
                **Moderation(crowd, rooms).answers,
            },
            Archive(domain, link, crowd, rooms, clock).answers,
            lanes,
            clock,
        )

    async def start(self) -> None:
        """Takes over who was in the rooms with an earlier process. Raises RetryLater."""
        await self._restoring.load()

    def takes(self, xml: ET.Element) -> bool:
        """Whether a stanza is for a room: then it is done with."""
        return self._door.takes(xml)

    def listed(self) -> list[Xml]:
        """What the domain's disco#items has of rooms."""
        return self._describing.listed()

    def heard(self, event: events.Event) -> bool:
        """Whether an event of the domain's topic is about a room: then it is done with."""
        match event:
            case events.Committed(message=message) if "%" in message.conversation:
                self._log.committed(event)
            case events.Look(conversation) if "%" in conversation:
                self._log.look(event)
            case events.RoomAsked(room):
                self._tell_all(room)
            case _:
                return False
        return True

    def visitor_here(self, visit: Visit) -> None:
        """A visitor came, or what is known of them changed."""
        self._guests.here(visit)

    def visitor_left(self, visitor: str) -> None:
        """A visitor is on no web node any more."""
        self._guests.left(visitor)

    def link_up(self) -> None:
        """Stanzas may be sent again: who is gone meanwhile is found out."""
        for hall in self._crowd:
            self._crowd.presences.retell(hall)
        self._restoring.probe()
        self._log.catch_up_all()

    def missed(self) -> None:
        """Events may have been lost."""
        self._log.catch_up_all()

    def directory_changed(self) -> None:
        """Rooms may be set otherwise, or be there no more."""
        self._settling.directory_changed()

    def say_goodbye(self) -> None:
        """The component stops: clients are told that they are out, and why."""
        for hall in self._crowd:
            self._crowd.farewell(hall)

    def close(self) -> None:
        """Says nothing more to web nodes."""
        self._crowd.rosters.close()
        self._restoring.close()

    def _tell_all(self, conversation: str) -> None:
        if self._directory.room(conversation) is None:
            return
        hall = self._crowd.open(conversation)
        self._crowd.rosters.tell_all(hall)
        self._crowd.close_if_empty(hall)
