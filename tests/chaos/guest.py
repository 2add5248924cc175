"""A guest of a room: what the widget does there, without a page."""

from __future__ import annotations

import random
from typing import Any

from tests.chaos.visitor import Visitor, Way


class Guest(Visitor):
    """A Visitor whose lines go to a room, and whose `log` is the room's."""

    def __init__(
        self,
        number: int,
        site: str,
        room: str,
        port: int,
        way: Way,
        chance: random.Random,
        source: str | None = None,
    ) -> None:
        super().__init__(number, site, port, way, chance, source)
        self.to = room
        self.members = 0
        """How many are there, as it was told last."""

    def hello_params(self) -> dict[str, object]:
        """Params of `hello`."""
        return {**super().hello_params(), "room": self.to}

    async def welcomed(self, result: dict[str, Any]) -> None:
        """Takes the result of `hello`."""
        (room,) = result["rooms"]
        assert room["id"] == self.to
        self.members = room["members"]
        await super().welcomed({**result, "messages": room["messages"]})

    def take(self, cursor: str, type: str, data: dict[str, Any]) -> None:
        """Takes one event."""
        if type == "member":
            self.members = data["count"]
        elif type == "message":
            assert data["message"]["conversation"] == self.to
        super().take(cursor, type, data)
