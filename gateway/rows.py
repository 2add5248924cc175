"""Rows of the log -> stanzas for one operator: which element says it, and which words beside it.

A change goes as the protocol has it (XEP-0308, 0424, 0444, 0461), and in words for clients that
know none of them (XEP-0428). A stanza's id is that of the visitor's and the row's number; only the
receiving operator's own lines are spoken of by the id with which they came.
"""

from __future__ import annotations

from switchboard.model import Act, Message, Operator, SenderKind

from . import namespaces as ns
from . import outbound, wording
from .jids import parse, stanza_id, visitor_bare, visitor_full
from .talk import Talk, decode_origin
from .xml import Xml


def refers_to(row: Message) -> int | None:
    """The seq of the line that has to be known before a row can be put into a stanza."""
    if row.target is None:
        return row.reply_to
    return row.target if row.act is Act.REACT else None


def is_void(talk: Talk, row: Message, tried: int) -> bool:
    """Whether nothing of a row is left to tell: it counts as had and is not sent.

    `tried`: no row after it was ever sent to the operator, so what was said after it goes out as
    it stands now, and what changed it is in it.
    """
    if row.target is None:
        return row.retracted
    line = talk.row(row.target)
    if row.act is Act.REACT:
        return line is None or line.retracted
    if row.target > tried:
        return True
    if row.act is Act.RETRACT:
        return False
    # Taken back since, or corrected once more: another row tells.
    return not row.body or (line is not None and line.body != row.body)


def stanza(talk: Talk, domain: str, operator: Operator, to: str, row: Message, late: bool) -> Xml:
    """A row on its way to the full JID `to` of an operator; `late`: it carries its time."""
    id = stanza_id(talk.visitor, row.seq)
    from_jid = visitor_full(talk.visitor, domain)
    if row.target is not None and row.act is not Act.EDIT:
        words, more = _change(talk, domain, operator, to, row)
        if row.sender.kind is SenderKind.VISITOR:
            words = outbound.of_visitor(words)
        else:
            words = f"[{row.sender.name}] {words}"
        return outbound.change(from_jid, to, id, words, row.at if late else None, *more)
    quoted, body = "", row.body
    more = []
    if row.target is not None:
        more = [outbound.replace(stanza_id(talk.visitor, row.target))]
    if row.reply_to is not None:
        quoted, more = _reply(talk, domain, operator, to, row.reply_to)
    if row.attachment is not None:
        body = wording.with_link(body, row.attachment)
        more.append(outbound.link(row.attachment.url))
    at = row.at if late else None
    if row.sender.kind is SenderKind.VISITOR:
        return outbound.line(from_jid, to, id, body, row.sender.name, at, quoted, *more)
    note = row.act is Act.NOTE
    return outbound.colleague(from_jid, to, id, row.sender.name, body, note, at, quoted, *more)


def _change(
    talk: Talk, domain: str, operator: Operator, to: str, row: Message
) -> tuple[str, list[Xml]]:
    """The words for a retraction or a reaction, and what says it to clients that know it."""
    target = row.target or 0
    if row.act is Act.RETRACT:
        id = stanza_id(talk.visitor, target)
        return wording.TOOK_BACK, [outbound.retract(id), outbound.fallback(ns.RETRACT)]
    line = talk.row(target)
    words = wording.reaction(row, line)
    named = None if line is None else _named(talk, domain, operator, to, line)
    if named is None:
        return words, []
    return words, [
        outbound.reactions(named[1], row.body.split()),
        outbound.fallback(ns.REACTIONS),
    ]


def _reply(
    talk: Talk, domain: str, operator: Operator, to: str, target: int
) -> tuple[str, list[Xml]]:
    """The quotation before a reply, and what names the line that it is to."""
    line = talk.row(target)
    if line is None or line.target is not None:
        return "", []
    quoted = wording.quotation(line)
    named = _named(talk, domain, operator, to, line)
    if named is None:
        return quoted, []
    return quoted, [outbound.reply(*named, len(quoted))]


def _named(
    talk: Talk, domain: str, operator: Operator, to: str, line: Message
) -> tuple[str, str] | None:
    """Who said a line, a bare JID as the operator sees it, and its stanza's id, if known."""
    if line.sender.kind is SenderKind.OPERATOR and line.sender.id == operator.id:
        origin = decode_origin(line)
        return None if origin is None else (parse(to).bare, origin.id)
    return visitor_bare(talk.visitor, domain), stanza_id(talk.visitor, line.seq)
