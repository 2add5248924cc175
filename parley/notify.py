"""What a service manager is told of this process (sd_notify(3)), if it asks for that."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import MutableMapping

log = logging.getLogger("parley")


class Notifier:
    """Datagrams to the socket that `environment` names; without one, it does nothing.

    What it takes from there is gone for the processes that this one starts. Nothing is raised:
    whoever does not listen is not told.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        path = environment.pop("NOTIFY_SOCKET", "")
        patience = environment.pop("WATCHDOG_USEC", "")
        watched = environment.pop("WATCHDOG_PID", "")
        # A name that begins with @ is in Linux' abstract space.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        ours = not watched or watched == str(os.getpid())
        self._every = int(patience) / 3_000_000 if ours and patience.isdecimal() else 0.0

    def tell(self, *assignments: str) -> None:
        """Sends such as `READY=1`, together."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(assignments).encode(), self._address)
        except OSError as problem:
            log.debug("the service manager does not listen: %s", problem)

    def keep_alive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sends `WATCHDOG=1` three times in the manager's patience, as long as the loop turns."""
        if self._every and self._address:
            self.tell("WATCHDOG=1")
            loop.call_later(self._every, self.keep_alive, loop)
