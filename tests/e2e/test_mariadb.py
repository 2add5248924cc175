"""A talk that is kept in MariaDB: the server is killed and frozen, and nothing is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from parley.private_prosody import PrivateProsody
from tests.e2e.support.browser import Widget
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually
from tests.mariadb import PrivateMariadb, mariadb

NOT_SENT = "Not sent. Trying again… Retry"
STORED = {"Sent", "Delivered", "Read"}


@pytest.fixture
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@pytest.fixture
def server() -> Iterator[PrivateMariadb]:
    """Where the store is, and a user with a password for it."""
    with mariadb() as running:
        running.query("CREATE DATABASE parley")
        running.query("CREATE USER shop@localhost IDENTIFIED BY 'hush-hush'")
        running.query("GRANT ALL ON parley.* TO shop@localhost")
        yield running


@pytest.fixture
async def parley(
    tmp_path: Path, prosody: PrivateProsody, shop: Website, server: PrivateMariadb
) -> AsyncIterator[Parley]:
    """`parley run` over it, with the operator ann."""
    running = Parley(tmp_path / "parley", prosody, origin=shop.url)
    plain = running.config.read_text("utf-8")
    url = server.url("parley", "shop:hush-hush")
    running.config.write_text(plain.replace("sqlite:///parley.db", url), "utf-8")
    await running.set_up({"ann@localhost": "Ann"})
    shop.snippet = running.order("snippet", SITE)
    await running.start()
    yield running
    running.end()


async def test_a_talk(
    parley: Parley,
    browser: Browser,
    shop: Website,
    server: PrivateMariadb,
    operator: Callable[..., Awaitable[Operator]],
) -> None:
    """What cannot be stored is shown as not sent, and sent once when the server is back."""
    ann = await operator("ann")
    page = await browser.new_page()
    await page.goto(f"{shop.url}/prices")
    visitor = Widget(page)
    await visitor.open()
    await visitor.say("one")
    jid = (await ann.wait_for_message("one")).sender
    ann.send_message_to(jid, "answer one")
    await visitor.wait_for_message("answer one")

    async def is_stored() -> bool:
        return await visitor.status_of_last() in STORED

    server.kill()
    await visitor.say("two")
    await visitor.wait_for_status(NOT_SENT)
    server.start()
    await eventually(is_stored, 15.0, "the message is acknowledged")
    await ann.wait_for_message("two")
    server.send(signal.SIGSTOP)
    await visitor.say("three")
    await visitor.wait_for_status(NOT_SENT)
    server.send(signal.SIGCONT)
    await eventually(is_stored, 15.0, "the message is acknowledged")
    await ann.wait_for_message("three")
    parley.kill()
    await parley.start()
    ann.send_message_to(jid, "answer three")
    await visitor.wait_for_message("answer three", timeout=20.0)
    said = ["one", "answer one", "two", "three", "answer three"]
    assert await visitor.texts() == said
    assert [line["body"] for line in await asyncio.to_thread(parley.transcript)] == said
    heard = [line.body for line in ann.received if line.body in said]
    assert list(dict.fromkeys(heard)) == ["one", "two", "three"]


async def test_what_is_checked(parley: Parley, server: PrivateMariadb) -> None:
    """Where the store is, without its password; its schema; whether it is safe; whether it runs."""

    async def lines() -> list[str]:
        ran = await asyncio.to_thread(parley.command, "check")
        assert "hush" not in ran.stdout + ran.stderr
        return [line for line in ran.stdout.splitlines() if line.split()[1:2] == ["store:"]]

    (line,) = await lines()
    assert line.startswith("ok")
    assert "shop:***@localhost/parley" in line
    server.query("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    assert [line.split()[0] for line in await lines()] == ["ok", "warn"]
    server.kill()
    (line,) = await lines()
    assert line.startswith("fail")
    assert "Can't connect" in line
    server.start()
