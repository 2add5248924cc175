"""Work that must keep its order per key, while different keys go on side by side."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class Lanes:
    """One queue per busy key; an idle key costs nothing. A failing work is logged and passed."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, key: str, work: Work) -> None:
        """Runs `work` after all that was put under the same key before."""
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(work)
            return
        self._queues[key] = deque((work,))
        task = asyncio.get_running_loop().create_task(self._drain(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Waits until nothing is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _drain(self, key: str) -> None:
        queue = self._queues[key]
        while queue:
            work = queue.popleft()
            try:
                await work()
            except Exception:
                log.exception("work on %s failed", key)
        del self._queues[key]
