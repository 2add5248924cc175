"""A room, as it is on this node: its log, everybody here who reads it, and who is in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from switchboard import events
from switchboard.floor import Floor
from switchboard.model import Act
from switchboard.ports import Bus, Clock, Unsubscribe
from switchboard.reception import Rooms
from switchboard.rooms import Role, Room

from . import wire
from .gathering import Gathering, Word
from .room_log import RoomLog
from .room_readers import Host, RoomReader
from .roster import Roster
from .rounds import Rounds
from .shared import Shared
from .tokens import Cursors

ASK_EVERY = 3.0
"""Seconds after which a gateway that has not told all is asked again…"""
ASK_IN_VAIN = 30.0
"""… and one that has never said anything."""

LIST_SECONDS = 0.25
"""How long the first who comes waits to be told who is there."""
COMPARE_EVERY = 5.0
"""Seconds between two looks at names that the gateway tells otherwise."""


class Watcher(Protocol):
    """Whoever carries out what the room's gateway says of this node's guests."""

    def expelled(self, hall: Hall, visitor: str) -> None:
        """The visitor is to be in the room no more."""

    def renamed(self, hall: Hall, visitor: str, name: str) -> None:
        """The visitor is called so from now on."""

    def has_gateway(self, hall: Hall) -> bool:
        """Whether there is anybody who could tell who is in the room."""


class Hall:
    """A room that somebody on this node is in. It listens to the bus once for all of them."""

    def __init__(
        self, room: Room, rooms: Rooms, bus: Bus, clock: Clock, cursors: Cursors, watcher: Watcher
    ) -> None:
        self.room = room
        """To be kept as the site sets it."""
        self.log = RoomLog(room, rooms, bus, clock, cursors, self._moved)
        self.rounds = Rounds(self.log)
        self.roster = Roster(newcomer(room))
        self.gathering = Gathering(room.id.name, self.roster, clock)
        self.floor = Floor()
        self.guests: dict[str, str] = {}
        """This node's, by visitor: their ids in the room."""
        self.used_at = clock.monotonic()
        """When somebody wanted something of it last."""
        self._rooms = rooms
        self._bus = bus
        self._clock = clock
        self._watcher = watcher
        self._differ: dict[str, tuple[str, str]] = {}
        """By visitor: names here and at the gateway, when they were last compared."""
        self._compared_at = self.used_at
        self._listed = asyncio.Event()
        """Set when it is known who is there, or nobody waits for it any more."""
        self._asked_at: float | None = None
        """When the gateway was asked last who is there."""
        self._topic = events.conversation_topic(room.conversation)
        self._unsubscribe: Unsubscribe = bus.subscribe(self._topic, self._heard)

    @property
    def name(self) -> str:
        """What the room is called on the wire."""
        return self.room.id.name

    @property
    def conversation(self) -> str:
        """The id of its log."""
        return self.room.conversation

    @property
    def used(self) -> bool:
        """Whether anybody here reads it, or is in it."""
        return bool(self.rounds.here or self.guests)

    async def learn(self) -> None:
        """Makes sure that nothing is missed from now on. Raises RetryLater."""
        self.used_at = self._clock.monotonic()
        await self._bus.listening(self._topic)
        if self._asked_at is None:
            self.ask()
        await self.log.learn()
        if not self._listed.is_set() and self._watcher.has_gateway(self):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LIST_SECONDS):
                    await self._listed.wait()
        self._listed.set()

    def add(self, host: Host, own: str) -> RoomReader:
        """Somebody reads, as the occupant of that id."""
        who = self.roster[own]
        reader = RoomReader(host, self, own, who.name if who is not None else "")
        self.rounds.add(reader)
        return reader

    def remove(self, reader: RoomReader) -> None:
        """A reader goes."""
        self.rounds.remove(reader)
        self.used_at = self._clock.monotonic()

    def seat(self, visitor: str, name: str) -> None:
        """A visitor of this node is there under that name."""
        id = self.guests[visitor] = self.room.occupant(visitor)
        self.roster.seat(id, name)
        for reader in self.rounds.readers(id):
            reader.name = name
            reader.host.renamed()

    def unseat(self, visitor: str, kicked: bool = False, gone: bool = False) -> None:
        """A visitor of this node is there no more (see Roster.unseat): told to their pages."""
        id = self.guests.pop(visitor, None)
        if id is None:
            return
        who = self.roster[id]
        self.roster.unseat(id, kicked, gone)
        if who is not None:
            self.tell(id, Word("kick" if kicked else "leave", who))
        for reader in self.rounds.readers(id):
            self.remove(reader)
            reader.host.left(reader)

    def tell(self, own: str, word: Word) -> None:
        """Tells an occupant's readers at once what they, or others, did."""
        self.rounds.tell_one(own, self.gathering.event(word))

    def tell_renamed(self, visitor: str) -> None:
        """Tells a visitor of this node that they are called otherwise now."""
        who = self.roster[self.guests[visitor]]
        if who is not None:
            self.tell(who.id, Word("rename", who))

    def ask(self) -> None:
        """Asks the gateway who is there."""
        self._asked_at = self._clock.monotonic()
        self._rooms.ask(self.conversation)

    def sweep(self) -> None:
        """To be called every second: tells who came and went, and asks again for what is due."""
        self.rounds.tell(self.gathering.due())
        self.log.sweep()
        wait = ASK_EVERY if self.roster.spoken else ASK_IN_VAIN
        now = self._clock.monotonic()
        if now - self._compared_at >= COMPARE_EVERY:
            self._compared_at = now
            self._compare_names()
        if self._asked_at is None or (not self.roster.whole and now - self._asked_at >= wait):
            self.ask()

    def missed(self, end: int) -> None:
        """Hints may have been lost; the store has the log up to `end`."""
        self.roster.doubt()
        self.ask()
        self.log.reach(end)

    def close(self) -> None:
        """Stops listening."""
        self._unsubscribe()
        self.log.close()

    def _moved(self) -> None:
        self.rounds.serve()

    def _heard(self, event: events.Event) -> None:
        match event:
            case events.Committed(message=message):
                if message.act is Act.SAY:
                    self.floor.heard(message.sender.id, self._clock.monotonic())
                self.log.committed(message)
            case events.Look(seq=seq):
                self.log.reach(seq)
            case events.RoomPage(last=last):
                roles = self._roles(self.rounds.here if last else ())
                self.roster.page(event)
                if self.roster.whole:
                    self._listed.set()
                self._tell_roles(roles)
            case events.RoomChanged(came=came, changed=changed, expelled=expelled):
                roles = self._roles(who.id for who in (*came, *changed))
                self.roster.changed(event)
                self._tell_roles(roles)
                # The word to who is expelled may have been lost.
                ids = {who.id for who in expelled}
                for visitor in [one for one, id in self.guests.items() if ids and id in ids]:
                    self._watcher.expelled(self, visitor)
            case events.Expelled(visitor=visitor):
                self._watcher.expelled(self, visitor)
            case events.Renamed(visitor=visitor, name=name):
                self._watcher.renamed(self, visitor, name)
            case _:
                pass

    def _compare_names(self) -> None:
        """The gateway's word on a name may have been lost; or ours is on its way there."""
        before, self._differ = self._differ, {}
        for visitor, id in list(self.guests.items()):
            who, told = self.roster[id], self.roster.told_name(id)
            if who is None or told is None or told == who.name:
                continue
            if before.get(visitor) == (who.name, told):
                self._watcher.renamed(self, visitor, told)
            else:
                self._differ[visitor] = (who.name, told)

    def _roles(self, ids: Iterable[str]) -> dict[str, Role]:
        """What those of the occupants who read here may do."""
        here = ((id, self.roster[id]) for id in ids if id in self.rounds.here)
        return {id: who.role for id, who in here if who is not None}

    def _tell_roles(self, before: Mapping[str, Role]) -> None:
        for id, role in self._roles(before).items():
            if role != before[id]:
                told = Shared(partial(_role, wire.RoleData(self.name, role)), ())
                self.rounds.tell_one(id, told)


def newcomer(room: Room) -> Role:
    """The role of a guest of whom the room's gateway has not heard."""
    return Role.VISITOR if room.settings.moderated else Role.PARTICIPANT


def _role(data: wire.RoleData, own: str) -> wire.RoleData:
    return data
