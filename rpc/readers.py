"""Whoever follows a log: each transport has its kind of `Reader`."""

from __future__ import annotations

from abc import ABC, abstractmethod

from . import wire
from .tokens import Place


class Reader(ABC):
    """Someone who follows a seat. To be subclassed by each transport."""

    __slots__ = ("delivered", "following", "mark", "read", "seq")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.following = False
        """Whether it stands at the log's end and takes lines as they come."""

    @property
    def place(self) -> Place:
        """How far it is, for a cursor."""
        return Place(self.seq, self.delivered, self.read, self.mark)

    @place.setter
    def place(self, place: Place) -> None:
        self.seq, self.mark = place.seq, place.mark
        self.delivered, self.read = place.delivered, place.read

    @abstractmethod
    def ready(self) -> bool:
        """Whether it can take more now."""

    @abstractmethod
    def push(self, data: wire.EventData) -> None:
        """Takes an event; its own position is already the one after it."""

    @abstractmethod
    def fall_behind(self) -> None:
        """The log goes on beyond its position: it is to call `Seat.catch_up` when it can."""

    @abstractmethod
    def lose_place(self) -> None:
        """Its position is none of this log: it is to tell its client so."""
