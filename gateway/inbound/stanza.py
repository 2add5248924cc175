"""XML -> typed values, once, at the door.

Only what stands directly in a stanza counts: carbons, forwarded and archived messages inside it
are anybody's forgery and are not looked at.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from msgspec import Struct

from .. import namespaces as ns
from ..jids import Jid, parse
from . import references
from .references import References

_CHAT_STATES = {
    f"{{{ns.CHAT_STATES}}}{state}": state
    for state in ("active", "composing", "paused", "inactive", "gone")
}
_OMEMO = frozenset(f"{{{namespace}}}encrypted" for namespace in ns.OMEMO)
_REQUEST = f"{{{ns.RECEIPTS}}}request"
_RECEIVED = f"{{{ns.RECEIPTS}}}received"
_MARKABLE = f"{{{ns.MARKERS}}}markable"
_DISPLAYED = f"{{{ns.MARKERS}}}displayed"
_INVITATION = f"{{{ns.CONFERENCE}}}x"
_ENCRYPTION = f"{{{ns.ENCRYPTION}}}encryption"


class Message(Struct, frozen=True):
    """A message stanza's own children, as far as the gateway knows them."""

    sender: Jid
    to: Jid
    id: str
    type: str
    body: str
    chat_state: str = ""
    asks_receipt: bool = False
    markable: bool = False
    received: str = ""
    displayed: str = ""
    encrypted: bool = False
    invites_to: str = ""
    """A room's JID, of a direct invitation (XEP-0249 §2)."""
    condition: str = ""
    """An error's defined condition, of type `error`."""
    about: References = references.NONE
    """Of which messages, and which file, it speaks."""
    privileges: dict[str, str] | None = None
    """What XEP-0356 §4.1 grants: roster, message, presence -> kind."""


class Presence(Struct, frozen=True):
    """A presence stanza."""

    sender: Jid
    to: Jid
    type: str
    show: str
    priority: int


class Iq(Struct, frozen=True):
    """An iq stanza; `payload` is its first child."""

    sender: Jid
    to: Jid
    id: str
    type: str
    payload: ET.Element | None
    condition: str = ""


def message(xml: ET.Element) -> Message:
    """Takes a message stanza apart."""
    found: dict[str, object] = {}
    type_ = xml.get("type") or "normal"
    body = ""
    about: list[ET.Element] = []
    for child in xml:
        tag = child.tag
        if tag.endswith("}body") and is_plain(tag):
            body = body or child.text or ""
        elif tag in _CHAT_STATES:
            found["chat_state"] = _CHAT_STATES[tag]
        elif tag == _REQUEST:
            found["asks_receipt"] = True
        elif tag == _MARKABLE:
            found["markable"] = True
        elif tag == _RECEIVED:
            found["received"] = child.get("id") or ""
        elif tag == _DISPLAYED:
            found["displayed"] = child.get("id") or ""
        elif tag == _INVITATION:
            found["invites_to"] = child.get("jid") or ""
        elif tag in _OMEMO or tag == _ENCRYPTION:
            found["encrypted"] = True
        elif tag in references.TAGS:
            about.append(child)
        elif type_ == "error" and tag.endswith("}error"):
            found["condition"] = _condition(child)
        elif tag.endswith("}privilege"):
            found["privileges"] = _privileges(child)
    if about:
        found["about"] = read = references.read(about, body)
        if not body and read.attachment is not None:
            body = read.attachment.url
    return Message(
        parse(xml.get("from") or ""),
        parse(xml.get("to") or ""),
        xml.get("id") or "",
        type_,
        body,
        **found,  # type: ignore[arg-type]
    )


def presence(xml: ET.Element) -> Presence:
    """Takes a presence stanza apart; a priority that is no number is 0."""
    show, priority = "", 0
    for child in xml:
        if child.tag.endswith("}show") and is_plain(child.tag):
            show = (child.text or "").strip()
        elif child.tag.endswith("}priority") and is_plain(child.tag):
            words = (child.text or "").strip()
            if words.lstrip("-").isdecimal() and len(words) < 5:
                priority = int(words)
    sender, to = parse(xml.get("from") or ""), parse(xml.get("to") or "")
    return Presence(sender, to, xml.get("type") or "", show, priority)


def iq(xml: ET.Element) -> Iq:
    """Takes an iq stanza apart."""
    type_ = xml.get("type") or ""
    condition = ""
    if type_ == "error":
        found = next((child for child in xml if child.tag.endswith("}error")), None)
        condition = "undefined-condition" if found is None else _condition(found)
    return Iq(
        parse(xml.get("from") or ""),
        parse(xml.get("to") or ""),
        xml.get("id") or "",
        type_,
        next(iter(xml), None),
        condition,
    )


def presence_condition(xml: ET.Element) -> str:
    """The defined condition of a presence of type `error`."""
    found = next((child for child in xml if child.tag.endswith("}error")), None)
    return "undefined-condition" if found is None else _condition(found)


def is_plain(tag: str) -> bool:
    """Whether it is in the stanza's own namespace."""
    return tag.startswith(("{jabber:component:accept}", "{jabber:client}"))


def _condition(error: ET.Element) -> str:
    prefix = f"{{{ns.STANZAS}}}"
    for child in error:
        if child.tag.startswith(prefix) and child.tag != prefix + "text":
            return child.tag[len(prefix) :]
    return "undefined-condition"


def _privileges(privilege: ET.Element) -> dict[str, str] | None:
    namespace = privilege.tag[1:].partition("}")[0]
    if namespace not in ns.PRIVILEGES:
        return None
    return {
        perm.get("access") or "": perm.get("type") or ""
        for perm in privilege
        if perm.tag == f"{{{namespace}}}perm"
    }
