"""Our entries in the operators' contact lists, with their rows in `shown`.

A row is written before its entry is, and dropped after it, so that whatever ends in between leaves
no entry that a new process does not know of. The first rows of a visitor whose line waits may come
a little later, and the line does not wait for them: the open talk tells of the entries until then.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence, Set

import msgspec

from switchboard.model import Shown
from switchboard.ports import Clock, Store

from ..jids import parse
from .ways import RosterWriter

FRESH = 10.0
"""Seconds within which a server that is killed may forget what it took.

ejabberd 23.01 forgets the last second's: mnesia writes late.
"""


class Entries:
    """What the lists of one component domain's operators have of ours."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.shown: dict[str, dict[str, Shown]] = {}
        """By operator and contact; without a name what is to be written again."""
        self._store = store
        self._clock = clock
        self._fresh: deque[tuple[float, str, str]] = deque()
        """When the server took an entry (monotonic), of which operator and contact."""
        self._trials: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By host: held while it is found out whether it takes entries."""
        self._unsure: set[tuple[str, str]] = set()
        """Entries that were tried and not confirmed."""
        self._removing: set[tuple[str, str]] = set()

    def load(self, entry: Shown) -> None:
        """What an earlier process wrote: again if wanted, since the server may have been killed."""
        self.shown.setdefault(entry.operator, {})[entry.visitor] = _unwritten(entry)

    def suspect(self, entry: Shown) -> None:
        """What an earlier process may have written without a row."""
        self.load(entry)
        self._unsure.add((entry.operator, entry.visitor))

    def link_down(self) -> None:
        """The server may have been killed: what it took last is written again."""
        self._let_settle()
        for _, address, contact in self._fresh:
            entry = self.shown.get(address, {}).get(contact)
            if entry is not None:
                self.shown[address][contact] = _unwritten(entry)
                self._unsure.add((address, contact))
        self._fresh.clear()

    def has(self, address: str, contact: str) -> bool:
        """Whether the entry is in the operator's list, for all that is known."""
        return contact in self.shown.get(address, {}) and (address, contact) not in self._unsure

    def is_there(self, address: str, contact: str) -> None:
        """The operator's own client tells that the entry exists."""
        self._unsure.discard((address, contact))

    def was_ours_to_remove(self, address: str, contact: str) -> bool:
        """Whether an `unsubscribe` tells of a removal of ours, as ejabberd does; told once."""
        ours = (address, contact) in self._removing
        self._removing.discard((address, contact))
        return ours

    async def put(
        self, address: str, changed: Sequence[Shown], writer: RosterWriter, talking: Set[str]
    ) -> list[Shown]:
        """Adds or renames entries of one operator; which of them were taken.

        `talking`: whose lines wait.
        """
        taken: list[Shown] = []
        if changed and not writer.carried_out(address):
            async with self._trials[parse(address).domain]:
                if not writer.carried_out(address) and not writer.refused(address):
                    # One goes first where the host may refuse all of them.
                    taken = await self._put(address, changed[:1], writer, talking)
                    changed = changed[1:]
            if not writer.carried_out(address):
                return taken
        return taken + await self._put(address, changed, writer, talking) if changed else taken

    async def remove(
        self, address: str, dropped: Sequence[Shown], writer: RosterWriter
    ) -> list[Shown]:
        """Removes entries of one operator; which of them are gone."""
        self._removing |= {(address, entry.visitor) for entry in dropped}
        done = await asyncio.gather(*(writer.remove(entry) for entry in dropped))
        gone = [entry for entry, success in zip(dropped, done, strict=True) if success]
        for entry in gone:
            self.shown[address].pop(entry.visitor, None)
            self._unsure.discard((address, entry.visitor))
        await self._store.change_shown([], gone)
        return gone

    async def _put(
        self, address: str, changed: Sequence[Shown], writer: RosterWriter, talking: Set[str]
    ) -> list[Shown]:
        shown = self.shown.setdefault(address, {})
        known = {contact for entries in self.shown.values() for contact in entries}
        known |= {contact for _, contact in self._unsure}
        self._unsure |= {(address, e.visitor) for e in changed if e.visitor not in shown}
        await self._store.change_shown(changed, [], talking - known)
        done = await asyncio.gather(*(writer.add(entry) for entry in changed))
        self._let_settle()
        if writer.refused(address):
            await self._withdraw(address, changed)
            return []
        for entry, success in zip(changed, done, strict=True):
            old = shown.get(entry.visitor)
            shown[entry.visitor] = entry if success else old or _unwritten(entry)
            if success:
                self._fresh.append((self._clock.monotonic(), address, entry.visitor))
                self._unsure.discard((address, entry.visitor))
                self._removing.discard((address, entry.visitor))
        return [entry for entry, success in zip(changed, done, strict=True) if success]

    def _let_settle(self) -> None:
        since = self._clock.monotonic() - FRESH
        while self._fresh and self._fresh[0][0] < since:
            self._fresh.popleft()

    async def _withdraw(self, address: str, changed: Sequence[Shown]) -> None:
        """The host takes no entries: what was tried is in no list, save what was there before."""
        shown = self.shown[address]
        self._unsure -= {(address, entry.visitor) for entry in changed}
        await self._store.change_shown(
            [shown[entry.visitor] for entry in changed if entry.visitor in shown],
            [entry for entry in changed if entry.visitor not in shown],
        )


def _unwritten(entry: Shown) -> Shown:
    return msgspec.structs.replace(entry, name="", group="")
