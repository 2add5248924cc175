"""Makes the README's picture, docs/images/parley.png, from the real thing.

A private Prosody, `parley run`, a profanity in tmux and a headless Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import html
import re
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from parley.private_prosody import PrivateProsody  # noqa: E402
from tests.e2e.support.browser import Widget, chromium  # noqa: E402
from tests.e2e.support.parley import SITE, Parley  # noqa: E402
from tests.e2e.support.ports import free_port  # noqa: E402
from tests.e2e.support.profanity import Profanity  # noqa: E402
from tests.e2e.support.site import Website, website  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "parley.png"
PASSWORD = "picture"
COLOURS = ["#1c1f24", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#dcdfe4"]
GROUNDS = ["#1c1f24", "#7a2f35", "#4a6b3c", "#7d6a3a", "#2c4a75", "#5f3a6e", "#2b6068", "#5c6370"]

TALK = [
    ("visitor", "Hello! Is the quiet one in stock?"),
    ("ann", "Hi, Ann here. Yes, three of them, in green and in grey."),
    ("ann", "There is a picture at https://shop.example/quiet"),
    ("visitor", "Lovely. And how long does delivery take?"),
    ("ann", "Two days, or tomorrow if you order before noon."),
    ("visitor", "Then I will take the green one."),
]


async def main() -> None:
    """Makes the picture."""
    with tempfile.TemporaryDirectory() as name, website() as shop:
        folder = Path(name)
        prosody = PrivateProsody(folder / "prosody", free_port(), free_port(), secret="s3cret")
        await prosody.add_user("ann", PASSWORD)
        await prosody.start()
        parley = Parley(folder / "parley", prosody, origin=shop.url)
        await parley.set_up({"ann@localhost": "Ann"})
        shop.snippet = parley.must("snippet", SITE)
        await parley.start()
        profanity = Profanity(folder / "profanity")
        try:
            async with chromium() as browser:
                await picture(browser, parley, profanity, shop)
        finally:
            profanity.kill()
            parley.end()
            await prosody.stop()


async def picture(browser: Browser, parley: Parley, profanity: Profanity, shop: Website) -> None:
    """A talk in the widget, and beside it the same in profanity."""
    await profanity.connect("ann@localhost", PASSWORD, parley.server.c2s_port)
    page = await browser.new_page(viewport={"width": 760, "height": 720})
    await page.goto(f"{shop.url}/bicycles")
    widget = Widget(page)
    await widget.button.wait_for()
    roster = await profanity.wait_for_roster(re.compile(r"Visitor \w{4}"))
    found = re.search(r"Visitor \w{4}", roster)
    assert found is not None
    await widget.open()
    opened = False
    for who, text in TALK:
        if who == "visitor":
            await widget.say(text)
            await widget.wait_for_status("Delivered")
            if not opened:
                await profanity.open_chat(found[0])
                opened = True
        else:
            profanity.type(text)
            await widget.wait_for_message(text)
    profanity.type_text("Great, I wi")
    await asyncio.sleep(1.5)
    talk = profanity.screen_ansi().split("\n")
    profanity.show_window(1)
    await asyncio.sleep(0.3)
    roster = profanity.screen_ansi().split("\n")
    profanity.show_window(2)
    await beside(browser, page, "\n".join([*roster[:16], "", *talk[:14], *talk[38:40]]))


async def beside(browser: Browser, page: Page, screen: str) -> None:
    """The visitor's page and the operator's terminal, side by side."""
    picture = base64.b64encode(await page.screenshot()).decode()
    both = await browser.new_page(viewport={"width": 1720, "height": 720})
    await both.set_content(
        '<body style="margin:0;display:flex;background:#1c1f24">'
        f'<img src="data:image/png;base64,{picture}" width=760 height=720>'
        '<pre style="margin:0;padding:12px 14px;color:#dcdfe4;'
        f'font:13px/17px DejaVu Sans Mono,monospace">{to_html(screen)}</pre></body>'
    )
    await both.screenshot(path=PICTURE)


def to_html(screen: str) -> str:
    """A terminal's screen with its colours (ECMA-48 SGR) as HTML."""
    parts, colour, ground, bold = [], "", "", False
    for number, piece in enumerate(re.split(r"\x1b\[([0-9;]*)m", screen)):
        if number % 2 == 0:
            style = (f"color:{colour};" if colour else "") + ("font-weight:bold;" if bold else "")
            style += f"background:{ground}" if ground else ""
            parts.append(f'<span style="{style}">{html.escape(piece)}</span>')
            continue
        for code in piece.split(";"):
            value = int(code or 0)
            if value in (0, 39):
                colour = ""
                bold = bold and value != 0
            elif value == 1:
                bold = True
            elif 30 <= value <= 37:
                colour = COLOURS[value - 30]
            elif 90 <= value <= 97:
                colour = COLOURS[value - 90]
            if value in (0, 49):
                ground = ""
            elif 40 <= value <= 47:
                ground = GROUNDS[value - 40]
    return "".join(parts)


if __name__ == "__main__":
    asyncio.run(main())
