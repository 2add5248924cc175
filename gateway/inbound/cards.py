"""Who is given whose card."""

from __future__ import annotations

from switchboard.census import Census
from switchboard.errors import Forbidden
from switchboard.model import Details
from switchboard.ports import Clock
from switchboard.reception import Directory, Talks

from ..card import Card, desk_card, visitor_card
from ..jids import site_of, visitor_of
from ..rights import Rights


class Cards:
    """Makes each when it is asked for; a visitor who left is looked up in the store."""

    def __init__(
        self, directory: Directory, rights: Rights, census: Census, talks: Talks, clock: Clock
    ) -> None:
        self._directory = directory
        self._rights = rights
        self._census = census
        self._talks = talks
        self._clock = clock

    async def find(self, address: str, local: str) -> Card | None:
        """The card of the visitor or desk of that local part, as `address` may see it.

        None if nobody has one there. Raises Forbidden to those who do not answer for the site,
        and RetryLater.
        """
        if (visitor := visitor_of(local)) is not None:
            return await self._of_visitor(address, visitor)
        site = self._directory.find(site_of(local) or "")
        if site is None:
            return None
        if self._rights.of_site(address, site.key) is None:
            raise _not_yours()
        return desk_card(site)

    async def _of_visitor(self, address: str, visitor: str) -> Card:
        operator = await self._rights.over(address, visitor)
        site = None if operator is None else self._directory.find(operator.site)
        if site is None:
            raise _not_yours()
        visit = self._census.visit(visitor)
        if visit is not None:
            details = visit.details
        else:
            details = await self._talks.details(visitor) or Details()
        return visitor_card(visitor, site, visit, details, self._clock.now())


def _not_yours() -> Forbidden:
    return Forbidden("forbidden", "Cards are for the operators of the site.")
