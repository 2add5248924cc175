"""What visitors have and have seen, told to the operators who wrote it.

A receipt (XEP-0184) means that the browser has the line, displayed (XEP-0333) that a person could
see it. Never sooner, and only to clients that asked.
"""

from __future__ import annotations

from switchboard import events
from switchboard.lanes import Lanes
from switchboard.model import Cursor
from switchboard.reception import Talks

from . import outbound
from .component import Link
from .held import HeldTalks
from .jids import visitor_full
from .talk import Talk

UNREAD_LIMIT = 500


class Acknowledgements:
    """The visitors' cursors of one domain, as operators' clients hear of them."""

    def __init__(
        self, domain: str, link: Link, held: HeldTalks, talks: Talks, lanes: Lanes
    ) -> None:
        self._domain = domain
        self._link = link
        self._held = held
        self._service = talks
        self._lanes = lanes

    def visitor_read(self, event: events.Receipt) -> None:
        """The visitor's browser has, or shows, the log up to there."""
        talk = self._held.get(event.conversation)
        if talk is None or not talk.origins_known:
            self._lanes.put(event.conversation, lambda: self._recall(event))
        else:
            self._tell(talk, event)

    async def _recall(self, event: events.Receipt) -> None:
        """An earlier process stored the lines: the store knows where they came from."""
        talk = await self._held.find(event.conversation)
        if talk is None:
            return
        if not talk.origins_known:
            cursor = talk.visitor_cursor
            since = min(cursor.delivered, cursor.read)
            talk.recall(await self._service.read(talk.visitor, since, UNREAD_LIMIT))
        self._tell(talk, event)

    def _tell(self, talk: Talk, event: events.Receipt) -> None:
        before = talk.visitor_cursor
        talk.visitor_cursor = Cursor(
            max(before.delivered, event.delivered), max(before.read, event.read)
        )
        sender = visitor_full(talk.visitor, self._domain)
        for seq in sorted(talk.origins):
            if seq > event.delivered:
                break
            origin = talk.origins[seq]
            if origin.receipt and seq > before.delivered:
                self._link.send(outbound.received(sender, origin.jid, origin.id))
            if origin.marker and seq <= event.read:
                self._link.send(outbound.displayed(sender, origin.jid, origin.id))
            if not origin.marker or seq <= event.read:
                del talk.origins[seq]
