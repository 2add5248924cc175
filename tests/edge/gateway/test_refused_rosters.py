"""A host that grants rosters and refuses their entries, as ejabberd before 23.10 does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree as ET

import pytest
from slixmpp.componentxmpp import ComponentXMPP

from gateway import namespaces as ns
from gateway.buddies.entries import FRESH
from gateway.buddies.list import LIST_EVERY
from gateway.component import LinkState
from gateway.gateway import Gateway, JabberSettings
from gateway.xml import Xml, element
from switchboard.attendance import Attendance
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.leases import LeaseForEver
from switchboard.model import Operator, Visit, new_visitor_id
from switchboard.reception import Directory, Rooms, Talks
from switchboard.sessions.memory import MemorySessions
from switchboard.site import Site, SiteSettings
from switchboard.store import SqlStore, open_store
from tests.edge.gateway.shop import HandClock
from tests.sqlite import empty_store

DOMAIN = "chat.example.org"
HOST = "example.org"
ANN, BOB = f"ann@{HOST}", f"bob@{HOST}"
SETTINGS = JabberSettings("127.0.0.1", 1, (DOMAIN,), "secret", 15.0, "test")
FAILED = ("internal-server-error", "wait")
"""What ejabberd 23.01 answers."""


class Host:
    """The Jabber server: answers roster sets with `refusal`, and notes who was told what."""

    def __init__(self, store: SqlStore, directory: Directory) -> None:
        self.clock = clock = HandClock()
        bus = MemoryBus()
        talks = Talks(store, bus, clock, 4000)
        rooms = Rooms(store, bus, clock, directory, DOMAIN, 4000)
        self.gateway = Gateway(
            DOMAIN,
            SETTINGS,
            store,
            directory,
            talks,
            rooms,
            bus,
            clock,
            False,
            LeaseForEver(DOMAIN),
        )
        self.store = store
        self.directory = directory
        self.buddies = self.gateway._buddies
        self.attendance = Attendance(bus, MemorySessions(), clock, "test", 1, 15.0)
        self.refusal: tuple[str, str] | None = FAILED
        self.asked: list[tuple[str, str]] = []
        """`(operator, contact)` of each roster set."""
        self.presence: list[tuple[str, str, str]] = []
        """`(operator, visitor's bare JID, type)`, "" for available."""
        stream = SimpleNamespace(
            transport=SimpleNamespace(get_write_buffer_size=lambda: 0), send_raw=self._take
        )
        self.gateway.link._component = cast("ComponentXMPP", stream)  # type: ignore[assignment]

    async def link(self) -> None:
        """A new link: the host grants, and its users are there."""
        if self.gateway.link.up:
            self.gateway.link.state = LinkState.LOST
            self.gateway.link_down()
        self.gateway.link.state = LinkState.UP
        self.gateway.link_up()
        self.grant()
        for who in (ANN, BOB):
            self._say(element("presence", {"from": f"{who}/pc", "to": DOMAIN}))
        await self.look()

    def grant(self) -> None:
        """XEP-0356 §4.1."""
        perms = [
            element("perm", {"access": access, "type": kind})
            for access, kind in (("roster", "both"), ("presence", "managed_entity"))
        ]
        privilege = element("privilege", {"xmlns": ns.PRIVILEGES[1]}, *perms)
        self._say(element("message", {"from": HOST, "to": DOMAIN}, privilege))

    async def look(self, times: int = 1) -> None:
        """What the gateway does every few seconds."""
        for _ in range(times):
            await asyncio.sleep(0)  # the bus tells who is here
            await self.buddies.reconcile()
        await asyncio.sleep(0)

    def arrive(self) -> Visit:
        """A visitor comes to the site."""
        return self.attendance.update(Visit(new_visitor_id(), "shop", DOMAIN))

    async def rows(self) -> set[tuple[str, str]]:
        """`(operator, visitor)` of what the store says was shown."""
        return {(entry.operator, entry.visitor) for entry in await self.store.shown(DOMAIN)}

    def _take(self, data: str) -> None:
        for stanza in ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{data}</all>'):
            to = stanza.get("to") or ""
            item = stanza.find(f"{{{ns.ROSTER}}}query/{{{ns.ROSTER}}}item")
            if stanza.tag.endswith("presence"):
                sender = (stanza.get("from") or "").partition("/")[0]
                self.presence.append((to, sender, stanza.get("type") or ""))
            elif item is not None:
                self.asked.append((to, item.get("jid") or ""))
                asyncio.get_running_loop().call_soon(self._answer, to, stanza.get("id") or "")

    def _answer(self, user: str, id: str) -> None:
        attributes = {"from": user, "to": DOMAIN, "id": id}
        if self.refusal is None:
            self._say(element("iq", {**attributes, "type": "result"}))
            return
        condition = element(self.refusal[0], {"xmlns": ns.STANZAS})
        error = element("error", {"type": self.refusal[1]}, condition)
        self._say(element("iq", {**attributes, "type": "error"}, error))

    def _say(self, stanza: Xml) -> None:
        for xml in ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{stanza}</all>'):
            self.gateway.stanza(xml)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """Not linked yet; ann and bob answer for the site."""
    (tmp_path / "log.db").write_bytes(empty_store())
    store = await open_store(f"sqlite:///{tmp_path}/log.db", clock=SystemClock())
    await store.save_site(Site("shop", SiteSettings("Shop", ("https://a",), "s")))
    for number, address in enumerate((ANN, BOB)):
        await store.save_operator(Operator(f"o-{number}", "shop", address, address[:3].title()))
    directory = Directory(store)
    await directory.refresh()
    one = Host(store, directory)
    await one.buddies.load()
    yield one
    await store.close()


def jid(visit: Visit) -> str:
    return f"{visit.visitor}@{DOMAIN}"


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


async def test_it_is_asked_once_a_link(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """One entry, one warning with the remedy; a new link and a new grant try again."""
    visits = [host.arrive() for _ in range(3)]
    await host.link()
    await host.look(3)
    visits.append(host.arrive())
    await host.look(3)
    assert len(host.asked) == 1
    assert host.asked[0][1] in {jid(visit) for visit in visits}
    assert len(refusals(caplog)) == 1
    assert "23.10" in refusals(caplog)[0]
    await host.link()
    await host.look(3)
    assert len(host.asked) == 2
    host.grant()
    await host.look(3)
    assert len(host.asked) == 3
    assert len(refusals(caplog)) == 3


async def test_visitors_stay_strangers_unless_they_are_added(host: Host) -> None:
    """No presence and no row for an entry that is in no list; one added by hand keeps both."""
    visit, other = host.arrive(), host.arrive()
    await host.link()
    assert host.presence == []
    assert await host.rows() == set()
    await host.buddies.subscribed(ANN, visit.visitor)
    await host.link()
    await host.look()
    assert {line for line in host.presence if line[2] == ""} == {(ANN, jid(visit), "")}
    assert await host.rows() == {(ANN, visit.visitor)}
    assert other.visitor not in host.buddies._shown[ANN]


async def test_health_tells_of_it(host: Host) -> None:
    """The grant is shown as refused, everything else of it as granted."""
    host.arrive()
    await host.link()
    kinds = {"roster": "refused", "presence": "managed_entity"}
    assert host.gateway.privileges.summary() == {HOST: kinds}


async def test_a_host_that_takes_entries_is_asked_again(host: Host) -> None:
    """An error after a success will pass: a full disk is mended some day."""
    first = host.arrive()
    host.refusal = None
    await host.link()
    host.refusal = FAILED
    host.clock.seconds += LIST_EVERY
    second = host.arrive()
    await host.look()
    host.refusal = None
    await host.look()
    wanted = {(who, one.visitor) for who in (ANN, BOB) for one in (first, second)}
    assert await host.rows() == wanted
    assert {entry.name for entry in await host.store.shown(DOMAIN)} != {""}
    assert host.asked.count((ANN, jid(second))) == 2


async def test_what_is_said_of_one_user_says_nothing_of_the_host(host: Host) -> None:
    """A missing account leaves the others their buddies."""
    host.arrive()
    host.refusal = ("service-unavailable", "cancel")
    await host.link()
    assert len(host.asked) == 2
    host.refusal = None
    await host.look()
    assert len(host.asked) == 4


async def test_all_entries_go_out_once_one_was_taken(host: Host) -> None:
    """Each of them once, to each operator."""
    visits = [host.arrive() for _ in range(4)]
    host.refusal = None
    await host.link()
    assert sorted(host.asked) == sorted((who, jid(v)) for who in (ANN, BOB) for v in visits)
    await host.look()
    assert len(host.asked) == 8
    assert len(await host.rows()) == 8


async def test_who_comes_right_after_others_is_listed_with_those_who_follow(host: Host) -> None:
    """Lists are written once in 5 s, and at once for a visitor whose line waits."""
    host.refusal = None
    await host.link()
    host.clock.seconds += LIST_EVERY
    first = host.arrive()
    await host.look()
    others = [host.arrive() for _ in range(3)]
    await host.look(times=2)
    assert await host.rows() == {(who, first.visitor) for who in (ANN, BOB)}
    await host.buddies.place(ANN, others[0].visitor)
    assert (ANN, others[0].visitor) in await host.rows()
    host.clock.seconds += LIST_EVERY
    await host.look()
    assert await host.rows() == {(who, v.visitor) for who in (ANN, BOB) for v in (first, *others)}


async def test_what_a_killed_server_took_last_is_written_again(host: Host) -> None:
    """ejabberd 23.01 forgets the entries of its last second; older ones are left alone."""
    old = host.arrive()
    host.refusal = None
    await host.link()
    host.clock.seconds += FRESH + 1
    new = host.arrive()
    await host.look()
    host.asked.clear()
    await host.link()
    assert sorted(host.asked) == [(ANN, jid(new)), (BOB, jid(new))]
    assert (ANN, jid(old), "") in host.presence


async def test_what_an_earlier_process_wrote_is_written_again(host: Host) -> None:
    """Both may have been killed; who does not come back is removed as ever."""
    stays, leaves = host.arrive(), host.arrive()
    host.refusal = None
    await host.link()
    next_one = Host(host.store, host.directory)
    next_one.refusal = None
    await next_one.buddies.load()
    next_one.attendance.update(stays)
    await next_one.link()
    assert sorted(next_one.asked) == [(ANN, jid(stays)), (BOB, jid(stays))]
    next_one.buddies._settle()
    await next_one.look()
    assert await next_one.rows() == {(who, stays.visitor) for who in (ANN, BOB)}
    assert (ANN, jid(leaves)) in next_one.asked
