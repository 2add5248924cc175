"""The store's face: each method of the port, told to the writer thread or to a reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from ..conversation import Ended
from ..conversation import Event as TalkEvent
from ..errors import RetryLater
from ..model import Ban, Conversation, Cursor, Details, Message, Operator, Rating, RoomClient, Shown
from ..ports import Appended, Clock, Draft, Late, Turned
from ..site import Site
from . import bans, finding, occupants, ratings, sites, talks, visitors
from .appends import Appends
from .batches import Batches, Work
from .commits import Commits, Done
from .cursors import FLUSH_SECONDS, CursorMoves, CursorWrites, overlaid
from .engine import READERS, flavour_of, make_engine
from .faults import RETRY_AFTER, Faults
from .flavour import WRITES, Flavour
from .shown import Notes, ShownNotes, ShownWrites

T = TypeVar("T")

GATHER_SECONDS = 0.008

ANSWER_SECONDS = 5.0
"""How long whoever cannot wait is left without an answer: browsers give up after 8 s."""


async def open_store(
    url: str, *, clock: Clock, gather: float = GATHER_SECONDS, flush: float = FLUSH_SECONDS
) -> SqlStore:
    """Opens a store, once it is known that it can be written; its schema is migrate.py's matter.

    `gather` is the least time in seconds between two commits, `flush` how many a cursor's move
    waits for a commit. Raises Reject for a URL that cannot be a store, RetryLater if it cannot
    be written now.
    """
    _, flavour = flavour_of(url)
    engine = make_engine(url)
    try:
        with Faults(flavour).translated():
            await asyncio.to_thread(_try_to_write, engine, flavour)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, flavour, clock, gather, flush)


def _try_to_write(engine: Engine, flavour: Flavour) -> None:
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        flavour.try_to_write(connection)


class SqlStore:
    """Implements ports.Store. To be made on the event loop, by `open_store`."""

    def __init__(
        self, engine: Engine, flavour: Flavour, clock: Clock, gather: float, flush: float
    ) -> None:
        self.engine = engine
        self._clock = clock
        self._faults = Faults(flavour)
        self._visitors = visitors.VisitorWrites(flavour)
        dialect = engine.dialect
        batches = Batches(
            Appends(dialect, flavour), CursorWrites(dialect, flavour), ShownWrites(dialect, flavour)
        )
        self._flavour = flavour
        self._commits = Commits(engine, batches.run, self._faults, gather, flavour.hold_briefly)
        self._cursors = CursorMoves(self._send_moves, flush)
        self._shown = ShownNotes(self._put_notes, flush)
        self._loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self._closed = False

    @property
    def well(self) -> bool:
        """Whether the database could be written when that was last tried."""
        return self._commits.well

    async def try_to_write(self) -> None:
        """Finds out whether the database can be written again. Raises RetryLater."""
        await self._step(self._flavour.try_to_write)

    async def doubt(self) -> str:
        """What the database's own settings take from what is promised; "" if nothing."""
        return await self._read(self._flavour.doubt)

    async def append(self, draft: Draft, late: Late | None = None) -> Appended:
        """See ports.Store."""
        future = self._commit(draft, late)
        appended: Appended = await (future if late is None else self._in_time(future))
        return appended

    async def change_talk(self, conversation: str, event: TalkEvent, at: int) -> Turned:
        """See ports.Store."""
        if isinstance(event, Ended):
            # An open talk tells of entries that are not noted yet.
            self._shown.send_added()
        return await self._step(talks.change(conversation, event, at))

    async def end_idle_talks(self, domain: str, site: str, before: int) -> list[str]:
        """See ports.Store."""
        return await self._step(talks.end_idle(domain, site, before, self._clock.now()))

    async def read(self, conversation: str, after: int, limit: int) -> list[Message]:
        """See ports.Store."""
        return await self._read(talks.read(conversation, after, limit))

    async def rows(self, conversation: str, seqs: Sequence[int]) -> list[Message]:
        """See ports.Store."""
        return await self._read(finding.rows(conversation, seqs))

    async def since(self, conversation: str, at: int) -> int:
        """See ports.Store."""
        return await self._read(finding.since(conversation, at))

    async def sent(self, conversation: str, sender: str, client_id: str) -> Message | None:
        """See ports.Store."""
        return await self._read(talks.sent(conversation, sender, client_id))

    async def history(
        self, conversation: str, before: int | None, limit: int, notes: bool = False
    ) -> list[Message]:
        """See ports.Store."""
        return await self._read(talks.history(conversation, before, limit, notes))

    async def conversation(self, conversation: str) -> Conversation | None:
        """See ports.Store."""
        found = await self._conversations(talks.with_id(conversation))
        return found[0] if found else None

    async def standings(self, conversations: Sequence[str]) -> list[Conversation]:
        """See ports.Store."""
        return await self._conversations(talks.with_ids(conversations))

    async def open_talks(self, domain: str) -> list[Conversation]:
        """See ports.Store."""
        return await self._conversations(talks.open_in(domain))

    async def conversations(self, site: str, since: int) -> list[Conversation]:
        """See ports.Store."""
        return await self._conversations(talks.changed_in(site, since))

    def move_cursor(self, conversation: str, participant: str, cursor: Cursor) -> None:
        """See ports.Store."""
        self._cursors.move(conversation, participant, cursor)

    async def save_details(self, visitor: str, site: str, details: Details, at: int) -> None:
        """See ports.Store."""
        await self._in_time(
            self._commit(lambda c: self._visitors.save_details(c, visitor, site, details, at))
        )

    async def details(self, visitor: str) -> Details | None:
        """See ports.Store."""
        return await self._read(lambda connection: visitors.details(connection, visitor))

    async def details_of(self, visitors_: Sequence[str]) -> dict[str, Details]:
        """See ports.Store."""
        return await self._read(visitors.details_of(visitors_))

    async def save_rating(self, conversation: str, score: int, comment: str, at: int) -> Rating:
        """See ports.Store."""
        step = ratings.save(self._flavour, conversation, score, comment, at)
        rating: Rating = await self._in_time(self._commit(step))
        return rating

    async def ratings(self, conversation: str) -> list[Rating]:
        """See ports.Store."""
        return await self._read(ratings.of_conversation(conversation))

    async def bans(self) -> list[Ban]:
        """See ports.Store."""
        return await self._read(bans.all_bans)

    async def save_ban(self, ban: Ban) -> None:
        """See ports.Store."""
        await self._step(lambda connection: bans.save_ban(connection, self._flavour, ban))

    async def remove_ban(self, site: str, visitor: str) -> None:
        """See ports.Store."""
        await self._step(lambda connection: bans.remove_ban(connection, site, visitor))

    async def shown(self, domain: str) -> list[Shown]:
        """See ports.Store."""
        await self._shown.settle()
        return await self._read(lambda connection: visitors.all_shown(connection, domain))

    async def change_shown(
        self, add: Sequence[Shown], remove: Sequence[Shown], talking: Collection[str] = ()
    ) -> None:
        """See ports.Store."""
        await self._shown.note(add, remove, talking)

    async def occupants(self) -> list[RoomClient]:
        """See ports.Store."""
        return await self._read(occupants.all_occupants)

    async def change_occupants(self, put: Sequence[RoomClient], drop: Sequence[RoomClient]) -> None:
        """See ports.Store."""
        await self._step(occupants.change(self._flavour, put, drop))

    async def version(self) -> int:
        """See ports.Store."""
        return await self._read(sites.version)

    async def sites(self) -> list[Site]:
        """See ports.Store."""
        return await self._read(sites.all_sites)

    async def save_site(self, site: Site) -> None:
        """See ports.Store."""
        await self._step(lambda connection: sites.save_site(connection, site))

    async def remove_site(self, key: str) -> None:
        """See ports.Store."""
        await self._step(lambda connection: sites.remove_site(connection, key))

    async def operators(self) -> list[Operator]:
        """See ports.Store."""
        return await self._read(sites.all_operators)

    async def save_operator(self, operator: Operator) -> Operator:
        """See ports.Store."""
        return await self._step(lambda connection: sites.save_operator(connection, operator))

    async def remove_operator(self, site: str, address: str) -> None:
        """See ports.Store."""
        await self._step(lambda connection: sites.remove_operator(connection, site, address))

    async def flush(self) -> None:
        """See ports.Store."""
        await self._shown.settle()
        self._send_moves()
        await self._step(lambda _: None)

    async def close(self) -> None:
        """See ports.Store."""
        if self._closed:
            return
        self._closed = True
        self._cursors.stop()
        self._send_moves()
        self._shown.send()
        await self._commits.close()
        await asyncio.to_thread(self._readers.shutdown)
        self.engine.dispose()

    async def _step(self, step: Callable[[Connection], T]) -> T:
        result: T = await self._commit(step)
        return result

    def _commit(self, work: Work, late: Late | None = None) -> asyncio.Future[Any]:
        """Puts a work; the cursors' moves that have waited long enough go along."""
        if self._cursors.due:
            self._send_moves()
        future: asyncio.Future[Any] = self._loop.create_future()
        self._commits.put(work, partial(_settle, future, late))
        return future

    async def _in_time(self, future: asyncio.Future[Any]) -> Any:
        timer = self._loop.call_later(ANSWER_SECONDS, _give_up, future)
        try:
            return await future
        finally:
            timer.cancel()

    def _send_moves(self) -> None:
        moves = self._cursors.depart()
        if moves is not None:
            self._commits.put(moves, partial(self._cursors.arrived, moves))

    def _put_notes(self, notes: Notes, done: Done) -> None:
        if self._cursors.due:
            self._send_moves()
        self._commits.put(notes, done)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        if self._closed:
            raise RetryLater("unavailable", "The store is closed.", RETRY_AFTER)
        return await self._loop.run_in_executor(self._readers, self._query, query)

    def _query(self, query: Callable[[Connection], T]) -> T:
        with self._faults.translated(), self.engine.connect() as connection:
            return query(connection)

    async def _conversations(
        self, query: Callable[[Connection], list[Conversation]]
    ) -> list[Conversation]:
        under_way = self._cursors.under_way()
        return [overlaid(found, under_way) for found in await self._read(query)]


def _give_up(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(RetryLater("unavailable", "The store is too slow.", RETRY_AFTER))


def _settle(future: asyncio.Future[Any], late: Late | None, outcome: object) -> None:
    if future.done():
        if late is not None and isinstance(outcome, Appended):
            late(outcome)
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
