"""Whoever reads in a room: a stream or a poll stands in each of its rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from .shared import Row, Shared
from .tokens import Place

if TYPE_CHECKING:
    from .hall import Hall


class Host(Protocol):
    """A stream or a poll, as the halls see it."""

    def ready(self) -> bool:
        """Whether it can take more now."""

    def hear(self, reader: RoomReader, told: Sequence[Row | Shared]) -> None:
        """Takes rows, each moving the reader, and what moves nobody."""

    def fall_behind(self) -> None:
        """A reader of its is behind: it is to call `Rounds.catch_up` when it can."""

    def left(self, reader: RoomReader) -> None:
        """The visitor is in that room no more."""

    def renamed(self) -> None:
        """The visitor is called otherwise in a room."""

    def lose_place(self) -> None:
        """A reader's position is none of the room's log: it is to tell its client so."""


class RoomReader:
    """A position in a room's log; it gets nothing before its host calls `Rounds.catch_up`."""

    __slots__ = ("following", "gone", "hall", "host", "mark", "name", "own", "part", "seq")

    def __init__(self, host: Host, hall: Hall, own: str, name: str) -> None:
        self.host = host
        self.hall = hall
        self.own = own
        """The occupant that it is."""
        self.following = False
        """Whether it stands at the log's end and takes rows as they come."""
        self.gone = False
        self.name = name
        """What the visitor is called there."""
        self.seq = 0
        self.mark = 0
        self.part = b""
        """What a cursor says of the room."""

    def ready(self) -> bool:
        """Whether it is there, and can take more now."""
        return not self.gone and self.host.ready()

    def place(self, heard: int) -> Place:
        """How far it is, for a cursor; `heard` as of Place."""
        return Place(self.seq, mark=self.mark, heard=heard)

    def move(self, row: Row) -> None:
        """It has that row."""
        self.seq, self.mark, self.part = row.seq, row.mark, row.part
