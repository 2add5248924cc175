"""Group commit: what arrives within a few milliseconds shares one transaction.

One thread writes. It takes all that waits, runs it in one transaction and hands all results back
to the event loop at once. A batch that fails is rolled back and tried again item by item, so
that a bad item fails alone.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine

from ..errors import RetryLater
from .batches import Work
from .faults import RETRY_AFTER, Faults
from .flavour import WRITES, Verdict

log = logging.getLogger(__name__)

BATCH_LIMIT = 100
ATTEMPTS = 3

Done = Callable[[object], None]
"""Told on the event loop what became of a work: its result, or an Exception."""


class _Item:
    __slots__ = ("done", "work")

    def __init__(self, work: Work, done: Done) -> None:
        self.work = work
        self.done = done


class Commits:
    """The writer thread. `gather` is the least time, in seconds, between two commits.

    What comes after a pause is committed at once; a busy store takes larger batches.
    """

    def __init__(
        self,
        engine: Engine,
        run: Callable[[Connection, Sequence[Work]], list[object]],
        faults: Faults,
        gather: float,
        hold_briefly: Callable[[Connection], None],
    ) -> None:
        self._engine = engine
        self._hold_briefly = hold_briefly
        self._run = run
        self._faults = faults
        self._gather = gather
        self._rest_until = float("-inf")
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._well = True
        self._closing = False
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def well(self) -> bool:
        """Whether the last transaction could be written."""
        return self._well

    def put(self, work: Work, done: Done) -> None:
        """Commits a work after all that was put before. Raises RetryLater when closing."""
        if self._closing:
            raise RetryLater("unavailable", "The store is closing.", RETRY_AFTER)
        self._queue.put(_Item(work, done))

    async def close(self) -> None:
        """Commits what waits and ends the thread."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _write(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._take()
            if batch:
                outcomes = self._outcomes([item.work for item in batch])
                self._hand_back(batch, outcomes)
                self._rest_until = time.monotonic() + self._gather
        self._let_go()

    def _take(self) -> tuple[list[_Item], bool]:
        """What waits, and whether more may come."""
        item = self._queue.get()
        if item is None:
            return [], False
        batch = [item]
        wait = self._rest_until - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        while len(batch) < BATCH_LIMIT:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return batch, False
            batch.append(item)
        return batch, True

    def _outcomes(self, works: Sequence[Work]) -> list[object]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                outcomes = self._transaction(works)
            except Exception as error:  # noqa: BLE001 (it becomes the outcome)
                self._let_go()
                verdict = self._faults.judge(error)
                if verdict is Verdict.AGAIN and attempt < ATTEMPTS:
                    continue
                if verdict in (Verdict.AGAIN, Verdict.UNAVAILABLE):
                    self._note(error)
                    return [self._faults.translate(error) for _ in works]
                if len(works) == 1:
                    return [self._faults.translate(error)]
                break
            else:
                self._note(None)
                return outcomes
        return [outcome for work in works for outcome in self._outcomes([work])]

    def _transaction(self, works: Sequence[Work]) -> list[object]:
        fresh = self._connection is None
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(**{WRITES: True})
        with self._connection.begin():
            if fresh:
                self._hold_briefly(self._connection)
            return self._run(self._connection, works)

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note(self, error: Exception | None) -> None:
        """Logs once when the store goes, and once when it is back."""
        if error is not None and self._well:
            log.error("the store cannot be written: %s", getattr(error, "orig", error))
        elif error is None and not self._well:
            log.info("the store can be written again")
        self._well = error is None

    def _hand_back(self, batch: Sequence[_Item], outcomes: Sequence[object]) -> None:
        try:
            self._loop.call_soon_threadsafe(_tell, batch, outcomes)
        except RuntimeError:
            log.warning("the event loop ended before it heard of %d commits", len(batch))


def _tell(batch: Sequence[_Item], outcomes: Sequence[object]) -> None:
    for item, outcome in zip(batch, outcomes, strict=True):
        item.done(outcome)
