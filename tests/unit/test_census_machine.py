"""The census against a model: nodes that freeze, die, restart and go out of reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from switchboard.attendance import ANSWER_EVERY, COME_TO, Attendance
from switchboard.bus.memory import MemoryBus
from switchboard.census import Census, merged
from switchboard.events import CensusPage, Event
from switchboard.model import Details, Page, Visit
from switchboard.rooms import Seated
from switchboard.sessions.memory import MemorySessions
from tests.unit.test_attendance import HandClock

GRACE = 15.0
LONGEST_FREEZE = 15.0
"""Seconds after which a node would rightly be taken for dead, less what it takes to come to."""
LONGEST_OUTAGE = 7.0
REST = 8.0
"""Seconds between two of them."""
SHORT = 2.0
"""Seconds that somebody may be nowhere and still be meant to be there throughout."""
SETTLE = 65
"""Seconds: silence, the grace period, a census."""
VISITORS = [f"v-{letter * 16}" for letter in "abcd"]


class Ether:
    """Carries every event to every end, in order."""

    def __init__(self) -> None:
        self.ends: list[End] = []

    def deliver(self) -> None:
        """Until nobody has anything more to say."""
        while busy := [end for end in self.ends if end.waiting and not end.frozen]:
            for end in busy:
                event = end.waiting.popleft()
                if end.listener is not None:
                    end.listener(event)


class End(MemoryBus):
    """One process's side of the bus; a lossy one."""

    def __init__(self, ether: Ether) -> None:
        super().__init__()
        self.frozen = False
        """What is said waits."""
        self.quiet = False
        """It has said nothing since it was frozen."""
        self.unreachable = False
        """What it says, and what is said to it, is lost."""
        self.waiting: deque[Event] = deque()
        self.listener: Callable[[Event], None] | None = None
        self._ether = ether
        ether.ends.append(self)

    def publish(self, topic: str, event: Event) -> None:
        self.quiet = False
        for end in self._ether.ends:
            if not (self.unreachable or end.unreachable):
                end.waiting.append(event)

    def subscribe(self, topic: str, listener: Callable[[Event], None]) -> Callable[[], None]:
        self.listener = listener

        def unsubscribe() -> None:
            self.listener = None

        return unsubscribe


class Node:
    """A web node and what the model knows of it."""

    def __init__(self, name: str, epoch: int, end: End, attendance: Attendance) -> None:
        self.name = name
        self.epoch = epoch
        self.end = end
        self.attendance = attendance
        self.streams: dict[int, str] = {}
        self.visible: dict[int, bool] = {}
        self.died_unheard: list[tuple[str, int]] = []
        """Streams whose end it has not heard of, because it is frozen."""
        self.words: dict[str, tuple[int, str]] = {}
        """By visitor: the last page that it was told of, and when in the order of all."""
        self.frozen_at = 0.0
        self.quiet_until = 0.0
        """When it will have come to, at the latest, and says again what it knows."""

    def answers(self, now: float) -> bool:
        """Whether it is heard to say at once what it is asked."""
        return not (self.end.frozen or self.end.unreachable) and now >= self.quiet_until


class Presence(RuleBasedStateMachine):
    """Some visitors on some nodes, and one gateway."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.ether = Ether()
        self.sessions = MemorySessions()
        self.nodes: dict[str, Node] = {}
        self.count = 0
        self.shown: dict[str, Visit] = {}
        self.gone_at: dict[str, float] = {}
        self.excused: set[str] = set()
        """Visitors of whose coming nobody could hear, and who had been nowhere or are so again."""
        self.unheard: dict[tuple[str, int], tuple[frozenset[str], float]] = {}
        """Nodes, by name and epoch, that have not answered this gateway yet: who was on them when
        it began, of whom it knows what others say, and until when that excuses it."""
        self.generations: dict[str, int] = {}
        self.trouble: End | None = None
        self.trouble_since = 0.0
        self.rested_at = 0.0

    @initialize()
    def begin(self) -> None:
        self.open_gateway()
        for name in "ABC":
            self.start(name, 1)

    # The gateway, and what it shows

    def open_gateway(self) -> None:
        self.shown.clear()
        self.gateway_end = End(self.ether)
        self.census = Census(self.gateway_end, self.clock, self, GRACE)
        census = self.gateway_end.listener
        assert census is not None
        now = self.clock.seconds
        soon = now + ANSWER_EVERY + 1  # it may have answered another one just now
        self.unheard = {
            (node.name, node.epoch): (
                frozenset(node.streams.values()),
                soon if node.answers(now) else inf,
            )
            for node in self.nodes.values()
        }

        def heard(event: Event) -> None:
            census(event)
            if isinstance(event, CensusPage) and event.last:
                self.unheard.pop((event.node, event.epoch), None)

        self.gateway_end.listener = heard
        self.census.ask()

    def visitor_here(self, visit: Visit) -> None:
        assert self.shown.get(visit.visitor) != visit
        self.shown[visit.visitor] = visit

    def visitor_left(self, visitor: str) -> None:
        del self.shown[visitor]
        unheard = [on for on, until in self.unheard.values() if self.clock.seconds <= until]
        if visitor not in self.excused.union(*unheard):
            assert not self.is_somewhere(visitor)
            assert self.clock.seconds - self.gone_at[visitor] >= GRACE - 1

    def is_somewhere(self, visitor: str) -> bool:
        return any(visitor in node.streams.values() for node in self.nodes.values())

    # The nodes

    def start(self, name: str, epoch: int) -> None:
        end = End(self.ether)
        attendance = Attendance(end, self.sessions, self.clock, name, epoch, GRACE)
        self.nodes[name] = Node(name, epoch, end, attendance)

    def awake(self) -> list[Node]:
        return [node for node in self.nodes.values() if not node.end.frozen]

    def a_node(self, data: st.DataObject) -> Node:
        return data.draw(st.sampled_from(self.awake()))

    def update(self, node: Node, visitor: str, stream: int | None, visible: bool) -> None:
        """As the methods do: what the token knows better is looked up in the cache."""
        self.count += 1
        away = self.clock.seconds - self.gone_at.get(visitor, self.clock.seconds)
        unheard = node.end.unreachable or self.gateway_end.unreachable
        if unheard and not self.is_somewhere(visitor) and away > SHORT:
            self.excused.add(visitor)
        visit = node.attendance.visit(visitor) or self.cached(visitor)
        if visit.generation < self.generations.get(visitor, 0):
            known = self.cached(visitor)
            visit = replace(visit, details=known.details, generation=known.generation)
        page = Page(f"https://shop/{self.count}", visible=visible)
        node.words[visitor] = (self.count, page.url)
        node.attendance.update(replace(visit, page=page), stream)
        if stream is not None:
            node.visible[stream] = visible

    def cached(self, visitor: str) -> Visit:
        found = self.sessions._visits.get(visitor)
        return found or Visit(visitor, "shop", "chat.example.org")

    def stream_ends(self, node: Node, stream: int, killed: bool = False) -> None:
        visitor = node.streams.pop(stream)
        if node.end.frozen or (killed and node.end.quiet):
            # Nobody can know that it was there any longer than that.
            self.gone_at[visitor] = node.frozen_at
        else:
            self.gone_at[visitor] = self.clock.seconds
        if node.end.frozen:
            node.died_unheard.append((visitor, stream))
        elif not killed:
            node.attendance.closed(visitor, stream)

    def all_streams(self) -> list[tuple[Node, int]]:
        return [(node, stream) for node in self.nodes.values() for stream in node.streams]

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.seconds += 1
            self.ether.deliver()
            for node in self.awake():
                node.attendance.sweep()
            self.ether.deliver()
            self.census.sweep()
            self.ether.deliver()
            if self.trouble is not None:
                lasts = self.clock.seconds - self.trouble_since
                if lasts >= (LONGEST_FREEZE if self.trouble.frozen else LONGEST_OUTAGE):
                    self.end_trouble(heard_first=True)

    def end_trouble(self, heard_first: bool) -> None:
        end, self.trouble = self.trouble, None
        self.rested_at = self.clock.seconds + REST
        assert end is not None
        for node in self.nodes.values():
            if node.end is end and end.frozen:
                node.quiet_until = self.clock.seconds + COME_TO + 1
        end.unreachable = end.frozen = False
        if heard_first:
            self.ether.deliver()
        for node in self.nodes.values():
            while node.end is end and node.died_unheard:
                node.attendance.closed(*node.died_unheard.pop())
        self.ether.deliver()

    # What happens

    @rule(visitor=st.sampled_from(VISITORS), visible=st.booleans(), data=st.data())
    def somebody_comes(self, visitor: str, visible: bool, data: st.DataObject) -> None:
        """Opens a page, on any node."""
        self.clock.seconds += 0.01
        node = self.a_node(data)
        self.update(node, visitor, self.count, visible)
        node.streams[self.count - 1] = visitor
        self.ether.deliver()

    @rule(visitor=st.sampled_from(VISITORS), data=st.data())
    def somebody_polls(self, visitor: str, data: st.DataObject) -> None:
        """A call without a stream."""
        self.clock.seconds += 0.01
        self.update(self.a_node(data), visitor, None, True)
        self.gone_at[visitor] = self.clock.seconds
        self.ether.deliver()

    @precondition(lambda self: any(not node.end.frozen for node, _ in self.all_streams()))
    @rule(visible=st.booleans(), data=st.data())
    def a_page_changes(self, visible: bool, data: st.DataObject) -> None:
        """Another page, shown or hidden."""
        self.clock.seconds += 0.01
        streams = [(node, stream) for node, stream in self.all_streams() if not node.end.frozen]
        node, stream = data.draw(st.sampled_from(streams))
        self.update(node, node.streams[stream], stream, visible)
        self.ether.deliver()

    @precondition(lambda self: any(not node.end.frozen for node, _ in self.all_streams()))
    @rule(data=st.data())
    def somebody_tells_their_name(self, data: st.DataObject) -> None:
        """And has a token that knows of it from then on."""
        self.a_page_changes(True, data)
        visitor = self.cached_last()
        node = max(
            (node for node in self.awake() if visitor in node.words),
            key=lambda node: node.words[visitor],
        )
        visit = node.attendance.visit(visitor)
        assert visit is not None
        visit = node.attendance.update(visit.described(Details(f"Name {self.count}")))
        self.generations[visitor] = visit.generation
        self.ether.deliver()

    @precondition(lambda self: any(not node.end.frozen for node, _ in self.all_streams()))
    @rule(data=st.data())
    def somebody_enters_a_room(self, data: st.DataObject) -> None:
        """Or is called otherwise there from now on."""
        self.clock.seconds += 0.01
        self.count += 1
        streams = [(node, stream) for node, stream in self.all_streams() if not node.end.frozen]
        node, stream = data.draw(st.sampled_from(streams))
        visit = node.attendance.visit(node.streams[stream])
        assert visit is not None
        seat = Seated("lobby%shop", f"Guest {self.count:05}")
        node.attendance.update(replace(visit, rooms=(seat,)))
        self.ether.deliver()

    def cached_last(self) -> str:
        return next(reversed(self.sessions._visits))

    @precondition(lambda self: self.all_streams())
    @rule(data=st.data())
    def a_page_goes(self, data: st.DataObject) -> None:
        """Its node hears of it as soon as it hears anything."""
        self.stream_ends(*data.draw(st.sampled_from(self.all_streams())))
        self.ether.deliver()

    @precondition(lambda self: any(not node.end.frozen for node, _ in self.all_streams()))
    @rule(data=st.data())
    def somebody_changes_nodes(self, data: st.DataObject) -> None:
        """A page goes, and the next one comes elsewhere a little later."""
        node, stream = data.draw(st.sampled_from(self.all_streams()))
        visitor = node.streams[stream]
        self.stream_ends(node, stream)
        self.pass_time(data.draw(st.integers(0, 5)))
        self.somebody_comes(visitor, True, data)

    @rule(seconds=st.integers(1, 12))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: self.trouble is None and self.clock.seconds >= self.rested_at)
    @rule(data=st.data(), frozen=st.booleans())
    def trouble_begins(self, frozen: bool, data: st.DataObject) -> None:
        """A node stands still, or it or the gateway cannot be reached."""
        node = self.a_node(data)
        self.trouble, self.trouble_since = node.end, self.clock.seconds
        if frozen:
            node.end.frozen = node.end.quiet = True
            node.frozen_at = self.clock.seconds
        else:
            if data.draw(st.booleans()):
                self.trouble = self.gateway_end
            self.trouble.unreachable = True

    @precondition(lambda self: self.trouble is not None)
    @rule(heard_first=st.booleans())
    def trouble_ends(self, heard_first: bool) -> None:
        """A node that wakes hears the bus first, or of its dead sockets."""
        self.end_trouble(heard_first)

    @rule(data=st.data(), killed=st.booleans(), back=st.booleans())
    def a_node_ends(self, data: st.DataObject, killed: bool, back: bool) -> None:
        """Killed or stopped, and started again or not; another one takes its place."""
        node = data.draw(st.sampled_from(list(self.nodes.values())))
        if node.end.unreachable or self.gateway_end.unreachable:
            self.excused.update(node.words)
        on, until = self.unheard.get((node.name, node.epoch), ((), 0.0))
        if self.clock.seconds <= until:
            self.unheard[node.name, node.epoch] = frozenset(on), inf
        for stream in list(node.streams):
            self.stream_ends(node, stream, killed)
        if not (killed or node.end.frozen):
            node.attendance.close()
        self.ether.deliver()
        self.ether.ends.remove(node.end)
        if self.trouble is node.end:
            self.trouble = None
        del self.nodes[node.name]
        self.start(node.name if back else f"{node.name}'", node.epoch + 1)
        self.ether.deliver()

    @rule()
    def another_gateway(self) -> None:
        """One process ends, the next one asks who is there."""
        if self.trouble is self.gateway_end:
            self.trouble = None
        for visitor in VISITORS:
            if not self.is_somewhere(visitor):
                # They may have been on a node that has ended: the next one cannot know.
                self.excused.add(visitor)
        self.census.close()
        self.ether.ends.remove(self.gateway_end)
        self.open_gateway()
        self.ether.deliver()

    @rule()
    def all_is_quiet(self) -> None:
        """Then the gateway knows exactly who is where."""
        if self.trouble is not None:
            self.end_trouble(heard_first=True)
        self.pass_time(SETTLE)
        self.excused.clear()
        here = [visitor for visitor in VISITORS if self.is_somewhere(visitor)]
        assert sorted(self.shown) == here
        for visitor in here:
            on = [node for node in self.nodes.values() if visitor in node.streams.values()]
            visits = [visit for node in on if (visit := node.attendance.visit(visitor))]
            assert self.shown[visitor] == self.census.visit(visitor) == merged(visits)
            names = [[seat.name for seat in visit.rooms] for visit in visits]
            assert [seat.name for seat in self.shown[visitor].rooms] == max(names)
            page = self.shown[visitor].page
            assert page.url == max(node.words[visitor] for node in on)[1]
            assert page.visible == any(
                node.visible[stream] for node in on for stream in node.streams
                if node.streams[stream] == visitor
            )  # fmt: skip

    def teardown(self) -> None:
        if self.nodes:
            self.all_is_quiet()


TestPresence = Presence.TestCase
TestPresence.settings = settings(max_examples=150, stateful_step_count=40)
