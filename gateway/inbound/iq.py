"""Questions to visitors, desks and the component: a table from payload to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from switchboard.errors import Forbidden, RetryLater, SwitchboardError
from switchboard.lanes import Lanes
from switchboard.reception import Directory

from .. import namespaces as ns
from .. import outbound
from ..capabilities import COMPONENT, DESK, VISITOR, WITH_ROOMS, Capabilities
from ..card import vcard, vcard4
from ..component import Link
from ..jids import Jid, site_of, visitor_of
from ..muc.host import RoomHost
from ..xml import Xml, element, text
from .cards import Cards
from .stanza import Iq

Answer = Callable[["IqDoor", Iq], Xml | None]
"""Gives the result's child; None is refused as what is not known."""

LaterAnswer = Callable[["IqDoor", Iq], Awaitable[Xml | None]]
"""As Answer; may read the store, and raise a SwitchboardError."""


class IqDoor:
    """Answers what it knows; everything else is refused as RFC 6120 §8.4 wants."""

    def __init__(
        self,
        link: Link,
        version: str,
        directory: Directory,
        cards: Cards,
        lanes: Lanes,
        rooms: RoomHost | None,
    ) -> None:
        self._link = link
        self._version = version
        self._directory = directory
        self._cards = cards
        self._lanes = lanes
        self._rooms = rooms

    def handle(self, iq: Iq) -> None:
        """One request of type get or set."""
        request = (iq.type, "" if iq.payload is None else iq.payload.tag)
        if (later := _LATER.get(request)) is not None:
            self._lanes.put(f"iq {iq.sender.full}", lambda: self._answer_later(later, iq))
            return
        answer = _ANSWERS.get(request)
        self._send(iq, None if answer is None else answer(self, iq))

    def ping(self, _: Iq) -> Xml:
        """XEP-0199 §4."""
        return Xml("")

    def version(self, _: Iq) -> Xml:
        """XEP-0092 §2."""
        return element(
            "query", {"xmlns": ns.VERSION}, text("name", "Parley"), text("version", self._version)
        )

    def info(self, iq: Iq) -> Xml | None:
        """XEP-0030 §3, and what a hash in presence stands for (XEP-0115 §6.2)."""
        assert iq.payload is not None
        found = self._capabilities(iq.to)
        return None if found is None else found.info(iq.payload.get("node") or "")

    def items(self, iq: Iq) -> Xml:
        """XEP-0030 §4: the component lists its desks, and its rooms (XEP-0045 §6.3)."""
        sites = [] if iq.to.local else self._directory.sites()
        items = [
            element("item", {"jid": f"{site.key}@{iq.to.domain}", "name": site.key})
            for site in sites
        ]
        if self._rooms is not None and not iq.to.local:
            items += self._rooms.listed()
        return element("query", {"xmlns": ns.DISCO_ITEMS}, *items)

    async def vcard(self, iq: Iq) -> Xml | None:
        """XEP-0054 §3.3."""
        card = await self._cards.find(iq.sender.bare, iq.to.local)
        return None if card is None else vcard(card)

    async def published(self, iq: Iq) -> Xml | None:
        """XEP-0060 §6.5.2, of the one node that a contact has: its card."""
        assert iq.payload is not None
        items = iq.payload.find(f"{{{ns.PUBSUB}}}items")
        if items is None or items.get("node") != ns.VCARD4_NODE:
            return None
        card = await self._cards.find(iq.sender.bare, iq.to.local)
        return None if card is None else vcard4(card)

    def _capabilities(self, jid: Jid) -> Capabilities | None:
        if visitor_of(jid.local):
            return VISITOR
        if not jid.local:
            return COMPONENT if self._rooms is None else WITH_ROOMS
        site = site_of(jid.local)
        return DESK if site is not None and self._directory.find(site) is not None else None

    async def _answer_later(self, answer: LaterAnswer, iq: Iq) -> None:
        try:
            body = await answer(self, iq)
        except SwitchboardError as failure:
            self._send_error(iq, *_condition(failure))
        else:
            self._send(iq, body)

    def _send(self, iq: Iq, body: Xml | None) -> None:
        if body is None:
            self._send_error(iq, "service-unavailable", "cancel")
        else:
            self._link.send(outbound.iq("result", iq.to.full, iq.sender.full, iq.id, body))

    def _send_error(self, iq: Iq, condition: str, kind: str) -> None:
        self._link.send(outbound.error("iq", iq.to.full, iq.sender.full, iq.id, condition, kind))


def _condition(failure: SwitchboardError) -> tuple[str, str]:
    match failure:
        case Forbidden():
            return "forbidden", "auth"
        case RetryLater():
            return "resource-constraint", "wait"
        case _:
            return "item-not-found", "cancel"


_ANSWERS: dict[tuple[str, str], Answer] = {
    ("get", f"{{{ns.PING}}}ping"): IqDoor.ping,
    ("get", f"{{{ns.VERSION}}}query"): IqDoor.version,
    ("get", f"{{{ns.DISCO_INFO}}}query"): IqDoor.info,
    ("get", f"{{{ns.DISCO_ITEMS}}}query"): IqDoor.items,
}

_LATER: dict[tuple[str, str], LaterAnswer] = {
    ("get", f"{{{ns.VCARD}}}vCard"): IqDoor.vcard,
    ("get", f"{{{ns.PUBSUB}}}pubsub"): IqDoor.published,
}
