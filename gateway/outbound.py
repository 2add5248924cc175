"""Effects -> stanzas. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from . import namespaces as ns
from .xml import Xml, element, escape, text

NOTHING = Xml("")
_ACTIVE = element("active", {"xmlns": ns.CHAT_STATES})
_COMPOSING = element("composing", {"xmlns": ns.CHAT_STATES})
_NO_STORE = element("no-store", {"xmlns": ns.HINTS})
_STORE = element("store", {"xmlns": ns.HINTS})
_REQUEST = element("request", {"xmlns": ns.RECEIPTS})
_ASKS = Xml(_ACTIVE + _REQUEST + element("markable", {"xmlns": ns.MARKERS}))

NOTICE = "[desk] "
"""Begins what the desk itself says in a visitor's window.

What colleagues say there begins with their name in brackets. No visitor's line may begin so.
"""


def of_visitor(words: str) -> str:
    """No visitor speaks for the desk or a colleague."""
    return "» " + words if words.lstrip().startswith("[") else words


def timestamp(milliseconds: int) -> str:
    """XEP-0082 DateTime in UTC, to the second."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(milliseconds: int) -> str:
    """XEP-0082 DateTime in UTC, to the millisecond."""
    stamp = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{milliseconds % 1000:03}Z"


def line(
    from_jid: str,
    to_jid: str,
    id: str,
    body: str,
    nick: str,
    delayed_since: int | None,
    quoted: str = "",
    *more: Xml,
) -> Xml:
    """A visitor's line, asking for a receipt (XEP-0184) and a marker (XEP-0333).

    Its chat state is active, without which profanity and others tell no typing (XEP-0085 §5.1).
    `delayed_since` is when it was written, in ms, if that is some time ago (XEP-0203); `quoted`
    stands before it, `more` says what it is about.
    """
    children = [
        text("body", quoted + of_visitor(body)),
        _ASKS,
        _origin_id(id),
        element("nick", {"xmlns": ns.NICK}, escape(nick)),
    ]
    if delayed_since is not None:
        children.append(_delay(delayed_since))
    return _message(from_jid, to_jid, id, *children, *more)


def colleague(
    from_jid: str,
    to_jid: str,
    id: str,
    name: str,
    body: str,
    note: bool,
    delayed_since: int | None,
    quoted: str = "",
    *more: Xml,
) -> Xml:
    """A line of another operator in the talk, or a note among operators."""
    words = f"[note by {name}] {body}" if note else f"[{name}] {body}"
    children = [text("body", quoted + words), _ASKS, _origin_id(id)]
    if delayed_since is not None:
        children.append(_delay(delayed_since))
    return _message(from_jid, to_jid, id, *children, *more)


def change(
    from_jid: str, to_jid: str, id: str, words: str, delayed_since: int | None, *more: Xml
) -> Xml:
    """A change of an earlier line that is no line itself; `words` is for clients that know none."""
    children = [text("body", words), _ACTIVE, _REQUEST, _STORE, _origin_id(id)]
    if delayed_since is not None:
        children.append(_delay(delayed_since))
    return _message(from_jid, to_jid, id, *children, *more)


def replace(id: str) -> Xml:
    """This message is to stand in the place of the message `id` (XEP-0308 §3)."""
    return element("replace", {"xmlns": ns.REPLACE, "id": id})


def retract(id: str) -> Xml:
    """The message `id` is taken back (XEP-0424 §3)."""
    return element("retract", {"xmlns": ns.RETRACT, "id": id})


def reactions(id: str, emoji: Sequence[str]) -> Xml:
    """All that the sender has on the message `id` (XEP-0444 §3)."""
    chosen = [text("reaction", one) for one in emoji]
    return element("reactions", {"xmlns": ns.REACTIONS, "id": id}, *chosen)


def reply(author: str, id: str, quoted: int) -> Xml:
    """This message answers the message `id` of the JID `author` (XEP-0461 §3).

    The first `quoted` characters of its body quote that message.
    """
    answers = element("reply", {"xmlns": ns.REPLY, "to": author, "id": id})
    return Xml(answers + fallback(ns.REPLY, quoted)) if quoted else answers


def fallback(namespace: str, length: int | None = None) -> Xml:
    """The first `length` characters of the body are for clients without `namespace`; None: all.

    Characters are Unicode code points (XEP-0428 §2.2).
    """
    attributes = {} if length is None else {"start": "0", "end": str(length)}
    body = element("body", dict(attributes))
    return element("fallback", {"xmlns": ns.FALLBACK, "for": namespace}, body)


def link(url: str) -> Xml:
    """A file by its address (XEP-0066 §3)."""
    return element("x", {"xmlns": ns.OOB}, text("url", url))


def notice(from_jid: str, to_jid: str, body: str) -> Xml:
    """A word of the desk itself to an operator."""
    return _message(from_jid, to_jid, None, text("body", NOTICE + body), _ACTIVE)


def invitation(from_jid: str, to_jid: str, words: str, direct: Xml) -> Xml:
    """An invitation that goes past the room; `words` are for clients that know none."""
    return element("message", {"from": from_jid, "to": to_jid}, text("body", words), direct)


def direct_invitation(room: str, reason: str, thread: str | None = None) -> Xml:
    """The room's bare JID, and why to come (XEP-0249 §2).

    `thread` is of the talk that goes on there (XEP-0045 §7.9), "" if it has none; None: none does.
    """
    attributes = {
        "xmlns": ns.CONFERENCE,
        "jid": room,
        "reason": reason or None,
        "continue": None if thread is None else "true",
        "thread": thread or None,
    }
    return element("x", attributes)


def typing(from_jid: str, to_jid: str, composing: bool) -> Xml:
    """A chat state alone (XEP-0085 §5.3).

    Who stops is active, not paused: Gajim and Pidgin write "paused composing a message" and "has
    stopped typing" until the next line, also of a visitor who has emptied the field.
    """
    return _message(from_jid, to_jid, None, _COMPOSING if composing else _ACTIVE, _NO_STORE)


def received(from_jid: str, to_jid: str, id: str) -> Xml:
    """The browser has the operator's message `id` (XEP-0184 §5.4)."""
    return _message(from_jid, to_jid, None, element("received", {"xmlns": ns.RECEIPTS, "id": id}))


def displayed(from_jid: str, to_jid: str, id: str) -> Xml:
    """A person could see the operator's message `id` (XEP-0333 §4)."""
    return _message(from_jid, to_jid, None, element("displayed", {"xmlns": ns.MARKERS, "id": id}))


def ping(from_jid: str, to_jid: str, id: str) -> Xml:
    """XEP-0199 §4.5, component to client."""
    return iq("get", from_jid, to_jid, id, element("ping", {"xmlns": ns.PING}))


def presence(
    from_jid: str,
    to_jid: str,
    kind: str | None = None,
    show: str = "",
    status: str = "",
    nick: str = "",
    more: Iterable[Xml] = (),
) -> Xml:
    """RFC 6121 §4.7; `kind` is the stanza's type, None for available, `more` what else is in it."""
    children = []
    if show:
        children.append(text("show", show))
    if status:
        children.append(text("status", status))
    if nick:
        children.append(element("nick", {"xmlns": ns.NICK}, escape(nick)))
    return element("presence", {"type": kind, "from": from_jid, "to": to_jid}, *children, *more)


def photo(sha1: str) -> Xml:
    """In presence: which avatar the vCard has (XEP-0153 §4.1); `sha1` in hex."""
    return element("x", {"xmlns": ns.VCARD_UPDATE}, text("photo", sha1))


def idle(since: int) -> Xml:
    """In presence: nothing was done since then, in ms (XEP-0319 §3)."""
    return element("idle", {"xmlns": ns.IDLE, "since": timestamp(since)})


def roster_set(
    domain: str, to_jid: str, id: str, contact: str, name: str, group: str, subscription: str
) -> Xml:
    """One contact-list entry, by privilege (XEP-0356 §4.2) or to be removed (RFC 6121 §2.5)."""
    if subscription == "remove":
        item = element("item", {"jid": contact, "subscription": subscription})
    else:
        attributes = {"jid": contact, "name": name, "subscription": subscription}
        item = element("item", dict(attributes), text("group", group))
    return iq("set", domain, to_jid, id, element("query", {"xmlns": ns.ROSTER}, item))


def iq(kind: str, from_jid: str, to_jid: str, id: str, *children: Xml) -> Xml:
    """RFC 6120 §8.2.3."""
    return element("iq", {"type": kind, "from": from_jid, "to": to_jid, "id": id}, *children)


def error(
    name: str,
    from_jid: str,
    to_jid: str,
    id: str,
    condition: str,
    kind: str,
    words: str = "",
    more: Xml = NOTHING,
    by: str | None = None,
) -> Xml:
    """A stanza error (RFC 6120 §8.3): `kind` is auth, cancel, modify or wait.

    `more` is an application's own condition, `by` who says so if that is not the addressee.
    """
    children = [element(condition, {"xmlns": ns.STANZAS})]
    if words:
        children.append(element("text", {"xmlns": ns.STANZAS}, escape(words)))
    attributes = {"type": "error", "from": from_jid, "to": to_jid, "id": id}
    return element(
        name, dict(attributes), element("error", {"type": kind, "by": by}, *children, more)
    )


def _delay(since: int) -> Xml:
    return element("delay", {"xmlns": ns.DELAY, "stamp": timestamp(since)})


def _origin_id(id: str) -> Xml:
    return element("origin-id", {"xmlns": ns.STANZA_IDS, "id": id})


def _message(from_jid: str, to_jid: str, id: str | None, *children: Xml) -> Xml:
    attributes = {"type": "chat", "from": from_jid, "to": to_jid, "id": id}
    return element("message", attributes, *children)
