"""The log, for people and programs: lines as they stand, and what operators did beside them.

After a conversation's lines follow the visitor's ratings of its talks.

Changes are no lines of their own: what they came to is on the line that they changed.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from switchboard.errors import NotFound, Reject
from switchboard.model import (
    CHANGES,
    Act,
    Attachment,
    Conversation,
    Message,
    Rating,
    Sender,
    SenderKind,
    default_name,
)
from switchboard.ports import Store

PAGE = 500

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Transcript</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:45rem;margin:2rem auto;padding:0 1rem}
p{margin:.2rem 0;white-space:pre-wrap;overflow-wrap:anywhere}time{color:#666;font-size:.85em}
.operator b{color:#0b6}.note{background:#ffd}small{color:#666}
h2{font-size:1.1rem;margin-top:2rem}</style></head><body>
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

    With operators' notes and pushes, so it is not for visitors.

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
        for rating in await store.ratings(found.id):
            if rating.at >= since:
                yield _RATINGS[form](rating, name)
        if form == "text":
            yield "\n"
    if form == "html":
        yield "</body></html>\n"


async def _lines(store: Store, conversation: Conversation) -> AsyncIterator[Message]:
    after = 0
    while True:
        page = await store.read(conversation.id, after, PAGE)
        for row in page:
            if row.act not in CHANGES:
                yield row
        if len(page) < PAGE:
            return
        after = page[-1].seq


def _stamp(at: int) -> str:
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _marks(message: Message) -> list[str]:
    """What was done to a line, in words."""
    marks = []
    if message.retracted:
        marks.append("retracted")
    elif message.edited_at:
        marks.append("edited")
    for reaction in message.reactions:
        marks.append(f"{reaction.emoji} {', '.join(by.name for by in reaction.by)}")
    return [_one_line(mark) for mark in marks]


def _kind(message: Message) -> str:
    """What a row is if it is no line."""
    return "" if message.act is Act.SAY else message.act.value


def _file(attachment: Attachment) -> str:
    """`name (URL)`, in one line."""
    return _one_line(f"{attachment.name} ({attachment.url})")


def _text(message: Message) -> str:
    body = "\n    ".join(_one_line(line) for line in message.body.split("\n"))
    kind = f" [{_kind(message)}]" if _kind(message) else ""
    parts = [f"{_one_line(message.sender.name)}{kind}:", *([body] if body else [])]
    if message.attachment is not None:
        parts.append(f"[file {_file(message.attachment)}]")
    parts += [f"[{mark}]" for mark in _marks(message)]
    return f"{_stamp(message.at)}  {' '.join(parts)}\n"


def _sender(sender: Sender) -> dict[str, str]:
    return {"kind": sender.kind.value, "name": sender.name}


def _json(message: Message) -> str:
    line: dict[str, Any] = {
        "conversation": message.conversation,
        "seq": message.seq,
        "at": _stamp(message.at),
        "from": _sender(message.sender),
        "body": message.body,
    }
    if message.act is not Act.SAY:
        line["act"] = message.act.value
    if message.reply_to is not None:
        line["reply_to"] = message.reply_to
    if message.retracted:
        line["retracted"] = True
    elif message.edited_at:
        line["edited"] = _stamp(message.edited_at)
    if message.reactions:
        line["reactions"] = [
            {"emoji": one.emoji, "from": [_sender(by) for by in one.by]}
            for one in message.reactions
        ]
    if message.attachment is not None:
        line["attachment"] = msgspec.to_builtins(message.attachment)
    return json.dumps(line, ensure_ascii=False) + "\n"


def _html(message: Message) -> str:
    kind = _kind(message)
    parts = [
        f"<time>{_stamp(message.at)}</time>",
        f"<b>{html.escape(message.sender.name)}</b>",
        *([f"<small>{kind}</small>"] if kind else []),
        html.escape(message.body),
    ]
    if message.attachment is not None:
        parts.append(_html_file(message.attachment))
    parts += [f"<small>{html.escape(mark)}</small>" for mark in _marks(message)]
    classes = f"{message.sender.kind.value} {kind}".strip()
    return f'<p class="{classes}">{" ".join(parts)}</p>\n'


def _html_file(attachment: Attachment) -> str:
    """A link, if the address is one that a page may lead to."""
    if not re.match("https?://", attachment.url, re.IGNORECASE):
        return html.escape(_file(attachment))
    href, name = html.escape(attachment.url), html.escape(attachment.name)
    return f'<a href="{href}" rel="noopener noreferrer nofollow">{name}</a> <small>{href}</small>'


def _rating_text(rating: Rating, name: str) -> str:
    comment = f": {_one_line(rating.comment)}" if rating.comment else ""
    return f"{_stamp(rating.at)}  {_one_line(name)} [rated {rating.score} of 5{comment}]\n"


def _rating_json(rating: Rating, name: str) -> str:
    line = {
        "conversation": rating.conversation,
        "at": _stamp(rating.at),
        "from": {"kind": SenderKind.VISITOR.value, "name": name},
        "body": rating.comment,
        "act": "rate",
        "score": rating.score,
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


def _rating_html(rating: Rating, name: str) -> str:
    parts = [
        f"<time>{_stamp(rating.at)}</time>",
        f"<b>{html.escape(name)}</b>",
        f"<small>rated {rating.score} of 5</small>",
        html.escape(rating.comment),
    ]
    return f'<p class="visitor rate">{" ".join(parts)}</p>\n'


_RATINGS = {"text": _rating_text, "json": _rating_json, "html": _rating_html}
_FORMS = {"text": _text, "json": _json, "html": _html}
