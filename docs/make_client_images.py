"""Makes the terminal clients' pictures in docs/images/clients: `python docs/make_client_images.py`.

A private Prosody, `parley run`, profanity and mcabber in tmux, and a visitor in Chromium.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from make_images import IMAGES, PASSWORD, ROOT, to_html
from playwright.async_api import Browser

sys.path.insert(0, str(ROOT))

from parley.private_prosody import PrivateProsody  # noqa: E402
from tests.e2e.support.browser import Widget, chromium  # noqa: E402
from tests.e2e.support.client import JabberClient  # noqa: E402
from tests.e2e.support.mcabber import BAR, Mcabber  # noqa: E402
from tests.e2e.support.parley import SITE, Parley  # noqa: E402
from tests.e2e.support.ports import free_port  # noqa: E402
from tests.e2e.support.profanity import Profanity  # noqa: E402
from tests.e2e.support.site import website  # noqa: E402


async def main() -> None:
    """Makes all pictures."""
    (IMAGES / "clients").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, website() as shop:
        folder = Path(name)
        prosody = PrivateProsody(folder / "prosody", free_port(), free_port(), secret="s3cret")
        await prosody.add_user("ann", PASSWORD)
        await prosody.start()
        parley = Parley(folder / "parley", prosody, origin=shop.url)
        await parley.set_up({"ann@localhost": "Ann"})
        shop.snippet = parley.must("snippet", SITE)
        await parley.start()
        try:
            async with chromium() as browser:
                page = await browser.new_page()
                await page.goto(f"{shop.url}/bicycles")
                visitor = Widget(page)
                await visitor.open()
                await picture(browser, visitor, Profanity(folder / "profanity"), prosody, profanity)
                await picture(browser, visitor, Mcabber(folder / "mcabber"), prosody, mcabber)
        finally:
            parley.end()
            await prosody.stop()


async def picture(
    browser: Browser,
    visitor: Widget,
    client: JabberClient,
    prosody: PrivateProsody,
    rows: Callable[[JabberClient], list[str]],
) -> None:
    """A talk in one client."""
    try:
        await client.connect("ann@localhost", PASSWORD, prosody.c2s_port)
        roster = await client.wait_for_roster(re.compile(r"Visitor \w{4}"))
        found = re.search(r"Visitor \w{4}", roster)
        assert found is not None
        await visitor.say("Is the quiet one in stock?")
        await visitor.wait_for_status("Delivered")
        await client.open_chat(found[0])
        client.type("Yes, three of them")
        await visitor.wait_for_message("Yes, three of them")
        client.type("!who")
        await client.wait_for("On the site: 1")
        await visitor.type_text("Then I tak")
        await asyncio.sleep(1)
        text = to_html("\n".join(rows(client)))
        await visitor.field.fill("")
    finally:
        client.kill()
    page = await browser.new_page(viewport={"width": 760, "height": 100})
    await page.set_content(
        '<body style="margin:0;background:#1c1f24;width:fit-content">'
        '<pre style="margin:0;padding:8px;color:#dcdfe4;'
        f'font:10px/13px DejaVu Sans Mono,monospace">{text}</pre></body>'
    )
    name = f"clients/{type(client).__name__.lower()}.png"
    await page.locator("body").screenshot(path=IMAGES / name)
    await page.close()
    print(f"docs/images/{name}")


def profanity(client: JabberClient) -> list[str]:
    """The console with the contact list, and below it the chat."""
    assert isinstance(client, Profanity)
    chat = client.screen_ansi().split("\n")
    client.show_window(1)
    return [*client.screen_ansi().split("\n")[:6], "", *chat[:9]]


def mcabber(client: JabberClient) -> list[str]:
    """Contact list and chat, and the bar below."""
    assert isinstance(client, Mcabber)
    screen = client.screen_ansi().split("\n")
    return [*screen[:10], screen[BAR]]


if __name__ == "__main__":
    asyncio.run(main())
