"""What was committed, sent to the Jabber clients in each room, in the log's order.

The store is the truth and the bus a hint: a row that stands right behind the last one sent goes
out as it is heard, after any other the store is read. Nothing is taken from a client's own stanza.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping

from switchboard import events
from switchboard.changes import changed
from switchboard.errors import SwitchboardError
from switchboard.lanes import Lanes
from switchboard.model import Act, Cursor, Message
from switchboard.ports import Clock, Store
from switchboard.reception import Rooms

from ..component import Link
from ..jids import room_bare
from ..xml import Xml
from . import stanzas
from .crowd import Crowd
from .hall import TAIL, Hall
from .lines import is_news, line_of, spoken_of
from .requests import History

READ_LIMIT = 500
HISTORY_LINES = 30
"""Told to who enters and asks for no number."""
READER = "jabber"
"""The participant whose cursor says how far a room's log was sent to Jabber clients."""

log = logging.getLogger(__name__)


class Log:
    """Follows the logs of all rooms that have Jabber clients."""

    def __init__(
        self,
        domain: str,
        link: Link,
        crowd: Crowd,
        rooms: Rooms,
        store: Store,
        clock: Clock,
        lanes: Lanes,
    ) -> None:
        self._domain = domain
        self._link = link
        self._crowd = crowd
        self._rooms = rooms
        self._store = store
        self._clock = clock
        self._lanes = lanes

    async def open(self, hall: Hall, resumed: bool = False) -> None:
        """Before the first client enters: from here on rows are sent. Raises RetryLater.

        `resumed`: clients are in it since an earlier process, which may not have sent all.
        """
        if hall.head is not None:
            return
        found = await self._store.conversation(hall.conversation)
        end = found.seq if found is not None else 0
        if resumed and found is not None:
            end = min(end, found.cursors.get(READER, Cursor(end)).delivered)
        lines = await self._rooms.history(hall.room, None, TAIL)
        hall.tail.extend(line for line in lines if line.seq <= end)
        hall.head = end
        await self._read_on(hall)

    def close(self, hall: Hall) -> None:
        """The last client has left."""
        if not hall.has_clients:
            hall.head = None
            hall.tail.clear()

    def committed(self, event: events.Committed) -> None:
        """A row was stored."""
        row = event.message
        hall = self._crowd.find(row.conversation)
        if hall is None or hall.head is None or row.seq <= hall.head or not self._link.up:
            return
        known = _in_memory(hall, row)
        if row.seq == hall.head + 1 and known is not None:
            self._send(hall, row, known)
        else:
            self.catch_up(hall)

    def look(self, event: events.Look) -> None:
        """Somebody could not tell in time how far a log reaches."""
        hall = self._crowd.find(event.conversation)
        if hall is not None and hall.head is not None and hall.head < event.seq:
            self.catch_up(hall)

    def catch_up_all(self) -> None:
        """Hints may have been lost, or nothing could be sent for a while."""
        for hall in self._crowd:
            if hall.head is not None:
                self.catch_up(hall)

    def catch_up(self, hall: Hall) -> None:
        """Reads after the last row that was sent, in the room's lane."""
        self._lanes.put(hall.conversation, lambda: self._read_on(hall))

    def tell_history(self, hall: Hall, jid: str, wanted: History) -> None:
        """The last lines, as far as they are wanted, then the subject (§7.2.13 to §7.2.15)."""
        room = room_bare(hall.conversation, self._domain)
        left = wanted.characters
        chosen: list[Xml] = []
        known = {row.seq: row for row in hall.tail}
        most = HISTORY_LINES if wanted.lines is None and wanted.since is None else TAIL
        lines = min(most, wanted.lines) if wanted.lines is not None else most
        for row in reversed(hall.tail):
            if len(chosen) >= lines:
                break
            if not is_news(row):
                continue
            if wanted.since is not None and row.at < wanted.since:
                break
            line = line_of(hall.room, self._domain, row, known)
            stanza = line.to(jid, stanzas.delay(room, row.at))
            if left is not None:
                left -= len(stanza)
                if left < 0:
                    break
            chosen.append(stanza)
        for stanza in reversed(chosen):
            self._link.send(stanza)
        self._link.send(stanzas.subject(room, jid, hall.subject))

    async def _read_on(self, hall: Hall) -> None:
        with contextlib.suppress(SwitchboardError):  # the store has logged it; asked again soon
            while self._link.up and hall.head is not None:
                rows = await self._rooms.read(hall.room, hall.head, READ_LIMIT)
                spoken = await self._rooms.rows(hall.room, sorted(spoken_of(rows)))
                known = {row.seq: row for row in spoken}
                for row in rows:
                    if hall.head is not None and row.seq == hall.head + 1:
                        self._send(hall, row, known)
                if len(rows) < READ_LIMIT:
                    return

    def _send(self, hall: Hall, row: Message, known: Mapping[int, Message]) -> None:
        hall.head = row.seq
        self._store.move_cursor(hall.conversation, READER, Cursor(row.seq))
        person = hall.people.get(row.sender.id)
        if person is not None and row.act is Act.SAY:
            person.said_at = row.at
            self._crowd.show(hall, person)
        if row.act is Act.SAY:
            hall.floor.heard(row.sender.id, self._clock.monotonic())
            hall.tail.append(row)
        elif row.target is not None:
            for place, earlier in enumerate(hall.tail):
                if earlier.seq == row.target and not earlier.retracted:
                    hall.tail[place] = changed(earlier, row)
        if is_news(row):
            line = line_of(hall.room, self._domain, row, known)
            for _, client in hall.clients():
                self._link.send(line.to(client.jid))


def _in_memory(hall: Hall, row: Message) -> dict[int, Message] | None:
    """The lines of which a row speaks; None: the store has to tell."""
    wanted = spoken_of([row])
    known = {line.seq: line for line in hall.tail if line.seq in wanted} if wanted else {}
    return known if len(known) == len(wanted) else None
