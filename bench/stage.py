"""What a measurement stands on: a private Prosody, `parley run` and an echoing operator."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from parley.private_prosody import PrivateProsody

from .socket import SITE

OPERATOR = "echo"
PASSWORD = "bench"


@dataclass(frozen=True)
class Stage:
    """Process ids, and the port that visitors reach."""

    port: int
    parley: int
    prosody: int


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def stage(
    folder: Path, *, answered: bool = True, mode: str = "plain", settings: Sequence[str] = ()
) -> AsyncIterator[Stage]:
    """Everything runs, and visitors are answered if so; all of it ends with the block.

    `mode` is what the operator's client does with receipts and markers: `plain` or `marks`;
    `settings` are the site's, as `parley site set` takes them.
    """
    prosody = PrivateProsody(folder / "prosody", free_port(), free_port(), secret="bench")
    await prosody.add_user(OPERATOR, PASSWORD)
    http, admin = free_port(), free_port()
    config = folder / "parley.toml"
    config.write_text(
        f"""
[http]
listen = ["tcp:{http}:interface=127.0.0.1"]
public_url = "http://127.0.0.1:{http}"
admin_listen = "tcp:{admin}:interface=127.0.0.1"
[component]
port = {prosody.component_port}
domains = ["chat.localhost"]
secret = "bench"
[tokens]
key = "0123456789abcdef0123456789abcdef"
[limits]
messages_per_minute = 0
new_visitors_per_minute = 0
""",
        "utf-8",
    )
    await prosody.start()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        base = [sys.executable, "-m", "parley", "-c", str(config)]
        await _run(*base, "site", "add", SITE, "--origin", "https://bench.example")
        if settings:
            await _run(*base, "site", "set", SITE, *settings)
        await _run(*base, "operator", "add", SITE, f"{OPERATOR}@localhost")
        parley = subprocess.Popen([*base, "run"], stderr=subprocess.PIPE, start_new_session=True)
        processes.append(parley)
        await asyncio.to_thread(_until, parley, b"linked with the Jabber server", "stderr")
        if answered:
            echo = subprocess.Popen(
                [
                    *(sys.executable, "-m", "bench.echo"),
                    *(f"{OPERATOR}@localhost", PASSWORD, str(prosody.c2s_port), mode),
                ],
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            processes.append(echo)
            await asyncio.to_thread(_until, echo, b"ready", "stdout")
        assert prosody.pid is not None
        yield Stage(http, parley.pid, prosody.pid)
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGTERM)
            await asyncio.to_thread(process.wait)
        await prosody.stop()


async def _run(*command: str) -> None:
    await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)


def _until(process: subprocess.Popen[bytes], words: bytes, stream: str) -> None:
    pipe = process.stderr if stream == "stderr" else process.stdout
    assert pipe is not None
    for line in pipe:
        if words in line:
            return
    raise RuntimeError(f"{process.args!r} ended with {process.wait()}")
