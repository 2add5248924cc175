"""A process that is started again when it ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from .member import Program

RESTART_SECONDS = 0.1
"""systemd's own RestartSec."""


class Kept(Program):
    """A Program under what systemd calls `Restart=always`; its id is in `folder/NAME.pid`.

    It stays away after `kill` and `stop`, as after `systemctl stop`.
    """

    def __init__(self, name: str, folder: Path, port: int, command: Sequence[str]) -> None:
        super().__init__(name, folder, port, command)
        self._pid_file = folder / f"{name}.pid"
        self._keeping: asyncio.Task[None] | None = None

    def launch(self) -> None:
        """See Program."""
        super().launch()
        self._pid_file.write_text(f"{self.pid or ''}\n", "utf-8")

    async def start(self) -> None:
        """See Member."""
        await super().start()
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    def kill(self) -> None:
        """See Member."""
        self._let_go()
        super().kill()

    async def stop(self) -> None:
        """See Member."""
        self._let_go()
        await super().stop()

    def _let_go(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None

    async def _keep(self) -> None:
        # On the loop's own thread: what setpriv ends with us, ends with the thread that began it.
        while True:
            await asyncio.sleep(RESTART_SECONDS)
            if self.pid is None:
                self.launch()
