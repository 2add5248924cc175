"""Where nobody can write a contact list: visitors ask to be added (RFC 6121 §3.1), once each.

A request that was made is noted in `shown` under a group that no site's title can be, so that no
process asks again. Nothing here is ever taken back: a pending request is the operator's to answer.
"""

from __future__ import annotations

from switchboard.model import Shown
from switchboard.ports import Store
from switchboard.text import clean_line

from .. import outbound
from ..component import Link
from ..jids import visitor_bare

ASKED = "\x05"
"""The group of an entry that was asked for; titles have no control characters. Its name is empty
once the operator has added the visitor."""


class Requests:
    """Who was asked to add whom, on one component domain."""

    def __init__(self, domain: str, link: Link, store: Store) -> None:
        self._domain = domain
        self._link = link
        self._store = store
        self._asked: set[tuple[str, str]] = set()

    def load(self, entry: Shown) -> bool:
        """Takes over what an earlier process has noted; True if it is a request not granted."""
        if entry.group != ASKED:
            return False
        self._asked.add((entry.operator, entry.visitor))
        return bool(entry.name)

    def asked(self, address: str, visitor: str) -> bool:
        """Whether the operator was asked to add the visitor, ever."""
        return (address, visitor) in self._asked

    async def ask(self, address: str, visitor: str, name: str, site: str) -> None:
        """Sends a request that says who it is (XEP-0172), unless one was sent before."""
        if self.asked(address, visitor):
            return
        await self.note(address, visitor)
        name = clean_line(name, 80)
        self._link.send(
            outbound.presence(
                visitor_bare(visitor, self._domain),
                address,
                "subscribe",
                status=f"{name} is a visitor of {clean_line(site, 80)}",
                nick=name,
            )
        )

    async def note(self, address: str, visitor: str) -> None:
        """The operator was asked, and has not the visitor in the list."""
        self._asked.add((address, visitor))
        await self._store.change_shown([Shown(self._domain, address, visitor, "?", ASKED)], [])
