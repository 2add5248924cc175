"""What the rooms say -> stanzas. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from switchboard.rooms import Affiliation, Role

from .. import namespaces as ns
from ..outbound import timestamp
from ..xml import Xml, element, text

SELF = 110
LOGGED = 170
RENAMED_BY_ROOM = 210
BANNED = 301
RENAMED = 303
KICKED = 307
UNAFFILIATED = 321
MEMBERS_ONLY_NOW = 322
SHUTDOWN = 332
UNREACHABLE = 333
CONFIGURED = 104
"""Status codes (XEP-0045 §15.6)."""

DESTROY = element("destroy", {})
"""The room is no more (§10.9)."""


def item(
    affiliation: Affiliation,
    role: Role,
    *,
    jid: str | None = None,
    nick: str | None = None,
    reason: str = "",
    actor: str = "",
) -> Xml:
    """Somebody's standing in presence, or in a list (§7.2.2, §9.2); `actor` is a nick."""
    children = []
    if actor:
        children.append(element("actor", {"nick": actor}))
    if reason:
        children.append(text("reason", reason))
    attributes = {"affiliation": affiliation.value, "role": role.value, "jid": jid, "nick": nick}
    return element("item", dict(attributes), *children)


def listed(affiliation: Affiliation, jid: str, nick: str = "") -> Xml:
    """Somebody on one of the room's lists, by bare JID (§9.2)."""
    attributes = {"affiliation": affiliation.value, "jid": jid, "nick": nick or None}
    return element("item", dict(attributes))


def presence(
    from_jid: str,
    to_jid: str,
    kind: str | None,
    item: Xml,
    codes: Iterable[int],
    occupant: str,
    id: str | None = None,
    payload: Iterable[Xml] = (),
) -> Xml:
    """Of an occupant, to one client (§7.2.2); `occupant` is the id of XEP-0421 §3.

    profanity takes the first `x` for the room's: the client's own (XEP-0153) comes behind it.
    """
    statuses = [element("status", {"code": str(code)}) for code in codes]
    user = element("x", {"xmlns": ns.MUC_USER}, item, *statuses)
    known = element("occupant-id", {"xmlns": ns.OCCUPANT_ID, "id": occupant})
    attributes = {"type": kind, "from": from_jid, "to": to_jid, "id": id or None}
    return element("presence", attributes, user, *payload, known)


def groupchat(from_jid: str, to_jid: str, id: str | None, children: Sequence[Xml]) -> Xml:
    """To one client of the room (§7.4)."""
    attributes = {"type": "groupchat", "from": from_jid, "to": to_jid, "id": id or None}
    return element("message", attributes, *children)


def stable_id(room_jid: str, id: str) -> Xml:
    """A row's id in the room's archive (XEP-0359 §3.1)."""
    return element("stanza-id", {"xmlns": ns.STANZA_IDS, "by": room_jid, "id": id})


def occupant_id(id: str) -> Xml:
    """Who wrote it (XEP-0421 §3)."""
    return element("occupant-id", {"xmlns": ns.OCCUPANT_ID, "id": id})


def delay(room_jid: str, since: int) -> Xml:
    """It was said then, in ms (§7.2.13); the room vouches for it."""
    attributes = {"xmlns": ns.DELAY, "from": room_jid, "stamp": timestamp(since)}
    return element("delay", dict(attributes))


def subject(
    from_jid: str, to_jid: str, words: str, id: str | None = None, occupant: str = ""
) -> Xml:
    """What the room is about, even if that is nothing (§7.2.15); `occupant`: who has set it."""
    by = [occupant_id(occupant)] if occupant else []
    return groupchat(from_jid, to_jid, id, [text("subject", words), *by])


def status(room_jid: str, to_jid: str, code: int) -> Xml:
    """Something happened to the room itself (§10.2.1)."""
    user = element("x", {"xmlns": ns.MUC_USER}, element("status", {"code": str(code)}))
    return groupchat(room_jid, to_jid, None, [user])


def probe(room_jid: str, to_jid: str) -> Xml:
    """Nothing to show: it comes back from where nobody is (RFC 6121 §8.5.3.2.1)."""
    return groupchat(room_jid, to_jid, "there", [element("x", {"xmlns": ns.MUC_USER})])


def private(from_jid: str, to_jid: str, id: str | None, body: str, kind: str, occupant: str) -> Xml:
    """From one occupant to another (§7.5, XEP-0421 §4)."""
    attributes = {"type": kind, "from": from_jid, "to": to_jid, "id": id or None}
    user = element("x", {"xmlns": ns.MUC_USER})
    return element("message", attributes, text("body", body), user, occupant_id(occupant))


def identity(name: str) -> Xml:
    """A room's, in disco#info (§6.4)."""
    return element("identity", {"category": "conference", "type": "text", "name": name})


def field(var: str, value: str | Sequence[str], kind: str = "", label: str = "") -> Xml:
    """One of a form (XEP-0004 §3.2)."""
    values = [value] if isinstance(value, str) else value
    attributes = {"var": var, "type": kind or None, "label": label or None}
    return element("field", attributes, *(text("value", one) for one in values))
