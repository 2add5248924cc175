"""A visitor: a real Chromium, and what a person finds in the widget on a page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from playwright.async_api import Browser, Locator, Page, TimeoutError, async_playwright

from tests.e2e.support.wait import eventually

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

_LINES = """log => [...log.children].flatMap(row => {
    const body = row.querySelector('[part~=bubble], [part~=line]')
    if (!body) return []
    const own = row.classList.contains('own'), system = row.classList.contains('system')
    const name = row.querySelector('p:first-child')
    const below = row.querySelector('.meta')
    const status = below && below.querySelector('.status')
    return [{
        sender: system ? 'system' : own ? 'visitor' : name.textContent,
        text: body.textContent,
        status: status ? status.textContent : own && below ? below.textContent : '',
    }]
})"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Runs a headless Chromium; it has ended when the block is left."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True)
class Line:
    """One message in the widget.

    `sender` is `visitor` for one's own, `system`, or the operator's name as shown;
    `status` is what stands below one's own: `Sent`, `Delivered`, `Read`, …, or "".
    """

    sender: str
    text: str
    status: str


class Widget:
    """The widget on a page, found as assistive technology finds it."""

    def __init__(
        self,
        page: Page,
        chat: str | re.Pattern[str] = "Chat",
        message: str = "Message",
        send: str = "Send",
    ) -> None:
        """What the buttons and the field are called, where the widget is not in English."""
        self.page = page
        self._widget = page.locator("parley-chat")
        self.button = self._widget.get_by_role("button", name=chat, exact=True)
        self.field = self._widget.get_by_role("textbox", name=message, exact=True)
        self.send = self._widget.get_by_role("button", name=send, exact=True)
        self.log = self._widget.get_by_role("log")

    async def open(self) -> None:
        """Opens the panel if it is closed; returns when one can type."""
        await self.button.wait_for()

        async def opened() -> bool:
            # It may open by itself just before the click, which closes it then.
            if await self.button.get_attribute("aria-expanded") != "true":
                await self.button.click()
            with suppress(TimeoutError):
                await self.field.wait_for(timeout=10_000)
            return await self.field.is_visible()

        await eventually(opened, 30.0, "the panel is open")

    async def close(self) -> None:
        """Closes the panel by Escape if it is open."""
        if await self.button.get_attribute("aria-expanded") == "true":
            await self.field.press("Escape")
        await self.field.wait_for(state="hidden")

    async def say(self, text: str) -> None:
        """Types a message and sends it by the button; returns when the log shows it."""
        await self.field.fill(text)
        await self.send.click()
        await self.wait_for(lambda lines: any(line.text == text for line in lines))

    async def type_text(self, text: str) -> None:
        """Types key by key without sending."""
        await self.field.press_sequentially(text, delay=20)

    async def messages(self) -> list[Line]:
        """Gives what the log shows, oldest first."""
        lines = await self.log.evaluate(_LINES)
        return [Line(line["sender"], line["text"], line["status"]) for line in lines]

    async def texts(self) -> list[str]:
        """Gives the texts alone, oldest first."""
        return [line.text for line in await self.messages()]

    async def status_of_last(self) -> str:
        """Gives what stands below the last of one's own messages, "" if there is none."""
        own = [line for line in await self.messages() if line.sender == "visitor"]
        return own[-1].status if own else ""

    async def typing(self) -> str:
        """Gives the line that says who is typing, "" if nobody is."""
        return await _text(self._widget.locator("[part~=typing]"))

    async def desk(self) -> str:
        """Gives the desk's state as the header says it, beside the site during a talk."""
        said = await _text(self._widget.locator("[part~=state]"))
        return said.rpartition(" · ")[2]

    async def unread(self) -> str:
        """Gives the number on the button, "" if there is none."""
        return await _text(self._widget.locator("[part~=badge]"))

    async def notice(self) -> str:
        """Gives the line above the field about desk or connection, "" if there is none."""
        return await _text(self._widget.locator("[part~=notice]"))

    async def wait_for(
        self, predicate: Callable[[list[Line]], bool], timeout: float = 10.0
    ) -> list[Line]:
        """Gives the log's lines as soon as the predicate takes them."""
        seen: list[Line] = []

        async def taken() -> list[Line] | None:
            seen[:] = await self.messages()
            return list(seen) if predicate(seen) else None

        return await eventually(taken, timeout, lambda: f"the widget's log; it shows {seen}")

    async def wait_for_message(self, text: str, timeout: float = 10.0) -> Line:
        """Gives the first line with this text."""
        lines = await self.wait_for(lambda lines: any(line.text == text for line in lines), timeout)
        return next(line for line in lines if line.text == text)

    async def wait_for_status(self, status: str, timeout: float = 10.0) -> None:
        """Returns when the last of one's own messages has this status."""

        async def has() -> bool:
            return await self.status_of_last() == status

        await eventually(has, timeout, f"the status {status!r} below the last message")


async def _text(locator: Locator) -> str:
    if not await locator.is_visible():
        return ""
    return (await locator.text_content() or "").strip()
