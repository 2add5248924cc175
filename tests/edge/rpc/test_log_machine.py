"""The log and the browsers' cursors against a list: hints are lost, sends are repeated, lines are
changed, operators note, readers come anywhere, stall and go. Whatever happens, each reader has
exactly what the log has for a visitor, in order, and in the end the lines as they stand.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rpc import wire
from rpc.readers import Reader
from rpc.seats import Seats
from rpc.tokens import Place
from switchboard.attendance import Attendance
from switchboard.clock import SystemClock
from switchboard.model import Act, Cursor, Operator, SenderKind, Visit, new_visitor_id
from switchboard.reception import DeskBoard, Directory, Talks
from switchboard.reception.talks import operator_sender, visitor_sender
from switchboard.sessions.memory import MemorySessions
from switchboard.site import Site, SiteSettings
from switchboard.store import open_store
from tests.edge.rpc.lossy import LossyBus
from tests.sqlite import empty_store

ANN = Operator("o-ann", "shop", "ann@example.org", "Ann")


Told = tuple[str, int]
"""An event's type, and the line that it is about."""


class Browser(Reader):
    """A reader that takes events as long as it is not stalled."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.start = place.seq
        self.heard: list[Told] = []
        self.bodies: dict[int, str] = {}
        self.told_delivered = place.delivered
        self.stalled = False
        self.behind = False
        self.lost = False

    def ready(self) -> bool:
        return not self.stalled

    def push(self, data: wire.EventData) -> None:
        assert not self.stalled
        if isinstance(data, wire.MessageData):
            self.heard.append(("message", data.message.seq))
            self.bodies[data.message.seq] = data.message.body
        elif isinstance(data, wire.EditedData):
            self.heard.append(("edited", data.seq))
            if data.seq in self.bodies:
                self.bodies[data.seq] = data.body
        elif isinstance(data, wire.ReactionsData):
            self.heard.append(("reactions", data.seq))
        elif isinstance(data, wire.ReceiptData):
            assert data.seq > self.told_delivered
            self.told_delivered = data.seq

    def fall_behind(self) -> None:
        self.behind = True

    def lose_place(self) -> None:
        self.lost = True


class Log(RuleBasedStateMachine):
    """One visitor's conversation, its readers, and what they must have."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.bus = LossyBus()
        self.oracle: list[Told | None] = []
        self.bodies: dict[int, tuple[SenderKind, str]] = {}
        """The lines as they stand."""
        self.answers: dict[str, int] = {}
        self.delivered = 0
        self.browsers: list[Browser] = []
        self.visit = Visit(new_visitor_id(), "shop", "chat.example.org")
        self.run(self._open())

    def run(self, work: Coroutine[None, None, None]) -> None:
        async def all_of_it() -> None:
            await work
            await self._settle()

        self.loop.run_until_complete(all_of_it())

    async def _open(self) -> None:
        clock = SystemClock()
        file = self.folder / "log.db"
        file.write_bytes(empty_store())
        self.store = await open_store(f"sqlite:///{file}", clock=clock, gather=0)
        await self.store.save_site(Site("shop", SiteSettings("Shop", ("https://a",), "s")))
        directory = Directory(self.store)
        await directory.refresh()
        self.talks = Talks(self.store, self.bus, clock, 4000)
        attendance = Attendance(self.bus, MemorySessions(), clock, "n", 1, 15)
        self.seats = Seats(
            directory, self.talks, attendance, DeskBoard(self.bus, clock), self.bus, clock, 60
        )
        self.seat = self.seats.seat(attendance.update(self.visit, stream=0))
        await self.seat.learn(True)

    async def _settle(self) -> None:
        """Lets the bus deliver, and whoever fell behind read."""
        for _ in range(3):
            await asyncio.sleep(0)
            for browser in self.browsers:
                if browser.behind and browser.ready():
                    browser.behind = False
                    await self.seat.catch_up(browser)

    @rule(id=st.integers(0, 20))
    def visitor_says(self, id: int) -> None:
        """Fresh or repeated; a repetition has another body and changes nothing."""
        body = f"v{id}/{len(self.oracle)}"

        async def say() -> None:
            line = await self.talks.say(self.visit, f"c{id}", body)
            self.answered(f"c{id}", line.seq, SenderKind.VISITOR, body)

        self.run(say())

    @rule(id=st.integers(0, 20))
    def operator_says(self, id: int) -> None:
        """The same stanza again is the same line."""
        body = f"o{id}"

        async def answer() -> None:
            done = await self.talks.answer(
                ANN,
                self.visit.visitor,
                self.visit.domain,
                body,
                ("ann@example.org/a", f"s{id}"),
                None,
            )
            self.answered(f"s{id}", done.message.seq, SenderKind.OPERATOR, body)

        self.run(answer())

    def answered(self, key: str, seq: int, kind: SenderKind, body: str) -> None:
        if key in self.answers:
            assert seq == self.answers[key]
        else:
            self.oracle.append(("message", seq))
            assert seq == len(self.oracle)
            self.answers[key] = seq
            self.bodies[seq] = (kind, body)

    @rule()
    def operator_notes(self) -> None:
        """A row that no visitor hears of."""

        async def note() -> None:
            await self.talks.note(ANN, self.visit.visitor, self.visit.domain, "private")
            self.oracle.append(None)

        self.run(note())

    @precondition(lambda self: self.bodies)
    @rule(data=st.data(), act=st.sampled_from([Act.EDIT, Act.REACT]))
    def somebody_changes_a_line(self, data: st.DataObject, act: Act) -> None:
        """Its writer corrects it, or reacts to it."""
        target = data.draw(st.sampled_from(sorted(self.bodies)))
        kind, _ = self.bodies[target]
        visitor, domain = self.visit.visitor, self.visit.domain
        who = visitor_sender(self.visit) if kind is SenderKind.VISITOR else operator_sender(ANN)
        emoji = chr(0x1F600 + len(self.oracle) % 60)
        body = emoji if act is Act.REACT else f"e{len(self.oracle)}"

        async def change() -> None:
            done = await self.talks.amend(who, visitor, "shop", domain, act, target, body)
            if done.fresh:
                told = "reactions" if act is Act.REACT else "edited"
                self.oracle.append((told, target))
                assert done.message.seq == len(self.oracle)
            if act is Act.EDIT:
                self.bodies[target] = (kind, body)

        self.run(change())

    def expected(self, browser: Browser) -> list[Told]:
        return [row for row in self.oracle[browser.start : browser.seq] if row]

    @precondition(lambda self: self.delivered < len(self.oracle))
    @rule(data=st.data())
    def operator_has(self, data: st.DataObject) -> None:
        """The operator's client confirms up to some line."""
        self.delivered = data.draw(st.integers(self.delivered + 1, len(self.oracle)))

        async def confirm() -> None:
            cursor = Cursor(self.delivered, 0)
            self.talks.seen(self.visit.visitor, self.visit.domain, operator_sender(ANN), cursor)

        self.run(confirm())

    @rule(count=st.integers(1, 3))
    def bus_loses(self, count: int) -> None:
        self.bus.lose = count

    @precondition(lambda self: len(self.browsers) < 5)
    @rule(data=st.data())
    def browser_comes(self, data: st.DataObject) -> None:
        """With the cursor of any earlier moment."""
        # How far the seat is depends on the machine, what is drawn may not.
        seq = min(data.draw(st.integers(0, len(self.oracle))), self.seat.head)
        browser = Browser(Place(seq))
        self.browsers.append(browser)
        self.seat.add(browser)
        self.run(self.seat.catch_up(browser))

    @precondition(lambda self: self.browsers)
    @rule(data=st.data())
    def browser_goes(self, data: st.DataObject) -> None:
        browser = data.draw(st.sampled_from(self.browsers))
        self.seat.remove(browser)
        self.browsers.remove(browser)

    @precondition(lambda self: self.browsers)
    @rule(data=st.data())
    def browser_stalls_or_goes_on(self, data: st.DataObject) -> None:
        browser = data.draw(st.sampled_from(self.browsers))
        browser.stalled = not browser.stalled
        if not browser.stalled:
            self.run(self.seat.catch_up(browser))

    @rule()
    def somebody_looks(self) -> None:
        """What a gateway or a later line does: whoever is behind reads on."""
        self.bus.lose = 0

        async def look() -> None:
            self.talks.look(self.visit.visitor, len(self.oracle))

        self.run(look())
        for browser in self.browsers:
            if browser.ready():
                assert browser.seq == len(self.oracle)
                assert browser.bodies.items() == {
                    (seq, body) for seq, (_, body) in self.bodies.items() if seq > browser.start
                }

    @invariant()
    def everybody_has_a_piece_of_the_log(self) -> None:
        for browser in self.browsers:
            assert browser.heard == self.expected(browser)
            assert not browser.lost
            assert browser.told_delivered <= self.delivered

    def teardown(self) -> None:
        for browser in self.browsers:
            browser.stalled = False
            self.run(self.seat.catch_up(browser))
        self.somebody_looks()

        async def close() -> None:
            self.seats.close()
            await self.store.close()

        self.run(close())
        self.loop.close()
        shutil.rmtree(self.folder)


TestLog = Log.TestCase
TestLog.settings = settings(max_examples=60, stateful_step_count=40)
