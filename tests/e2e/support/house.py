"""The gateway's house on each of three servers, and what an operator has to do there by hand.

`prosody` lets the component write contact lists (XEP-0356), `bare` is a Prosody that lets it do
nothing, and `ejabberd` has its HTTP API, because 23.01 refuses what it grants. The tests are the
same; what depends on the server is here, once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

from gateway.buddies.api import ApiSettings
from parley.private_prosody import PrivateProsody
from switchboard.model import Visit
from switchboard.rooms import RoomSettings
from switchboard.site import PresenceSettings
from tests.e2e.support.bridge import Bridge, Server, bridge
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.operator import Operator, Ping
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

Kind = Literal["prosody", "bare", "ejabberd"]
ALL: tuple[Kind, ...] = ("prosody", "bare", "ejabberd")
WRITING: tuple[Kind, ...] = ("prosody", "ejabberd")
"""Where visitors appear by themselves."""

Login = Callable[..., Awaitable[Operator]]

PASSWORD = "correct horse"
SECRET = "s3cret"
DOMAIN = "chat.localhost"
DESK = f"shop@{DOMAIN}"
DESK_FULL = f"{DESK}/desk"
NAMES = ("ann", "bob")
_NUMBERS = itertools.count(1)


@contextmanager
def serving(kind: Kind, folder: Path) -> Iterator[Server]:
    """A server that runs for as long as the block, under no loop of the tests'."""
    one: Server
    if kind == "ejabberd":
        one = PrivateEjabberd(folder, free_port(), free_port(), secret=SECRET)
    else:
        privileged = kind == "prosody"
        one = PrivateProsody(folder, free_port(), free_port(), secret=SECRET, privileged=privileged)
    with running(one):
        yield one


@contextmanager
def running(server: Server) -> Iterator[None]:
    """Runs a server under a loop of its own, so that it outlives any test's."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, server.start()).result()
        try:
            yield
        finally:
            thread.submit(asyncio.run, server.stop()).result()


def api_of(server: Server) -> ApiSettings | None:
    """The server's own API, if it has one."""
    if not isinstance(server, PrivateEjabberd):
        return None
    return ApiSettings(server.api.api, server.api.user, server.api.password)


class House:
    """One test's operators, with accounts of their own, on a server that others use too."""

    def __init__(self, kind: Kind, server: Server, folder: Path) -> None:
        self.kind = kind
        self.server = server
        self.folder = folder
        self._suffix = next(_NUMBERS)
        self._clients: list[Operator] = []

    @property
    def writes(self) -> bool:
        """Whether visitors and the desk come into contact lists by themselves."""
        return self.kind in WRITING

    def address(self, name: str) -> str:
        """The bare JID of this test's `name`."""
        return f"{name}{self._suffix}@{self.server.host}"

    async def add_user(self, name: str) -> None:
        """Makes an account."""
        await self.server.add_user(self.address(name).partition("@")[0], PASSWORD)

    @asynccontextmanager
    async def bridge(
        self,
        *names: str,
        presence: PresenceSettings | None = None,
        api: ApiSettings | None = None,
        rooms: dict[str, RoomSettings] | None = None,
    ) -> AsyncIterator[Bridge]:
        """A linked gateway over this house's store; again, it is the next process."""
        people = {self.address(name): name.title() for name in names or NAMES}
        api = api or api_of(self.server)
        async with bridge(
            self.folder, self.server, people, api=api, presence=presence, rooms=rooms
        ) as running:
            await running.linked()
            yield running

    async def login(
        self,
        name: str,
        *,
        resource: str = "scripted",
        priority: int = 0,
        receipts: bool = True,
        ping: Ping = "answer",
        knows_the_desk: bool = True,
    ) -> Operator:
        """A client of `name`; where nobody does it for them, they add the desk by hand."""
        one = Operator(
            self.address(name),
            PASSWORD,
            resource=resource,
            priority=priority,
            receipts=receipts,
            ping=ping,
        )
        self._clients.append(one)
        await one.login(self.server.c2s_port)
        if knows_the_desk and not self.writes and DESK not in one.roster():
            await befriend(one, DESK)
        return one

    async def appears(self, operator: Operator, visit: Visit) -> None:
        """The visitor is in the contact list and online: by itself, or added by hand."""
        contact = jid(visit.visitor)
        if not self.writes and contact not in operator.roster():
            await befriend(operator, contact)
        await sees(operator, visit)
        await eventually(lambda: contact in operator.roster(), 10.0, "the entry")

    async def leaves(self, operator: Operator, visit: Visit) -> None:
        """The visitor is offline; an entry that came by itself goes by itself."""
        contact = jid(visit.visitor)
        await sees(operator, visit, type="unavailable")
        if self.writes:
            await eventually(lambda: contact not in operator.roster(), 10.0, "the entry goes")
        else:
            assert contact in operator.roster()

    async def close(self) -> None:
        """All clients leave."""
        for one in self._clients:
            await one.logout()


def jid(visitor: str) -> str:
    """A visitor's bare JID."""
    return f"{visitor}@{DOMAIN}"


async def sees(operator: Operator, visit: Visit, *, type: str = "") -> None:
    """The last presence of the visitor is available, or of that type."""

    def seen() -> bool:
        presence = operator.presence_of(jid(visit.visitor))
        return presence is not None and presence.type == type

    await eventually(seen, 10.0, f"presence {type or 'available'} of {visit.visitor}")


async def befriend(operator: Operator, contact: str) -> None:
    """An operator adds a contact by hand, and lets it see them."""
    operator.send_presence_to(contact, "subscribe")
    await operator.wait_for(lambda one: one.type == "subscribe" and one.sender == contact)
    operator.send_presence_to(contact, "subscribed")
    await eventually(lambda: operator.presence_of(contact), 10.0, f"presence of {contact}")
