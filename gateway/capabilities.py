"""What we speak, said in disco#info (XEP-0030) and, as one hash, in presence (XEP-0115).

One table. The name of an identity goes into the hash, so it is the same for all visitors: what
one is called stands in presence (XEP-0172) and in the card.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cached_property

from . import namespaces as ns
from .xml import Xml, element

NODE = "urn:parley-livechat"
"""Names this software in presence (XEP-0115 §4)."""

FEATURES = (
    ns.CAPS,
    ns.CHAT_STATES,
    ns.DISCO_INFO,
    ns.DISCO_ITEMS,
    ns.MARKERS,
    ns.NICK,
    ns.PING,
    ns.RECEIPTS,
    ns.STANZA_IDS,
    ns.VERSION,
)
"""Of visitors, desks and the component. OMEMO is none of them: a gateway could not read it."""

OF_CONTACTS = (
    ns.COMMANDS,
    ns.FALLBACK,
    ns.IDLE,
    ns.OOB,
    ns.REACTIONS,
    ns.REPLACE,
    ns.REPLY,
    ns.RETRACT,
    ns.VCARD,
)
"""Of visitors and desks alone."""


class Capabilities:
    """One kind of JID: its identities (category, type, name) and its features.

    `also`: further categories and types, under the same name.
    """

    def __init__(
        self,
        category: str,
        type: str,
        name: str,
        features: Iterable[str],
        also: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.category = category
        self.type = type
        self.name = name
        self.features = tuple(sorted(features))
        self._identities = [(category, type), *also]

    @cached_property
    def ver(self) -> str:
        """The hash of it all (XEP-0115 §5.1)."""
        identities = [(category, type, "", self.name) for category, type in self._identities]
        return verification(identities, self.features)

    @cached_property
    def in_presence(self) -> Xml:
        """XEP-0115 §4."""
        return element("c", {"xmlns": ns.CAPS, "hash": "sha-1", "node": NODE, "ver": self.ver})

    def info(self, node: str) -> Xml | None:
        """The answer to disco#info; None if it has no such node. "" is the JID itself."""
        if node not in ("", f"{NODE}#{self.ver}"):
            return None
        identities = [
            element("identity", {"category": category, "type": type, "name": self.name})
            for category, type in self._identities
        ]
        features = [element("feature", {"var": feature}) for feature in self.features]
        attributes = {"xmlns": ns.DISCO_INFO, "node": node or None}
        return element("query", attributes, *identities, *features)


def verification(identities: Iterable[tuple[str, str, str, str]], features: Iterable[str]) -> str:
    """XEP-0115 §5.1, with SHA-1 and without forms; identities are category, type, lang, name."""
    parts = sorted("/".join(identity) for identity in identities) + sorted(features)
    text = "".join(f"{part}<" for part in parts)
    return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


VISITOR = Capabilities("client", "web", "Parley visitor", FEATURES + OF_CONTACTS)
DESK = Capabilities("component", "generic", "Parley desk", FEATURES + OF_CONTACTS)
COMPONENT = Capabilities("component", "generic", "Parley", FEATURES)
WITH_ROOMS = Capabilities(
    "component",
    "generic",
    "Parley",
    (*FEATURES, ns.MUC, ns.MUC_STABLE_ID, ns.OCCUPANT_ID),
    [("conference", "text")],
)
"""Of the component whose domain has the rooms (XEP-0045 §6.2)."""
