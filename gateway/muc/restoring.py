"""Who was in the rooms with an earlier process, or before the link broke, and is there still.

A client is not asked: what is sent to one that is gone comes back, and takes it out (§7.14). Its
own self-ping (XEP-0410) tells it that it is still in. Of the visitors of the site that it was shown
those are told to be gone whom no web node has named after some time.
"""

from __future__ import annotations

import asyncio

from switchboard.errors import NotFound
from switchboard.model import RoomClient
from switchboard.rooms import Affiliation, Role

from ..component import Link
from ..jids import parse, room_bare, visitor_of
from . import stanzas
from .crowd import Crowd
from .entering import Entering
from .hall import Client
from .log import Log
from .registry import Registry
from .resources import resource_of

NAMED_WITHIN = 20.0
"""Seconds in which web nodes name the visitors in rooms to a gateway that comes new."""


class Restoring:
    """Takes clients over, and finds out which are gone."""

    def __init__(
        self,
        domain: str,
        link: Link,
        crowd: Crowd,
        log: Log,
        entering: Entering,
        registry: Registry,
    ) -> None:
        self._domain = domain
        self._link = link
        self._crowd = crowd
        self._log = log
        self._entering = entering
        self._registry = registry
        self._shown: list[RoomClient] = []
        self._timer: asyncio.TimerHandle | None = None

    async def load(self) -> None:
        """Before the link is up. Raises RetryLater."""
        for one in await self._registry.load():
            visitor = visitor_of(parse(one.jid).local)
            if visitor is not None:
                self._shown.append(one)
                if one.role:
                    self._crowd.given_before[one.room, visitor] = Role(one.role)
                continue
            try:
                hall = self._crowd.open(one.room)
            except NotFound:
                self._registry.drop(one.room, one.jid)
                continue
            address = parse(one.jid).bare
            person = hall.of_address(address)
            if person is None:
                person = self._entering.person(hall.room, one.nick, address)
                if person.affiliation is Affiliation.OUTCAST or hall.named(one.nick) is not None:
                    self._registry.drop(one.room, one.jid)
                    self._crowd.close_if_empty(hall)
                    continue
                if one.role and not person.standing.manages:
                    person.role, person.given = Role(one.role), True
            self._crowd.restore(hall, person, Client(one.jid))
        for hall in self._crowd:
            await self._log.open(hall, resumed=True)
        if self._shown:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(NAMED_WITHIN, self.tell_who_is_gone)

    def tell_who_is_gone(self) -> None:
        """Web nodes have named their visitors by now."""
        shown, self._shown = self._shown, []
        self._crowd.given_before.clear()
        for one in shown:
            hall = self._crowd.find(one.room)
            visitor = parse(one.jid).local
            person = None if hall is None else hall.of_visitor(visitor)
            if person is None or not (person.shown or person.given):
                self._registry.drop(one.room, one.jid)
            if hall is None:
                continue
            id = hall.room.occupant(visitor)
            resource = resource_of(one.nick, id)
            if person is not None and person.shown and person.resource == resource:
                continue
            if self._link.up:
                self._crowd.presences.tell_gone(hall, resource, id)
            else:
                hall.unsaid[resource] = id

    def close(self) -> None:
        """Tells nobody anything more."""
        if self._timer is not None:
            self._timer.cancel()

    def probe(self) -> None:
        """The link is up."""
        for hall in self._crowd:
            room = room_bare(hall.conversation, self._domain)
            for _, client in hall.clients():
                self._link.send(stanzas.probe(room, client.jid))
