"""Files that a visitor sends by the widget, to an operator's client over Prosody."""

from __future__ import annotations

import asyncio
import struct
import urllib.request
import zlib
from pathlib import Path
from urllib.parse import unquote

from playwright.async_api import BrowserContext, CDPSession, FilePayload, Locator

from tests.e2e.support.axe import faults
from tests.e2e.support.browser import Widget
from tests.e2e.support.operator import Received
from tests.e2e.support.rpc import call
from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage

SLOW = 40_000
"""Octets in a second."""
PASTE = """async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 30 })
    const drawn = canvas.getContext('2d')
    drawn.fillRect(0, 0, 20, 20)
    const blob = await new Promise((resolve) => canvas.toBlob(resolve))
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })])
}"""


def picture(noise: int = 0) -> bytes:
    """A PNG of 20 by 20 pixels; with so many octets more that say nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = b"".join(b"\0" + b"\x1a\x6b\x5c" * 20 for _ in range(20))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 20, 8, 2, 0, 0, 0))
        + (chunk(b"teSt", bytes(noise)) if noise else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def named(name: str, octets: bytes, kind: str = "image/png") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": octets}


async def visit(stage: Stage, context: BrowserContext, *settings: str) -> tuple[Widget, str]:
    """A visitor with the panel open, of a site that takes files; and the site's key."""
    key = await stage.site("upload.on=true", *settings)
    stage.shop.documents[f"/{key}"] = Document(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{key}</title>"
        f"<h1>Files</h1>{stage.snippet(key)}</html>"
    )
    visitor = await stage.visit(context, f"/{key}")
    await visitor.open()
    await attach(visitor).wait_for()
    return visitor, key


def attach(visitor: Widget) -> Locator:
    return visitor.page.get_by_role("button", name="Attach a file")


async def choose(visitor: Widget, *files: FilePayload) -> None:
    """By the button, as a person would."""
    async with visitor.page.expect_file_chooser() as chooser:
        await attach(visitor).click()
    chosen = await chooser.value
    assert chosen.is_multiple()
    await chosen.set_files(list(files))


async def slow(visitor: Widget, octets: int = SLOW) -> CDPSession:
    """The network takes so many octets in a second from now on."""
    session = await visitor.page.context.new_cdp_session(visitor.page)
    await session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": octets},
    )
    return session


def row(visitor: Widget) -> Locator:
    return visitor.page.locator("[part~=file]")


async def reaches(stage: Stage, name: str) -> str:
    """The address of the file of that name, once an operator's client has it."""

    def has(one: Received) -> bool:
        return one.kind == "message" and unquote(one.link or "").endswith(f"/{name}")

    got = await stage.ann.wait_for(has, timeout=15.0)
    assert got.link is not None
    assert got.body == got.link
    return got.link


async def fetch(url: str) -> bytes:
    """The octets, as any client of an operator gets them."""

    def get() -> bytes:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: bytes = answer.read()
            return found

    return await asyncio.to_thread(get)


async def shown(visitor: Widget, count: int = 1) -> None:
    """So many pictures are seen in the log, and no file is on its way."""

    async def seen() -> bool:
        widths = await visitor.log.locator("img").evaluate_all(
            "pictures => pictures.map(one => one.naturalWidth)"
        )
        return len(widths) == count and all(widths)

    await eventually(seen, 10.0, f"{count} pictures")
    assert await row(visitor).count() == 0


async def test_a_picture_by_the_button(stage: Stage, context: BrowserContext) -> None:
    """The operator's client gets its address, and by that the octets; the widget shows it."""
    visitor, _ = await visit(stage, context, "upload.types=image/*")
    octets = picture(50_000)
    await choose(visitor, named("my cat.png", octets))
    assert await fetch(await reaches(stage, "my cat.png")) == octets
    await shown(visitor)
    image = visitor.log.get_by_role("img", name="my cat.png")
    assert await image.evaluate("one => one.naturalWidth") == 20
    await visitor.wait_for_status("Delivered")
    await visitor.page.reload()
    await visitor.field.wait_for()
    await shown(visitor)


async def test_files_that_are_dropped(
    stage: Stage, context: BrowserContext, tmp_path: Path
) -> None:
    """The panel says that they may be dropped there; they come in their order."""
    visitor, _ = await visit(stage, context)
    paths = []
    for name in ("one.png", "two.png", "three.png"):
        paths.append(str(tmp_path / name))
        (tmp_path / name).write_bytes(picture())
    session = await visitor.page.context.new_cdp_session(visitor.page)
    hint = visitor.page.get_by_text("Drop files here")
    box = await visitor.page.get_by_role("dialog").bounding_box()
    assert box is not None

    async def drag(kind: str, x: float) -> None:
        data = {"items": [], "files": paths, "dragOperationsMask": 1}
        at = {"x": x, "y": box["y"] + 300}
        await session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **at})

    assert not await hint.is_visible()
    await drag("dragEnter", box["x"] + 100)
    await drag("dragOver", box["x"] + 100)
    await hint.wait_for()
    assert await faults(visitor.page) == []
    await drag("dragOver", box["x"] - 50)
    await hint.wait_for(state="hidden")
    for kind in ("dragOver", "dragOver", "drop"):
        await drag(kind, box["x"] + 100)
    await shown(visitor, 3)
    assert not await hint.is_visible()
    names = await visitor.log.locator("img").evaluate_all("all => all.map(one => one.alt)")
    assert names == ["one.png", "two.png", "three.png"]
    assert await fetch(await reaches(stage, "three.png")) == picture()


async def test_a_picture_that_is_pasted(stage: Stage, context: BrowserContext) -> None:
    """From the clipboard it has no name, and gets one; a text stays a text."""
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor, _ = await visit(stage, context)
    await visitor.field.focus()
    await visitor.page.evaluate(PASTE)
    await visitor.page.keyboard.press("Control+V")
    await shown(visitor)
    assert (await fetch(await reaches(stage, "image.png"))).startswith(b"\x89PNG")
    await visitor.page.evaluate("navigator.clipboard.writeText('only words')")
    await visitor.page.keyboard.press("Control+V")
    assert await visitor.field.input_value() == "only words"
    assert await row(visitor).count() == 0


async def test_progress_and_cancel(stage: Stage, context: BrowserContext) -> None:
    """On a slow network it is seen how far it is; what is cancelled leaves nothing anywhere."""
    visitor, _ = await visit(stage, context)
    await visitor.say("here it comes")
    session = await slow(visitor)
    await choose(visitor, named("slow.png", picture(400_000)), named("next.png", picture()))
    bar = visitor.page.get_by_role("progressbar", name="slow.png")
    seen: list[float] = []

    async def moves() -> bool:
        seen.append(await bar.evaluate("one => one.value"))
        return len({one for one in seen if 0 < one < 1}) > 2

    await eventually(moves, 10.0, lambda: f"progress; it was {seen}")
    assert seen == sorted(seen)
    assert await faults(visitor.page) == []
    part = stage.parley.folder / "uploads/part"
    assert list(part.iterdir())
    await visitor.page.get_by_role("button", name="Cancel: slow.png").click()
    await session.detach()
    await shown(visitor)
    await reaches(stage, "next.png")
    await eventually(lambda: not list(part.iterdir()), 10.0, "nothing is left of it")
    assert await visitor.field.evaluate("one => one.getRootNode().activeElement === one")
    assert not [one for one in stage.ann.received if "slow.png" in (one.body or "")]


async def test_what_is_not_taken(stage: Stage, context: BrowserContext) -> None:
    """Said calmly, by the widget at once, and by the server where only that knows."""
    visitor, key = await visit(stage, context, "upload.types=image/*", "upload.max_bytes=100000")
    await choose(
        visitor,
        named("large.png", picture(100_000)),
        named("x.exe", b"MZ", "application/x-msdownload"),
    )
    await eventually(lambda: row(visitor).all_inner_texts())
    told = [one.split("\n") for one in await row(visitor).all_inner_texts()]
    assert told == [
        ["large.png", "Too large: at most 0.1 MB"],
        ["x.exe", "This kind of file is not accepted"],
    ]
    assert await faults(visitor.page) == []
    for name in ("large.png", "x.exe"):
        await visitor.page.get_by_role("button", name=f"Cancel: {name}").click()
    assert await row(visitor).count() == 0
    settings = ("upload.max_bytes=50000", "upload.types=text/plain")
    await asyncio.to_thread(stage.parley.must, "site", "set", key, *settings)

    async def known() -> bool:
        hello = await call(stage.parley, "hello", site=key)
        return bool(hello["result"]["settings"]["upload"]["max_bytes"] == 50_000)

    await eventually(known)
    await choose(visitor, named("middling.png", picture(60_000)))
    await row(visitor).get_by_text("This kind of file is not accepted").wait_for()
