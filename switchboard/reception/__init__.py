"""The service that every edge calls, a file per use case: load, decide, commit once, wake."""

from __future__ import annotations

from .bans import Bans
from .desks import DeskBoard
from .rooms import Rooms
from .sites import Directory
from .talks import Talks

__all__ = ["Bans", "DeskBoard", "Directory", "Rooms", "Talks"]
