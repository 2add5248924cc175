"""What every store keeps to: logs, talks, cursors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard.conversation import Ended, HandedBack, IllegalEvent, TakenOver
from switchboard.errors import NotFound, Reject, RetryLater
from switchboard.model import Cursor, Details, Phase, TalkState
from switchboard.ports import Appended, Draft, Turned
from switchboard.store import SqlStore
from tests.e2e.support.wait import eventually

from .drafts import HOUR, NOW, from_operator, from_visitor
from .statements import statements

if TYPE_CHECKING:
    from .conftest import Opener

pytestmark = pytest.mark.asyncio

DAY = 24 * HOUR
FOREVER = 10_000


async def test_a_line_comes_back_as_it_was_appended(store: SqlStore) -> None:
    """Every part of a line survives."""
    first = await store.append(from_visitor("a"))
    second = await store.append(from_operator("b"))
    assert first.fresh
    assert (first.message.seq, second.message.seq) == (1, 2)
    assert second.message.reply_to == 1
    assert await store.read("v-ann", 0, FOREVER) == [first.message, second.message]


async def test_a_line_is_found_by_whoever_sent_it(store: SqlStore) -> None:
    """A client id means something with its sender and conversation only."""
    first = await store.append(from_visitor("a"))
    assert await store.sent("v-ann", "v-ann", "a") == first.message
    for conversation, sender, client_id in (
        ("v-ann", "v-ann", "b"),
        ("v-ann", "o-bob", "a"),
        ("v-eve", "v-ann", "a"),
    ):
        assert await store.sent(conversation, sender, client_id) is None


@pytest.mark.parametrize(
    "body",
    [
        "\U0010ffff\U0001f469\u200d\U0001f4bb",
        "e\u0301\u00e9",
        "\u202emirror",
        "\n\t ",
        "'; --",
        "a" * 70_000,
    ],
    ids=["astral", "combining", "override", "blank", "quote", "long"],
)
async def test_any_text_survives(store: SqlStore, body: str) -> None:
    """Text is kept to the character."""
    draft = from_visitor(body[:20], body, name=body[:20])
    await store.append(draft)
    (message,) = await store.read("v-ann", 0, FOREVER)
    assert (message.body, message.client_id, message.sender) == (body, body[:20], draft.sender)


async def test_client_ids_that_differ_in_case_or_blanks_differ(store: SqlStore) -> None:
    """Ids are compared to the octet."""
    for client_id in ("a", "A", "a ", "\u00e4"):
        assert (await store.append(from_visitor(client_id))).fresh


async def test_many_writers_leave_no_hole_and_keep_their_order(store: SqlStore) -> None:
    """A log counts 1, 2, 3 … and holds each line where its answer said."""
    drafts = [from_visitor(f"c{i}", f"{i}", conversation=f"v-{i % 7}") for i in range(500)]
    appended = await asyncio.gather(*map(store.append, drafts))
    for i in range(7):
        mine = [a.message for a in appended if a.message.conversation == f"v-{i}"]
        assert [m.seq for m in mine] == list(range(1, len(mine) + 1))
        assert await store.read(f"v-{i}", 0, FOREVER) == mine


async def test_a_batch_costs_few_statements(opener: Opener) -> None:
    """Sixty lines that arrive together are one transaction of at most five statements."""
    store = await opener(gather=0.2)
    with statements(store) as ran:
        drafts = [from_visitor(f"c{i}", conversation=f"v-{i % 20}") for i in range(60)]
        await asyncio.gather(*map(store.append, drafts))
    assert len(ran) <= 5


async def test_calls_take_effect_in_the_order_they_are_made(opener: Opener) -> None:
    """A line, the talk's end and a further line keep that order within one transaction."""
    store = await opener(gather=0.2)
    before, ended, after = await asyncio.gather(
        store.append(from_operator("a")),
        store.change_talk("v-ann", Ended(), NOW),
        store.append(from_visitor("b")),
    )
    assert before.state == TalkState(Phase.TAKEN, "o-bob", 0)
    assert ended == Turned(TalkState(operator="o-bob", since=1), 1)
    assert after.state == TalkState(Phase.WAITING, "o-bob", 1)


async def test_the_same_client_id_is_the_same_line(store: SqlStore) -> None:
    """A repeated send answers with the first line, whatever its body, and takes no seq."""
    first = await store.append(from_visitor("a"))
    again = await store.append(from_visitor("a", "other", at=NOW + 365 * DAY))
    assert again == Appended(first.message, first.state, False)
    assert (await store.append(from_visitor("b"))).message.seq == 2


async def test_repeated_sends_in_one_batch_are_one_line(opener: Opener) -> None:
    """Copies that arrive together are one line, and only one is fresh."""
    store = await opener(gather=0.2)
    appended = await asyncio.gather(*(store.append(from_visitor(c)) for c in "aabaab"))
    assert [a.fresh for a in appended] == [True, False, True, False, False, False]
    assert [a.message.seq for a in appended] == [1, 1, 2, 1, 1, 2]
    assert len(await store.read("v-ann", 0, FOREVER)) == 2


async def test_a_client_id_belongs_to_its_sender_and_conversation(store: SqlStore) -> None:
    """Another sender's or another conversation's id is no repetition."""
    drafts = [from_visitor("a"), from_operator("a"), from_visitor("a", conversation="v-eve")]
    assert all([(await store.append(draft)).fresh for draft in drafts])


@pytest.mark.parametrize("gather", [0.0, 0.2], ids=["one by one", "together"])
async def test_another_client_id_may_name_the_same_line(opener: Opener, gather: float) -> None:
    """A line that stands under one of `also` within the window is the same line."""
    store = await opener(gather=gather)
    first, again, late = await asyncio.gather(
        store.append(from_operator("x.1", window=HOUR)),
        store.append(from_operator("x.2", also=("x.1",), window=HOUR, at=NOW + HOUR)),
        store.append(from_operator("x.3", also=("x.1",), window=HOUR, at=NOW + HOUR + 1)),
    )
    assert again == Appended(first.message, first.state, False)
    assert late.fresh
    assert late.message.seq == 2


@pytest.mark.parametrize("gather", [0.0, 0.2], ids=["one by one", "together"])
async def test_after_the_window_an_id_names_a_new_line(opener: Opener, gather: float) -> None:
    """An id that comes again too late is a new line, of which repetitions are found too."""
    store = await opener(gather=gather)
    ats = [NOW, NOW + HOUR, NOW + HOUR + 1, NOW + 2 * HOUR, NOW + 3 * HOUR]
    appended = await asyncio.gather(
        *(store.append(from_operator("x", window=HOUR, at=at)) for at in ats)
    )
    assert [a.fresh for a in appended] == [True, False, True, False, True]
    assert [a.message.seq for a in appended] == [1, 1, 2, 2, 3]
    log = await store.read("v-ann", 0, FOREVER)
    assert [m.seq for m in log] == [1, 2, 3]
    assert len({m.client_id for m in log}) == 3


async def test_an_illegal_event_stores_nothing(store: SqlStore) -> None:
    """A line whose event cannot happen is refused and leaves no trace."""
    draft = msgspec.structs.replace(from_visitor("a"), event=Ended())
    with pytest.raises(IllegalEvent):
        await store.append(draft)
    assert await store.conversation("v-ann") is None


async def test_a_bad_item_fails_alone(opener: Opener) -> None:
    """What cannot be stored, or must not be, fails; its neighbours in the batch do not."""
    store = await opener(gather=0.2)
    outcomes = await asyncio.gather(
        store.append(from_visitor("a")),
        store.append(from_visitor("b", "\ud800")),
        store.append(msgspec.structs.replace(from_visitor("c", conversation="v-x"), event=Ended())),
        store.append(from_visitor("d")),
        store.append(from_visitor("e", conversation="v-eve", at=2**70)),
        store.append(from_visitor("f", conversation="v-eve")),
        return_exceptions=True,
    )
    assert [type(o) for o in outcomes] == [
        Appended,
        Reject,
        IllegalEvent,
        Appended,
        Reject,
        Appended,
    ]
    assert [m.client_id for m in await store.read("v-ann", 0, FOREVER)] == ["a", "d"]
    assert [m.seq for m in await store.read("v-eve", 0, FOREVER)] == [1]


async def test_reading_goes_forward_in_pages(store: SqlStore) -> None:
    """`read` gives the lines after a seq, oldest first, as many as were asked for."""
    for i in range(5):
        await store.append(from_visitor(f"c{i}"))
    assert [m.seq for m in await store.read("v-ann", 1, 2)] == [2, 3]
    assert [m.seq for m in await store.read("v-ann", 4, 2)] == [5]
    assert await store.read("v-ann", 5, 2) == []
    assert await store.read("v-nobody", 0, 2) == []


async def test_history_goes_back_in_pages(store: SqlStore) -> None:
    """`history` gives the last lines before a seq, oldest first."""
    for i in range(5):
        await store.append(from_visitor(f"c{i}"))
    assert [m.seq for m in await store.history("v-ann", None, 2)] == [4, 5]
    assert [m.seq for m in await store.history("v-ann", 4, 2)] == [2, 3]
    assert [m.seq for m in await store.history("v-ann", 2, 2)] == [1]
    assert await store.history("v-ann", 1, 2) == []


async def test_a_conversation_tells_its_state(store: SqlStore) -> None:
    """State, last seq, time and the visitor's latest name follow the lines."""
    assert await store.conversation("v-ann") is None
    await store.append(from_visitor("a", name="Visitor ann"))
    await store.append(from_visitor("b", name="Ann", at=NOW + 5))
    await store.append(from_operator("c", at=NOW + 3))
    found = await store.conversation("v-ann")
    assert found is not None
    assert (found.site, found.domain, found.name) == ("acme", "chat.example", "Ann")
    assert (found.seq, found.updated_at) == (3, NOW + 5)
    assert found.state == TalkState(Phase.TAKEN, "o-bob", 0)


async def test_ending_a_talk(store: SqlStore) -> None:
    """An open talk ends once; a second end is illegal, and an unknown one not found."""
    await store.append(from_visitor("a"))
    assert await store.change_talk("v-ann", Ended(), NOW + 1) == Turned(TalkState(since=1), 1)
    with pytest.raises(IllegalEvent):
        await store.change_talk("v-ann", Ended(), NOW + 2)
    with pytest.raises(NotFound):
        await store.change_talk("v-nobody", Ended(), NOW)
    found = await store.conversation("v-ann")
    assert found is not None
    assert (found.state, found.updated_at) == (TalkState(since=1), NOW + 1)


async def test_a_talk_changes_hands(store: SqlStore) -> None:
    """It is somebody else's, or nobody's, without a line; what cannot be is refused."""
    await store.append(from_operator("a"))
    taken = await store.change_talk("v-ann", TakenOver("o-eve"), NOW + 1)
    assert taken == Turned(TalkState(Phase.TAKEN, "o-eve", 0), 1)
    given_back = await store.change_talk("v-ann", HandedBack(), NOW + 2)
    assert given_back == Turned(TalkState(Phase.WAITING, "o-eve", 0), 1)
    with pytest.raises(IllegalEvent):
        await store.change_talk("v-ann", HandedBack(), NOW + 3)
    found = await store.conversation("v-ann")
    assert found is not None
    assert found.state == given_back.state


async def test_idle_talks_end(store: SqlStore) -> None:
    """Of a site's open talks those end whose last line is too old."""
    await store.append(from_operator("a", conversation="v-old", at=NOW - 1))
    await store.append(from_visitor("a", conversation="v-new", at=NOW))
    await store.append(from_visitor("a", conversation="v-ended", at=NOW - 1))
    await store.change_talk("v-ended", Ended(), NOW - 1)
    await store.append(from_visitor("a", conversation="v-other", at=NOW - 1, site="other"))
    await store.append(from_visitor("a", conversation="v-far", at=NOW - 1, domain="chat2.example"))
    assert await store.end_idle_talks("chat.example", "acme", NOW) == ["v-old"]
    assert await store.end_idle_talks("chat.example", "acme", NOW) == []
    assert [c.id for c in await store.open_talks("chat.example")] == ["v-other", "v-new"]


async def test_a_line_that_no_operator_has_keeps_its_talk_open(store: SqlStore) -> None:
    """Ended, it would never be delivered; what the visitor's own cursor says counts nothing."""

    async def has(participant: str, seq: int) -> None:
        store.move_cursor("v-ann", participant, Cursor(seq, 0))
        await store.flush()

    async def idle() -> list[str]:
        return await store.end_idle_talks("chat.example", "acme", NOW)

    await store.append(from_visitor("a", at=NOW - 1))
    await store.append(from_visitor("b", at=NOW - 1))
    await store.append(from_operator("c", at=NOW - 1))
    for participant, seq in (("v-ann", 3), ("o-bob", 1)):
        await has(participant, seq)
        assert await idle() == []
    await has("o-eve", 2)
    assert await idle() == ["v-ann"]
    await store.append(from_visitor("d", at=NOW - 1))
    assert await idle() == []
    await has("o-bob", 4)
    assert await idle() == ["v-ann"]


async def test_open_talks_are_those_of_the_domain(store: SqlStore) -> None:
    """Waiting and taken talks of a domain are listed with their cursors, others are not."""
    await store.append(from_visitor("a", conversation="v-waiting"))
    await store.append(from_operator("a", conversation="v-taken", at=NOW + 1))
    await store.append(from_visitor("a", conversation="v-far", domain="chat2.example"))
    store.move_cursor("v-taken", "o-bob", Cursor(1, 0))
    await store.append(from_visitor("a", conversation="v-quiet"))
    await store.change_talk("v-quiet", Ended(), NOW)
    store.move_cursor("v-waiting", "o-bob", Cursor(1, 1))
    found = await store.open_talks("chat.example")
    assert [(c.id, c.state.phase, c.cursors) for c in found] == [
        ("v-waiting", Phase.WAITING, {"o-bob": Cursor(1, 1)}),
        ("v-taken", Phase.TAKEN, {"o-bob": Cursor(1, 0)}),
    ]


async def test_conversations_since(store: SqlStore) -> None:
    """A site's conversations that changed since a time are listed, oldest first."""
    await store.append(from_visitor("a", conversation="v-2", at=NOW + 2))
    await store.append(from_visitor("a", conversation="v-1", at=NOW + 1))
    await store.append(from_visitor("a", conversation="v-0", at=NOW))
    await store.append(from_visitor("a", conversation="v-far", site="other", at=NOW + 1))
    assert [c.id for c in await store.conversations("acme", NOW + 1)] == ["v-1", "v-2"]
    await store.change_talk("v-0", Ended(), NOW + 3)
    assert [c.id for c in await store.conversations("acme", NOW + 1)] == ["v-1", "v-2", "v-0"]


async def test_many_standings_at_once(opener: Opener) -> None:
    """Each as `conversation` gives it, cursors under way included; in a few statements."""
    store = await opener(flush=FOREVER)
    ids = [f"v-{number:04d}" for number in range(1200)]
    await asyncio.gather(
        *(store.append(from_visitor("a", conversation=one)) for one in ids[::2]),
    )
    store.move_cursor(ids[0], "o-bob", Cursor(1, 0))
    await store.append(from_operator("b", conversation=ids[2]))
    store.move_cursor(ids[2], ids[2], Cursor(2, 1))
    with statements(store) as ran:
        found = {one.id: one for one in await store.standings(ids)}
    assert sorted(found) == ids[::2]
    assert found[ids[0]].cursors == {"o-bob": Cursor(1, 0)}
    assert found[ids[2]].cursors == {ids[2]: Cursor(2, 1)}
    for one in (ids[0], ids[2], ids[4]):
        assert found[one] == await store.conversation(one)
    assert len([statement for statement in ran if "SELECT" in statement]) == 6
    assert await store.standings([]) == []


async def test_details_of_many_at_once(store: SqlStore) -> None:
    """Of those who told any."""
    ann, bob = Details(name="Ann"), Details(email="bob@example.org")
    await store.save_details("v-ann", "acme", ann, NOW)
    await store.save_details("v-bob", "acme", bob, NOW)
    assert await store.details_of(["v-ann", "v-bob", "v-cyd"]) == {"v-ann": ann, "v-bob": bob}
    assert await store.details_of([]) == {}


async def test_details_are_kept_and_name_the_conversation(store: SqlStore) -> None:
    """What a visitor told is replaced as a whole, and its name shows in the conversation."""
    assert await store.details("v-ann") is None
    await store.append(from_visitor("a", name="Visitor ann"))
    details = Details("Ann \U0001f600", "ann@example.org", "1", {"Firma": "Zoë & Söhne"})
    await store.save_details("v-ann", "acme", Details(email="old@example.org"), NOW)
    await store.save_details("v-ann", "acme", details, NOW + 1)
    assert await store.details("v-ann") == details
    found = await store.conversation("v-ann")
    assert found is not None
    assert (found.name, found.updated_at) == (details.name, NOW)


async def test_a_line_of_an_open_talk_writes_itself_alone(store: SqlStore) -> None:
    """A conversation's row is written when its talk is taken on, or its visitor's name changes."""

    async def writes(draft: Draft) -> int:
        with statements(store) as ran:
            await store.append(draft)
        return sum(not sql.startswith(("SELECT", "BEGIN", "SET")) for sql in ran)

    assert await writes(from_visitor("a")) == 2
    assert await writes(from_visitor("b")) == 1
    assert await writes(from_operator("c")) == 2
    assert await writes(from_visitor("d")) == 1
    assert await writes(from_visitor("e", name="Anna")) == 2


async def test_an_open_talk_is_as_new_as_its_last_line(store: SqlStore) -> None:
    """Lines that did not touch the conversation's row count wherever it is asked for."""
    for at, client_id in enumerate("abc"):
        await store.append(from_visitor(client_id, at=NOW + at))
    await store.append(from_visitor("a", conversation="v-eve", at=NOW + 1))
    found = [await store.conversation("v-ann"), *await store.conversations("acme", NOW + 2)]
    assert [(c.id, c.seq, c.updated_at) for c in found if c] == [("v-ann", 3, NOW + 2)] * 2
    assert [c.id for c in await store.open_talks("chat.example")] == ["v-eve", "v-ann"]
    assert await store.end_idle_talks("chat.example", "acme", NOW + 2) == []
    ended = await store.change_talk("v-ann", Ended(), NOW)
    assert ended == Turned(TalkState(since=3), 3)
    again = await store.append(from_visitor("d"))
    assert again.message.seq == 4
    assert again.state.since == 3


async def test_a_moved_cursor_is_seen_at_once(store: SqlStore) -> None:
    """A conversation shows a cursor's move before it is stored; read implies delivered."""
    await store.append(from_visitor("a"))
    store.move_cursor("v-ann", "o-bob", Cursor(1, 0))
    store.move_cursor("v-ann", "v-ann", Cursor(0, 1))
    found = await store.conversation("v-ann")
    assert found is not None
    assert found.cursors == {"o-bob": Cursor(1, 0), "v-ann": Cursor(1, 1)}


async def test_moves_gather_while_lines_come(opener: Opener) -> None:
    """Of many lines within a flush's time only the first takes moves along; they are kept."""
    store = await opener(flush=1000)
    with statements(store) as ran:
        for seq, client_id in enumerate("abc", 1):
            store.move_cursor("v-ann", "o-bob", Cursor(seq, seq))
            await store.append(from_visitor(client_id))
    assert sum(sql.startswith("INSERT INTO cursors") for sql in ran) == 1
    found = await store.conversation("v-ann")
    assert found is not None
    assert found.cursors == {"o-bob": Cursor(3, 3)}


async def test_a_move_rides_with_a_commit(opener: Opener) -> None:
    """When the first append returns, the moves before it are stored too, by one more statement."""
    store, other = await opener(flush=1000), await opener()
    store.move_cursor("v-ann", "o-bob", Cursor(1, 1))
    with statements(store) as ran:
        await store.append(from_visitor("a"))
    assert len(ran) <= 6
    found = await other.conversation("v-ann")
    assert found is not None
    assert found.cursors == {"o-bob": Cursor(1, 1)}


async def test_a_move_without_a_commit_is_flushed(opener: Opener) -> None:
    """A move that no commit takes along is stored within its time."""
    store, other = await opener(flush=0.01), await opener()
    await store.append(from_visitor("a"))
    store.move_cursor("v-ann", "o-bob", Cursor(1, 1))

    async def cursors() -> dict[str, Cursor]:
        found = await other.conversation("v-ann")
        return {} if found is None else found.cursors

    assert await eventually(cursors) == {"o-bob": Cursor(1, 1)}


async def test_closing_stores_moves(opener: Opener) -> None:
    """What is on its way when a store is closed is stored."""
    store, other = await opener(flush=1000), await opener()
    await store.append(from_visitor("a"))
    store.move_cursor("v-ann", "o-bob", Cursor(1, 1))
    append = asyncio.ensure_future(store.append(from_visitor("b")))
    await asyncio.sleep(0)
    await store.close()
    assert (await append).fresh
    found = await other.conversation("v-ann")
    assert found is not None
    assert (found.seq, found.cursors) == (2, {"o-bob": Cursor(1, 1)})


async def test_a_closed_store_refuses(store: SqlStore) -> None:
    """After `close` every call is told to come later, and a move is nothing."""
    await store.close()
    store.move_cursor("v-ann", "o-bob", Cursor(1, 1))
    for call in (store.append(from_visitor("a")), store.version()):
        with pytest.raises(RetryLater):
            await call
    await store.close()


@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(("here", "there", "commit")),
            st.sampled_from(("o-bob", "v-ann")),
            st.integers(0, 5),
            st.integers(0, 5),
        ),
        max_size=12,
    )
)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_cursors_only_move_forward(
    two_stores: tuple[SqlStore, SqlStore, list[int]],
    moves: list[tuple[str, str, int, int]],
) -> None:
    """Whichever process moves a cursor and whenever it is stored, it never goes back."""
    here, there, runs = two_stores
    runs[0] += 1
    conversation = f"v-{runs[0]}"
    expected: dict[str, Cursor] = {}
    await here.append(from_visitor("first", conversation=conversation))
    for index, (what, participant, delivered, read) in enumerate(moves):
        if what == "commit":
            await here.append(from_visitor(f"c{index}", conversation=conversation))
            continue
        mover = here if what == "here" else there
        mover.move_cursor(conversation, participant, Cursor(delivered, read))
        old = expected.get(participant, Cursor())
        new = Cursor(max(old.delivered, delivered, read), max(old.read, read))
        if new != Cursor():
            expected[participant] = new
    for store in (here, there):
        await store.flush()
    for store in (here, there):
        found = await store.conversation(conversation)
        assert found is not None
        assert found.cursors == expected


@pytest_asyncio.fixture
async def two_stores(opener: Opener) -> tuple[SqlStore, SqlStore, list[int]]:
    """Two stores on one database that gather nothing, and a count of the examples run."""
    return await opener(gather=0, flush=1000), await opener(gather=0, flush=1000), [0]
