"""The process that plays the visitors, as the one that measures sees it."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


class Load:
    """The process that plays the visitors."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> Load:
        """Starts it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=64 * 1024 * 1024,
        )
        return cls(process)

    async def says(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the visitors' process has ended")
        found: dict[str, Any] = json.loads(line)
        return found

    def go_on(self) -> None:
        """Lets it take the next step."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")

    async def end(self) -> None:
        """Waits for its end."""
        await self._process.wait()
