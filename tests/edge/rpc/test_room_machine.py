"""A room's log and its readers against a list: hints are lost, sends are repeated, lines are
changed, readers come anywhere, stall and go, and are served a few at a time. Whatever happens, each
reader has exactly what the log has, in order, and in the end the lines as they stand.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rpc import room_log, rounds, wire
from rpc.halls import Halls
from rpc.room_readers import RoomReader
from rpc.shared import Row, Shared
from rpc.tokens import Cursors, Place
from switchboard import events
from switchboard.attendance import Attendance
from switchboard.clock import SystemClock
from switchboard.model import Act, Occupant, SenderKind
from switchboard.reception import DeskBoard, Directory, Rooms, Talks
from switchboard.reception.rooms import Origin, sender_of
from switchboard.rooms import RoomSettings
from switchboard.sessions.memory import MemorySessions
from switchboard.site import Site, SiteSettings
from switchboard.store import open_store
from tests.edge.rpc.lossy import LossyBus
from tests.sqlite import empty_store

GUESTS = [Occupant(f"g-{name}", SenderKind.VISITOR, name) for name in ("zoe", "max")]
FEW = 3

Told = tuple[str, int]
"""An event's type, and the line that it is about."""


class Browser:
    """A host that takes events as long as it is not stalled."""

    def __init__(self, start: int, own: str) -> None:
        self.start = start
        self.own = own
        self.heard: list[Told] = []
        self.bodies: dict[int, str] = {}
        self.stalled = False
        self.behind = True
        self.reader: RoomReader

    def ready(self) -> bool:
        return not self.stalled

    def hear(self, reader: RoomReader, told: Sequence[Row | Shared]) -> None:
        assert not self.stalled
        for row in told:
            assert isinstance(row, Row)
            assert row.seq == reader.seq + 1
            reader.move(row)
            data = row.data(self.own)
            if isinstance(data, wire.MessageData):
                self.heard.append(("message", data.message.seq))
                self.bodies[data.message.seq] = data.message.body
                assert data.message.sender.own == (data.message.sender.id == self.own)
            elif isinstance(data, wire.EditedData):
                self.heard.append(("edited", data.seq))
                if data.seq in self.bodies:
                    self.bodies[data.seq] = data.body
            elif isinstance(data, wire.ReactionsData):
                self.heard.append(("reactions", data.seq))

    def fall_behind(self) -> None:
        self.behind = True

    def left(self, reader: RoomReader) -> None:
        raise AssertionError

    def renamed(self) -> None:
        raise AssertionError

    def lose_place(self) -> None:
        raise AssertionError


class Talk(RuleBasedStateMachine):
    """One room, its readers, and what they must have."""

    def __init__(self) -> None:
        super().__init__()
        self.few = [
            mock.patch.object(rounds, "SLICE", FEW),
            mock.patch.object(room_log, "KEPT_ROWS", FEW),
            mock.patch.object(room_log, "_CHUNK", FEW),
        ]
        for patch in self.few:
            patch.start()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.bus = LossyBus()
        self.oracle: list[Told] = []
        self.bodies: dict[int, tuple[Occupant, str]] = {}
        """The lines as they stand."""
        self.answers: dict[tuple[str, str], int] = {}
        self.browsers: list[Browser] = []
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
        rooms = {"lobby": RoomSettings()}
        site = SiteSettings("Shop", ("https://a",), "s", rooms=rooms)
        await self.store.save_site(Site("shop", site))
        directory = Directory(self.store)
        await directory.refresh()
        talks = Talks(self.store, self.bus, clock, 4000)
        self.rooms = Rooms(self.store, self.bus, clock, directory, "chat.example.org", 4000)
        attendance = Attendance(self.bus, MemorySessions(), clock, "n", 1, 15)
        cursors = Cursors(("key",))
        self.halls = Halls(
            directory,
            self.rooms,
            talks,
            attendance,
            DeskBoard(self.bus, clock),
            self.bus,
            clock,
            cursors,
            60,
        )
        self.room = self.rooms.room("shop", "lobby")
        self.hall = self.halls.hall(self.room)
        await self.hall.learn()

    async def _settle(self) -> None:
        """Lets the bus deliver, rounds end, and whoever fell behind read."""
        for _ in range(5):
            await asyncio.sleep(0)
            for browser in self.browsers:
                if browser.ready() and (browser.behind or not browser.reader.following):
                    browser.behind = False
                    await self.hall.rounds.catch_up(browser.reader)

    @rule(who=st.sampled_from(GUESTS), id=st.integers(0, 12))
    def somebody_says(self, who: Occupant, id: int) -> None:
        """Fresh or repeated; a repetition has another body and changes nothing."""
        body = f"{id}/{len(self.oracle)}"

        async def say() -> None:
            line = await self.rooms.say(self.room, sender_of(who), f"c{id}", body, Origin())
            key = (who.id, f"c{id}")
            if key in self.answers:
                assert line.seq == self.answers[key]
                return
            self.answers[key] = line.seq
            self.oracle.append(("message", line.seq))
            assert line.seq == len(self.oracle)
            self.bodies[line.seq] = (who, body)

        self.run(say())

    @precondition(lambda self: self.bodies)
    @rule(data=st.data(), act=st.sampled_from([Act.EDIT, Act.REACT]))
    def somebody_changes_a_line(self, data: st.DataObject, act: Act) -> None:
        """Its writer corrects it, or reacts to it."""
        target = data.draw(st.sampled_from(sorted(self.bodies)))
        who, _ = self.bodies[target]
        emoji = chr(0x1F600 + len(self.oracle) % 60)
        body = emoji if act is Act.REACT else f"e{len(self.oracle)}"

        async def change() -> None:
            done = await self.rooms.amend(self.room, sender_of(who), act, target, Origin(), body)
            if done.fresh:
                told = "reactions" if act is Act.REACT else "edited"
                self.oracle.append((told, target))
                assert done.message.seq == len(self.oracle)
            if act is Act.EDIT:
                self.bodies[target] = (who, body)

        self.run(change())

    @rule(count=st.integers(1, 3))
    def bus_loses(self, count: int) -> None:
        self.bus.lose = count

    @precondition(lambda self: len(self.browsers) < 8)
    @rule(data=st.data(), who=st.sampled_from(GUESTS))
    def browser_comes(self, data: st.DataObject, who: Occupant) -> None:
        """With the cursor of any earlier moment."""
        # How far the hall is depends on the machine, what is drawn may not.
        start = min(data.draw(st.integers(0, len(self.oracle))), self.hall.log.seq)
        browser = Browser(start, who.id)
        browser.reader = self.hall.add(browser, who.id)
        self.hall.rounds.place(browser.reader, Place(start))
        self.browsers.append(browser)
        self.run(self._settle())

    @precondition(lambda self: self.browsers)
    @rule(data=st.data())
    def browser_goes(self, data: st.DataObject) -> None:
        browser = data.draw(st.sampled_from(self.browsers))
        self.hall.remove(browser.reader)
        self.browsers.remove(browser)

    @precondition(lambda self: self.browsers)
    @rule(data=st.data())
    def browser_stalls_or_goes_on(self, data: st.DataObject) -> None:
        browser = data.draw(st.sampled_from(self.browsers))
        browser.stalled = not browser.stalled
        self.run(self._settle())

    @rule()
    def somebody_looks(self) -> None:
        """Whoever may hear of a later line has all before it."""
        self.bus.lose = 0

        async def look() -> None:
            conversation = self.room.conversation
            self.rooms.tell(conversation, events.Look(conversation, len(self.oracle)))
            async with asyncio.timeout(30):
                while any(seq < len(self.oracle) for seq in self._places()):
                    await self._settle()

        self.run(look())
        for browser in self.browsers:
            if browser.ready():
                assert browser.reader.seq == len(self.oracle)
                assert browser.bodies.items() == {
                    (seq, body) for seq, (_, body) in self.bodies.items() if seq > browser.start
                }

    def _places(self) -> list[int]:
        """How far the log is known here, and whoever can take more has it."""
        readers = (browser.reader for browser in self.browsers if browser.ready())
        return [self.hall.log.seq, *(reader.seq for reader in readers)]

    @invariant()
    def everybody_has_a_piece_of_the_log(self) -> None:
        for browser in self.browsers:
            assert browser.heard == self.oracle[browser.start : browser.reader.seq]

    def teardown(self) -> None:
        for browser in self.browsers:
            browser.stalled = False
        self.somebody_looks()

        async def close() -> None:
            self.halls.close()
            await self.store.close()

        self.run(close())
        self.loop.close()
        shutil.rmtree(self.folder)
        for patch in self.few:
            patch.stop()


TestTalk = Talk.TestCase
TestTalk.settings = settings(max_examples=40, stateful_step_count=40)
