"""What the methods work with, made once by `edge.WebEdge`."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass

from msgspec import Struct

from switchboard.attendance import Attendance
from switchboard.ports import Clock
from switchboard.reception import DeskBoard, Directory, Rooms, Talks

from .admission import Origins, Rates
from .halls import Halls
from .seats import Seats
from .tokens import Cursors, Tokens
from .transports.poll import Polls
from .uploads import Uploads


class RpcSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The web edge's part of the configuration; of numbers that limit, 0 is no limit."""

    public_url: str
    domains: tuple[str, ...]
    """Component domains; a new visitor is given any of them for good."""
    token_keys: tuple[str, ...]
    """The first signs, any verifies."""
    token_days: float = 90
    grace_seconds: float = 15
    message_chars: int = 4000
    request_bytes: int = 65536
    messages_per_minute: int = 60
    new_visitors_per_minute: int = 60
    head_seconds: float = 10
    body_seconds: float = 20
    """How long a whole head, and a whole body, may take to arrive."""
    trusted_proxies: tuple[str, ...] = ()
    uploads_folder: str = ""
    """Where visitors' files are kept; empty: none are taken."""
    uploads_max_bytes: int = 0

    @property
    def largest_request(self) -> int:
        """The limit of a request in bytes."""
        return self.request_bytes or sys.maxsize


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a method may need."""

    settings: RpcSettings
    directory: Directory
    talks: Talks
    attendance: Attendance
    desks: DeskBoard
    clock: Clock
    tokens: Tokens
    cursors: Cursors
    origins: Origins
    new_visitors: Rates
    messages: Rates
    files: Rates
    uploads: Uploads
    seats: Seats
    rooms: Rooms
    halls: Halls
    polls: Polls
    time_zones: Collection[str]
    """Names of the IANA database."""
