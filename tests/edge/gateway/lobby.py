"""The Shop's room, where guests write from the site."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.muc.ids import archive_id
from switchboard.model import Act, Message, Sender, SenderKind
from switchboard.reception.rooms import Origin
from switchboard.rooms import Affiliation, Room
from tests.edge.gateway.shop import Shop

LOBBY = "lobby%shop"
"""Its log."""
GUS = Sender(SenderKind.VISITOR, "g-guest", "Gus")
"""A guest."""
FROM_THE_SITE = Origin(visitor="v-guest")


class Lobby:
    """The room as it is now, with its log."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._number = 0

    @property
    def room(self) -> Room:
        return self.shop.rooms.room("shop", "lobby")

    def id(self, seq: int) -> str:
        """What Jabber clients know a line by."""
        return archive_id(self.room, seq)

    async def log(self) -> list[Message]:
        return await self.shop.rooms.read(self.room, 0, 1000)

    async def set(self, **changes: Any) -> None:
        """The site sets it otherwise."""
        await self.shop.rooms.configure(self.room, replace(self.room.settings, **changes))

    async def affiliates(self, address: str, affiliation: Affiliation) -> None:
        """Its lists have somebody more."""
        await self.set(affiliations={**self.room.settings.affiliations, address: affiliation})

    def guest(self, visitor: str, name: str) -> Sender:
        """A visitor of the site, as the room knows them."""
        return Sender(SenderKind.VISITOR, self.room.occupant(visitor), name)

    async def writes(self, body: str, by: Sender = GUS, reply_to: int | None = None) -> None:
        """A guest's line, a second after the one before; the gateway may not know it yet."""
        self._number += 1
        self.shop.clock.seconds += 1
        id = f"c{self._number}"
        await self.shop.rooms.say(self.room, by, id, body, FROM_THE_SITE, reply_to)

    async def says(self, *bodies: str, by: Sender = GUS, reply_to: int | None = None) -> None:
        """A guest's lines, which everybody got."""
        for body in bodies:
            await self.writes(body, by, reply_to)
        await self.shop.settled()

    async def amends(self, act: Act, target: int, body: str = "") -> None:
        """Gus changes a line."""
        await self.shop.rooms.amend(self.room, GUS, act, target, FROM_THE_SITE, body)
        await self.shop.settled()
