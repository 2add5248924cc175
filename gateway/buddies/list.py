"""The buddy lists of one domain's operators, held to what the policy says.

`shown` in the store says what contact lists were told, so that a new process can correct every
list it inherits (entries.py). No other entry is ever touched. The desk is an entry too, where its
name is the site's key.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping

from switchboard.census import Census
from switchboard.model import Shown
from switchboard.ports import Clock, Store
from switchboard.reception import Directory
from switchboard.site import Site
from switchboard.text import clean_line

from ..component import Link
from ..desk import Desks
from ..jids import parse, visitor_of
from ..operators import Operators
from ..talk import Talk
from . import wanted
from .entries import Entries
from .presences import Presences
from .subscription import ASKED, Requests
from .ways import RosterWriter, Way, Ways

SETTLE = 8.0
"""Seconds after a start in which visitors may come back before they count as gone."""
GATHER = 0.15
"""Seconds in which changes are gathered before contact lists are touched."""
RETRY = 5.0
PATIENCE = 2.0
"""Seconds for which anything waits for entries to be written; they go on being written after it."""
ABSENT_RETRY = 300.0
"""Seconds after which the desk is offered again to an operator who is not there."""
LIST_EVERY = 5.0
"""Seconds between two times that visitors are put into lists, but for those whose lines wait: each
time is a write to the store, whoever is shown to however many.
"""

log = logging.getLogger(__name__)


class BuddyList:
    """Who is in whose contact list; `presences`: and how they look there."""

    def __init__(
        self,
        domain: str,
        link: Link,
        store: Store,
        directory: Directory,
        operators: Operators,
        ways: Ways,
        census: Census,
        talks: Callable[[], Iterable[Talk]],
        clock: Clock,
        desks: Desks | None,
    ) -> None:
        self._domain = domain
        self._link = link
        self._store = store
        self._directory = directory
        self._operators = operators
        self._ways = ways
        self._census = census
        self._talks = talks
        self._clock = clock
        self._desks = desks
        """The desks, on the domain where they live."""
        self._requests = Requests(domain, link, store)
        self._entries = Entries(store, clock)
        self._shown = self._entries.shown
        self._due = RETRY
        """Seconds until something that was held back is due."""
        self._listed_at = float("-inf")
        """When visitors were last put into lists (monotonic)."""
        self._dismissed: set[tuple[str, str]] = set()
        """Visitors whom an operator took out of the contact list: not put back this visit."""
        self._inherited: set[str] = set()
        """Shown by an earlier process and not seen since: they may still come back."""
        self.presences = Presences(
            domain, link, directory, operators, census, self._entries, clock, self._inherited
        )
        self._wanted = asyncio.Event()
        self._bringing: dict[str, asyncio.Task[None]] = {}
        """By operator: the list that is being written now."""
        self._reached: set[tuple[str, str]] = set()
        """Operators who got lines of a visitor who was not in their list."""
        self._passed: set[tuple[str, str]] = set()
        """Whom lines reach without an entry, because it could not be written in time."""
        self._absent_at: dict[str, float] = {}
        """When the desk was offered to who is not there (monotonic)."""

    async def load(self) -> None:
        """Takes over what an earlier process has shown."""
        noted = await self._store.shown(self._domain)
        for entry in noted:
            if self._requests.load(entry):
                continue
            self._entries.load(entry)
            if visitor_of(entry.visitor):
                self._inherited.add(entry.visitor)
        visitors = {entry.visitor for entry in noted}
        for talk in self._talks():
            if talk.open and talk.visitor not in visitors:
                self._inherited.add(talk.visitor)
                for operator in self._directory.operators(talk.site):
                    self._entries.suspect(
                        Shown(self._domain, operator.address, talk.visitor, "", "")
                    )
        asyncio.get_running_loop().call_later(SETTLE, self._settle)

    def here(self, visitor: str) -> None:
        """A visitor is on the site, or what is known of them changed."""
        self._inherited.discard(visitor)
        self.touch()

    def left(self, visitor: str) -> None:
        """A visitor has left the site."""
        for pairs in (self._dismissed, self._reached, self._passed):
            pairs.difference_update([pair for pair in pairs if pair[1] == visitor])
        self.touch()

    def touch(self) -> None:
        """Something changed that buddy lists may show."""
        self._wanted.set()

    def link_down(self) -> None:
        """Nobody knows any more what clients saw: everything is told again."""
        self._entries.link_down()
        self.presences.link_down()
        self._listed_at = float("-inf")
        self._passed.clear()
        self._absent_at.clear()

    async def subscribed(self, address: str, visitor: str) -> None:
        """An operator added a visitor by hand: presence is theirs from now on."""
        self._dismissed.discard((address, visitor))
        shown = self._shown.setdefault(address, {})
        known = self._entries.has(address, visitor)
        self._entries.is_there(address, visitor)
        if not known:
            # The entry exists: known at once, whatever is being tried for it in the meantime.
            group = ASKED if self.asked(address, visitor) else ""
            entry = shown[visitor] = Shown(self._domain, address, visitor, "", group)
            await self._store.change_shown([entry], [])
        self.presences.tell(address, visitor)

    async def granted(self, address: str, visitor: str) -> None:
        """An operator lets a visitor see their presence: the answer to a request of ours."""
        if self.asked(address, visitor) and visitor not in self._shown.get(address, {}):
            await self.subscribed(address, visitor)

    def desk_wanted(self, address: str, site: str) -> None:
        """An operator added a desk by hand, whatever they did to it before."""
        self._dismissed.discard((address, site))
        self.touch()

    def asked(self, address: str, visitor: str) -> bool:
        """Whether the visitor has asked the operator to be added."""
        return self._requests.asked(address, visitor)

    async def unsubscribed(self, address: str, visitor: str) -> None:
        """An operator removed a visitor, or the desk, from their contact list."""
        if self._entries.was_ours_to_remove(address, visitor):
            return
        self._dismissed.add((address, visitor))
        entry = self._shown.get(address, {}).pop(visitor, None)
        if self.asked(address, visitor):
            await self._requests.note(address, visitor)
        elif entry is not None:
            await self._store.change_shown([], [entry])

    def listed(self, address: str, visitor: str) -> bool:
        """Whether the visitor's lines may go to the operator.

        Filters against strangers drop what comes from no contact, without a word (Prosody's
        `mod_block_strangers`): where an entry can be written, it comes before the first line.
        """
        pair = (address, visitor)
        if pair in self._passed or pair in self._dismissed or self._entries.has(address, visitor):
            return True
        writer = self._ways.writer(address)
        return writer is None or not writer.ready

    async def place(self, address: str, visitor: str) -> None:
        """Puts a visitor whose line waits into the operator's list, within PATIENCE if at all."""
        self._reached.add((address, visitor))
        for _ in range(2):  # the list that is being written may not have the visitor yet
            if not self.listed(address, visitor):
                await asyncio.wait([self._bring(address)], timeout=PATIENCE / 2)
        if not self.listed(address, visitor):
            self._passed.add((address, visitor))

    def ways(self) -> dict[str, str]:
        """Each operators' host, and the way that is taken there."""
        found: dict[str, str] = {}
        for site in self._directory.sites():
            asks = site.settings.presence.without_roster == "subscribe"
            for operator in self._directory.operators(site.key):
                host = parse(operator.address).domain
                if found.get(host, Way.DESK) == Way.DESK:
                    found[host] = self._ways.way(operator.address, asks).value
        return found

    async def run(self) -> None:
        """Keeps all lists right until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._due):
                    await self._wanted.wait()
            await asyncio.sleep(GATHER)
            self._wanted.clear()
            if self._link.up:
                try:
                    await self.reconcile()
                except Exception:
                    log.exception("%s: buddy lists could not be brought up to date", self._domain)

    async def reconcile(self) -> None:
        """One pass over all operators; who takes longer than PATIENCE is not waited for."""
        self._due = RETRY
        now = self._clock.monotonic()
        listing = now >= self._listed_at + LIST_EVERY
        if not listing:
            self._due = min(self._due, self._listed_at + LIST_EVERY - now)
        sites = {site.key: self._wanted_of(site) for site in self._directory.sites()}
        addresses = {o.address for key in sites for o in self._directory.operators(key)}
        addresses |= set(self._shown)
        for task in self._bringing.values():
            # It began before what this pass is for.
            task.add_done_callback(lambda _: self.touch())
        under_way = [self._bring(address, sites, listing) for address in addresses]
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=PATIENCE)
            for task in late:
                task.add_done_callback(lambda _: self.touch())
        for address in addresses:
            self._due = min(self._due, self.presences.tell_changes(address))

    async def stop(self) -> None:
        """Ends what is under way."""
        for task in self._bringing.values():
            task.cancel()
        await asyncio.gather(*self._bringing.values(), return_exceptions=True)

    def _settle(self) -> None:
        self._inherited.clear()
        self.touch()

    def _wanted_of(self, site: Site) -> wanted.OfSite:
        served = filter(self.presences.serves, self._census)
        return wanted.of_site(site, self._domain, served, self._talks())

    def _bring(
        self,
        address: str,
        sites: Mapping[str, wanted.OfSite] | None = None,
        listing: bool = False,
    ) -> asyncio.Task[None]:
        """Begins to bring one operator's list up to date, unless that is under way.

        Without `listing`, of the visitors who are not in it only those whose lines wait are put
        there.
        """
        task = self._bringing.get(address)
        if task is None:
            if sites is None:
                keys = self._directory.sites_of(address)
                sites = {key: self._wanted_of(self._directory.site(key)) for key in keys}
            task = asyncio.get_running_loop().create_task(self._bring_now(address, sites, listing))
            self._bringing[address] = task
        return task

    async def _bring_now(
        self, address: str, sites: Mapping[str, wanted.OfSite], listing: bool
    ) -> None:
        try:
            names = self._names(address, sites)
            writer = self._ways.writer(address)
            if writer is None:
                await self._ask(address, names)
            elif writer.ready:
                if self._may_try(address):
                    await self._write(address, names, writer, listing)
                    if not writer.ready or writer.refused(address):
                        self._absent_at.pop(address, None)
                await self._drop(address, names, writer)
        except Exception:
            log.exception(
                "%s: the list of %s could not be brought up to date", self._domain, address
            )
        finally:
            del self._bringing[address]

    def _names(self, address: str, sites: Mapping[str, wanted.OfSite]) -> wanted.Names:
        reached = {visitor for who, visitor in self._reached if who == address}
        talks = [talk for talk in self._talks() if talk.visitor in reached] if reached else []
        return wanted.of_operator(
            address, self._directory, sites, talks, with_desks=self._desks is not None
        )

    def _may_try(self, address: str) -> bool:
        """Who is not there may have no account; or is there, and the desk's entry is to tell it."""
        now = self._clock.monotonic()
        if self._operators.is_there(address):
            return True
        if now < self._absent_at.get(address, now - ABSENT_RETRY) + ABSENT_RETRY:
            return False
        self._absent_at[address] = now
        return True

    async def _write(
        self, address: str, names: wanted.Names, writer: RosterWriter, listing: bool
    ) -> None:
        shown = self._shown.setdefault(address, {})
        there = self._operators.is_there(address)
        changed = [
            Shown(
                self._domain,
                address,
                contact,
                clean_line(entry.name, 80),
                clean_line(entry.group, 80),
            )
            for contact, entry in names.items()
            if (address, contact) not in self._dismissed and (there or not visitor_of(contact))
        ]
        changed = [
            entry
            for entry in changed
            if shown.get(entry.visitor) != entry
            and (listing or self._at_once(address, entry.visitor))
        ]
        talking = {visitor for who, visitor in self._reached if who == address}
        taken = await self._entries.put(address, changed, writer, talking)
        if any(not self._at_once(address, entry.visitor) for entry in taken):
            self._listed_at = self._clock.monotonic()
        for entry in taken:
            # Prosody only pushes the entry; ejabberd asks for the desk's presence by itself.
            if self._desks is not None and not visitor_of(entry.visitor):
                self._desks.added(entry.visitor, address)
        if writer.refused(address):
            self.touch()

    def _at_once(self, address: str, contact: str) -> bool:
        return not visitor_of(contact) or (address, contact) in self._reached

    async def _drop(self, address: str, names: wanted.Names, writer: RosterWriter) -> None:
        dropped = [
            entry
            for contact, entry in self._shown.get(address, {}).items()
            if contact not in names and contact not in self._inherited
        ]
        if not dropped:
            return
        for entry in dropped:
            if visitor_of(entry.visitor):
                self.presences.tell_gone(address, entry.visitor)
            elif self._desks is not None:
                self._desks.removed(entry.visitor, address)
        for entry in await self._entries.remove(address, dropped, writer):
            self.presences.forget(address, entry.visitor)

    async def _ask(self, address: str, names: wanted.Names) -> None:
        """Where no list can be written: visitors ask to be added, if their site wants it."""
        if not self._operators.is_there(address):
            return
        for contact, entry in names.items():
            asks = self._directory.site(entry.site).settings.presence.without_roster == "subscribe"
            if asks and visitor_of(contact) and not self._entries.has(address, contact):
                await self._requests.ask(address, contact, entry.name, entry.group)
