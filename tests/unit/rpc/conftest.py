"""Time for what is pure but for it."""

from __future__ import annotations

import pytest


class ManualClock:
    """The time that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def now(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
