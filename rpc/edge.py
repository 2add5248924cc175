"""The web edge as `parley` builds it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from twisted.web.resource import Resource

from switchboard.attendance import Attendance
from switchboard.ports import Bus, Clock
from switchboard.reception import DeskBoard, Directory, Rooms, Talks

from .admission import Origins, Proxies, Rates
from .door import RpcDoor
from .halls import Halls
from .log_slices import Slices
from .public_log import PublicLog
from .seats import STAYS_SECONDS, Seats
from .services import RpcSettings, Services
from .site import Limits, ParleySite, build_site
from .stream_door import StreamDoor
from .tokens import Cursors, Tokens
from .transports.poll import Polls
from .transports.streams import Streams
from .upload_door import Files, UploadDoor
from .uploads import Uploads

FILES_PER_HOUR = 20
"""Of one visitor's."""

SPREAD_SECONDS = 8.0
"""In how long at most all clients are told that the server stops: elsewhere it is work for each."""
TOLD_A_SECOND = 200
"""So many at least."""
TURN_SECONDS = 0.05

STOP_SECONDS = 3.0
"""How long calls in hand, and files on their way, may take after that."""

FAREWELL_SECONDS = 1.0
"""How long clients may take to hear of it."""


class WebEdge:
    """Everything between visitors' browsers and the reception, on one event loop."""

    def __init__(
        self,
        directory: Directory,
        talks: Talks,
        rooms: Rooms,
        attendance: Attendance,
        desks: DeskBoard,
        bus: Bus,
        clock: Clock,
        settings: RpcSettings,
    ) -> None:
        self._directory = directory
        self._attendance = attendance
        self._desks = desks
        self._origins = Origins()
        stays = settings.grace_seconds + STAYS_SECONDS
        cursors = Cursors(settings.token_keys)
        self._services = Services(
            settings=settings,
            directory=directory,
            talks=talks,
            attendance=attendance,
            desks=desks,
            clock=clock,
            tokens=Tokens(settings.token_keys, settings.token_days, clock),
            cursors=cursors,
            origins=self._origins,
            new_visitors=Rates(settings.new_visitors_per_minute, clock, strict=True),
            messages=Rates(settings.messages_per_minute, clock),
            files=Rates(FILES_PER_HOUR, clock, seconds=3600),
            uploads=Uploads(
                Path(settings.uploads_folder) if settings.uploads_folder else None,
                settings.uploads_max_bytes,
                settings.token_keys,
                settings.public_url,
                clock,
            ),
            seats=Seats(directory, talks, attendance, desks, bus, clock, stays),
            rooms=rooms,
            halls=Halls(directory, rooms, talks, attendance, desks, bus, clock, cursors, stays),
            polls=Polls(attendance),
            time_zones=frozenset(available_timezones()),
        )
        self._streams = Streams(self._services)
        proxies = Proxies(settings.trusted_proxies)
        self._door = RpcDoor(self._services, self._streams, proxies)
        self._stream_door = StreamDoor(self._services, self._streams, proxies)
        self._door.putChild(b"events", self._stream_door)
        self._upload_door = UploadDoor(self._services, self._streams, proxies)
        self._slices = Slices(rooms, bus, clock)
        self._public_log = PublicLog(directory, self._slices)
        self._sites: list[ParleySite] = []

    def site(
        self,
        extra: Mapping[bytes, Resource] | None = None,
        static: Traversable | None = None,
        reactor: Any = None,
    ) -> ParleySite:
        """What a Twisted endpoint listens with; `extra` are further children of the root.

        `static` is the widget's folder (the package's own if None), `reactor` the global one.
        """
        settings = self._services.settings
        limits = Limits(settings.request_bytes, settings.head_seconds, settings.body_seconds)
        extra = {
            b"files": Files(self._services.uploads),
            b"rooms": self._public_log,
            **(extra or {}),
        }
        site = build_site(self._door, self._upload_door, limits, extra, static, reactor)
        self._sites.append(site)
        return site

    async def start(self) -> None:
        """To be called once, with the directory loaded, before anybody is served."""
        self._directory.listen(self._load_sites)
        self._load_sites()
        await self._desks.ask(self._services.rooms.domain)

    def sweep(self) -> None:
        """To be called every second; sweeps the attendance and the desks too."""
        services = self._services
        services.polls.sweep()
        self._streams.sweep()
        self._attendance.sweep()
        self._desks.sweep()
        services.seats.sweep()
        services.halls.sweep()
        services.new_visitors.sweep()
        services.messages.sweep()
        services.files.sweep()
        services.uploads.sweep()

    async def stop(self) -> None:
        """Hands all clients on, one after another, and finishes what is in hand; within 12 s.

        The listeners are to be closed before, and `sweep` is to be called on. Sockets end with
        1001, streams end, polls are answered, and so is what still comes on open connections, until
        all is done: the store may be closed then. In the end the node says that its visitors are
        elsewhere from now on.
        """
        for site in self._sites:
            site.stopping = True
        await self._hand_on()
        self._streams.close()
        self._services.polls.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finish(), STOP_SECONDS)
        self._take_no_more()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._streams.gone(), FAREWELL_SECONDS)
        self._streams.abort()
        self._slices.close()
        self._services.seats.close()
        self._services.halls.close()
        self._attendance.close()

    @property
    def sockets(self) -> int:
        """How many sockets and streams of events are open."""
        return len(self._streams)

    @property
    def visitors(self) -> int:
        """How many visitors are here, those in their grace period included."""
        return len(self._attendance)

    async def _hand_on(self) -> None:
        """In no order, so that those who came together do not go together."""
        turns = [stream.part for stream in self._streams]
        turns += [poll.cut_short for poll in self._services.polls]
        random.shuffle(turns)
        a_second = max(TOLD_A_SECOND, len(turns) / SPREAD_SECONDS)
        loop = asyncio.get_running_loop()
        began, told = loop.time(), 0
        while told < len(turns):
            await asyncio.sleep(TURN_SECONDS)
            due = math.ceil((loop.time() - began) * a_second)
            for tell in turns[told:due]:
                tell()
            told = due

    async def _finish(self) -> None:
        """What is in hand; then what came meanwhile, and no more."""
        await self._settle()
        self._take_no_more()
        await self._settle()

    def _take_no_more(self) -> None:
        for site in self._sites:
            site.stopped = True

    async def _settle(self) -> None:
        await self._services.uploads.settle()
        await self._streams.settle()
        for door in (self._door, self._stream_door, self._upload_door, self._public_log):
            await door.settle()

    def _load_sites(self) -> None:
        self._origins.load(self._directory.sites())
        self._services.seats.load_sites()
        self._services.halls.load()
