"""The log as text, JSON and HTML: lines as they stand, notes and pushes marked, no changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from parley.transcripts import render
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.model import Act, Attachment, Operator, Visit
from switchboard.reception import Talks
from switchboard.reception.talks import operator_sender, visitor_sender
from switchboard.store import SqlStore, open_store
from tests.sqlite import empty_store

EVE = Visit("v-aaaaaaaaaaaaaaaa", "acme", "chat.test")
ANN = Operator("o-ann", "acme", "ann@desk.test", "Ann <b>")
FILE = Attachment('https://files.test/a?x="<', "a\n<b>.pdf", "application/pdf", 12)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A talk with all there may be in one."""
    (tmp_path / "parley.db").write_bytes(empty_store())
    store = await open_store(f"sqlite:///{tmp_path}/parley.db", clock=SystemClock())
    talks = Talks(store, MemoryBus(), SystemClock(), 4000)
    visitor, domain = EVE.visitor, EVE.domain

    async def answer(body: str, **more: Any) -> None:
        await talks.answer(ANN, visitor, domain, body, None, None, **more)

    async def amend(act: Act, target: int, body: str = "") -> None:
        who = visitor_sender(EVE) if target == 1 else operator_sender(ANN)
        await talks.amend(who, visitor, "acme", domain, act, target, body)

    await talks.say(EVE, "m1", "helo")
    await amend(Act.EDIT, 1, "hello")
    await answer("a secret")
    await amend(Act.EDIT, 3, "another secret")
    await amend(Act.RETRACT, 3)
    await answer(FILE.url, reply_to=1, attachment=FILE)
    await amend(Act.REACT, 6, "👍 🎉")
    await talks.note(ANN, visitor, domain, "knows\nthe boss")
    await talks.push(ANN, visitor, domain, "https://shop.test/offer")
    await answer("bad file", attachment=Attachment("javascript:alert(1)", "x"))
    await talks.rate(EVE, 4, "<i>nice\x1b[2J")
    yield store
    await store.close()


async def rendered(store: SqlStore, form: str) -> str:
    return "".join([piece async for piece in render(store, "acme", None, 0, form)])


async def test_text(store: SqlStore) -> None:
    """A line each, with what was done to it behind it; what is no line says what it is."""
    head, *lines = (await rendered(store, "text")).rstrip("\n").split("\n")
    assert head == "== Visitor aaaa (v-aaaaaaaaaaaaaaaa)"
    stamp = len("2026-01-31T08:00:00.000Z  ")
    assert [line[stamp:] if line[0] != " " else line for line in lines] == [
        "Visitor aaaa: hello [edited]",
        "Ann <b>: [retracted]",
        'Ann <b>: https://files.test/a?x="< [file a <b>.pdf (https://files.test/a?x="<)]'
        " [👍 Ann <b>] [🎉 Ann <b>]",
        "Ann <b> [note]: knows",
        "    the boss",
        "Ann <b> [push]: https://shop.test/offer",
        "Ann <b>: bad file [file x (javascript:alert(1))]",
        "Visitor aaaa [rated 4 of 5: <i>nice[2J]",
    ]


async def test_json(store: SqlStore) -> None:
    """Lines as on the wire, with `act` where a row is no line."""
    lines = [json.loads(line) for line in (await rendered(store, "json")).splitlines()]
    ann = {"kind": "operator", "name": "Ann <b>"}
    for line in lines:
        assert line.pop("conversation") == EVE.visitor
        assert line.pop("at").endswith("Z")
    assert lines[0].pop("edited").endswith("Z")
    assert lines == [
        {"seq": 1, "from": {"kind": "visitor", "name": "Visitor aaaa"}, "body": "hello"},
        {"seq": 3, "from": ann, "body": "", "retracted": True},
        {
            "seq": 6,
            "from": ann,
            "body": FILE.url,
            "reply_to": 1,
            "reactions": [{"emoji": "👍", "from": [ann]}, {"emoji": "🎉", "from": [ann]}],
            "attachment": {
                "url": FILE.url,
                "name": FILE.name,
                "type": "application/pdf",
                "size": 12,
            },
        },
        {"seq": 8, "from": ann, "body": "knows\nthe boss", "act": "note"},
        {"seq": 9, "from": ann, "body": "https://shop.test/offer", "act": "push"},
        {
            "seq": 10,
            "from": ann,
            "body": "bad file",
            "attachment": {"url": "javascript:alert(1)", "name": "x"},
        },
        {
            "from": {"kind": "visitor", "name": "Visitor aaaa"},
            "body": "<i>nice[2J",
            "act": "rate",
            "score": 4,
        },
    ]


async def test_html(store: SqlStore) -> None:
    """Marked the same way; nothing that anybody wrote is markup, or a link to anything but http."""
    page = await rendered(store, "html")
    assert page.count("<p class=") == 7
    assert "hello <small>edited</small></p>" in page
    assert " <small>retracted</small></p>" in page
    assert '<p class="operator note">' in page
    assert "<small>note</small> knows\nthe boss</p>" in page
    assert "<small>push</small> https://shop.test/offer</p>" in page
    href = "https://files.test/a?x=&quot;&lt;"
    assert f'<a href="{href}" rel="noopener noreferrer nofollow">a\n&lt;b&gt;.pdf</a>' in page
    assert "<small>👍 Ann &lt;b&gt;</small>" in page
    assert page.count("<a ") == 1
    assert "x (javascript:alert(1))" in page
    assert "secret" not in page


@pytest.mark.parametrize("form", ["text", "json", "html"])
async def test_what_was_retracted_is_gone(store: SqlStore, form: str) -> None:
    """No form has its text, nor its corrections'."""
    assert "secret" not in await rendered(store, form)
