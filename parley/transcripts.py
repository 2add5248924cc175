"""The log, for people and programs."""

from __future__ import annotations

import html
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from switchboard.errors import NotFound, Reject
from switchboard.model import Conversation, Message, default_name
from switchboard.ports import Store

PAGE = 500

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Transcript</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:45rem;margin:2rem auto;padding:0 1rem}
p{margin:.2rem 0;white-space:pre-wrap;overflow-wrap:anywhere}time{color:#666;font-size:.85em}
.operator b{color:#0b6}h2{font-size:1.1rem;margin-top:2rem}</style></head><body>
<h1>Transcript</h1>
"""


def parse_time(text: str) -> int:
    """A date or an RFC 3339 time, UTC unless it says otherwise, in ms. Raises Reject."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Reject(
            "invalid", f"{text!r} is no time such as 2026-01-31 or 2026-01-31T08:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


async def render(
    store: Store, site: str, conversation: str | None, since: int, form: str
) -> AsyncIterator[str]:
    """Pieces of a transcript as `text`, `json` (a line a message) or `html`.

    Raises NotFound if the named conversation is none of the site's.
    """
    conversations = await store.conversations(site, since)
    if conversation is not None:
        conversations = [found for found in conversations if found.id == conversation]
        known = await store.conversation(conversation)
        if known is None or known.site != site:
            raise NotFound("not_found", f"{site} has no conversation {conversation}")
    if form == "html":
        yield _HEAD
    for found in conversations:
        name = found.name or default_name(found.id)
        if form == "html":
            yield f"<h2>{html.escape(name)} <small>{html.escape(found.id)}</small></h2>\n"
        elif form == "text":
            yield f"== {_one_line(name)} ({found.id})\n"
        async for message in _lines(store, found):
            if message.at >= since:
                yield _FORMS[form](message)
        if form == "text":
            yield "\n"
    if form == "html":
        yield "</body></html>\n"


async def _lines(store: Store, conversation: Conversation) -> AsyncIterator[Message]:
    after = 0
    while True:
        page = await store.read(conversation.id, after, PAGE)
        for message in page:
            yield message
        if len(page) < PAGE:
            return
        after = page[-1].seq


def _stamp(message: Message) -> str:
    moment = datetime.fromtimestamp(message.at / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _text(message: Message) -> str:
    body = "\n    ".join(_one_line(line) for line in message.body.split("\n"))
    return f"{_stamp(message)}  {_one_line(message.sender.name)}: {body}\n"


def _json(message: Message) -> str:
    line: dict[str, Any] = {
        "conversation": message.conversation,
        "seq": message.seq,
        "at": _stamp(message),
        "from": {"kind": message.sender.kind.value, "name": message.sender.name},
        "body": message.body,
    }
    if message.reply_to is not None:
        line["reply_to"] = message.reply_to
    return json.dumps(line, ensure_ascii=False) + "\n"


def _html(message: Message) -> str:
    return (
        f'<p class="{message.sender.kind.value}"><time>{_stamp(message)}</time> '
        f"<b>{html.escape(message.sender.name)}</b> {html.escape(message.body)}</p>\n"
    )


_FORMS = {"text": _text, "json": _json, "html": _html}
