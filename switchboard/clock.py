"""The system's own clock."""

from __future__ import annotations

import time


class SystemClock:
    """Implements ports.Clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()
