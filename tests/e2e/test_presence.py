"""Recovery of presence: whatever restarts, and in whichever order, the operators' view is right.

10 s after the last of gateway, Jabber server and client has returned there is no ghost online, no
live visitor grey, every entry is right, and an operator was never told `unsubscribed`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import permutations
from pathlib import Path

import pytest

from gateway.buddies import list as buddies
from gateway.buddies.api import ApiSettings
from parley.private_prosody import PrivateProsody
from switchboard.model import Visit
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.bridge import Bridge, Server, bridge
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.house import api_of
from tests.e2e.support.operator import Operator
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

pytestmark = [pytest.mark.prosody, pytest.mark.long]

PEOPLE = {"ann@localhost": "Ann"}
DESK = "shop@chat.localhost"
SETTLE = 3.0
RIGHT_WITHIN = 10.0 - (buddies.SETTLE - SETTLE)
"""Seconds; the time that a new gateway gives visitors to come back is shortened by as much."""
PARTS = ("gateway", "server", "client")


class Site:
    """All three parts, each of which can be cut off and brought back."""

    def __init__(self, folder: Path, server: Server, api: ApiSettings | None) -> None:
        self.folder = folder
        self.server = server
        self.api = api
        self.client = Operator("ann@localhost", PASSWORD)
        self.seen: list[Operator] = []
        self._running = AsyncExitStack()
        self._desk: Bridge | None = None

    @property
    def desk(self) -> Bridge:
        assert self._desk is not None
        return self._desk

    async def back(self, part: str) -> None:
        match part:
            case "gateway":
                self._desk = await self._running.enter_async_context(
                    bridge(self.folder, self.server, PEOPLE, api=self.api)
                )
            case "server":
                await self.server.start()
            case _:
                # As a client with patience: the server may still be away.
                self.client = Operator("ann@localhost", PASSWORD)
                self.seen.append(self.client)
                await self.client.login(self.server.c2s_port)

    async def away(self, part: str) -> None:
        match part:
            case "gateway":
                self.desk.crash()
                await self._running.aclose()
                self._running = AsyncExitStack()
            case "server":
                self.server.kill()
            case _:
                await self.client.drop()

    async def close(self) -> None:
        await self._running.aclose()
        await self.client.logout()
        await self.server.stop()


@pytest.fixture
async def make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[str], Awaitable[Site]]]:
    """Starts all three, in good order, on Prosody (privileged or `bare`) or ejabberd (with its
    API or without, `refusing`)."""
    monkeypatch.setattr(buddies, "SETTLE", SETTLE)
    made: list[Site] = []

    async def start(kind: str) -> Site:
        server: Server
        if kind in ("ejabberd", "refusing"):
            server = PrivateEjabberd(tmp_path / kind, free_port(), free_port(), secret="s3cret")
        else:
            server = PrivateProsody(
                tmp_path / kind,
                free_port(),
                free_port(),
                secret="s3cret",
                privileged=kind == "prosody",
            )
        await server.add_user("ann", PASSWORD)
        site = Site(tmp_path, server, api_of(server) if kind == "ejabberd" else None)
        made.append(site)
        for part in ("server", "gateway", "client"):
            await site.back(part)
        await site.desk.linked()
        return site

    yield start
    for site in made:
        await site.close()


def jid(visit: Visit) -> str:
    return f"{visit.visitor}@chat.localhost"


def sees(client: Operator, contact: str) -> bool:
    """Whether the contact is shown as online."""
    presence = client.presence_of(contact)
    return presence is not None and presence.type == ""


async def restarts(site: Site, gone: tuple[str, ...], back: tuple[str, ...]) -> None:
    """Takes parts away and brings them back, in these orders; a client needs its server."""
    lost_client = "server" in gone and "client" not in gone
    for part in gone:
        await site.away(part)
    if lost_client:
        await eventually(lambda: not site.client._client.is_connected(), what="cut off")
    for part in back:
        await site.back(part)
    if lost_client:
        await site.back("client")


def orders() -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Every pair of parts, gone and back in each order that is possible."""
    found: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for pair in permutations(PARTS, 2):
        for back in permutations(pair):
            if back != ("client", "server"):
                found.append((pair, back))
    return found


@pytest.mark.parametrize("kind", ["prosody", "ejabberd"])
class TestWrittenLists:
    """Prosody lets the gateway write contact lists and tells it all presence, ejabberd by its API
    and by the desk's contact."""

    async def test_any_two_restart_in_any_order(
        self, make: Callable[[str], Awaitable[Site]], kind: str
    ) -> None:
        """Who stayed is online under their name, who left is gone and out of the list."""
        site = await make(kind)
        stays = site.desk.arrive("Stays")
        for gone, back in orders():
            leaves = site.desk.arrive("Leaves")
            client = site.client
            await eventually(
                lambda client=client, leaves=leaves: (
                    sees(client, jid(leaves))  # type: ignore[misc]
                    and sees(client, jid(stays))
                ),
                10.0,
                "who comes is listed with those of the next 5 s",
            )
            before = site.desk
            if "gateway" not in gone:
                before.attendance.closed(leaves.visitor, 1)
            await restarts(site, gone, back)
            if site.desk is not before:
                site.desk.arrive("Stays", visitor=stays.visitor)
            comes = site.desk.arrive("Comes")
            await self.right(site, f"{gone} then {back}", stays, leaves, comes)
            site.desk.attendance.closed(comes.visitor, 1)
            assert not [
                one for seen in site.seen for one in seen.received if one.type == "unsubscribed"
            ]

    async def right(self, site: Site, what: str, stays: Visit, leaves: Visit, comes: Visit) -> None:
        client = site.client

        def right() -> bool:
            roster = client.roster()
            online = [one for one in (stays, leaves, comes) if sees(client, jid(one))]
            return (
                online == [stays, comes]
                and jid(leaves) not in roster
                and all(
                    jid(one) in roster
                    and roster[jid(one)].name == one.details.name
                    and roster[jid(one)].subscription == "both"
                    for one in (stays, comes)
                )
            )

        await eventually(right, RIGHT_WITHIN, lambda: f"{what}: {client.roster()}")


@pytest.mark.parametrize("kind", ["bare", "refusing"])
class TestDeskContact:
    """Without entries of our making: the desk's contact and the lines."""

    async def test_any_two_restart_in_any_order(
        self, make: Callable[[str], Awaitable[Site]], kind: str
    ) -> None:
        """The desk shows its state, a visitor added by hand theirs, and lines arrive."""
        site = await make(kind)
        ann, visit = site.client, site.desk.arrive("Eve")
        ghost = site.desk.arrive("Ghost")
        for contact in (DESK, jid(visit), jid(ghost)):
            await befriend(ann, contact)
        left = False
        for number, (gone, back) in enumerate(orders()):
            before = site.desk
            if not left and "gateway" not in gone:
                left = True
                before.attendance.closed(ghost.visitor, 1)
            await restarts(site, gone, back)
            if site.desk is not before:
                site.desk.arrive("Eve", visitor=visit.visitor)
                if not left:
                    site.desk.arrive("Ghost", visitor=ghost.visitor)
            started = time.monotonic()
            await site.desk.talks.say(visit, f"c{number}", f"line {number}")

            def right(left: bool = left, body: str = f"line {number}") -> bool:
                client = site.client
                return (
                    sees(client, DESK)
                    and sees(client, jid(visit))
                    and sees(client, jid(ghost)) is not left
                    and any(one.body == body for one in client.messages(jid(visit)))
                )

            await eventually(right, RIGHT_WITHIN, f"{gone} then {back}")
            assert time.monotonic() - started < RIGHT_WITHIN + 1
            await asyncio.sleep(0.1)
        assert not [
            one for seen in site.seen for one in seen.received if one.type == "unsubscribed"
        ]


class TestRefusedEntries:
    """ejabberd before 23.10 grants the right to write contact lists and fails at each entry."""

    async def test_it_is_asked_once_and_nobody_is_shown(
        self, make: Callable[[str], Awaitable[Site]], caplog: pytest.LogCaptureFixture
    ) -> None:
        """One warning a link, which names the remedy; whom nobody added sends no presence."""
        site = await make("refusing")
        assert isinstance(site.server, PrivateEjabberd)
        if site.server.release >= (23, 10):
            pytest.skip("this ejabberd takes the entries")

        def warnings() -> list[str]:
            said = (one.getMessage() for one in caplog.records if "privilege" in one.name)
            return [words for words in said if "23.10 or later" in words]

        # ejabberd does not tell a new link who was there before; the desk's probes ask for it.
        await befriend(site.client, DESK)
        visit = site.desk.arrive("Eve")
        await eventually(lambda: len(warnings()) == 1, 10.0, "a warning")
        await asyncio.sleep(2 * buddies.RETRY)
        assert len(warnings()) == 1
        assert site.client.presence_of(jid(visit)) is None
        await restarts(site, ("server",), ("server",))
        await eventually(lambda: len(warnings()) == 2, 10.0, "a warning for the new link")
        assert site.client.presence_of(jid(visit)) is None


async def befriend(client: Operator, contact: str) -> None:
    """An operator adds a contact by hand."""
    client.send_presence_to(contact, "subscribe")
    await client.wait_for(lambda one: is_(one.type, "subscribe", one.sender, contact))
    client.send_presence_to(contact, "subscribed")
    await eventually(lambda: sees(client, contact))


def is_(type: str, wanted: str, sender: str, by: str) -> bool:
    return type == wanted and sender.startswith(by)
