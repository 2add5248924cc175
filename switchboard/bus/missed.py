"""Telling that events may have been lost: at once, not too often, and once more when it helps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..ports import FALLBACK_SECONDS, SETTLED_SECONDS, Unsubscribe

log = logging.getLogger(__name__)


class Missed:
    """The listeners of `Bus.on_missed`. While `deaf`, they are told every FALLBACK_SECONDS."""

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[], None]] = {}
        self._deaf = False
        self._again = False
        self._rest: asyncio.TimerHandle | None = None
        self._settled: asyncio.TimerHandle | None = None

    def listen(self, listener: Callable[[], None]) -> Unsubscribe:
        """See ports.Bus.on_missed."""
        key = object()
        self._listeners[key] = listener

        def stop() -> None:
            self._listeners.pop(key, None)

        return stop

    def deaf(self) -> None:
        """Nothing is heard from now on."""
        self._deaf = True
        if self._settled is not None:
            self._settled.cancel()
            self._settled = None
        self._at_once()

    def heard(self) -> None:
        """All is heard from now on."""
        self._deaf = False
        self._at_once()

    def some(self) -> None:
        """Something was lost."""
        if self._rest is not None:
            self._again = True
        else:
            self._at_once()

    def _at_once(self) -> None:
        self._again = False
        loop = asyncio.get_running_loop()
        if self._rest is not None:
            self._rest.cancel()
        self._rest = loop.call_later(FALLBACK_SECONDS, self._rested)
        if not self._deaf:
            if self._settled is not None:
                self._settled.cancel()
            self._settled = loop.call_later(SETTLED_SECONDS, self._tell)
        self._tell()

    def close(self) -> None:
        """Tells nothing any more."""
        for timer in (self._rest, self._settled):
            if timer is not None:
                timer.cancel()

    def _rested(self) -> None:
        self._rest = None
        if self._deaf or self._again:
            self._at_once()

    def _tell(self) -> None:
        for listener in list(self._listeners.values()):
            try:
                listener()
            except Exception:
                log.exception("a listener to what was missed failed")
