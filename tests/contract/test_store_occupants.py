"""What every store keeps to: the Jabber clients in rooms."""

from __future__ import annotations

import pytest

from switchboard.model import RoomClient
from switchboard.store import SqlStore

pytestmark = pytest.mark.asyncio


async def test_clients_are_kept_renamed_and_dropped(store: SqlStore) -> None:
    """Each is one row of its room, with a role that was given; JIDs are compared octet by octet."""
    here = RoomClient("lobby%acme", "ann@example.org/Desk", "Ann \U0001f600")
    also = RoomClient("lobby%acme", "ann@example.org/desk", "Ann \U0001f600")
    far = RoomClient("cellar%acme", "ann@example.org/Desk", "Ann")
    await store.change_occupants([here, also, far], [])
    assert await store.occupants() == [far, here, also]
    renamed = RoomClient(here.room, here.jid, "Anna", "moderator")
    await store.change_occupants([renamed], [also])
    assert await store.occupants() == [far, renamed]
    await store.change_occupants([], [here, far, also])
    assert await store.occupants() == []


async def test_who_left_and_came_again_is_there(store: SqlStore) -> None:
    """What is dropped and put at once is put."""
    one = RoomClient("lobby%acme", "ann@example.org/desk", "Ann")
    await store.change_occupants([one], [])
    await store.change_occupants([one], [one])
    assert await store.occupants() == [one]
