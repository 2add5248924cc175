"""Questions to visitors, desks and the component: a table from payload to answer."""

from __future__ import annotations

from collections.abc import Callable

from .. import namespaces as ns
from .. import outbound
from ..component import Link
from ..jids import Jid, site_of, visitor_of
from ..xml import Xml, element, text
from .stanza import Iq

_FEATURES = (
    ns.DISCO_INFO,
    ns.CHAT_STATES,
    ns.RECEIPTS,
    ns.MARKERS,
    ns.PING,
    ns.VERSION,
    ns.NICK,
    ns.STANZA_IDS,
    ns.COMMANDS,
    ns.REPLACE,
    ns.RETRACT,
    ns.REACTIONS,
    ns.REPLY,
    ns.FALLBACK,
    ns.OOB,
)

Answer = Callable[["IqDoor", Iq], Xml | None]


class IqDoor:
    """Answers what it knows; everything else is refused as RFC 6120 §8.4 wants."""

    def __init__(
        self,
        link: Link,
        version: str,
        name_of: Callable[[Jid], str],
        desks: Callable[[], list[str]],
    ) -> None:
        self._link = link
        self._version = version
        self._name_of = name_of
        self._desks = desks

    def handle(self, iq: Iq) -> None:
        """One request of type get or set."""
        tag = "" if iq.payload is None else iq.payload.tag
        answer = _ANSWERS.get((iq.type, tag))
        body = None if answer is None else answer(self, iq)
        if body is None:
            self._link.send(
                outbound.error(
                    "iq", iq.to.full, iq.sender.full, iq.id, "service-unavailable", "cancel"
                )
            )
        else:
            self._link.send(outbound.iq("result", iq.to.full, iq.sender.full, iq.id, body))

    def ping(self, _: Iq) -> Xml:
        """XEP-0199 §4."""
        return Xml("")

    def version(self, _: Iq) -> Xml:
        """XEP-0092 §2."""
        return element(
            "query", {"xmlns": ns.VERSION}, text("name", "Parley"), text("version", self._version)
        )

    def info(self, iq: Iq) -> Xml | None:
        """XEP-0030 §3: the component is a gateway of sorts, a visitor a web client."""
        assert iq.payload is not None
        if iq.payload.get("node"):
            return None
        if visitor_of(iq.to.local):
            category, kind = "client", "web"
        elif not iq.to.local or site_of(iq.to.local) in self._desks():
            category, kind = "component", "generic"
        else:
            return None
        identity = element(
            "identity", {"category": category, "type": kind, "name": self._name_of(iq.to)}
        )
        features = [element("feature", {"var": feature}) for feature in _FEATURES]
        return element("query", {"xmlns": ns.DISCO_INFO}, identity, *features)

    def items(self, iq: Iq) -> Xml:
        """XEP-0030 §4: the component lists its desks."""
        found = [] if iq.to.local else self._desks()
        items = [element("item", {"jid": f"{key}@{iq.to.domain}", "name": key}) for key in found]
        return element("query", {"xmlns": ns.DISCO_ITEMS}, *items)


_ANSWERS: dict[tuple[str, str], Answer] = {
    ("get", f"{{{ns.PING}}}ping"): IqDoor.ping,
    ("get", f"{{{ns.VERSION}}}query"): IqDoor.version,
    ("get", f"{{{ns.DISCO_INFO}}}query"): IqDoor.info,
    ("get", f"{{{ns.DISCO_ITEMS}}}query"): IqDoor.items,
}
