"""What operators see of the visitors in their lists: each one's presence, told when it changes."""

from __future__ import annotations

from collections.abc import Container

from switchboard.census import Census
from switchboard.model import Visit
from switchboard.ports import Clock
from switchboard.reception import Directory

from .. import outbound
from ..avatar import visitor_avatar
from ..capabilities import VISITOR
from ..component import Link
from ..jids import visitor_full, visitor_of
from ..operators import Operators
from . import policy
from .entries import Entries

STATUS_EVERY = 5.0
"""Seconds between two presences of a visitor who stays: pages in between are not told."""


class Presences:
    """Of one component domain's visitors; `inherited`: of whom it is not known if they are here."""

    def __init__(
        self,
        domain: str,
        link: Link,
        directory: Directory,
        operators: Operators,
        census: Census,
        entries: Entries,
        clock: Clock,
        inherited: Container[str],
    ) -> None:
        self._domain = domain
        self._link = link
        self._directory = directory
        self._operators = operators
        self._census = census
        self._entries = entries
        self._clock = clock
        self._inherited = inherited
        self._told: dict[tuple[str, str], tuple[policy.Appearance, float]] = {}
        """By operator and visitor: what was told last, and when (monotonic)."""

    def serves(self, visit: Visit) -> bool:
        """Whether the visitor is here for operators: who is banned is not."""
        ban = self._directory.ban(visit.site, visit.visitor)
        return ban is None or not ban.holds(self._clock.now())

    def tell(self, address: str, visitor: str) -> None:
        """Tells an operator how a visitor appears now."""
        self._tell(address, visitor, self._appearance(visitor))

    def answer_probe(self, address: str, visitor: str) -> None:
        """A contact list asks for a visitor's presence (RFC 6121 §4.3)."""
        if visitor not in self._inherited:
            self.tell(address, visitor)

    def tell_changes(self, address: str) -> float:
        """Tells an operator what is different; in how many seconds the rest is due."""
        due = float("inf")
        if not self._operators.is_there(address):
            return due
        for visitor in self._entries.shown.get(address, {}):
            if not visitor_of(visitor) or not self._entries.has(address, visitor):
                continue  # of what may be no contact, no presence is told
            appearance = self._appearance(visitor)
            before, at = self._told.get((address, visitor), (None, 0.0))
            if visitor in self._inherited or before == appearance:
                continue
            wait = at + STATUS_EVERY - self._clock.monotonic()
            if before is not None and before.here and appearance.here and wait > 0:
                due = min(due, wait)
            else:
                self._tell(address, visitor, appearance)
        return due

    def tell_gone(self, address: str, visitor: str) -> None:
        """The visitor is about to go from the list, unless that is known already."""
        told = self._told.get((address, visitor))
        if told is None or told[0].here:
            self._tell(address, visitor, policy.GONE)

    def say_goodbye(self) -> None:
        """The component stops: nobody may look as if they were there."""
        for address, entries in self._entries.shown.items():
            for visitor in entries:
                told = self._told.get((address, visitor))
                if told is not None and told[0].here:
                    self._tell(address, visitor, policy.GONE)

    def forget(self, address: str, visitor: str) -> None:
        """The visitor is in the operator's list no more."""
        self._told.pop((address, visitor), None)

    def operator_gone(self, address: str) -> None:
        """An operator's last client has left: whoever comes next has seen nothing."""
        for pair in [pair for pair in self._told if pair[0] == address]:
            del self._told[pair]

    def link_down(self) -> None:
        """Nobody knows any more what clients saw: everything is told again."""
        self._told.clear()

    def _appearance(self, visitor: str) -> policy.Appearance:
        visit = self._census.visit(visitor)
        if visit is not None and not self.serves(visit):
            return policy.GONE
        return policy.appearance(visit, self._clock.now())

    def _tell(self, address: str, visitor: str, appearance: policy.Appearance) -> None:
        entry = self._entries.shown.get(address, {}).get(visitor)
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
