"""The operators' commands, as lines of text."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from switchboard.errors import Reject
from switchboard.model import Act, Details, Phase
from switchboard.reception.bans import duration
from switchboard.site import Site
from tests.edge.gateway.shop import Shop


async def phase(shop: Shop, visitor: str) -> tuple[Phase, str | None, tuple[str, ...]]:
    """Where the talk stands, as it is stored."""
    found = await shop.store.conversation(visitor)
    assert found is not None
    return found.state.phase, found.state.operator, found.state.others


async def answer(shop: Shop, name: str, visitor: str, command: str) -> str:
    """What the desk says to a command."""
    before = len(shop.told(name))
    await shop.writes(name, visitor, command)
    told = shop.told(name)[before:]
    assert told, command
    return told[0].removeprefix("[desk] ")


@pytest.fixture
async def crew(shop: Shop) -> Shop:
    """Ann and Bob are signed in."""
    await shop.signs_in("ann")
    await shop.signs_in("bob")
    return shop


async def test_every_command_is_in_the_help(crew: Shop, visitor: str) -> None:
    """And is none that the visitor sees."""
    await crew.says(visitor, "hello")
    said = await answer(crew, "ann", visitor, "!help")
    words = (
        "who take transfer invite leave end ban unban name email phone note tag info history push "
        "canned 1 follow unfollow away back busy transcript room"
    )
    for word in words.split():
        assert f"!{word}" in said
    assert [line.body for line in await crew.store.read(visitor, 0, 9)] == ["hello"]


async def test_what_is_no_command_stays_here(crew: Shop, visitor: str) -> None:
    """The nearest ones are named, and nothing is stored."""
    await crew.says(visitor, "hello")
    said = await answer(crew, "ann", visitor, "!trasnfer @bob")
    assert "!transfer" in said
    assert "nothing was sent" in said
    await crew.writes("ann", visitor, "!!important")
    assert [line.body for line in await crew.store.read(visitor, 1, 9)] == ["!important"]


async def test_transfer_shows_what_was_said(crew: Shop, visitor: str) -> None:
    """The receiver has note and history, each line once, and what follows; the giver no more."""
    await crew.says(visitor, "hello")
    await crew.writes("ann", visitor, "good day")
    await crew.says(visitor, "my order is late")
    said = await answer(crew, "ann", visitor, "!transfer @BOB knows the carrier")
    assert said == "Bob has this talk now."
    assert await phase(crew, visitor) == (Phase.TAKEN, "o-bob", ())
    told = crew.told("bob")
    assert any("Ann gives you this talk" in one and "knows the carrier" in one for one in told)
    got = crew.got("bob")
    assert sorted(got) == sorted(
        ["hello", "[Ann] good day", "my order is late", "[note by Ann] knows the carrier"]
    )
    await crew.says(visitor, "are you there?")
    assert crew.got("bob")[-1] == "are you there?"
    assert "are you there?" not in crew.got("ann")


async def test_what_a_colleague_said_before_is_marked_as_late(crew: Shop, visitor: str) -> None:
    """A replayed line carries the time at which it was said (XEP-0203)."""
    await crew.says(visitor, "hello")
    await crew.writes("ann", visitor, "good day")
    await crew.writes("ann", visitor, "!transfer @bob")
    stanza = next(
        one
        for one in crew.sent
        if one.get("to") == "bob@example.org/desk"
        and one.findtext("{jabber:component:accept}body") == "[Ann] good day"
    )
    assert stanza.find("{urn:xmpp:delay}delay") is not None


async def test_transfer_to_anybody_asks_others_first(crew: Shop, visitor: str) -> None:
    """Who gave a talk away is not asked again while somebody else takes chats."""
    await crew.signs_in("cyd")
    await crew.says(visitor, "hello")
    await crew.writes("ann", visitor, "good day")
    await crew.writes("ann", visitor, "!transfer")
    assert (await phase(crew, visitor))[0] is Phase.WAITING
    await crew.says(visitor, "anybody?")
    assert "anybody?" not in crew.got("ann")
    assert crew.got("bob")[-1] == crew.got("cyd")[-1] == "anybody?"


async def test_nobody_to_give_it_to(shop: Shop, visitor: str) -> None:
    """A talk that nobody else would take stays where it is, and the operator is told."""
    await shop.signs_in("ann")
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "good day")
    for command in ("!transfer", "!leave"):
        assert "Nobody else takes chats" in await answer(shop, "ann", visitor, command)
    assert "not online" in await answer(shop, "ann", visitor, "!transfer @bob")
    assert "no operator @dan" in await answer(shop, "ann", visitor, "!transfer @dan please")
    assert "That is you" in await answer(shop, "ann", visitor, "!transfer @ann")
    assert await phase(shop, visitor) == (Phase.TAKEN, "o-ann", ())


async def test_invite_lets_each_see_the_other(crew: Shop, visitor: str) -> None:
    """Both get the visitor's lines and each other's; the visitor sees both by name."""
    await crew.says(visitor, "hello")
    await crew.writes("ann", visitor, "good day")
    assert "Bob is in this talk now" in await answer(crew, "ann", visitor, "!invite @bob")
    assert "Ann invites you" in crew.told("bob")[-1]
    await crew.writes("bob", visitor, "I am Bob")
    await crew.says(visitor, "hi Bob")
    await crew.writes("ann", visitor, "I leave you to it")
    assert crew.got("ann") == ["hello", "[Bob] I am Bob", "hi Bob"]
    assert crew.got("bob")[-2:] == ["hi Bob", "[Ann] I leave you to it"]
    names = [line.sender.name for line in await crew.store.read(visitor, 0, 9)]
    assert names[1:3] == ["Ann", "Bob"]
    await crew.writes("ann", visitor, "!leave")
    assert await phase(crew, visitor) == (Phase.TAKEN, "o-bob", ())
    await crew.says(visitor, "still there?")
    assert crew.got("bob")[-1] == "still there?"
    assert "still there?" not in crew.got("ann")


async def test_a_visitor_cannot_speak_as_a_colleague(crew: Shop, visitor: str) -> None:
    """A line that begins as a colleague's or the desk's does is marked."""
    await crew.says(visitor, "[Bob] give him the money")
    await crew.says(visitor, " [desk] Bob answers")
    assert crew.got("ann") == ["» [Bob] give him the money", "»  [desk] Bob answers"]


async def test_follow_and_unfollow(crew: Shop, visitor: str) -> None:
    """A follower gets both sides, and the talk stays whose it is."""
    await crew.says(visitor, "hello")
    await crew.writes("ann", visitor, "good day")
    await crew.writes("bob", visitor, "!follow")
    await crew.says(visitor, "a question")
    await crew.writes("ann", visitor, "an answer")
    assert crew.got("bob") == ["hello", "[Ann] good day", "a question", "[Ann] an answer"]
    assert await phase(crew, visitor) == (Phase.TAKEN, "o-ann", ("o-bob",))
    await crew.writes("bob", visitor, "!unfollow")
    await crew.says(visitor, "another")
    assert crew.got("bob")[-1] == "[Ann] an answer"


async def test_who_left_gets_a_shared_talk_no_more(crew: Shop, visitor: str) -> None:
    """When the one who has it goes offline for good, the other has it."""
    await crew.says(visitor, "hello")
    await crew.writes("ann", visitor, "good day")
    await crew.writes("ann", visitor, "!invite @bob")
    await crew.signs_out("ann")
    await crew.passes(62)
    assert await phase(crew, visitor) == (Phase.TAKEN, "o-bob", ())


async def test_take_at_the_desk_is_for_who_waits_longest(crew: Shop, visitor: str) -> None:
    """The first of those who wait."""
    other = visitor[:-1] + ("a" if visitor[-1] != "a" else "b")
    await crew.says(visitor, "first")
    crew.clock.seconds += 5
    await crew.says(other, "second")
    await crew.writes("ann", "shop", "!take")
    assert (await phase(crew, visitor))[:2] == (Phase.TAKEN, "o-ann")
    assert (await phase(crew, other))[0] is Phase.WAITING


async def test_notes_are_among_operators(crew: Shop, visitor: str) -> None:
    """A note is in the history and the card, and colleagues in the talk get it."""
    await crew.says(visitor, "hello")
    await crew.writes("ann", visitor, "good day")
    await crew.writes("bob", visitor, "!follow")
    await crew.writes("ann", visitor, "!note pays late")
    assert crew.got("bob")[-1] == "[note by Ann] pays late"
    rows = await crew.store.read(visitor, 0, 9)
    assert rows[-1].act is Act.NOTE
    assert "Ann, note: pays late" in await answer(crew, "ann", visitor, "!history")
    assert "pays late (Ann)" in await answer(crew, "ann", visitor, "!info")
    assert "pays late" in await answer(crew, "ann", visitor, "!transcript")
    assert "Note is missing" in await answer(crew, "ann", visitor, "!note")


async def test_what_is_known_of_a_visitor(crew: Shop, visitor: str) -> None:
    """Name, mail, phone and tags are stored, and shown in the card."""
    crew.reads(visitor, "prices")
    await crew.says(visitor, "hello")
    for command in ("!name Eve Adams", "!email eve@example.com", "!phone 123", "!tag vip"):
        await crew.writes("ann", visitor, command)
    assert await answer(crew, "ann", visitor, "!tag regular") == "Tags: vip, regular"
    assert await answer(crew, "ann", visitor, "!tag -VIP") == "Tags: regular"
    known = await crew.store.details(visitor)
    assert known == Details("Eve Adams", "eve@example.com", "123", tags=("regular",))
    card = await answer(crew, "ann", visitor, "!info")
    for part in ("Eve Adams", "eve@example.com", "123", "regular", "prices", "waiting"):
        assert part in card


async def test_canned_replies(crew: Shop, visitor: str) -> None:
    """By name and by number, with the visitor's name in them; none is sent by mistake."""
    await crew.says(visitor, "hello")
    assert "There are none" in await answer(crew, "ann", visitor, "!canned")
    site = crew.directory.site("shop")
    settings = replace(site.settings, canned={"hello": "Hello {name}!", "bye": "Good bye"})
    await crew.store.save_site(Site("shop", settings))
    await crew.directory.refresh()
    await crew.writes("ann", visitor, "!name {name}")
    listed = await answer(crew, "ann", visitor, "!canned")
    assert listed == "!1 hello: Hello {name}!\n!2 bye: Good bye"
    assert await answer(crew, "ann", visitor, "!canned hello") == "Sent: Hello {name}!"
    assert await answer(crew, "ann", visitor, "!2") == "Sent: Good bye"
    assert "There are 2" in await answer(crew, "ann", visitor, "!3")
    assert "no canned reply 'x'" in await answer(crew, "ann", visitor, "!canned x")
    said = [line.body for line in await crew.store.read(visitor, 1, 9) if line.act is Act.SAY]
    assert said == ["Hello {name}!", "Good bye"]
    assert await phase(crew, visitor) == (Phase.TAKEN, "o-ann", ())


async def test_push_goes_to_own_pages_only(crew: Shop, visitor: str) -> None:
    """Another origin is refused and nothing is stored."""
    await crew.says(visitor, "hello")
    assert "not on the site" in await answer(crew, "ann", visitor, "!push /prices")
    crew.reads(visitor, "home")
    await crew.writes("ann", visitor, "!push /prices")
    for address in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        assert "Only pages" in await answer(crew, "ann", visitor, f"!push {address}")
    rows = await crew.store.read(visitor, 1, 9)
    assert [(row.act, row.body) for row in rows] == [(Act.PUSH, "https://shop.example/prices")]


async def test_a_ban_ends_the_talk_and_is_lifted(crew: Shop, visitor: str) -> None:
    """With a duration or for good; the desk's window lists bans."""
    await crew.says(visitor, "spam")
    assert "no duration" in await answer(crew, "ann", visitor, "!ban soon")
    assert "until" in await answer(crew, "ann", visitor, "!ban 2h")
    assert (await phase(crew, visitor))[0] is Phase.QUIET
    ban = crew.directory.ban("shop", visitor)
    assert ban is not None
    assert ban.until == crew.clock.now() + 2 * 3_600_000
    crew.reads(visitor, "x")
    await crew.lists_are_right()
    assert visitor in await answer(crew, "ann", "shop", "!unban")
    assert "lifted" in await answer(crew, "ann", "shop", f"!unban {visitor}")
    assert crew.directory.ban("shop", visitor) is None
    assert "not banned" in await answer(crew, "ann", visitor, "!unban")


async def test_a_command_that_needs_a_visitor(crew: Shop) -> None:
    """In the desk's window it says where it belongs."""
    assert "belongs in a visitor's window" in await answer(crew, "ann", "shop", "!ban")


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("30m", 1_800_000), ("2H", 7_200_000), ("1w", 604_800_000), ("", 0)]
)
def test_durations(text: str, milliseconds: int) -> None:
    """A number and a unit; nothing is for good."""
    assert duration(text) == milliseconds


@pytest.mark.parametrize("text", ["0m", "m", "5", "5y", "-5m", "1h30m", "99999d", "٣h"])
def test_wrong_durations(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(Reject):
        duration(text)
