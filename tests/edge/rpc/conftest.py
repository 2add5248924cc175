"""The web edge on a real listener, with everything below it real: SQLite, memory bus and cache."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
from sqlalchemy import event as sql_event
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from rpc.edge import WebEdge
from rpc.services import RpcSettings
from rpc.site import ParleySite
from switchboard.attendance import Attendance
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.events import Committed, Desk, desk_topic
from switchboard.model import Cursor, DeskState, Message, Operator, Visit
from switchboard.ports import Bus, Sessions
from switchboard.reception import DeskBoard, Directory, Rooms, Talks
from switchboard.reception.talks import operator_sender
from switchboard.rooms import RoomSettings
from switchboard.sessions.memory import MemorySessions
from switchboard.site import PresenceSettings, Site, SiteSettings
from switchboard.store import SqlStore, open_store
from switchboard.store.engine import make_engine
from switchboard.store.migrate import upgrade
from tests.edge.rpc.client import EventSource, Http, WebSocket

DOMAIN = "chat.test"
ORIGIN = "https://shop.test"
LINES = 200
"""Of 12 kB each they are more than the system's buffers and ours hold for who does not read."""
OTHER_ORIGIN = "https://other.test"
ACME = Site(
    "acme",
    SiteSettings(
        "Acme",
        (ORIGIN,),
        "secret",
        presence=PresenceSettings(page_parameters=("product",)),
        rooms={
            "lobby": RoomSettings("Lobby", "Be kind", salt="salt"),
            "hall": RoomSettings(salt="salt"),
            "stage": RoomSettings(moderated=True, salt="salt"),
            "staff": RoomSettings(guests=False, salt="salt"),
        },
        page_rooms=RoomSettings(salt="salt"),
    ),
)
OTHER = Site("other", SiteSettings("Other", (OTHER_ORIGIN,), "secret"))
ANN = Operator("o-ann", "acme", "ann@desk.test", "Ann")


class ManualClock:
    """The system's time, moved on by hand."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead = 0.0
        self._stepped = 0.0

    def now(self) -> int:
        return self._system.now() + int((self._ahead + self._stepped) * 1000)

    def monotonic(self) -> float:
        return self._system.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Time goes on."""
        self._ahead += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self._stepped += seconds


class World:
    """One web node, the desk's side of it, and ways in."""

    def __init__(
        self,
        store: SqlStore,
        clock: ManualClock,
        bus: Bus | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.bus = MemoryBus() if bus is None else bus
        self.sessions: Sessions = MemorySessions() if sessions is None else sessions
        self.directory = Directory(store)
        self.talks = Talks(store, self.bus, clock, message_chars=4000)
        self.rooms = Rooms(store, self.bus, clock, self.directory, DOMAIN, message_chars=4000)
        self.attendance = Attendance(self.bus, self.sessions, clock, "node", 1, grace=15)
        self.desks = DeskBoard(self.bus, clock)
        self.port = 0
        self.static: Path | None = None
        self.statements: list[str] = []
        self.heard: list[Any] = []
        self.bus.subscribe("domain/" + DOMAIN, self.heard.append)
        self.edge: WebEdge
        self.site: ParleySite
        self._reactor: Any = None
        self._listener: Any = None
        self._sockets: list[WebSocket | EventSource] = []

    async def start(self, **settings: Any) -> None:
        """Serves with these settings beside the usual."""
        await self.directory.refresh()
        self.edge = WebEdge(
            self.directory,
            self.talks,
            self.rooms,
            self.attendance,
            self.desks,
            self.bus,
            self.clock,
            RpcSettings(
                public_url="http://chat.test",
                domains=(DOMAIN,),
                **{"token_keys": ("key",), **settings},
            ),
        )
        await self.edge.start()
        self._reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
        self.site = self.edge.site(static=self.static, reactor=self._reactor)
        self._listener = self._reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.port = self._listener.getHost().port

    async def restart(self, sessions: Sessions | None = None, **settings: Any) -> None:
        """A new web edge over the same store, with this cache, else with an empty one."""
        await self.stop()
        self.sessions = MemorySessions() if sessions is None else sessions
        self.attendance = Attendance(self.bus, self.sessions, self.clock, "node", 2, grace=15)
        await self.start(**settings)

    async def stop(self) -> None:
        for socket in self._sockets:
            socket.close()
        self._sockets.clear()
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        await listener.stopListening().asFuture(asyncio.get_running_loop())
        await self.edge.stop()
        await eventually(lambda: not self.edge.sockets)
        for reader in self._reactor.removeAll():
            reader.connectionLost(Failure(ConnectionDone()))
        for call in self._reactor.getDelayedCalls():
            call.cancel()

    def http(self, origin: str | None = ORIGIN) -> Http:
        return Http(self.port, origin)

    async def socket(self, origin: str | None = ORIGIN) -> WebSocket:
        socket = await WebSocket.open(self.port, origin)
        self._sockets.append(socket)
        return socket

    async def visitor(self) -> tuple[WebSocket, dict[str, Any]]:
        """A socket that has said hello, and the answer."""
        socket = await self.socket()
        return socket, await socket.call("hello", site="acme", page={"url": "https://shop.test/"})

    async def stream(
        self, token: str, cursor: str, origin: str | None = ORIGIN, **more: object
    ) -> EventSource:
        """Server-sent events from a cursor on; `more` are further params."""
        source = await EventSource.open(self.http(origin), token=token, cursor=cursor, **more)
        self._sockets.append(source)
        return source

    def hang_up(self, but: EventSource) -> None:
        """All browsers go, but one."""
        for socket in self._sockets:
            if socket is not but:
                socket.close()

    def visit(self, visitor: str) -> Visit:
        visit = self.attendance.visit(visitor)
        assert visit is not None
        return visit

    async def operator_says(self, visitor: str, body: str) -> Message:
        return (await self.talks.answer(ANN, visitor, DOMAIN, body, None, None)).message

    def heard_lines(self, visitor: str) -> list[str]:
        """The client ids of the visitor's lines that gateways were told of."""
        return [
            one.message.client_id
            for one in self.heard
            if isinstance(one, Committed) and one.message.conversation == visitor
        ]

    def operator_seen(self, visitor: str, delivered: int, read: int = 0) -> None:
        self.talks.seen(visitor, DOMAIN, operator_sender(ANN), Cursor(delivered, read))

    def desk(self, state: DeskState, site: str = "acme", name: str = "Acme") -> None:
        self.bus.publish(desk_topic(site), Desk(site, state, name))

    def tick(self, seconds: float) -> None:
        """Time goes on, a second at a time."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.edge.sweep()
        self.clock.advance(seconds - int(seconds))
        self.edge.sweep()

    def note_statements(self) -> None:
        """From now on `statements` are those of its store."""

        def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            self.statements.append(statement)

        sql_event.listen(self.store.engine, "before_cursor_execute", executed)

    def forget_statements(self) -> None:
        self.statements.clear()


async def eventually(condition: Any, seconds: float = 15.0) -> None:
    """Waits until the condition holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


@pytest.fixture(scope="session")
def stocked_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with two sites and an operator, to be copied."""
    path = tmp_path_factory.mktemp("rpc") / "parley.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()

    async def stock() -> None:
        store = await open_store(f"sqlite:///{path}", clock=SystemClock())
        await store.save_site(ACME)
        await store.save_site(OTHER)
        await store.save_operator(ANN)
        await store.close()

    asyncio.run(stock())
    return path


@pytest.fixture
async def store(stocked_file: Path, tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqlStore]:
    """A store with two sites and an operator."""
    path = tmp_path / "parley.db"
    shutil.copy(stocked_file, path)
    store = await open_store(f"sqlite:///{path}", clock=clock, gather=0.0, flush=0.05)
    yield store
    await store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def idle_world(store: SqlStore, clock: ManualClock) -> AsyncIterator[World]:
    """A node that does not serve yet."""
    world = World(store, clock)
    world.note_statements()
    yield world
    await world.stop()


@pytest.fixture
async def world(idle_world: World) -> World:
    """A node that serves with the usual settings."""
    await idle_world.start()
    return idle_world


@pytest.fixture(scope="session", autouse=True)
def _zones_are_listed_once() -> Iterator[None]:
    """All time zones of this system: to look for them takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rpc.edge.available_timezones", cache(available_timezones))
        yield


@pytest.fixture(autouse=True)
def _no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a client does, nothing is logged as an error, unless the test says so."""
    yield
    for phase in ("setup", "call", "teardown"):
        errors = [r for r in caplog.get_records(phase) if r.levelno >= logging.ERROR]
        assert not errors, [record.getMessage() for record in errors]
