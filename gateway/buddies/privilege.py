"""Contact-list entries by privilege: the server lets us write its users' rosters (XEP-0356).

A privileged set only pushes the entry: presence has to be sent afterwards.
"""

from __future__ import annotations

import logging

from switchboard.model import Shown

from .. import outbound
from ..iqs import Iqs
from ..jids import parse, visitor_bare

log = logging.getLogger(__name__)


class Privileges:
    """What each host has granted to one component domain."""

    def __init__(self, domain: str, iqs: Iqs) -> None:
        self._domain = domain
        self._iqs = iqs
        self._granted: dict[str, dict[str, str]] = {}

    def granted(self, host: str, permissions: dict[str, str]) -> None:
        """A host tells what it grants (§4.1), instead of what it granted before."""
        self._granted[host] = permissions
        log.info(
            "%s: %s grants %s",
            self._domain,
            host,
            permissions or "nothing",
        )

    def clear(self) -> None:
        """The link is down: grants are told anew when it comes back."""
        self._granted.clear()

    def summary(self) -> dict[str, dict[str, str]]:
        """Host -> permission -> kind, for `/readyz`."""
        return dict(self._granted)

    def roster(self, address: str) -> bool:
        """Whether that user's roster may be written."""
        granted = self._granted.get(parse(address).domain, {})
        return granted.get("roster") in ("set", "both")

    def presence(self, host: str) -> bool:
        """Whether that host tells us the presence of all its users (§7)."""
        return self._granted.get(host, {}).get("presence") in ("managed_entity", "roster")

    async def add(self, entry: Shown) -> bool:
        """Adds or renames an entry; False if the server did not do it."""
        return await self._set(entry, "both")

    async def remove(self, entry: Shown) -> bool:
        """Removes an entry; one that is not there counts as removed."""
        return await self._set(entry, "remove")

    async def _set(self, entry: Shown, subscription: str) -> bool:
        contact = visitor_bare(entry.visitor, self._domain)
        answer = await self._iqs.ask(
            entry.operator,
            lambda id: outbound.roster_set(
                self._domain, entry.operator, id, contact, entry.name, entry.group, subscription
            ),
        )
        if answer is None:
            return False
        if answer.type == "result" or (
            subscription == "remove" and answer.condition == "item-not-found"
        ):
            return True
        log.warning(
            "%s: the roster entry %s of %s was refused: %s",
            self._domain,
            contact,
            entry.operator,
            answer.condition,
        )
        return False
