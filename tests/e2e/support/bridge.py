"""The Jabber edge alone, over a real store and a real server: visitors are made by the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.buddies.api import ApiSettings
from gateway.component import LinkState
from gateway.edge import JabberEdge
from gateway.gateway import JabberSettings
from switchboard import events
from switchboard.attendance import Attendance
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.model import (
    Cursor,
    Message,
    Operator,
    Page,
    Sender,
    SenderKind,
    Visit,
    new_operator_id,
    new_visitor_id,
)
from switchboard.reception import Directory, Rooms, Talks
from switchboard.reception.rooms import Origin
from switchboard.reception.talks import visitor_sender
from switchboard.rooms import RoomSettings, Seated
from switchboard.sessions.memory import MemorySessions
from switchboard.site import PresenceSettings, Site, SiteSettings
from switchboard.store import SqlStore, open_store
from switchboard.store.migrate import upgrade
from tests.e2e.support.wait import eventually

GRACE = 1.0


class Server(Protocol):
    """A private Jabber server, whichever it is."""

    c2s_port: int
    component_port: int
    host: str
    domain: str

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""

    async def start(self) -> None:
        """Starts it; returns when it serves."""

    async def stop(self) -> None:
        """Ends it in order."""

    def kill(self) -> None:
        """Ends it as a crash would."""

    async def add_user(self, name: str, password: str) -> None:
        """Makes an account."""


@dataclass
class Bridge:
    """The gateway with its surroundings; `told` is what one conversation's bus topic said."""

    edge: JabberEdge
    store: SqlStore
    talks: Talks
    rooms: Rooms
    attendance: Attendance
    directory: Directory
    bus: MemoryBus
    told: dict[str, list[events.Event]] = field(default_factory=dict)

    async def linked(self) -> None:
        """Waits until the server has taken the component."""
        link = self.edge.gateways[0].link
        await eventually(lambda: link.up, 10.0, "the component is linked")

    def crash(self) -> None:
        """Ends the gateway as SIGKILL would: the link is cut and nothing is said or saved."""
        for gateway in self.edge.gateways:
            for task in gateway._tasks:
                task.cancel()
            gateway.link.state = LinkState.STOPPED
            gateway.link._outgoing.clear()
            gateway.link._component.cancel_connection_attempt()
            gateway.link._component.abort()

    def arrive(self, name: str = "", title: str = "Prices", *, visitor: str | None = None) -> Visit:
        """A visitor comes to the site."""
        visit = Visit(
            visitor or new_visitor_id(),
            "shop",
            "chat.localhost",
            Page("https://shop.example/prices", title),
        )
        if name:
            visit = replace_name(visit, name)
        heard = self.told.setdefault(visit.visitor, [])
        self.bus.subscribe(events.conversation_topic(visit.visitor), heard.append)
        return self.attendance.update(visit, stream=1)

    def sit(self, visitor: str, *seats: Seated) -> None:
        """A visitor is in these rooms now."""
        self.attendance.update(Visit(visitor, "shop", "chat.localhost", rooms=seats), stream=1)

    async def say_in(self, room: str, visitor: str, nick: str, body: str) -> Message:
        """A visitor writes into a room from a browser."""
        place = self.rooms.room("shop", room)
        sender = Sender(SenderKind.VISITOR, place.occupant(visitor), nick)
        return await self.rooms.say(place, sender, f"c-{body}"[:60], body, Origin(visitor))

    def read_up_to(self, visit: Visit, delivered: int, read: int = 0) -> None:
        """The visitor's browser acknowledges."""
        self.talks.seen(visit.visitor, visit.domain, visitor_sender(visit), Cursor(delivered, read))

    async def log(self, visit: Visit) -> list[Message]:
        """The conversation as it is stored."""
        return await self.store.read(visit.visitor, 0, 1000)

    def receipts(self, visit: Visit) -> list[events.Receipt]:
        """Operators' receipts that the visitor's browser would hear of."""
        return [
            event
            for event in self.told[visit.visitor]
            if isinstance(event, events.Receipt) and event.participant.id != visit.visitor
        ]


def replace_name(visit: Visit, name: str) -> Visit:
    """The visit under another name."""
    details = msgspec.structs.replace(visit.details, name=name)
    return msgspec.structs.replace(visit, details=details)


@asynccontextmanager
async def bridge(
    folder: Path,
    server: Server,
    operators: dict[str, str],
    *,
    secret: str = "s3cret",
    api: ApiSettings | None = None,
    presence: PresenceSettings | None = None,
    rooms: dict[str, RoomSettings] | None = None,
    admins: tuple[str, ...] = (),
) -> AsyncIterator[Bridge]:
    """A site `shop` whose operators are `{bare JID: name}`; `api`: ejabberd's, if it is used."""
    clock = SystemClock()
    store = await open_store(f"sqlite:///{folder}/parley.db", clock=clock)
    await asyncio.to_thread(upgrade, store.engine)
    if not await store.sites():
        settings = SiteSettings(
            "The shop",
            ("https://shop.example",),
            "secret",
            presence or PresenceSettings(),
            rooms=rooms or {},
        )
        await store.save_site(Site("shop", settings))
        for address, name in operators.items():
            await store.save_operator(Operator(new_operator_id(), "shop", address, name))
    bus = MemoryBus()
    directory = Directory(store)
    await directory.refresh()
    talks = Talks(store, bus, clock, 4000)
    attendance = Attendance(bus, MemorySessions(), clock, "test", clock.now(), GRACE)
    settings_ = JabberSettings(
        "127.0.0.1",
        server.component_port,
        ("chat.localhost",),
        secret,
        GRACE,
        "test",
        api,
        admins,
    )
    lines = Rooms(store, bus, clock, directory, "chat.localhost", 4000)
    edge = JabberEdge(settings_, store, directory, talks, lines, bus, clock)
    running = Bridge(edge, store, talks, lines, attendance, directory, bus)
    sweeper = asyncio.create_task(_sweep(attendance))
    await edge.start()
    try:
        yield running
    finally:
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper
        await edge.stop()
        await store.close()


async def _sweep(attendance: Attendance) -> None:
    while True:
        await asyncio.sleep(0.2)
        attendance.sweep()
