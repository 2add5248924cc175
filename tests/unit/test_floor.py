"""Who may speak in a room now."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.errors import Forbidden, Reject, RetryLater, SwitchboardError
from switchboard.floor import (
    FLOOD_PEOPLE,
    FLOOD_SECONDS,
    NEWCOMER_SECONDS,
    QUIET_SECONDS,
    Floor,
    has_link,
    screen,
)
from switchboard.model import Occupant, SenderKind
from switchboard.rooms import Role, RoomSettings

OPEN = RoomSettings(messages_per_minute=0)
SPAM = "Buy our golden coins today"


def guest(name: str, role: Role = Role.PARTICIPANT) -> Occupant:
    """Somebody from the site."""
    return Occupant(f"g-{name}", SenderKind.VISITOR, name, role)


def operator() -> Occupant:
    """One of the house, who has no special role in the room."""
    return Occupant("g-op", SenderKind.OPERATOR, "Grace")


def refusal(floor: Floor, who: Occupant, body: str, now: float, of: RoomSettings = OPEN) -> str:
    """Why they may not say it; empty: they have said it."""
    try:
        floor.judge(of, who, body, now)
    except SwitchboardError as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize("role", [Role.VISITOR, Role.NONE])
def test_who_has_no_voice_listens(role: Role) -> None:
    """As in a moderated room (XEP-0045 §5.1)."""
    with pytest.raises(Forbidden) as refused:
        Floor().judge(OPEN, guest("a", role), "hi", 0)
    assert refused.value.reason == "no_voice"


def test_a_slow_room_says_how_long_to_wait() -> None:
    """Each for themselves."""
    floor, slow = Floor(), RoomSettings(slow_seconds=10)
    floor.judge(slow, guest("a"), "one", 100)
    floor.judge(slow, guest("b"), "one", 101)
    with pytest.raises(RetryLater) as refused:
        floor.judge(slow, guest("a"), "two", 104)
    assert refused.value.reason == "rate_limited"
    assert refused.value.retry_after == 6
    floor.judge(slow, guest("a"), "two", 110)


def test_a_slow_room_knows_lines_from_elsewhere() -> None:
    """Of another process, which lets them through by its own floor."""
    floor, slow = Floor(), RoomSettings(slow_seconds=10)
    floor.heard("g-a", 100)
    assert refusal(floor, guest("a"), "two", 104, slow) == "rate_limited"


def test_changes_count_for_the_rooms_rate() -> None:
    """And not for slow mode; moderators change what they like."""
    floor, few = Floor(), RoomSettings(messages_per_minute=2, slow_seconds=60)
    floor.judge(few, guest("a"), "helo", 100)
    floor.judge_change(few, guest("a"), "hello", 100)
    with pytest.raises(RetryLater):
        floor.judge_change(few, guest("b"), "👍", 100)
    floor.judge_change(few, operator(), "👍", 100)


def test_a_correction_is_judged_as_a_line() -> None:
    """Nobody brings words in behind it."""
    with pytest.raises(Reject) as refused:
        Floor().judge_change(RoomSettings(words=("casino",)), guest("a"), "Casino!", 0)
    assert refused.value.reason == "words"


def test_the_rooms_rate_is_everybodys() -> None:
    """Beyond it all wait, and the operators speak and use none of it up."""
    floor, room = Floor(), RoomSettings(messages_per_minute=6)
    for i in range(6):
        floor.judge(room, guest(str(i)), "hi", 1000)
        floor.judge(room, operator(), "hi", 1000)
    with pytest.raises(RetryLater) as refused:
        floor.judge(room, guest("x"), "hi", 1000)
    assert refused.value.retry_after == pytest.approx(10)
    floor.judge(room, operator(), "quiet, please", 1000)
    floor.judge(room, guest("x"), "hi", 1010.5)


@pytest.mark.parametrize(
    "body",
    [
        "see http://a.example",
        "HTTPS://A.EXAMPLE",
        "www.example",
        "buy at coins.shop!",
        "t.me/x",
        "a.museum/b",
        "ｗｗｗ．a．com",
        "a\u200b.com",
        "xmpp:a@b",
        "例え。com",
    ],
)
def test_links_are_seen(body: str) -> None:
    """As clients make them, and as people read them."""
    assert has_link(body)


@pytest.mark.parametrize(
    "body", ["1.5 of 3", "e.g. this", "yes.no", "a/b", "12:30", "so... me", "x@y"]
)
def test_other_text_is_no_link(body: str) -> None:
    """Dots and slashes are common."""
    assert not has_link(body)


def test_links_can_be_unwanted() -> None:
    """In an edit too; a moderator may send them."""
    closed = RoomSettings(links=False)
    screen(closed, guest("m", Role.MODERATOR), "http://a.example")
    with pytest.raises(Reject) as refused:
        screen(closed, guest("a"), "http://a.example")
    assert refused.value.reason == "links"


def test_nobody_begins_with_a_link() -> None:
    """Who has said something may send one, also if it was said through another process."""
    floor = Floor()
    assert refusal(floor, guest("a"), "http://a.example", 0) == "links"
    assert refusal(floor, guest("a"), "http://a.example", 1) == "links"
    assert not refusal(floor, guest("a"), "hello", 2)
    assert not refusal(floor, guest("a"), "http://a.example", 3)
    floor.heard("g-b", 4)
    assert not refusal(floor, guest("b"), "http://a.example", 5)


WORDS = RoomSettings(words=("darn", "Two Words", "馬鹿", "$$$", "жук"))


@pytest.mark.parametrize(
    "body",
    [
        "DARN it",
        "dаrn",
        "d\u200barn",
        "ｄａｒｎ",
        "(darn)",
        "has two\nwords",
        "この馬鹿者",
        "get $$$ now",
        "Жук!",
    ],
)
def test_words_can_be_unwanted(body: str) -> None:
    """Whatever the case, and if they are written so that they only look the same."""
    assert refusal(Floor(), guest("a"), body, 0, WORDS) == "words"


@pytest.mark.parametrize("body", ["darning", "two, three words", "$$", "жуки"])
def test_words_are_whole(body: str) -> None:
    """What has one as a part is another word."""
    assert not refusal(Floor(), guest("a"), body, 0, WORDS)


def flooded(now: float) -> Floor:
    """A floor on which bots have just said the same."""
    floor = Floor()
    floor.judge(OPEN, guest("regular"), "hello", now - NEWCOMER_SECONDS)
    for i in range(FLOOD_PEOPLE):
        refusal(floor, guest(f"bot{i}"), f"{SPAM}!{i}", now)
    return floor


def test_a_flood_quietens_newcomers() -> None:
    """For a while, those of the flood who have just spoken too; regulars go on."""
    floor = flooded(1000)
    assert refusal(floor, guest("new"), "hello there", 1001) == "rate_limited"
    assert refusal(floor, guest("bot0"), "hello there", 1001) == "rate_limited"
    assert not refusal(floor, guest("regular"), "what was that", 1001)
    assert not refusal(floor, operator(), SPAM, 1001)
    assert not refusal(floor, guest("new"), "hello there", 1001 + QUIET_SECONDS)


def test_a_flood_that_goes_on_keeps_them_quiet() -> None:
    """Each further line of it counts from anew, and other lines do not."""
    floor = flooded(1000)
    assert refusal(floor, guest("bot9"), SPAM, 1050) == "rate_limited"
    assert refusal(floor, guest("new"), "hello there", 1001 + QUIET_SECONDS) == "rate_limited"
    assert not refusal(floor, guest("new"), "hello there", 1051 + QUIET_SECONDS)


@pytest.mark.parametrize(
    ("body", "people", "apart"),
    [
        ("hello", 50, 0.0),
        (SPAM, FLOOD_PEOPLE - 1, 0.0),
        (SPAM, 50, FLOOD_SECONDS / (FLOOD_PEOPLE - 1)),
    ],
)
def test_people_may_say_the_same(body: str, people: int, apart: float) -> None:
    """Short words, a few of them, or one after the other."""
    floor = Floor()
    assert not any(refusal(floor, guest(str(i)), body, 1000 + i * apart) for i in range(people))


def test_one_alone_is_no_flood() -> None:
    """Who says the same again and again is met by rates."""
    floor = Floor()
    assert not any(refusal(floor, guest("a"), SPAM, 1000 + i) for i in range(50))


def test_what_is_kept_is_bounded() -> None:
    """However many come, and whatever they say."""
    floor = Floor()
    for i in range(20_500):
        refusal(floor, guest(str(i)), f"{SPAM} {'abcdefghij'[i % 10] * (i % 190)}", i / 100)
    assert len(floor._people) <= 10_000
    assert len(floor._texts) <= 500
    assert max(map(len, floor._texts.values())) <= FLOOD_PEOPLE


KEEPERS = [operator(), guest("m", Role.MODERATOR)]
STEPS = st.tuples(
    st.sampled_from([*KEEPERS, *map(guest, "abcdefgh"), guest("v", Role.VISITOR)]),
    st.sampled_from([SPAM, "darn", "http://a.example", "hi"]),
    st.floats(0, 30),
)


@given(
    st.builds(
        RoomSettings,
        slow_seconds=st.sampled_from([0, 1, 100]),
        messages_per_minute=st.sampled_from([0, 1, 300]),
        links=st.booleans(),
        words=st.sampled_from([(), ("darn",)]),
        moderated=st.booleans(),
    ),
    st.lists(STEPS, max_size=60),
)
def test_moderators_keep_the_floor(
    settings: RoomSettings, steps: list[tuple[Occupant, str, float]]
) -> None:
    """Whatever anybody did before, and however the room is set."""
    floor, now = Floor(), 1000.0
    for who, body, seconds in steps:
        now += seconds
        reason = refusal(floor, who, body, now, settings)
        assert not reason or who not in KEEPERS
