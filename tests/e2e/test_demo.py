"""`parley demo`, behind `make demo`: what it prints is all that one needs, and Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser

from tests.e2e.support.browser import Widget
from tests.e2e.support.occupant import Occupant
from tests.e2e.support.operator import Operator
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

LAST = "parley: ready"
OTHER_LINES = ["page", "page", "jid", "password", "host", "port"]


@asynccontextmanager
async def demo(folder: Path, *ports: str) -> AsyncIterator[list[tuple[str, str]]]:
    """Runs it in a folder; what it prints before its last line, by `key: value`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "parley", "demo", "--folder", str(folder), *ports),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        async with asyncio.timeout(30):
            while LAST not in lines:
                line = await process.stdout.readline()
                assert line, lines
                lines.append(line.decode().rstrip("\n"))
        pairs = [line.partition(": ") for line in lines[:-1]]
        yield [(key, value) for key, _, value in pairs]
        prosody = Path("/proc", (folder / "prosody/prosody.pid").read_text().strip())
        assert prosody.exists()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            assert await process.wait() in (0, 130)
        assert not prosody.exists()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_all_of_it(tmp_path: Path, browser: Browser) -> None:
    """Its account sees who reads its pages, both talk, and the third page is a room of both.

    Started again it has the same account, and its visitors their talks.
    """
    ports = f"--http-port={free_port()}", f"--xmpp-port={free_port()}"
    async with demo(tmp_path / "demo", *ports) as printed:
        assert [key for key, _ in printed] == OTHER_LINES
        (_, page), (_, other), *rest = printed
        told = dict(rest)
        anna = Operator(told["jid"], told["password"])
        await anna.login(int(told["port"]))
        visitor = Widget(await browser.new_page())
        await visitor.page.goto(page)
        await eventually(
            lambda: [jid for jid in anna.roster() if jid.startswith("v-")], what="a contact"
        )
        await visitor.page.goto(other)
        await visitor.open()
        await visitor.say("Hello")
        line = await anna.wait_for_message("Hello")
        anna.send_message_to(line.sender, "Good day")
        await visitor.wait_for_message("Good day")
        await visitor.page.goto(other.replace("prices", "lobby"))
        room = Occupant(anna, "lobby%demo@chat.localhost", "Anna")
        await room.join()
        widget = visitor.page.locator("parley-chat")
        await widget.get_by_role("tab", name="lobby").click()
        await widget.get_by_role("textbox", name="Your name").fill("Ada")
        await widget.get_by_role("button", name="Join").click()
        await room.sees("Ada")
        await visitor.page.goto("about:blank")
        await anna.logout()
    async with demo(tmp_path / "demo", *ports) as printed:
        assert dict(printed)["password"] == told["password"]
        await visitor.page.goto(page)
        await visitor.open()
        await visitor.wait_for_message("Good day")
    await visitor.page.close()
