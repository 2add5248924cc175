"""A room's archive (XEP-0313): pages of its log, to who may enter the room.

A log has no holes, so that a page of it, in either direction, is one read. Rows stand in the order
of time but for the differences of clocks: what of a page is not of the time that was asked for is
left out of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from switchboard.errors import Forbidden, NotFound
from switchboard.model import Act, Message, SenderKind
from switchboard.ports import Clock
from switchboard.reception.rooms import Rooms
from switchboard.rooms import Affiliation, Role, Room

from .. import namespaces as ns
from .. import outbound
from ..component import Link
from ..inbound.stanza import Iq
from ..jids import room_bare
from ..xml import Xml, element, text
from . import archive_query, stanzas
from .archive_query import Query
from .crowd import Crowd
from .door import Answer
from .ids import archive_id
from .lines import is_void, line_of, spoken_of
from .often import Often

MOST_QUERIES = 300
WITHIN = 60.0
"""So many questions in so many seconds may a bare JID ask: of long archives a good part."""


class Page(Struct, frozen=True):
    """What is answered to a query."""

    rows: Sequence[Message]
    complete: bool
    """Whether nothing is behind it, in the direction in which it was asked for."""
    count: int
    """How many rows there are without the limits of the page."""


class _Span(Struct, frozen=True):
    """Of a log, the rows after one and before another."""

    after: int
    before: int

    @property
    def count(self) -> int:
        return max(0, self.before - self.after - 1)

    def within(self, after: int | None, before: int | None) -> _Span:
        return _Span(
            self.after if after is None else max(self.after, after),
            self.before if before is None else min(self.before, before),
        )


class Archive:
    """Answers to Jabber clients; each may raise a SwitchboardError."""

    def __init__(self, domain: str, link: Link, crowd: Crowd, rooms: Rooms, clock: Clock) -> None:
        self._domain = domain
        self._link = link
        self._crowd = crowd
        self._rooms = rooms
        self._often = Often(clock, MOST_QUERIES, WITHIN, "You read the archive too fast.")
        query = f"{{{ns.ARCHIVE}}}query"
        self.answers: dict[tuple[str, str], Answer] = {
            ("set", query): self._query,
            ("get", query): self._form,
            ("get", f"{{{ns.ARCHIVE}}}metadata"): self._metadata,
        }

    async def _query(self, iq: Iq) -> Xml:
        """Sends a page to who asks, and gives what ends it (§4.2, §4.3)."""
        room = self._open_to(iq)
        assert iq.payload is not None
        own = room_bare(room.conversation, self._domain)
        query = archive_query.read(room, own, iq.payload)
        page = await self._page(room, query)
        shown = [row for row in page.rows if not is_void(row) and query.holds(row.at)]
        known = await self._known(room, shown)
        results = [self._result(room, own, iq, query, row, known) for row in shown]
        for result in reversed(results) if query.flipped else results:
            self._link.send(result)
        ids = [archive_id(room, row.seq) for row in page.rows]
        children = [text("first", ids[0]), text("last", ids[-1])] if ids else []
        children.append(text("count", str(page.count)))
        return element(
            "fin",
            {"xmlns": ns.ARCHIVE, "complete": "true" if page.complete else None},
            element("set", {"xmlns": ns.RESULT_SETS}, *children),
        )

    async def _form(self, iq: Iq) -> Xml:
        """The fields of a query (§4.1.5)."""
        self._open_to(iq)
        return element("query", {"xmlns": ns.ARCHIVE}, archive_query.form())

    async def _metadata(self, iq: Iq) -> Xml:
        """The first and the last row (§5)."""
        room = self._open_to(iq)
        whole = await self._whole(room)
        ends = await self._rooms.rows(room, [whole.after + 1, whole.before - 1])
        if not ends:
            return element("metadata", {"xmlns": ns.ARCHIVE})
        places = [
            element(name, {"id": archive_id(room, row.seq), "timestamp": outbound.instant(row.at)})
            for name, row in (("start", ends[0]), ("end", ends[-1]))
        ]
        return element("metadata", {"xmlns": ns.ARCHIVE}, *places)

    def _open_to(self, iq: Iq) -> Room:
        """The room, if who asks may read it (§6.1.2, §8.1).

        Raises NotFound, Forbidden, or RetryLater for who asks too often.
        """
        self._often.count(iq.sender.bare)
        room = self._crowd.room(iq.to.local)
        if iq.to.resource:
            raise NotFound("not_found", "An occupant has no archive here.")
        hall = self._crowd.find(room.conversation)
        if hall is not None and hall.of_client(iq.sender.full) is not None:
            return room
        affiliation = self._crowd.affiliation(room, iq.sender.bare)
        open_to_all = room.settings.public and not room.settings.members_only
        if affiliation is Affiliation.OUTCAST or (
            affiliation is Affiliation.NONE and not open_to_all
        ):
            raise Forbidden("forbidden", "Who is in the room may read its archive.")
        return room

    async def _page(self, room: Room, query: Query) -> Page:
        """The rows that are asked for. Raises NotFound for one that is no longer kept."""
        whole = await self._whole(room)
        named = (query.after, query.before, query.page_after, query.page_before)
        for seq in (*named, *(query.rows or ())):
            if seq is not None and not whole.after < seq < whole.before:
                raise NotFound("not_found", "There is no such message in the archive.")
        span = whole.within(query.after, query.before)
        if query.start is not None:
            span = span.within(await self._rooms.since(room, query.start) - 1, None)
        if query.end is not None:
            span = span.within(None, await self._rooms.since(room, query.end + 1))
        part = span.within(query.page_after, query.page_before)
        if query.rows is not None:
            return await self._chosen(room, query, query.rows, span, part)
        most = min(query.most, part.count)
        place = part.before - 1 - most if query.backwards else part.after
        rows = await self._rooms.read(room, place, most) if most else []
        return Page(rows, most == part.count, span.count)

    async def _chosen(
        self, room: Room, query: Query, seqs: Sequence[int], span: _Span, part: _Span
    ) -> Page:
        """Of the rows that are named (§4.1.3), a page."""
        asked = sorted({seq for seq in seqs if span.after < seq < span.before})
        left = [seq for seq in asked if part.after < seq < part.before]
        start = max(0, len(left) - query.most) if query.backwards else 0
        page = left[start : start + query.most]
        rows = await self._rooms.rows(room, page)
        return Page(rows, len(page) == len(left), len(asked))

    async def _whole(self, room: Room) -> _Span:
        end = await self._rooms.end(room)
        first = await self._rooms.read(room, 0, 1)
        return _Span(first[0].seq - 1 if first else end, end + 1)

    async def _known(self, room: Room, rows: Sequence[Message]) -> dict[int, Message]:
        known = {row.seq: row for row in rows}
        others = await self._rooms.rows(room, sorted(spoken_of(rows) - known.keys()))
        return known | {row.seq: row for row in others}

    def _result(
        self,
        room: Room,
        own: str,
        iq: Iq,
        query: Query,
        row: Message,
        known: dict[int, Message],
    ) -> Xml:
        """A row, forwarded (§4.2, XEP-0297 §3.1); nobody's JID is in it."""
        line = line_of(room, self._domain, row, known)
        attributes = {"xmlns": ns.CLIENT, "type": "groupchat", "from": line.sender, "id": line.id}
        message = element("message", dict(attributes), *line.content, *_standing(row))
        delay = element("delay", {"xmlns": ns.DELAY, "stamp": outbound.instant(row.at)})
        forwarded = element("forwarded", {"xmlns": ns.FORWARD}, delay, message)
        result = element(
            "result",
            {"xmlns": ns.ARCHIVE, "queryid": query.id, "id": archive_id(room, row.seq)},
            forwarded,
        )
        return element("message", {"from": own, "to": iq.sender.full}, result)


def _standing(row: Message) -> list[Xml]:
    """What its sender was to the room, as far as the log has it (§6.1.2)."""
    if row.act is Act.MODERATE:
        return []  # it is the room's own word
    if row.sender.kind is SenderKind.OPERATOR:
        item = stanzas.item(Affiliation.ADMIN, Role.MODERATOR)
    else:
        item = stanzas.item(Affiliation.NONE, Role.PARTICIPANT)
    return [element("x", {"xmlns": ns.MUC_USER}, item)]
