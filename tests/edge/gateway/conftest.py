"""The shop, its lobby, and who is in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from switchboard.bus.memory import MemoryBus
from switchboard.model import new_visitor_id
from switchboard.rooms import Affiliation, RoomSettings
from switchboard.site import RoutingSettings
from switchboard.store import open_store
from tests.edge.gateway.jabber_user import JabberUser
from tests.edge.gateway.lobby import Lobby
from tests.edge.gateway.shop import HandClock, Shop
from tests.sqlite import empty_store


@pytest.fixture
def routing() -> RoutingSettings:
    """How the site asks; a test may have its own."""
    return RoutingSettings()


@pytest.fixture
def visitor() -> str:
    return new_visitor_id()


@pytest.fixture
async def shop(tmp_path: Path, routing: RoutingSettings) -> AsyncIterator[Shop]:
    """Open, with nobody signed in."""
    clock = HandClock()
    (tmp_path / "log.db").write_bytes(empty_store())
    store = await open_store(f"sqlite:///{tmp_path}/log.db", clock=clock, gather=0)
    shop = Shop(store, clock, MemoryBus())
    await shop.open(routing)
    yield shop
    await shop.gateway._lanes.settle()
    await store.close()


@pytest.fixture
def lobby_settings() -> RoomSettings:
    """How the room `lobby` is set; a test may have its own."""
    return RoomSettings(title="Lobby")


@pytest.fixture
async def rooms(shop: Shop, lobby_settings: RoomSettings) -> Shop:
    """The shop with that room."""
    [site] = await shop.store.sites()
    settings = replace(site.settings, rooms={"lobby": lobby_settings})
    await shop.store.save_site(replace(site, settings=settings))
    await shop.directory.refresh()
    return shop


@pytest.fixture
def lobby(rooms: Shop) -> Lobby:
    return Lobby(rooms)


@pytest.fixture
async def ann(rooms: Shop) -> JabberUser:
    """An operator in the lobby, who is its admin."""
    one = JabberUser(rooms, "ann@example.org/desk")
    await one.joins("Ann")
    return one


@pytest.fixture
async def own(lobby: Lobby) -> JabberUser:
    """An owner in it."""
    await lobby.affiliates("own@example.org", Affiliation.OWNER)
    one = JabberUser(lobby.shop, "own@example.org/home")
    await one.joins("Own")
    return one


@pytest.fixture
async def eve(rooms: Shop) -> JabberUser:
    """Anybody in it."""
    one = JabberUser(rooms, "eve@example.org/home")
    await one.joins("Eve")
    return one
