"""Many web nodes, one census: what is said, what is missed, who is suspected."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from switchboard import events
from switchboard.attendance import COME_TO, HERE_EVERY, PAGE_SIZE, SILENT_AFTER, Attendance
from switchboard.census import ASK_EVERY, Census, merged
from switchboard.model import Details, Page, Visit
from switchboard.rooms import Seated
from switchboard.sessions.memory import MemorySessions
from tests.unit.test_attendance import HandClock
from tests.unit.test_census_machine import End, Ether

GRACE = 15.0
VISIT = Visit("v-abcdefghijklmnop", "shop", "chat.example.org", Page("https://shop/a", "A"))
LOBBY = (Seated("lobby%shop", "Zoe"),)


def page(name: str, visible: bool = True) -> Visit:
    return replace(VISIT, page=Page(f"https://shop/{name}", name, visible=visible))


class Node:
    """One attendance on its own end of the bus."""

    def __init__(self, house: House, name: str, epoch: int) -> None:
        self.end = End(house.ether)
        self.attendance = Attendance(self.end, MemorySessions(), house.clock, name, epoch, GRACE)


class House:
    """Nodes A and B, who have been there for a while, and a gateway."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.ether = Ether()
        self.news: list[str] = []
        """The pages that the gateway was told of, and `left`."""
        self.heard: list[events.Event] = []
        End(self.ether).subscribe(events.CENSUS, self.heard.append)
        self.nodes = [Node(self, name, 1) for name in "AB"]
        self.a, self.b = self.nodes
        self.gateway_end = End(self.ether)
        self.census = Census(self.gateway_end, self.clock, self, GRACE)
        self.pass_time(5)

    def visitor_here(self, visit: Visit) -> None:
        self.news.append(visit.page.title + ("" if visit.page.visible else ", hidden"))

    def visitor_left(self, visitor: str) -> None:
        self.news.append("left")

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.seconds += 1
            for node in self.nodes:
                if not node.end.frozen:
                    node.attendance.sweep()
            self.ether.deliver()
            self.census.sweep()
            self.ether.deliver()

    def comes(self, node: Node, visit: Visit, stream: int = 1) -> None:
        self.clock.seconds += 0.01
        node.attendance.update(visit, stream, loaded=True)
        self.ether.deliver()

    def goes(self, node: Node, stream: int = 1) -> None:
        node.attendance.closed(VISIT.visitor, stream)
        self.ether.deliver()

    def count(self, kind: type[events.Event]) -> int:
        return sum(isinstance(event, kind) for event in self.heard)

    def kill(self, node: Node) -> None:
        self.nodes.remove(node)
        node.end.frozen = True

    def another_gateway(self) -> None:
        self.census.close()
        self.ether.ends.remove(self.gateway_end)
        self.gateway_end = End(self.ether)
        self.census = Census(self.gateway_end, self.clock, self, GRACE)
        self.census.ask()
        self.ether.deliver()


@pytest.fixture
def house() -> House:
    return House()


def test_a_visitor_who_changes_nodes_is_told_of_once(house: House) -> None:
    """The new node's page is news; neither what the old one repeats nor its farewell is."""
    house.comes(house.a, page("a"))
    house.goes(house.a)
    house.comes(house.b, page("b"))
    house.census.ask()
    house.ether.deliver()
    house.pass_time(40)
    assert house.news == ["a", "b"]


def test_what_remains_is_told_when_a_node_lets_go(house: House) -> None:
    """Of two pages the last one counts; when it has gone, the other does."""
    house.comes(house.a, page("a"))
    house.comes(house.b, page("b"))
    house.goes(house.b)
    house.pass_time(GRACE + 1)
    assert house.news == ["a", "b", "a"]


def test_a_page_that_goes_is_not_the_last_word(house: House) -> None:
    """A hidden page on the first node is left; what is read is on the second."""
    house.comes(house.a, page("a", visible=False))
    house.comes(house.a, page("a"), stream=2)
    house.comes(house.b, page("b"))
    house.goes(house.a, stream=2)
    house.pass_time(40)
    assert house.news[-1] == "b"
    assert house.news.count("b") == 1


def test_back_to_the_page_before(house: House) -> None:
    """Somebody who comes back to the first node, to the page that they had there, is there."""
    house.comes(house.a, page("a"))
    house.goes(house.a)
    house.comes(house.b, page("b"))
    house.goes(house.b)
    house.comes(house.a, page("a"), stream=2)
    assert house.news == ["a", "b", "a"]


def test_one_visible_page_is_enough(house: House) -> None:
    """On whichever node it is, as among a node's own pages."""
    house.comes(house.a, page("a"))
    house.comes(house.b, page("b", visible=False))
    house.comes(house.a, page("a", visible=False))
    assert house.news == ["a", "b", "a, hidden"]


def test_merging_forgets_nothing() -> None:
    """The later page, the later details, and what has happened on either node."""
    one = replace(
        page("a"), revision=2, active_at=5, details=Details("Old"), spoken=True, generation=1
    )
    other = replace(
        page("b"), revision=1, active_at=7, details=Details("New"), opened=True, generation=2
    )
    both = replace(one, active_at=7, details=Details("New"), generation=2, opened=True)
    assert merged([one, other]) == merged([other, one]) == both


def test_another_page_is_no_word_on_rooms(house: House) -> None:
    """A page that is told of where nobody knew of a room takes the visitor out of none."""
    house.comes(house.b, page("b"))
    house.comes(house.a, page("a"))
    house.a.attendance.update(replace(page("a"), rooms=LOBBY))
    house.comes(house.b, page("c"))
    found = house.census.visit(VISIT.visitor)
    assert found is not None
    assert (found.page.title, found.rooms) == ("c", LOBBY)


def test_a_room_is_no_word_on_the_page(house: House) -> None:
    """Who comes to a room in one tab, or is made to go, still reads the other one."""
    house.comes(house.a, page("a"))
    house.comes(house.b, page("b"))
    for rooms in (LOBBY, ()):
        house.a.attendance.update(replace(page("a"), rooms=rooms))
        house.ether.deliver()
        found = house.census.visit(VISIT.visitor)
        assert found is not None
        assert (found.page.title, found.rooms) == ("b", rooms)


def test_a_node_that_starts_asks_nothing(house: House) -> None:
    """A gateway hears it from its first word on, and has no question either."""
    house.heard.clear()
    house.nodes.append(Node(house, "C", 1))
    house.comes(house.nodes[-1], page("c"))
    house.pass_time(20)
    assert house.news == ["c"]
    assert house.count(events.CensusAsked) == 0


def test_a_gateway_that_starts_gets_all(house: House) -> None:
    """On its question, in as many pages as it takes; several at once cause no more."""
    for number in range(PAGE_SIZE + 1):
        house.a.attendance.update(replace(VISIT, visitor=f"v-{number:016}"), stream=1)
    house.pass_time(2)
    house.heard.clear()
    censuses = [Census(End(house.ether), house.clock, house, GRACE) for _ in range(3)]
    for census in censuses:
        census.ask()
    house.ether.deliver()
    assert all(len(list(census)) == PAGE_SIZE + 1 for census in censuses)
    assert house.count(events.CensusPage) == 3  # two of A, one of B
    house.pass_time(1)
    assert house.count(events.CensusPage) == 6


def test_a_gateway_whose_question_was_lost_asks_again(house: House) -> None:
    """As soon as a node says that it lives."""
    house.comes(house.a, page("a"))
    house.gateway_end.unreachable = True
    end = End(house.ether)
    census = Census(end, house.clock, house, GRACE)
    end.unreachable = True
    census.ask()
    end.unreachable = False
    house.pass_time(HERE_EVERY)
    census.sweep()
    house.ether.deliver()
    assert census.visit(VISIT.visitor) is not None


def test_a_lost_word_is_asked_for(house: House) -> None:
    """Long before the next census: the visitor's old node is about to say farewell."""
    house.comes(house.a, page("a"))
    house.pass_time(1)
    house.goes(house.a)
    house.b.end.unreachable = True
    house.comes(house.b, page("b"))
    house.b.end.unreachable = False
    house.pass_time(HERE_EVERY + ASK_EVERY)
    assert house.news == ["a", "b"]


def test_a_lost_farewell_is_asked_for(house: House) -> None:
    """Who has left does not stay until the next census, and one census is not more sudden."""
    house.comes(house.a, page("a"))
    house.goes(house.a)
    house.pass_time(GRACE - 1)
    house.a.end.unreachable = True
    house.pass_time(1)
    house.a.end.unreachable = False
    house.pass_time(HERE_EVERY + ASK_EVERY)
    assert house.news == ["a"]
    house.pass_time(GRACE)
    assert house.news == ["a", "left"]


def test_a_dead_node_takes_its_visitors_along(house: House) -> None:
    """After silence and the grace period, and not before."""
    house.comes(house.a, page("a"))
    house.kill(house.a)
    house.pass_time(SILENT_AFTER + GRACE - HERE_EVERY - 1)
    assert house.news == ["a"]
    house.pass_time(HERE_EVERY + 3)
    assert house.news == ["a", "left"]


def test_a_dead_node_does_not_take_along_who_went_elsewhere(house: House) -> None:
    """The view is the other node's, from the moment that it names them."""
    house.comes(house.a, page("a"))
    house.kill(house.a)
    house.pass_time(20)
    house.comes(house.b, page("b"))
    house.pass_time(40)
    assert house.news == ["a", "b"]


def test_a_farewell_saves_the_silence(house: House) -> None:
    """A node that stops in good order: its visitors have the grace period to come elsewhere."""
    house.comes(house.a, page("a"))
    house.a.attendance.close()
    house.nodes.remove(house.a)
    house.ether.deliver()
    house.a.attendance.closed(VISIT.visitor, 1)
    house.pass_time(GRACE - 1)
    assert house.news == ["a"]
    house.pass_time(2)
    assert house.news == ["a", "left"]


def test_a_node_that_was_restarted_has_who_comes_back(house: House) -> None:
    """The others leave after the grace period; what the former process still says is nothing."""
    house.comes(house.a, page("a"))
    house.comes(house.a, replace(VISIT, visitor="v-qqqqqqqqqqqqqqqq"), stream=2)
    house.nodes[0] = Node(house, "A", 2)
    house.pass_time(1)
    house.comes(house.nodes[0], page("b"))
    house.comes(house.a, page("old"), stream=3)
    house.pass_time(GRACE + 1)
    assert house.news == ["a", "A", "b", "left"]


def freeze(house: House, seconds: int) -> None:
    """Node A stands still for so long."""
    house.a.end.frozen = True
    house.pass_time(seconds)
    house.a.end.frozen = False


def test_a_node_that_wakes_is_there_again(house: House) -> None:
    """A freeze shorter than silence and grace together is no news of those who stayed."""
    house.comes(house.a, page("a"))
    freeze(house, 18)
    house.pass_time(60)
    assert house.news == ["a"]


def test_who_goes_as_a_node_wakes_has_the_grace_period(house: House) -> None:
    """The node cannot know when a socket died while it stood still: it may have been just now."""
    house.comes(house.a, page("a"))
    freeze(house, 12)
    house.goes(house.a)
    house.pass_time(GRACE - 1)
    assert house.news == ["a"]
    house.pass_time(2)
    assert house.news == ["a", "left"]


@pytest.mark.parametrize("farewell", [True, False])
def test_who_spoke_again_was_there(house: House, farewell: bool) -> None:
    """A node wakes, says something, and is killed; or it stops in good order: the grace period
    does not begin with the silence before."""
    house.comes(house.a, page("a"))
    freeze(house, 14)
    if farewell:
        house.a.attendance.close()
    else:
        house.comes(house.a, replace(VISIT, visitor="v-qqqqqqqqqqqqqqqq"))
        house.news.remove("A")
    house.kill(house.a)
    house.ether.deliver()
    house.pass_time(GRACE - 1)
    assert house.news == ["a"]


def test_a_node_that_wakes_names_no_dead(house: House) -> None:
    """Who left while it stood still, and was taken for gone, does not come back for a moment."""
    house.comes(house.a, page("a"))
    freeze(house, 40)
    assert house.news == ["a", "left"]
    house.census.ask()
    house.ether.deliver()
    house.clock.seconds += 0.1
    house.goes(house.a)
    house.pass_time(60)
    assert house.news == ["a", "left"]


def test_who_changed_to_a_node_that_froze_is_on_it(house: House) -> None:
    """The old node's farewell is no news to a gateway that has heard the new one before."""
    house.comes(house.b, page("b"))
    house.goes(house.b)
    house.comes(house.a, page("a"))
    freeze(house, 17)
    house.pass_time(60)
    assert house.news == ["b", "a"]


def test_a_new_gateway_goes_by_what_it_can_hear(house: House) -> None:
    """Of who changed to a node that froze before it began, it believes the old node's farewell."""
    house.comes(house.b, page("b"))
    house.goes(house.b)
    house.comes(house.a, page("a"))
    house.a.end.frozen = True
    house.news.clear()
    house.another_gateway()
    house.pass_time(17)
    assert house.news == ["b", "left"]
    house.a.end.frozen = False
    house.pass_time(5)
    assert house.news == ["b", "left", "a"]


def test_who_comes_while_a_node_comes_to_stays(house: House) -> None:
    """A page change that fell into a short freeze: the hello waited with the old socket's end."""
    house.comes(house.a, page("a"))
    freeze(house, 17)
    house.goes(house.a)
    house.comes(house.a, page("b"), stream=2)
    house.pass_time(COME_TO + 60)
    assert house.news == ["a", "b"]


def test_a_gateway_that_wakes_blames_nobody(house: House) -> None:
    """The time that it stood still itself is not the nodes' silence, nor anybody's grace."""
    house.comes(house.a, page("a"))
    house.clock.seconds += 60
    house.census.sweep()
    house.pass_time(20)
    assert house.news == ["a"]


def test_an_operator_s_word_counts_on_every_node(house: House) -> None:
    """A name that was given by an operator is not turned back by the next merge."""
    house.comes(house.a, page("a"))
    house.comes(house.b, page("b"))
    house.census.described(VISIT.visitor, Details("Zoe"))
    for node in (house.b, house.a):
        visit = node.attendance.visit(VISIT.visitor)
        assert visit is not None
        node.attendance.update(visit.described(Details("Zoe")))
        house.ether.deliver()
    found = house.census.visit(VISIT.visitor)
    assert found is not None
    assert (found.page.title, found.details.name) == ("b", "Zoe")
    house.goes(house.b)
    house.pass_time(GRACE + 1)
    found = house.census.visit(VISIT.visitor)
    assert found is not None
    assert (found.page.title, found.details.name) == ("a", "Zoe")


def test_revisions_rise(house: House) -> None:
    """Whatever the wall clock does, a later word of a node is the later one."""
    house.comes(house.a, page("a"))
    house.clock.seconds -= 0.005
    before = house.a.attendance.visit(VISIT.visitor)
    house.a.attendance.update(page("b"), 1)
    after = house.a.attendance.visit(VISIT.visitor)
    assert before is not None
    assert after is not None
    assert after.revision == before.revision + 1


def test_what_a_caller_read_before_is_not_put_back(house: House) -> None:
    """Details that changed while a call was under way stay as they became."""
    before = house.a.attendance.update(page("a"), 1)
    house.a.attendance.update(before.described(Details("Zoe")))
    kept = house.a.attendance.update(replace(before, locale="de"))
    assert (kept.details.name, kept.generation, kept.locale) == ("Zoe", 1, "de")
