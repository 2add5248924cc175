"""Rows of a room's log -> groupchat stanzas, the same for everybody there and for the archive.

A change goes as the protocol has it (XEP-0308, 0424, 0425, 0444, 0461), and in words for clients
that know none of them (XEP-0428). In a room a line is spoken of by the id that the room gave it
(XEP-0424 §3, XEP-0444 §5.2, XEP-0461 §4.1), and only for a correction by its sender's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from switchboard.model import Act, Message
from switchboard.rooms import Room

from .. import namespaces as ns
from .. import outbound, wording
from ..jids import room_bare, room_full
from ..xml import Xml, element, text
from . import stanzas
from .ids import archive_id, message_id
from .resources import resource_of

_STORE = element("store", {"xmlns": ns.HINTS})


class Line(NamedTuple):
    """A row as a stanza without its addressee; `sender` is a full JID, or the room's own."""

    sender: str
    id: str
    content: tuple[Xml, ...]

    def to(self, jid: str, *more: Xml) -> Xml:
        """The stanza for one full JID, with what else is in it."""
        return stanzas.groupchat(self.sender, jid, self.id, [*self.content, *more])


def spoken_of(rows: Iterable[Message]) -> set[int]:
    """The seqs of the lines that have to be known before rows can be put into stanzas."""
    found = set()
    for row in rows:
        if row.act in (Act.EDIT, Act.REACT) and row.target is not None:
            found.add(row.target)
        elif row.retracted_by:
            found.add(row.retracted_by)
        elif row.reply_to is not None:
            found.add(row.reply_to)
    return found


def is_void(row: Message) -> bool:
    """Whether nothing of a row is left to tell: a correction of what was taken back since."""
    return row.act is Act.EDIT and not row.body


def is_news(row: Message) -> bool:
    """Whether clients that have all rows before it have to be told of it."""
    return not is_void(row) and not row.retracted


def author_of(room: Room, domain: str, row: Message) -> str:
    """Who wrote it, by the full JID that they had in the room."""
    resource = resource_of(row.sender.name, row.sender.id)
    return room_full(room.conversation, domain, resource)


def line_of(room: Room, domain: str, row: Message, known: Mapping[int, Message]) -> Line:
    """A row as it stands; `known` has the lines of which it speaks, by seq, as far as there are."""
    own = room_bare(room.conversation, domain)
    sender = author_of(room, domain, row)
    match row.act:
        case Act.MODERATE:
            content = _moderated(room, row, sender)
            sender = own
        case Act.RETRACT:
            id = archive_id(room, row.target or 0)
            content = [
                text("body", wording.TOOK_BACK),
                outbound.retract(id),
                outbound.fallback(ns.RETRACT),
                _STORE,
            ]
        case Act.REACT:
            target = row.target or 0
            content = [
                text("body", wording.reaction(row, known.get(target))),
                outbound.reactions(archive_id(room, target), row.body.split()),
                outbound.fallback(ns.REACTIONS),
                _STORE,
            ]
        case _ if row.retracted:
            content = [_tombstone(room, domain, row, known.get(row.retracted_by))]
        case _:
            content = _words(room, domain, row, known)
    content.append(stanzas.stable_id(own, archive_id(room, row.seq)))
    if row.act is not Act.MODERATE:
        content.append(stanzas.occupant_id(row.sender.id))
    return Line(sender, message_id(room, row), tuple(content))


def _words(room: Room, domain: str, row: Message, known: Mapping[int, Message]) -> list[Xml]:
    """Of a line, or of a correction."""
    quoted, body = "", row.body
    more: list[Xml] = []
    if row.target is not None:
        line = known.get(row.target)
        id = archive_id(room, row.target) if line is None else message_id(room, line)
        more.append(outbound.replace(id))
    elif row.reply_to is not None and (line := known.get(row.reply_to)) is not None:
        author = resource_of(line.sender.name, line.sender.id)
        # As Converse.js quotes: of what comes back it takes the body, and cuts off as much as it
        # had put before its own words (seen with 14.0).
        quoted = wording.quotation(line, author)
        jid = room_full(room.conversation, domain, author)
        more.append(outbound.reply(jid, archive_id(room, line.seq), len(quoted)))
    if row.attachment is not None:
        body = wording.with_link(body, row.attachment)
        more.append(outbound.link(row.attachment.url))
    return [text("body", quoted + body), *more]


def _moderated(room: Room, row: Message, moderator: str) -> list[Xml]:
    """XEP-0425 §3.1, and as its version 0.2 has it: clients know one or the other."""
    id = archive_id(room, row.target or 0)
    before = element(
        "moderated",
        {"xmlns": ns.MODERATE_BEFORE, "by": moderator},
        stanzas.occupant_id(row.sender.id),
        element("retract", {"xmlns": ns.RETRACT_BEFORE}),
        *_reason(row),
    )
    retract = {"xmlns": ns.RETRACT, "id": id}
    return [
        element("retract", dict(retract), _moderator(row, moderator), *_reason(row)),
        element("apply-to", {"xmlns": ns.FASTEN, "id": id}, before),
        _STORE,
    ]


def _moderator(row: Message, moderator: str) -> Xml:
    known = stanzas.occupant_id(row.sender.id)
    return element("moderated", {"xmlns": ns.MODERATE, "by": moderator}, known)


def _reason(row: Message) -> list[Xml]:
    return [text("reason", row.body)] if row.body else []


def _tombstone(room: Room, domain: str, line: Message, by: Message | None) -> Xml:
    """In the place of a line that the row `by` took back (XEP-0424 §4, XEP-0425 §4)."""
    attributes = {
        "xmlns": ns.RETRACT,
        "stamp": outbound.timestamp(line.edited_at),
        "id": None if by is None else message_id(room, by),
    }
    if by is None or by.act is not Act.MODERATE:
        return element("retracted", attributes)
    moderator = author_of(room, domain, by)
    return element("retracted", attributes, _moderator(by, moderator), *_reason(by))
