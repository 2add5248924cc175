"""A visitor's network fails in all its ways: what the widget shows is true, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser

from tests.e2e.support.browser import Widget
from tests.e2e.support.faults import Proxy, proxy
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import Parley
from tests.e2e.support.site import Website
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import own

LOST = "No connection. Trying again…"
HELD = "Waiting for the connection"
SENDING = "Sending…"
STORED = {"Sent", "Delivered", "Read"}


@dataclass(frozen=True)
class Answer:
    """What a page is told, which may read it, in place of what the server would say."""

    status: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def octets(self) -> bytes:
        """As it is written."""
        lines = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "Retry-After",
            **self.headers,
            "Content-Length": str(len(self.body)),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/1.1 {self.status}\r\n{head}\r\n{self.body}".encode()


NO_SOCKETS = Answer("403 Forbidden")
BAD_GATEWAY = Answer("502 Bad Gateway", {"Content-Type": "text/html"}, "<h1>Bad gateway</h1>")
PORTAL = Answer("200 OK", {"Content-Type": "text/html"}, "<h1>Welcome to our network</h1>")


class Middlebox:
    """An HTTP proxy as companies have them, in front of 127.0.0.1:`target`; a request a connection.

    `longest`: so many seconds a request may take; `collects`: a stream of events is kept back
    until its end; `answer`: what it says itself to every call.
    """

    def __init__(self, target: int, port: int = 0) -> None:
        self.target = target
        self.port = port
        self.refuses_upgrades = False
        self.longest: float | None = None
        self.collects = False
        self.answer: Answer | None = None
        self.paths: list[str] = []
        """What was asked for, in order: a path, or `upgrade`."""
        self.refused: list[float] = []
        """When it said `answer`, in the loop's seconds."""
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Middlebox]:
        """It listens at `port` for as long as the block."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode()
        upgrades = b"upgrade: websocket" in head.lower()
        self.paths.append("upgrade" if upgrades else path)
        if upgrades and self.refuses_upgrades:
            await _say(writer, NO_SOCKETS)
        elif self.answer is not None and path.startswith("/rpc"):
            self.refused.append(asyncio.get_running_loop().time())
            await reader.readexactly(_content_length(head))
            await _say(writer, self.answer)
        else:
            if not upgrades:
                head = re.sub(rb"(?i)\r\nConnection: [^\r]*", b"\r\nConnection: close", head)
            with contextlib.suppress(TimeoutError):
                limit = None if upgrades else self.longest
                collects = self.collects and path.endswith("/events")
                await asyncio.wait_for(self._pass_on(head, reader, writer, collects), limit)

    async def _pass_on(
        self,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        collects: bool,
    ) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self.target)
        to_there.write(head)
        ways = [
            asyncio.ensure_future(_carry(reader, to_there, False)),
            asyncio.ensure_future(_carry(there, writer, collects)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_there.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        writer.close()
        await writer.wait_closed()


def _content_length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\nContent-Length: ([^\r]*)", head)
    return int(found[1]) if found else 0


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(answer.octets())
    writer.close()
    await writer.wait_closed()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, collects: bool
) -> None:
    if collects:
        writer.write(await reader.read(-1))
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@own
async def middlebox(parley: Parley) -> AsyncIterator[Middlebox]:
    """Stands before parley; does no harm until it is told to."""
    async with Middlebox(parley.http_port).running() as running:
        yield running


@own
async def line(middlebox: Middlebox) -> AsyncIterator[Proxy]:
    """What lies between the browser and the middlebox."""
    async with proxy(middlebox.port, seed=7) as running:
        yield running


@own
async def visitor(
    browser: Browser, parley: Parley, shop: Website, line: Proxy, ann: Operator
) -> AsyncIterator[Widget]:
    """A visitor whose page, opened by the test, has the widget from behind the line."""
    context = await browser.new_context()
    page = await context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: print(message.text))
    plain = shop.snippet
    assert parley.url in plain
    shop.snippet = plain.replace(parley.url, f"http://127.0.0.1:{line.port}")
    yield Widget(page)
    shop.snippet = plain
    await context.close()
    assert said == []


class Talk:
    """A visitor and an operator who have each said a word."""

    def __init__(self, visitor: Widget, ann: Operator, jid: str, parley: Parley) -> None:
        self.visitor = visitor
        self.ann = ann
        self.jid = jid
        self._parley = parley

    async def says(self, text: str) -> None:
        """The visitor says it, and it is with the operator and acknowledged."""
        await self.visitor.say(text)
        await self.ann.wait_for_message(text, self.jid, timeout=20.0)
        await eventually(self.is_stored, 10.0, "the last message is acknowledged")

    async def is_told(self, text: str) -> None:
        """The operator says it, and the visitor sees it."""
        self.ann.send_message_to(self.jid, text)
        await self.visitor.wait_for_message(text, timeout=20.0)

    async def is_stored(self) -> bool:
        """Whether the widget says that the server has the visitor's last message."""
        return await self.visitor.status_of_last() in STORED

    async def lost(self, timeout: float) -> None:
        """Waits until the widget says that there is no connection, and nothing else."""

        async def says_so() -> bool:
            return await self.visitor.notice() == LOST

        async def says_nobody() -> bool:
            return await self.visitor.desk() == ""

        await eventually(says_so, timeout, "the widget says that it has no connection")
        await eventually(says_nobody, what="it does not say any more who is there")

    async def back(self, timeout: float = 15.0) -> None:
        """Waits until the widget is connected again and says who is there."""

        async def says_so() -> bool:
            return await self.visitor.notice() == "" and await self.visitor.desk() == "Online now"

        await eventually(says_so, timeout, "the widget is back")

    async def ends_equal(self, wanted: list[str]) -> None:
        """Widget and store hold the same, once and in order; the operator has the visitor's."""
        assert await self.visitor.texts() == wanted
        stored = await asyncio.to_thread(self._parley.transcript)
        visitor = self.jid.partition("@")[0]
        assert [line["body"] for line in stored if line["conversation"] == visitor] == wanted
        said = {line.text for line in await self.visitor.messages() if line.sender == "visitor"}
        assert said <= {one.body for one in self.ann.messages(self.jid)}


async def begin(visitor: Widget, ann: Operator, parley: Parley, shop: Website) -> Talk:
    """The visitor opens a page and the panel, and both say a word."""
    before = len(ann.received)
    await visitor.page.goto(f"{shop.url}/prices")
    await visitor.open()
    await visitor.say("one")
    line = await ann.wait_for(lambda one: one.body == "one", after=before)
    talk = Talk(visitor, ann, line.sender.partition("/")[0], parley)
    await talk.is_told("answer one")
    return talk


async def test_offline_and_back(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, line: Proxy
) -> None:
    """Each moment is shown as it is; what both wrote meanwhile arrives once, in order."""
    talk = await begin(visitor, ann, parley, shop)
    await visitor.page.context.set_offline(True)
    line.cut()
    await talk.lost(15.0)
    await visitor.say("two")
    await visitor.say("three")
    assert await visitor.status_of_last() == HELD
    for text in ("meanwhile", "and then"):
        ann.send_message_to(talk.jid, text)
    await asyncio.sleep(1.0)
    assert await visitor.notice() == LOST
    assert await visitor.status_of_last() == HELD
    assert await visitor.texts() == ["one", "answer one", "two", "three"]
    await visitor.page.context.set_offline(False)
    await talk.back()
    await ann.wait_for_message("three", talk.jid)
    await visitor.wait_for_message("and then")
    await eventually(talk.is_stored, 10.0)
    await talk.ends_equal(["one", "answer one", "meanwhile", "and then", "two", "three"])
    said = [one.body for one in ann.messages(talk.jid)]
    assert said == ["one", "two", "three"]


async def test_a_half_open_link_is_noticed(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, line: Proxy
) -> None:
    """Within 20 s while the panel is open; nothing is said to be sent meanwhile."""
    talk = await begin(visitor, ann, parley, shop)
    line.black_hole()
    await talk.lost(20.0)
    await visitor.say("two")
    assert await visitor.status_of_last() == HELD
    line.black_hole(False)
    line.cut()
    await talk.back()
    await ann.wait_for_message("two", talk.jid)
    await eventually(talk.is_stored, 10.0)
    await talk.ends_equal(["one", "answer one", "two"])


@pytest.mark.parametrize("collects", [False, True], ids=["stream", "poll"])
async def test_a_half_open_connection_beside_good_ones_is_noticed(
    parley: Parley,
    visitor: Widget,
    ann: Operator,
    shop: Website,
    middlebox: Middlebox,
    line: Proxy,
    collects: bool,
) -> None:
    """What carries the events is dead and calls go through: within 20 s nothing is missing."""
    middlebox.refuses_upgrades = True
    middlebox.collects = collects
    talk = await begin(visitor, ann, parley, shop)
    await talk.is_told("answer two")  # by then the widget knows what carries events here
    await eventually(lambda: line.connections == 1, 20.0, "only what carries the events is open")
    calls = len(middlebox.paths)
    line.forget()
    await talk.is_told("into the hole")
    assert "/rpc" in middlebox.paths[calls:]
    assert await visitor.notice() == ""
    await talk.says("two")
    ann.send_message_to(talk.jid, "at once")
    await visitor.wait_for_message("at once")
    await talk.ends_equal(["one", "answer one", "answer two", "into the hole", "two", "at once"])


async def test_a_message_into_a_black_hole_is_not_said_to_be_sent(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, line: Proxy
) -> None:
    """It is being sent, then waits, and arrives once."""
    talk = await begin(visitor, ann, parley, shop)
    line.down.swallow = True
    await visitor.say("two")
    assert await visitor.status_of_last() == SENDING
    await ann.wait_for_message("two", talk.jid)
    assert await visitor.status_of_last() == SENDING
    await talk.lost(15.0)
    assert await visitor.status_of_last() == HELD
    line.down.swallow = False
    line.cut()
    await talk.back()
    await eventually(talk.is_stored, 10.0)
    await talk.ends_equal(["one", "answer one", "two"])


async def test_cut_at_random(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, line: Proxy
) -> None:
    """Every connection lives a second or so: all that is said arrives once, in order."""
    talk = await begin(visitor, ann, parley, shop)
    line.cut_at_random(0.3, 1.5)
    numbers = range(8)
    for number in numbers:
        await visitor.say(f"v{number}")
        ann.send_message_to(talk.jid, f"a{number}")
        await asyncio.sleep(0.7)
    line.cut_no_more()
    await ann.wait_for_message("v7", talk.jid, timeout=20.0)
    await visitor.wait_for_message("a7", timeout=20.0)
    await eventually(talk.is_stored, 20.0)
    assert line.cuts > 3
    texts = await visitor.texts()
    assert [text for text in texts if text[0] == "v"] == [f"v{number}" for number in numbers]
    assert [text for text in texts if text[:2] != "an" and text[0] == "a"] == [
        f"a{number}" for number in numbers
    ]
    await talk.ends_equal(texts)


async def test_without_websockets_a_stream_carries_it(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, middlebox: Middlebox, line: Proxy
) -> None:
    """Both ways, and after a cut from where it was."""
    middlebox.refuses_upgrades = True
    talk = await begin(visitor, ann, parley, shop)
    assert "/rpc/events" in middlebox.paths
    await talk.says("two")
    await talk.is_told("answer two")
    streams = middlebox.paths.count("/rpc/events")
    assert streams == 1
    line.cut()
    ann.send_message_to(talk.jid, "in the gap")
    await visitor.wait_for_message("in the gap")
    await eventually(lambda: middlebox.paths.count("/rpc/events") == 2)
    await talk.says("three")
    await talk.ends_equal(["one", "answer one", "two", "answer two", "in the gap", "three"])


async def test_where_streams_are_kept_back_polls_carry_it(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, middlebox: Middlebox
) -> None:
    """Nothing is lost while the widget finds out, and it does not ask for a stream again."""
    middlebox.refuses_upgrades = middlebox.collects = True
    talk = await begin(visitor, ann, parley, shop)
    assert await visitor.notice() == ""
    await talk.is_told("answer two")
    await talk.says("two")
    await talk.is_told("answer three")
    assert middlebox.paths.count("/rpc/events") == 1
    await talk.ends_equal(["one", "answer one", "answer two", "two", "answer three"])


async def test_where_long_answers_are_cut_polls_carry_it(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, middlebox: Middlebox
) -> None:
    """The visitor sees nothing of it."""
    middlebox.refuses_upgrades = True
    middlebox.longest = 1.0
    talk = await begin(visitor, ann, parley, shop)
    await eventually(lambda: middlebox.paths.count("/rpc/events") == 3, 15.0)
    await talk.says("two")
    assert await visitor.notice() == ""
    await talk.is_told("answer two")
    await talk.is_told("answer three")
    assert await visitor.notice() == ""
    assert middlebox.paths.count("/rpc/events") == 3
    await talk.ends_equal(["one", "answer one", "two", "answer two", "answer three"])


@pytest.mark.parametrize("sockets", [True, False], ids=["socket", "requests"])
@pytest.mark.parametrize("answer", [BAD_GATEWAY, PORTAL], ids=["502", "portal"])
async def test_somebody_else_answers(
    parley: Parley,
    visitor: Widget,
    ann: Operator,
    shop: Website,
    middlebox: Middlebox,
    line: Proxy,
    answer: Answer,
    sockets: bool,
) -> None:
    """A front without its server, or a hotel's network before its form is filled in."""
    middlebox.refuses_upgrades = not sockets
    talk = await begin(visitor, ann, parley, shop)
    middlebox.answer = answer
    line.cut()
    await talk.lost(15.0)
    await visitor.say("two")
    await asyncio.sleep(3.0)
    assert await visitor.status_of_last() == HELD
    assert middlebox.refused
    middlebox.answer = None
    await talk.back()
    await ann.wait_for_message("two", talk.jid)
    await eventually(talk.is_stored, 10.0)
    await talk.is_told("answer two")
    await talk.ends_equal(["one", "answer one", "two", "answer two"])


async def test_a_slow_line(
    parley: Parley, visitor: Widget, ann: Operator, shop: Website, middlebox: Middlebox, line: Proxy
) -> None:
    """What is on its way says so until it is stored; a slow connection is not given up."""
    talk = await begin(visitor, ann, parley, shop)
    before = len(middlebox.paths)
    line.up.delay = line.down.delay = 1.5
    for number in range(3):
        await visitor.say(f"v{number}")
        ann.send_message_to(talk.jid, f"a{number}")
    assert await visitor.status_of_last() == SENDING
    await ann.wait_for_message("v2", talk.jid, timeout=30.0)
    await visitor.wait_for_message("a2", timeout=30.0)
    assert await visitor.notice() == ""
    await eventually(talk.is_stored, 30.0)
    assert middlebox.paths[before:] == []
    texts = await visitor.texts()
    assert [text for text in texts if text[0] == "v"] == ["v0", "v1", "v2"]
    assert [text for text in texts if text in ("a0", "a1", "a2")] == ["a0", "a1", "a2"]
    await talk.ends_equal(texts)


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
async def test_retry_after_is_obeyed(
    parley: Parley,
    visitor: Widget,
    ann: Operator,
    shop: Website,
    middlebox: Middlebox,
    line: Proxy,
    status: str,
) -> None:
    """Nothing is asked sooner than the server said, and what waited is sent after it."""
    middlebox.refuses_upgrades = True
    talk = await begin(visitor, ann, parley, shop)
    middlebox.answer = Answer(status, {"Retry-After": "3"})
    line.cut()
    await talk.lost(15.0)
    await visitor.say("two")
    await eventually(lambda: middlebox.refused[-1] - middlebox.refused[0] > 4.0, 30.0)
    middlebox.answer = None
    await talk.back()
    first, *others = middlebox.refused
    # A call may have been on its way beside the first that was refused.
    later = [at for at in others if at - first > 0.1]
    assert len(others) - len(later) <= 1, middlebox.refused
    gaps = [after - before for before, after in itertools.pairwise([first, *later])]
    assert min(gaps) >= 3.0, middlebox.refused
    await ann.wait_for_message("two", talk.jid)
    await eventually(talk.is_stored, 10.0)
    await talk.ends_equal(["one", "answer one", "two"])
