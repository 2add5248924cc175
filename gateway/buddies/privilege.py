"""Contact-list entries by privilege: the server lets us write its users' rosters (XEP-0356).

A privileged set only pushes the entry: presence has to be sent afterwards. ejabberd before 23.10
grants rosters and fails at every set; such a host is not asked again until the link is new, or the
host grants anew, and api.py is what helps there.
"""

from __future__ import annotations

import logging

from switchboard.model import Shown

from .. import outbound
from ..iqs import Iqs
from ..jids import parse, visitor_bare

REFUSED = "refused"
"""The kind of a permission that is granted and not carried out, in `summary`."""

_OF_THE_HOST = frozenset({"internal-server-error", "forbidden", "feature-not-implemented"})
"""Conditions that speak of the host, not of one user or contact."""

log = logging.getLogger(__name__)


class Privileges:
    """What each host has granted to one component domain."""

    def __init__(self, domain: str, iqs: Iqs) -> None:
        self._domain = domain
        self._iqs = iqs
        self._granted: dict[str, dict[str, str]] = {}
        self._carried_out: set[str] = set()
        """Hosts that have taken an entry since they granted it: an error of theirs will pass."""
        self._refused: set[str] = set()

    def granted(self, host: str, permissions: dict[str, str]) -> None:
        """A host tells what it grants (§4.1), instead of what it granted before."""
        self._granted[host] = permissions
        self._carried_out.discard(host)
        self._refused.discard(host)
        log.info(
            "%s: %s grants %s",
            self._domain,
            host,
            permissions or "nothing",
        )

    def clear(self) -> None:
        """The link is down: grants are told anew when it comes back."""
        self._granted.clear()
        self._carried_out.clear()
        self._refused.clear()

    def summary(self) -> dict[str, dict[str, str]]:
        """Host -> permission -> kind, for `/readyz`; `roster` may be REFUSED."""
        return {
            host: {**kinds, "roster": REFUSED} if host in self._refused else kinds
            for host, kinds in self._granted.items()
        }

    def roster(self, address: str) -> bool:
        """Whether that user's roster may be written."""
        host = parse(address).domain
        granted = self._granted.get(host, {}).get("roster") in ("set", "both")
        return granted and host not in self._refused

    @property
    def ready(self) -> bool:
        """What is granted may be tried."""
        return True

    def refused(self, address: str) -> bool:
        """Whether that user's host grants rosters and does not let them be written."""
        return parse(address).domain in self._refused

    def carried_out(self, address: str) -> bool:
        """Whether that user's host has taken an entry since it granted rosters."""
        return parse(address).domain in self._carried_out

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
        host = parse(entry.operator).domain
        if host in self._refused:
            return False
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
            self._carried_out.add(host)
            return True
        if host not in self._carried_out and answer.condition in _OF_THE_HOST:
            self._refuse(host, answer.condition)
            return False
        log.warning(
            "%s: the roster entry %s of %s was refused: %s",
            self._domain,
            contact,
            entry.operator,
            answer.condition,
        )
        return False

    def _refuse(self, host: str, condition: str) -> None:
        if host not in self._refused:
            self._refused.add(host)
            log.warning(
                "%s: %s grants rosters and refuses their entries (%s): with ejabberd, 23.10 or "
                "later takes them, or its API ([ejabberd] in parley.toml)",
                self._domain,
                host,
                condition,
            )
