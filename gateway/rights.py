"""Who may do what: a stanza from a JID that is no operator of the site reaches no visitor."""

from __future__ import annotations

from switchboard.census import Census
from switchboard.model import Operator
from switchboard.reception import Directory

from .held import HeldTalks


class Rights:
    """Looks an operator up by the bare JID that the server vouches for."""

    def __init__(self, directory: Directory, census: Census, held: HeldTalks) -> None:
        self._directory = directory
        self._census = census
        self._held = held

    def is_operator(self, address: str) -> bool:
        """Whether that address answers for any site."""
        return bool(self._directory.sites_of(address))

    def of_site(self, address: str, site: str) -> Operator | None:
        """The operator of that site."""
        return self._directory.operator(site, address)

    async def over(self, address: str, visitor: str) -> Operator | None:
        """The operator, if that visitor is, or was, on one of their sites."""
        site = await self.site_of(visitor)
        return None if site is None else self._directory.operator(site, address)

    async def site_of(self, visitor: str) -> str | None:
        """The site that a visitor is on, or ever spoke on."""
        talk = self._held.get(visitor)
        if talk is not None:
            return talk.site
        visit = self._census.visit(visitor)
        if visit is not None:
            return visit.site
        found = await self._held.find(visitor)
        return None if found is None else found.site
