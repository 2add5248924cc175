"""An operator who answers every line with the same line, in a process of its own."""

from __future__ import annotations

import asyncio
import sys

from .operator import Operator


class Echo(Operator):
    """Says when it is ready."""

    def ready(self) -> None:
        print("ready", flush=True)

    def line(self, sender: str, body: str) -> None:
        self.say(sender, body)


async def main(jid: str, password: str, port: int, marks: bool) -> None:
    """Logs in and echoes until killed."""
    client = Echo(f"{jid}/echo", password, marks)
    client.connect("127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "marks"))
