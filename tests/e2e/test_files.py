"""A visitor's file and rating, as they reach an operator's client over Prosody."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload

from parley.private_prosody import PrivateProsody
from tests.e2e.support.browser import Widget
from tests.e2e.support.faults import proxy
from tests.e2e.support.house import jid
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.ports import free_port
from tests.e2e.support.rpc import call
from tests.e2e.support.site import website
from tests.e2e.support.wait import eventually

Login = Callable[..., Awaitable[Operator]]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(300_000)


@pytest.fixture
async def parley(tmp_path: Path, prosody: PrivateProsody) -> AsyncIterator[Parley]:
    """A Parley that runs, whose site takes pictures; ann answers."""
    one = Parley(tmp_path / "parley", prosody)
    await one.set_up({"ann@localhost": "Ann"})
    one.order("site", "set", SITE, "upload.on=true", "upload.types=image/*")
    await one.start()
    yield one
    one.end()


async def fetch(url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    """The status and the body of an answer."""

    def send() -> tuple[int, bytes]:
        request = urllib.request.Request(url, body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read()

    return await asyncio.to_thread(send)


async def test_a_picture_reaches_the_operator(parley: Parley, operator: Login) -> None:
    """As its address alone, with XEP-0066, from which the client gets the very octets."""
    ann = await operator("ann")
    hello = (await call(parley, "hello", site=SITE))["result"]
    token, visitor = hello["token"], hello["visitor"]["id"]
    assert hello["settings"]["upload"]["types"] == ["image/*"]
    promised = await call(
        parley, "upload", token=token, name="my cat.png", type="image/png", size=len(PNG)
    )
    url, attachment = promised["result"]["url"], promised["result"]["attachment"]
    assert await fetch(url, "PUT", PNG) == (204, b"")
    await call(parley, "say", token=token, id="m1", body="", attachment=attachment)
    got = await ann.wait_for(
        lambda one: one.kind == "message" and one.link is not None, timeout=15.0
    )
    assert got.sender.startswith(jid(visitor))
    assert got.body == got.link
    assert got.link is not None
    assert got.link.startswith(f"{parley.url}/files/")
    assert await fetch(got.link) == (200, PNG)
    await call(parley, "say", token=token, id="m2", body="My cat", attachment=attachment)
    await ann.wait_for_message(f"My cat\n{got.link}", jid(visitor))
    assert (parley.folder / "uploads" / "kept").is_dir()
    check = await asyncio.to_thread(parley.command, "check")
    assert f"ok uploads {parley.folder}/uploads" in check.stdout
    # The file outlives the process.
    parley.kill()
    await parley.start()
    assert (await fetch(got.link))[0] == 200


class Behind(Parley):
    """One that browsers reach by another port, as behind a proxy."""

    def __init__(self, folder: Path, server: PrivateProsody, *, front: int, origin: str) -> None:
        self.front = front
        super().__init__(folder, server, origin=origin)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.front}"


async def test_what_breaks_off_is_sent_when_the_network_is_back(
    tmp_path: Path, prosody: PrivateProsody, operator: Login, browser: Browser
) -> None:
    """The widget says that it waits; then the file goes by itself, and arrives once."""
    front = free_port()
    with website() as shop:
        parley = Behind(tmp_path / "parley", prosody, front=front, origin=shop.url)
        try:
            await parley.set_up({"ann@localhost": "Ann"})
            parley.order("site", "set", SITE, "upload.on=true")
            shop.snippet = parley.order("snippet", SITE)
            await parley.start()
            ann = await operator("ann")
            page = await browser.new_page()
            visitor = Widget(page)
            async with proxy(parley.http_port, port=front) as network:
                await page.goto(f"{shop.url}/prices")
                await visitor.open()
                async with page.expect_file_chooser() as chooser:
                    await page.get_by_role("button", name="Attach a file").click()
                network.up.delay = 0.3
                big = PNG + bytes(3_000_000)
                await (await chooser.value).set_files(
                    FilePayload(name="broken.png", mimeType="image/png", buffer=big)
                )
                parts = parley.folder / "uploads"
                await eventually(lambda: list(parts.glob("part/*")), 10.0, "it begins to come")
            await page.get_by_text("Waiting for the connection").wait_for()
            await eventually(lambda: not list(parts.glob("part/*")), 10.0, "nothing is left of it")
            async with proxy(parley.http_port, port=front):
                got = await ann.wait_for(lambda one: one.link is not None, timeout=20.0)
                assert await fetch(got.link or "") == (200, big)
                await visitor.say("That was it")
                await ann.wait_for_message("That was it")
                assert len([one for one in ann.received if one.link is not None]) == 1
                assert await page.locator("[part~=file]").count() == 0
        finally:
            parley.end()


async def test_a_rating_reaches_the_operator(parley: Parley, operator: Login) -> None:
    """As a word of the desk in the visitor's window, once the talk has ended; and is stored."""
    ann = await operator("ann")
    hello = (await call(parley, "hello", site=SITE))["result"]
    token, visitor = hello["token"], hello["visitor"]["id"]
    await call(parley, "say", token=token, id="m1", body="Hello?")
    await ann.wait_for_message("Hello?", jid(visitor))
    ann.send_message_to(jid(visitor), "Good day")
    ann.send_message_to(jid(visitor), "!end")
    await ann.wait_for_message(
        "[desk] The talk is ended. The visitor leaves your list when they leave the site.",
        jid(visitor),
    )
    again = (await call(parley, "hello", site=SITE, token=token))["result"]
    assert again["talk"] == {"state": "quiet"}
    assert (await call(parley, "rate", token=token, score=4, comment="Quick"))["result"] == {}
    await ann.wait_for_message("[desk] Rated 4 of 5: Quick", jid(visitor))
    lines = await asyncio.to_thread(parley.transcript)
    assert [(one["act"], one["score"]) for one in lines if "score" in one] == [("rate", 4)]


async def test_a_site_that_closes(parley: Parley, operator: Login) -> None:
    """The desk is offline for visitors within seconds, with no reload, and open again after."""
    await operator("ann")

    async def desk() -> tuple[str, object]:
        found = (await call(parley, "hello", site=SITE))["result"]
        return found["desk"]["state"], found["settings"]["hours"]

    async def reaches(state: str) -> object:
        for _ in range(100):
            found = await desk()
            if found[0] == state:
                return found[1]
            await asyncio.sleep(0.1)
        raise AssertionError(f"the desk is not {state}")

    assert await reaches("online") is None
    in_three_days = f"{datetime.now(UTC) + timedelta(days=3):%A}".lower()
    opening = f"hours.{in_three_days}=10:00-11:00"
    await asyncio.to_thread(parley.must, "site", "set", SITE, opening)
    found = await reaches("offline")
    assert isinstance(found, dict)
    assert str(found["next"]).endswith("T10:00:00.000Z")
    await asyncio.to_thread(parley.must, "site", "set", SITE, f"hours.{in_three_days}=")
    assert await reaches("online") is None
