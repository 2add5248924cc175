"""What `parley check` finds, a line each."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One part: `ok`, `warn` or `fail`, and what to do."""

    grade: str
    part: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.grade} {self.part}" + (f": {self.words}" if self.words else "")
