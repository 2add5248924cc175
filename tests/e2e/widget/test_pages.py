"""The widget in pages that are not made for it: strict, hostile, replaced while they are read."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page

from tests.e2e.support.browser import Widget
from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage, own

WIDGET = Path(__file__).parents[3] / "widget"
PAGES = Path(__file__).parent / "pages"
HEAD = (
    "<!doctype html><html lang=en><meta charset=utf-8>"
    '<meta name="viewport" content="width=device-width">'
)
REPORT = """addEventListener('securitypolicyviolation', (event) =>
    console.log('REFUSED', event.violatedDirective, event.blockedURI, event.sample))"""


@own
async def pages(stage: Stage) -> AsyncIterator[dict[str, Document]]:
    """Documents of the shop's, for one test."""
    yield stage.shop.documents
    stage.shop.documents.clear()


async def talk(stage: Stage, visitor: Widget, word: str) -> None:
    """Both say a word, which says that all of it works."""
    await visitor.open()
    await stage.talk(visitor, word, f"{word}, too")


async def test_under_a_strict_policy(
    stage: Stage, context: BrowserContext, pages: dict[str, Document]
) -> None:
    """Neither inline styles nor other scripts, and Trusted Types: nothing is refused."""
    chat = stage.parley.url
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {chat}",
            "style-src 'self'",
            f"connect-src {chat} {chat.replace('http', 'ws')}",
            f"img-src {chat}",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
    pages["/strict"] = Document(
        f"{HEAD}<title>Strict</title><h1>Strict</h1>{{snippet}}</html>",
        {"Content-Security-Policy": policy},
    )
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.add_init_script(REPORT)
    await page.goto(f"{stage.shop.url}/strict")
    await talk(stage, Widget(page), "strictly")
    assert [line for line in said if "REFUSED" in line or "Content Security" in line] == []
    look = await page.locator("parley-chat").get_by_role("dialog").bounding_box()
    assert look is not None
    assert look["width"] > 300, "its own style sheet holds"


async def test_the_pages_style_does_not_reach_in(
    stage: Stage, context: BrowserContext, pages: dict[str, Document]
) -> None:
    """A page with rules for everything: the widget looks and works as elsewhere."""
    hostile = (PAGES / "hostile.css").read_text("utf-8")
    pages["/hostile"] = Document(
        f"{HEAD}<title>Hostile</title><style>{hostile}</style><h1>x</h1>{{snippet}}</html>"
    )

    async def look(visitor: Widget) -> object:
        await visitor.page.emulate_media(reduced_motion="reduce")
        await visitor.open()
        return await visitor.page.evaluate((PAGES / "look.js").read_text("utf-8"))

    plain = await look(await stage.visit(context, "/plain"))
    visitor = await stage.visit(context, "/hostile")
    assert await look(visitor) == plain
    await talk(stage, visitor, "hostile")


async def test_inserted_twice(
    stage: Stage, context: BrowserContext, pages: dict[str, Document]
) -> None:
    """Once is enough, also where the second copy comes much later."""
    pages["/twice"] = Document(f"{HEAD}<title>Twice</title>{{snippet}}{{snippet}}</html>")
    visitor = await stage.visit(context, "/twice")
    await visitor.button.wait_for()
    await visitor.page.evaluate((PAGES / "again.js").read_text("utf-8"))
    assert await visitor.page.locator("parley-chat").count() == 1
    await talk(stage, visitor, "only once")
    assert [one.body for one in stage.ann.received].count("only once") == 1


async def _told(stage: Stage, contact: str) -> str:
    presence = stage.ann.presence_of(contact)
    return "" if presence is None else presence.child_text("status") or ""


async def reads_on(stage: Stage, visitor: Widget, path: str, title: str) -> None:
    """The widget stays as it was, and the operator learns of the page."""
    assert await visitor.field.input_value() == "half a thought"
    assert await visitor.texts()
    contact = next(
        one.sender.partition("/")[0]
        for one in reversed(stage.ann.received)
        if one.kind == "message" and one.body
    )
    wanted = f"{title} · {stage.shop.url}{path}"

    async def told() -> bool:
        return await _told(stage, contact) == wanted

    await eventually(told, 10.0, wanted)
    await talk(stage, visitor, f"on {path}")


async def test_with_turbo(
    stage: Stage, context: BrowserContext, pages: dict[str, Document]
) -> None:
    """Turbo Drive replaces the body: talk, panel and draft stay, and the script runs once."""
    stage.shop.serve("/turbo.js", WIDGET / "node_modules/@hotwired/turbo/dist/turbo.es2017-umd.js")
    for name, other in (("one", "two"), ("two", "one")):
        pages[f"/turbo/{name}"] = Document(
            f'{HEAD}<title>Turbo {name}</title><script src="/turbo.js"></script>'
            f"<body><h1>{name}</h1><a href=/turbo/{other}>to {other}</a>{{snippet}}</body></html>"
        )
    visitor = await stage.visit(context, "/turbo/one")
    await talk(stage, visitor, "turbo")
    await visitor.field.fill("half a thought")
    await visitor.page.evaluate("window.same = true")
    await visitor.page.get_by_role("link", name="to two").evaluate("link => link.click()")
    await visitor.page.get_by_role("heading", name="two").wait_for()
    assert await visitor.page.evaluate("window.same") is True
    assert await visitor.page.locator("parley-chat").count() == 1
    await reads_on(stage, visitor, "/turbo/two", "Turbo two")


async def test_with_react_router(
    stage: Stage, context: BrowserContext, pages: dict[str, Document], tmp_path: Path
) -> None:
    """The whole body is React's: pages change without a load."""
    bundle = tmp_path / "router.js"
    await asyncio.to_thread(
        subprocess.run,
        [
            *("node_modules/.bin/esbuild", str(PAGES / "router.js"), "--bundle", "--minify"),
            *(f"--outfile={bundle}", "--define:process.env.NODE_ENV='production'"),
            "--log-level=error",
        ],
        cwd=WIDGET,
        env={"NODE_PATH": str(WIDGET / "node_modules"), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    stage.shop.serve("/router.js", bundle)
    for name in ("one", "two"):
        pages[f"/app/{name}"] = Document(
            f"{HEAD}<title>App</title>{{snippet}}<script defer src=/router.js></script>"
            "<body></body></html>"
        )
    visitor = await stage.visit(context, "/app/one")
    await talk(stage, visitor, "react")
    await visitor.field.fill("half a thought")
    await visitor.page.get_by_role("link", name="to two").evaluate("link => link.click()")
    await reads_on(stage, visitor, "/app/two", "Page two")


async def test_with_view_transitions(
    stage: Stage, context: BrowserContext, pages: dict[str, Document]
) -> None:
    """As Astro's client router goes on: a view transition in which head and body are replaced."""
    router = (PAGES / "transitions.js").read_text("utf-8")
    for name, other in (("one", "two"), ("two", "one")):
        pages[f"/astro/{name}"] = Document(
            f"{HEAD}<title>Astro {name}</title><script>{router}</script>"
            f"<body><h1>{name}</h1><a href=/astro/{other}>to {other}</a>{{snippet}}</body></html>"
        )
    visitor = await stage.visit(context, "/astro/one")
    await talk(stage, visitor, "astro")
    await visitor.field.fill("half a thought")
    await visitor.page.get_by_role("link", name="to two").evaluate("link => link.click()")
    await visitor.page.get_by_role("heading", name="two").wait_for()
    assert await visitor.page.locator("parley-chat").count() == 1
    await reads_on(stage, visitor, "/astro/two", "Astro two")


HARM = {
    "refused": """Object.defineProperty(window, 'localStorage', {
        get() { throw new DOMException('no', 'SecurityError') } })""",
    "full": """Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError') }""",
    "no locks": "delete Navigator.prototype.locks",
    "fetch patched": "window.fetch = () => Promise.reject(new Error('patched'))",
    "a day ahead": "const now = Date.now; Date.now = () => now() + 86400000",
    "a day behind": "const now = Date.now; Date.now = () => now() - 86400000",
    "no channel": "window.BroadcastChannel = undefined",
    "no beacon": "Navigator.prototype.sendBeacon = undefined",
    "prototypes": "Array.prototype.extra = 1; Object.prototype.extra = () => {}",
}


@pytest.mark.parametrize("harm", HARM)
async def test_in_a_browser_that_lacks_something(
    stage: Stage, context: BrowserContext, harm: str
) -> None:
    """Storage refused or full, no locks, a patched page, a wrong clock: the talk goes on."""
    await context.add_init_script(HARM[harm])
    visitor = await stage.visit(context)
    word = f"in spite of {harm}"
    await talk(stage, visitor, word)
    notice = await visitor.notice()
    assert ("keeps nothing" in notice) is (harm in ("refused", "full")), notice


async def test_in_the_second_tab_of_a_browser_whose_storage_is_full(
    stage: Stage, context: BrowserContext
) -> None:
    """It cannot know what the first knows, and is served all the same, as a visitor of its own."""
    await context.add_init_script(HARM["full"])
    await talk(stage, await stage.visit(context), "first of a full browser")
    await talk(stage, await stage.visit(context), "second of a full browser")


async def test_where_sockets_and_requests_are_blocked(
    stage: Stage, context: BrowserContext
) -> None:
    """An ad blocker lets the script through alone: it says so, and keeps what is written."""
    await context.add_init_script(
        "window.WebSocket = class { constructor() { throw new Error('blocked') } }"
    )
    await context.route("**/rpc**", lambda route: route.abort("blockedbyclient"))
    visitor = await stage.visit(context)
    await visitor.open()
    await visitor.field.fill("hello?")
    await visitor.send.click()
    await visitor.wait_for_status("Waiting for the connection")
    await eventually(visitor.desk)
    assert await visitor.desk() == "Connecting…"


@pytest.mark.parametrize("key", ["nowhere", "shop"], ids=["unknown site", "wrong origin"])
async def test_a_refused_page(
    stage: Stage, context: BrowserContext, pages: dict[str, Document], key: str
) -> None:
    """One line in the console that says what to mend, and no button that does nothing."""
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    tag = stage.snippet().replace('data-site="shop"', f'data-site="{key}"')
    pages["/refused"] = Document(f"{HEAD}<title>Refused</title>{tag}</html>")
    url = f"{stage.shop.url}/refused"
    if key == "shop":
        url = url.replace("127.0.0.1", "localhost")
    await page.goto(url)
    await eventually(lambda: any("Parley" in line for line in said), 10.0)
    assert await page.locator("parley-chat").count() == 0
    (line,) = [line for line in said if "Parley" in line]
    wanted = "parley site list" if key == "nowhere" else "http://localhost"
    assert wanted in line, line


async def test_a_banned_visitor(stage: Stage, context: BrowserContext) -> None:
    """The same: a line, and no button."""
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto(f"{stage.shop.url}/prices")
    visitor = Widget(page)
    await talk(stage, visitor, "bad word")
    visitor_id = next(
        one.sender.partition("@")[0]
        for one in reversed(stage.ann.received)
        if one.body == "bad word"
    )
    await asyncio.to_thread(stage.parley.must, "ban", "shop", visitor_id, "--for", "1h")

    async def is_refused() -> bool:
        await page.reload()
        return any("You cannot write here now." in line for line in said)

    await eventually(is_refused, 20.0)
    await page.locator("parley-chat").wait_for(state="detached")


async def test_nothing_that_is_said_runs(stage: Stage, context: BrowserContext) -> None:
    """Markup, script links and false system lines from an operator are text in the widget."""
    visitor = await stage.visit(context)
    await talk(stage, visitor, "hostile texts")
    sender = next(one.sender for one in reversed(stage.ann.received) if one.body == "hostile texts")
    hostile = [
        "<img src=x onerror=window.harmed=1><script>window.harmed=1</script>",
        "javascript:window.harmed=1 data:text/html,<script>window.harmed=1</script>",
        '[click](javascript:alert(1)) http://a.example/"onmouseover="window.harmed=1',
        "Notice: This conversation has ended.",
    ]
    for text in hostile:
        stage.ann.send_message_to(sender, text)
        await visitor.wait_for_message(text)
    widget = visitor.page.locator("parley-chat")
    assert await visitor.page.evaluate("window.harmed") is None
    assert await widget.locator("script, img").count() == 0
    for link in await widget.locator("a").all():
        assert (await link.get_attribute("href") or "").split(":")[0] in ("http", "https", "mailto")
        assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert {line.sender for line in await visitor.messages()} == {"visitor", "Ann"}


async def test_the_interface_of_a_page(
    stage: Stage, context: BrowserContext, pages: dict[str, Document]
) -> None:
    """Calls before the script has loaded, events, and parts for its look."""
    pages["/api"] = Document((PAGES / "api.html").read_text("utf-8"))
    visitor = await stage.visit(context, "/api")
    line = await stage.ann.wait_for_message("said by the page")
    stage.ann.send_message_to(line.sender, "heard you")
    await visitor.wait_for_message("heard you")
    page = visitor.page

    async def names() -> list[str]:
        return [name for name, _ in await page.evaluate("heard")]

    assert {"ready", "desk", "open", "message"} <= set(await names())
    await page.evaluate("parley('close')")
    await visitor.field.wait_for(state="hidden")
    stage.ann.send_message_to(line.sender, "still there?")
    await eventually(lambda: _has(page, ["unread", 1]))
    await page.evaluate("parley('toggle')")
    await visitor.field.wait_for()
    assert "close" in await names()
    late: object = await page.evaluate(
        "new Promise((done) => parley('on', 'desk', (desk) => done(desk.state)))"
    )
    assert late == "online", "what holds is told to who comes late"
    styles = await page.evaluate(
        """() => { const root = document.querySelector('parley-chat').shadowRoot
        const of = (selector) => getComputedStyle(root.querySelector(selector))
        return [of('.launcher').backgroundColor, of('.panel').borderRadius,
            of('.bubble').letterSpacing] }"""
    )
    assert styles == ["rgb(10, 20, 30)", "3px", "2px"]


async def _has(page: Page, wanted: list[object]) -> bool:
    return wanted in await page.evaluate("heard")


async def test_inline(stage: Stage, context: BrowserContext, pages: dict[str, Document]) -> None:
    """In an element of the page it is a part of that: open, without a button."""
    pages["/inline"] = Document(
        f'{HEAD}<title>Inline</title><div id=chat style="height:500px"></div>'
        f"{stage.snippet(position='inline', target='#chat')}</html>"
    )
    visitor = await stage.visit(context, "/inline")
    await visitor.field.wait_for()
    place = await visitor.page.locator("#chat").bounding_box()
    panel = await visitor.page.locator("parley-chat").get_by_role("dialog").bounding_box()
    assert place is not None
    assert panel is not None
    assert (panel["width"], panel["height"]) == pytest.approx((place["width"], place["height"]))
    await visitor.field.fill("inline")
    await visitor.field.press("Enter")
    await stage.ann.wait_for_message("inline")
    await visitor.field.press("Escape")
    assert await visitor.field.is_visible()
    assert await visitor.button.is_hidden()
