"""Sites, operators and bans, as this process knows them; fresh within REFRESH_EVERY seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..errors import NotFound
from ..model import Ban, Operator
from ..ports import Store, Unsubscribe
from ..rooms import Room, RoomId, is_page_room, is_talk_room, room_of, talk_room_settings
from ..site import Site

REFRESH_EVERY = 2.0


class Directory:
    """A copy of the store's sites, operators and bans, so that looking one up costs no SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version = -1
        self._sites: dict[str, Site] = {}
        self._operators: dict[str, dict[str, Operator]] = {}
        self._by_id: dict[tuple[str, str], Operator] = {}
        self._bans: dict[tuple[str, str], Ban] = {}
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> Unsubscribe:
        """Calls `listener` after each change."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def refresh(self) -> bool:
        """Loads what changed since; True if anything did. To be called every REFRESH_EVERY."""
        version = await self._store.version()
        if version == self._version:
            return False
        self._sites = {site.key: site for site in await self._store.sites()}
        operators: dict[str, dict[str, Operator]] = {key: {} for key in self._sites}
        for operator in await self._store.operators():
            if operator.site in operators:
                operators[operator.site][operator.address] = operator
        self._operators = operators
        self._by_id = {(key, o.id): o for key in operators for o in operators[key].values()}
        self._bans = {(ban.site, ban.visitor): ban for ban in await self._store.bans()}
        self._version = version
        for listener in list(self._listeners):
            listener()
        return True

    def sites(self) -> Iterable[Site]:
        """All sites."""
        return self._sites.values()

    def site(self, key: str) -> Site:
        """The site of that key. Raises NotFound `unknown_site`."""
        site = self._sites.get(key)
        if site is None:
            raise NotFound(
                "unknown_site", f"There is no site {key!r} here: `parley site list` has all."
            )
        return site

    def find(self, key: str) -> Site | None:
        """The site of that key, or None."""
        return self._sites.get(key)

    def room(self, conversation: str) -> Room | None:
        """The room whose log it is, if there is one.

        A page's own is there where pages have any, a visitor's always.
        """
        id = room_of(conversation)
        site = self._sites.get(id.site) if id is not None else None
        if id is None or site is None:
            return None
        settings = site.settings.rooms.get(id.name)
        if settings is None and is_page_room(id.name):
            settings = site.settings.page_rooms
        elif settings is None and is_talk_room(id.name):
            settings = talk_room_settings(id.name, site.settings.identify_secret)
        return Room(id, settings) if settings is not None else None

    def rooms(self) -> Iterator[Room]:
        """All rooms of all sites that these have named."""
        for site in self._sites.values():
            for name, settings in site.settings.rooms.items():
                yield Room(RoomId(name, site.key), settings)

    def operators(self, site: str) -> Iterable[Operator]:
        """A site's operators."""
        return self._operators.get(site, {}).values()

    def operator(self, site: str, address: str) -> Operator | None:
        """The operator of a site at that address (a bare JID)."""
        return self._operators.get(site, {}).get(address)

    def operator_of_id(self, site: str, id: str) -> Operator | None:
        """The operator of a site with that id."""
        return self._by_id.get((site, id))

    def sites_of(self, address: str) -> list[str]:
        """The keys of the sites that someone answers for."""
        return [key for key, operators in self._operators.items() if address in operators]

    def ban(self, site: str, visitor: str) -> Ban | None:
        """The visitor's ban from a site; it may be over."""
        return self._bans.get((site, visitor))
