"""Which Jabber clients are in which rooms, and whom they were shown, for the process after this.

Writes are gathered while one is under way; one that fails is tried again with the next.
"""

from __future__ import annotations

from switchboard.errors import SwitchboardError
from switchboard.lanes import Lanes
from switchboard.model import RoomClient
from switchboard.ports import Store

JID_CHARS = 500
"""A client with a longer full JID is not remembered: it finds out by XEP-0410 that it is out."""


class Registry:
    """Told on the event loop of each coming and going."""

    def __init__(self, store: Store, lanes: Lanes) -> None:
        self._store = store
        self._lanes = lanes
        self._changes: dict[tuple[str, str], RoomClient | None] = {}
        self._under_way = False

    async def load(self) -> list[RoomClient]:
        """Those whom an earlier process left. Raises RetryLater."""
        return await self._store.occupants()

    def put(self, room: str, jid: str, nick: str, role: str) -> None:
        """A client is in a room under that name; `role` as in RoomClient."""
        if len(jid) <= JID_CHARS:
            self._change(room, jid, RoomClient(room, jid, nick, role))

    def drop(self, room: str, jid: str) -> None:
        """A client has left a room."""
        if len(jid) <= JID_CHARS:
            self._change(room, jid, None)

    def _change(self, room: str, jid: str, client: RoomClient | None) -> None:
        self._changes[room, jid] = client
        if not self._under_way:
            self._under_way = True
            self._lanes.put("rooms' occupants", self._write)

    async def _write(self) -> None:
        try:
            while self._changes:
                changes, self._changes = self._changes, {}
                put = [client for client in changes.values() if client is not None]
                drop = [RoomClient(*at, "") for at, client in changes.items() if client is None]
                try:
                    await self._store.change_occupants(put, drop)
                except SwitchboardError:
                    self._changes = {**changes, **self._changes}
                    return  # the store has logged it
        finally:
            self._under_way = False
