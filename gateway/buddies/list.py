"""The buddy lists of one domain's operators, held to what the policy says.

`shown` in the store says what contact lists were told, so that a new process can correct every
list it inherits. A row is written before its entry is, and dropped after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable

import msgspec

from switchboard.census import Census
from switchboard.model import Phase, Shown, Site, default_name
from switchboard.ports import Clock, Store
from switchboard.reception import Directory
from switchboard.text import clean_line

from .. import outbound
from ..avatar import visitor_avatar
from ..capabilities import VISITOR
from ..component import Link
from ..jids import visitor_full
from ..operators import Operators
from ..talk import Talk
from . import policy
from .privilege import Privileges

SETTLE = 8.0
"""Seconds after a start in which visitors may come back before they count as gone."""
GATHER = 0.15
"""Seconds in which changes are gathered before contact lists are touched."""
RETRY = 5.0
STATUS_EVERY = 5.0
"""Seconds between two presences of a visitor who stays: pages in between are not told."""

log = logging.getLogger(__name__)


class BuddyList:
    """Who is in whose contact list, and with which presence."""

    def __init__(
        self,
        domain: str,
        link: Link,
        store: Store,
        directory: Directory,
        operators: Operators,
        privileges: Privileges,
        talks: Callable[[], Iterable[Talk]],
        clock: Clock,
    ) -> None:
        self._domain = domain
        self._link = link
        self._store = store
        self._directory = directory
        self._operators = operators
        self._privileges = privileges
        self._talks = talks
        self._clock = clock
        self._shown: dict[str, dict[str, Shown]] = {}
        self._told: dict[tuple[str, str], tuple[policy.Appearance, float]] = {}
        """By operator and visitor: what was told last, and when (monotonic)."""
        self._due = RETRY
        """Seconds until something that was held back is due."""
        self._census: Census | None = None
        self._dismissed: set[tuple[str, str]] = set()
        """Visitors whom an operator took out of the contact list: not put back this visit."""
        self._inherited: set[str] = set()
        """Shown by an earlier process and not seen since: they may still come back."""
        self._wanted = asyncio.Event()

    async def load(self, census: Census) -> None:
        """Takes over what an earlier process has shown."""
        self._census = census
        for entry in await self._store.shown(self._domain):
            self._shown.setdefault(entry.operator, {})[entry.visitor] = entry
            self._inherited.add(entry.visitor)
        asyncio.get_running_loop().call_later(SETTLE, self._settle)

    def here(self, visitor: str) -> None:
        """A visitor is on the site, or what is known of them changed."""
        self._inherited.discard(visitor)
        self.touch()

    def left(self, visitor: str) -> None:
        """A visitor has left the site."""
        self._dismissed = {pair for pair in self._dismissed if pair[1] != visitor}
        self.touch()

    def touch(self) -> None:
        """Something changed that buddy lists may show."""
        self._wanted.set()

    def link_down(self) -> None:
        """Nobody knows any more what clients saw: everything is told again."""
        self._told.clear()

    def operator_gone(self, address: str) -> None:
        """An operator's last client has left: whoever comes next has seen nothing."""
        for pair in [pair for pair in self._told if pair[0] == address]:
            del self._told[pair]

    def appearance(self, visitor: str) -> policy.Appearance:
        """A visitor's presence now."""
        visit = self._census.visit(visitor) if self._census is not None else None
        return policy.appearance(visit, self._clock.now())

    def answer_probe(self, address: str, visitor: str) -> None:
        """A contact list asks for a visitor's presence (RFC 6121 §4.3)."""
        appearance = self.appearance(visitor)
        if visitor in self._inherited:
            return
        self._tell(address, visitor, appearance)

    async def subscribed(self, address: str, visitor: str) -> None:
        """An operator added a visitor by hand: presence is theirs from now on."""
        self._dismissed.discard((address, visitor))
        shown = self._shown.setdefault(address, {})
        if visitor not in shown:
            # The entry exists: known at once, whatever is being tried for it in the meantime.
            entry = shown[visitor] = Shown(self._domain, address, visitor, "", "")
            await self._store.change_shown([entry], [])
        self._tell(address, visitor, self.appearance(visitor))

    async def unsubscribed(self, address: str, visitor: str) -> None:
        """An operator removed a visitor from their contact list."""
        self._dismissed.add((address, visitor))
        entry = self._shown.get(address, {}).pop(visitor, None)
        if entry is not None:
            await self._store.change_shown([], [entry])

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
        """One pass over all operators."""
        self._due = RETRY
        wanted = {site.key: self._wanted_of(site) for site in self._directory.sites()}
        addresses = {o.address for key in wanted for o in self._directory.operators(key)}
        for address in addresses | set(self._shown):
            if self._privileges.roster(address):
                names: dict[str, tuple[str, str]] = {}
                for site in self._directory.sites_of(address):
                    operator = self._directory.operator(site, address)
                    if operator is not None:
                        names |= wanted[site].get(operator.id, {}) | wanted[site].get("", {})
                await self._bring(address, names)
            self._tell_changes(address)

    def say_goodbye(self) -> None:
        """The component stops: nobody may look as if they were there."""
        for address, entries in self._shown.items():
            for visitor in entries:
                told = self._told.get((address, visitor))
                if told is not None and told[0].here:
                    self._tell(address, visitor, policy.GONE)

    def _settle(self) -> None:
        self._inherited.clear()
        self.touch()

    def _wanted_of(self, site: Site) -> dict[str, dict[str, tuple[str, str]]]:
        """Operator's id ("" for all of the site) -> visitor -> (name, group)."""
        assert self._census is not None
        open_talks = {talk.visitor: talk for talk in self._talks() if talk.open}
        visits = {
            visit.visitor: visit
            for visit in self._census
            if visit.site == site.key
            and visit.domain == self._domain
            and self._directory.ban(site.key, visit.visitor, self._clock.now()) is None
        }
        group = site.settings.title
        wanted: dict[str, dict[str, tuple[str, str]]] = {"": {}}
        for visitor in policy.present(visits.values(), open_talks, site.settings.presence):
            wanted[""][visitor] = (visits[visitor].name, group)
        for talk in open_talks.values():
            if talk.site == site.key and talk.visitor not in wanted[""]:
                owner = talk.state.operator if talk.state.phase is Phase.TAKEN else None
                name = talk.name or default_name(talk.visitor)
                wanted.setdefault(owner or "", {})[talk.visitor] = (name, group)
        return wanted

    async def _bring(self, address: str, names: dict[str, tuple[str, str]]) -> None:
        shown = self._shown.setdefault(address, {})
        if self._operators.is_there(address):
            changed = [
                Shown(self._domain, address, visitor, clean_line(name, 80), clean_line(group, 80))
                for visitor, (name, group) in names.items()
                if (address, visitor) not in self._dismissed
            ]
            changed = [entry for entry in changed if shown.get(entry.visitor) != entry]
            if changed:
                await self._store.change_shown(changed, [])
                done = await self._add(address, changed)
                if self._privileges.refused(address):
                    await self._withdraw(address, changed)
                    return
                for entry, success in zip(changed, done, strict=True):
                    old = shown.get(entry.visitor)
                    kept = entry if success else msgspec.structs.replace(entry, name="", group="")
                    shown[entry.visitor] = kept if success or old is None else old
        dropped = [
            entry
            for visitor, entry in shown.items()
            if visitor not in names and visitor not in self._inherited
        ]
        if dropped:
            await self._drop(address, dropped)

    async def _add(self, address: str, changed: list[Shown]) -> list[bool]:
        """Which entries were taken; one goes first where the host may refuse all of them."""
        first = [] if self._privileges.carried_out(address) else changed[:1]
        done = [await self._privileges.add(entry) for entry in first]
        rest = (self._privileges.add(entry) for entry in changed[len(first) :])
        return [*done, *await asyncio.gather(*rest)]

    async def _withdraw(self, address: str, changed: list[Shown]) -> None:
        """The host takes no entries: what was tried is in no list, save what was there before."""
        shown = self._shown[address]
        await self._store.change_shown(
            [shown[entry.visitor] for entry in changed if entry.visitor in shown],
            [entry for entry in changed if entry.visitor not in shown],
        )

    async def _drop(self, address: str, dropped: list[Shown]) -> None:
        for entry in dropped:
            told = self._told.get((address, entry.visitor))
            if told is None or told[0].here:
                self._tell(address, entry.visitor, policy.GONE)
        done = await asyncio.gather(*(self._privileges.remove(entry) for entry in dropped))
        gone = [entry for entry, success in zip(dropped, done, strict=True) if success]
        for entry in gone:
            self._shown[address].pop(entry.visitor, None)
            self._told.pop((address, entry.visitor), None)
        await self._store.change_shown([], gone)

    def _tell_changes(self, address: str) -> None:
        if not self._operators.is_there(address):
            return
        for visitor in self._shown.get(address, {}):
            appearance = self.appearance(visitor)
            before, at = self._told.get((address, visitor), (None, 0.0))
            if visitor in self._inherited or before == appearance:
                continue
            wait = at + STATUS_EVERY - self._clock.monotonic()
            if before is not None and before.here and appearance.here and wait > 0:
                self._due = min(self._due, wait)
            else:
                self._tell(address, visitor, appearance)

    def _tell(self, address: str, visitor: str, appearance: policy.Appearance) -> None:
        entry = self._shown.get(address, {}).get(visitor)
        if entry is not None:
            self._told[address, visitor] = (appearance, self._clock.monotonic())
        sender = visitor_full(visitor, self._domain)
        if not appearance.here:
            self._link.send(outbound.presence(sender, address, "unavailable"))
            return
        more = [VISITOR.in_presence, outbound.photo(visitor_avatar(visitor).sha1)]
        if appearance.idle_since is not None:
            more.append(outbound.idle(appearance.idle_since))
        self._link.send(
            outbound.presence(
                sender,
                address,
                None,
                appearance.show,
                appearance.status,
                entry.name if entry is not None else "",
                more,
            )
        )
