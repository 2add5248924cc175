"""Guests in a room, and its gateway's side."""

from __future__ import annotations

from typing import Any

from switchboard import events
from switchboard.model import Occupant, SenderKind
from switchboard.reception.rooms import Origin, sender_of
from switchboard.rooms import Role, RoomId
from tests.edge.rpc.client import WebSocket
from tests.edge.rpc.conftest import World

PAGE = {"url": "https://shop.test/"}
ANN = Occupant("g-ann", SenderKind.OPERATOR, "Ann", Role.MODERATOR)


def conversation(room: str) -> str:
    """The id of a room's log."""
    return RoomId(room, "acme").conversation


async def guest(
    world: World, name: str | None = None, room: str = "lobby", **params: Any
) -> tuple[WebSocket, dict[str, Any]]:
    """A socket whose visitor is in a room, and the answer to its hello."""
    socket = await world.socket()
    params = {"page": PAGE, **params}
    if name is not None:
        params["name"] = name
    hello = await socket.call("hello", site="acme", room=room, **params)
    return socket, hello


async def ann_says(world: World, body: str, room: str = "lobby") -> int:
    """An operator's line, from Jabber; gives its seq."""
    found = world.rooms.room("acme", room)
    origin = Origin(address="ann@desk.test")
    return (await world.rooms.relay(found, sender_of(ANN), body, origin, None)).message.seq


async def bodies(socket: WebSocket, count: int) -> list[str]:
    """What the next lines say; nothing else may come between."""
    return [(await socket.message())["body"] for _ in range(count)]


class Gateway:
    """What a room's gateway says, as Jabber clients come and go."""

    def __init__(self, world: World, room: str = "lobby", epoch: int = 1) -> None:
        self._world = world
        self._room = conversation(room)
        self._epoch = epoch
        self._number = 0

    def changed(self, **changes: tuple[Occupant, ...]) -> None:
        """A word on who came, left, changed or was expelled."""
        word = events.RoomChanged(self._room, self._epoch, self._next(), **changes)
        self._world.rooms.tell(self._room, word)

    def all(self, *occupants: Occupant, size: int = 500) -> None:
        """Everybody who is there, in pages."""
        starts = list(range(0, max(len(occupants), 1), size))
        for page, start in enumerate(starts):
            last = start == starts[-1]
            part = occupants[start : start + size]
            word = events.RoomPage(self._room, self._epoch, self._next(), page, last, part)
            self._world.rooms.tell(self._room, word)

    def lose(self) -> None:
        """A word that nobody hears."""
        self._next()

    def asked(self) -> int:
        """How often it was asked who is there."""
        asked = events.RoomAsked(self._room)
        return sum(event == asked for event in self._world.heard)

    def _next(self) -> int:
        self._number += 1
        return self._number
