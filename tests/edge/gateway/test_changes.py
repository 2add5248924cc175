"""What is said is changed, answered and reacted to, both ways; each side in its own words."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway import outbound
from gateway.jids import stanza_id
from gateway.talk import TAIL
from gateway.xml import Xml, element
from switchboard import events
from switchboard.model import Act, Attachment, Cursor, Message, Sender, SenderKind, Visit
from switchboard.reception.talks import visitor_sender
from tests.edge.gateway.shop import DOMAIN, Shop

BODY = f"{{{ns.COMPONENT}}}body"
REPLACE = f"{{{ns.REPLACE}}}replace"
RETRACT = f"{{{ns.RETRACT}}}retract"
REACTIONS = f"{{{ns.REACTIONS}}}reactions"
REPLY = f"{{{ns.REPLY}}}reply"
FALLBACK = f"{{{ns.FALLBACK}}}fallback"
STORE = f"{{{ns.HINTS}}}store"


@pytest.fixture
async def crew(shop: Shop, visitor: str) -> Shop:
    """Ann and Bob are signed in, and the visitor has said hello."""
    await shop.signs_in("ann")
    await shop.signs_in("bob")
    await shop.says(visitor, "hello")
    return shop


def got(shop: Shop, name: str) -> list[ET.Element]:
    """The stanzas with a body that an operator was sent by the visitor, notices left out."""
    return [
        one
        for one in shop.sent
        if one.get("to") == f"{name}@example.org/desk"
        and one.find(BODY) is not None
        and one.get("id")
    ]


def errors(shop: Shop, id: str) -> list[str]:
    """The conditions with which a message was refused."""
    return [
        one[0][0].tag.partition("}")[2]
        for one in shop.sent
        if one.get("type") == "error" and one.get("id") == id
    ]


async def lines(shop: Shop, visitor: str) -> list[Message]:
    """The conversation as a visitor would see it."""
    return await shop.talks.history(visitor, None, 100)


async def bodies(shop: Shop, visitor: str) -> list[str]:
    return [line.body for line in await lines(shop, visitor)]


async def amends(shop: Shop, visitor: str, act: Act, target: int, body: str = "") -> None:
    """The visitor changes a line."""
    sender = Sender(SenderKind.VISITOR, visitor, "Zoë")
    await shop.talks.amend(sender, visitor, "shop", DOMAIN, act, target, body)
    await shop.settled()


def state(name: str) -> Xml:
    """A chat state (XEP-0085 §5.1)."""
    return element(name, {"xmlns": ns.CHAT_STATES})


def wholly(namespace: str) -> Xml:
    return outbound.fallback(namespace)


class TestOfOperators:
    """From their clients to the log."""

    async def test_who_sends_no_new_line_types_no_more(self, crew: Shop, visitor: str) -> None:
        """A command, a correction, a retraction and what cannot be read say so to the visitor."""
        first = await crew.writes("ann", visitor, "good day")
        heard: list[object] = []
        crew.bus.subscribe(events.conversation_topic(visitor), heard.append)

        def typing() -> list[bool]:
            return [one.composing for one in heard if isinstance(one, events.Typing)]

        for body, more in (
            ("!who", []),
            ("good day!", [outbound.replace(first)]),
            ("", [outbound.retract(first)]),
            ("no keys", [element("encrypted", {"xmlns": ns.OMEMO[0]})]),
        ):
            await crew.writes("ann", visitor, "", state("composing"))
            await crew.writes("ann", visitor, body, *more, state("active"))
            assert typing() == [True, False]
            heard.clear()
        await crew.writes("ann", visitor, "a line", state("active"))
        assert typing() == []

    async def test_a_correction_changes_the_line(self, crew: Shop, visitor: str) -> None:
        """By the id of the message or of its correction; the same stanza twice stays one."""
        first = await crew.writes("ann", visitor, "godo day")
        second = await crew.writes("ann", visitor, "good day", outbound.replace(first))
        for _ in range(2):
            await crew.writes("ann", visitor, "good day!", outbound.replace(second), id="twice")
        assert await bodies(crew, visitor) == ["hello", "good day!"]
        rows = await crew.store.read(visitor, 0, 99)
        assert [row.act for row in rows] == [Act.SAY, Act.SAY, Act.EDIT, Act.EDIT]
        assert errors(crew, "twice") == []

    async def test_a_correction_by_somebody_else_is_refused(self, crew: Shop, visitor: str) -> None:
        """Of a colleague by their id it is a new line; of the visitor's line an error."""
        first = await crew.writes("ann", visitor, "good day")
        await crew.writes("bob", visitor, "bad day", outbound.replace(first))
        hers = await crew.writes("ann", visitor, "x", outbound.replace(stanza_id(visitor, 1)))
        assert errors(crew, hers) == ["forbidden"]
        assert await bodies(crew, visitor) == ["hello", "good day", "bad day"]

    async def test_a_correction_of_nothing_known_is_a_line(self, crew: Shop, visitor: str) -> None:
        """XEP-0308 §5."""
        await crew.writes("ann", visitor, "good day", outbound.replace("unknown"))
        assert await bodies(crew, visitor) == ["hello", "good day"]

    async def test_a_corrected_command_is_a_command(self, crew: Shop, visitor: str) -> None:
        """Whether a command or a line was corrected; `!!` is a line all the same."""
        first = await crew.writes("ann", visitor, "!nope")
        await crew.writes("ann", visitor, "!help", outbound.replace(first))
        assert any("!transfer" in one for one in crew.told("ann"))
        line = await crew.writes("ann", visitor, "good day")
        await crew.writes("ann", visitor, "!!good day", outbound.replace(line))
        assert await bodies(crew, visitor) == ["hello", "!good day"]
        await crew.writes("ann", visitor, "!info", outbound.replace(line))
        assert await bodies(crew, visitor) == ["hello", "!good day"]

    async def test_a_retraction_takes_the_line_back(self, crew: Shop, visitor: str) -> None:
        """Its fallback is no line; once more is no error, and a correction of it is one."""
        first = await crew.writes("ann", visitor, "good day")
        for number in range(2):
            words = "This person attempted to retract a previous message"
            id = f"r{number}"
            more = (outbound.retract(first), wholly(ns.RETRACT))
            await crew.writes("ann", visitor, words, *more, id=id)
            assert errors(crew, id) == []
        assert [(line.body, line.retracted) for line in await lines(crew, visitor)] == [
            ("hello", False),
            ("", True),
        ]
        late = await crew.writes("ann", visitor, "good day", outbound.replace(first))
        assert errors(crew, late) == ["not-acceptable"]

    async def test_nobody_takes_back_what_others_said(self, crew: Shop, visitor: str) -> None:
        """Neither the visitor's line nor, by our id for it, a colleague's."""
        await crew.writes("ann", visitor, "good day")
        for seq in (1, 2):
            more = outbound.retract(stanza_id(visitor, seq))
            id = await crew.writes("bob", visitor, "", more)
            assert errors(crew, id) == ["forbidden"]
        assert await bodies(crew, visitor) == ["hello", "good day"]

    async def test_reactions_are_on_the_line(self, crew: Shop, visitor: str) -> None:
        """On the visitor's or one's own; the last stanza has all of them; no body is a line."""
        own = await crew.writes("ann", visitor, "good day")
        for id, seq in ((stanza_id(visitor, 1), 1), (own, 2)):
            for emoji in (["👍", "🎉"], ["👍"], []):
                more = (outbound.reactions(id, emoji), wholly(ns.REACTIONS))
                await crew.writes("ann", visitor, "👍 to something", *more)
                line = (await lines(crew, visitor))[seq - 1]
                assert [one.emoji for one in line.reactions] == emoji
        assert await bodies(crew, visitor) == ["hello", "good day"]

    async def test_words_are_no_reactions(self, crew: Shop, visitor: str) -> None:
        """Refused as a stanza error."""
        more = outbound.reactions(stanza_id(visitor, 1), ["you are fired"])
        id = await crew.writes("ann", visitor, "", more)
        assert errors(crew, id) == ["not-acceptable"]

    @pytest.mark.parametrize(
        "more", [outbound.retract("unknown"), outbound.reactions("unknown", ["👍"])]
    )
    async def test_a_change_of_nothing_known_is_told(
        self, crew: Shop, visitor: str, more: Xml
    ) -> None:
        """By a word of the desk; nothing becomes a line."""
        await crew.writes("ann", visitor, "fallback", more)
        assert "not known here" in crew.told("ann")[-1]
        assert await bodies(crew, visitor) == ["hello"]

    async def test_a_reply_names_its_line_and_quotes_nothing(
        self, crew: Shop, visitor: str
    ) -> None:
        """By our id or one's own; where the line is not known the quotation stays."""
        quote = "> hello\n"
        own = await crew.writes("ann", visitor, "good day")
        for id in (stanza_id(visitor, 1), own, "unknown"):
            more = outbound.reply("x@y", id, len(quote))
            await crew.writes("ann", visitor, f"{quote}and you?", more)
        found = [(line.body, line.reply_to) for line in await lines(crew, visitor)][2:]
        assert found == [("and you?", 1), ("and you?", 2), ("> hello\nand you?", None)]

    async def test_a_reply_to_a_note_shows_the_visitor_nothing_of_it(
        self, crew: Shop, visitor: str
    ) -> None:
        """Neither its words nor that it is there."""
        await crew.writes("ann", visitor, "good day")
        await crew.writes("ann", visitor, "!invite @bob")
        await crew.writes("ann", visitor, "!note an idiot")
        note = next(one for one in got(crew, "bob") if "idiot" in (one.findtext(BODY) or ""))
        quote = "> [note by Ann] an idiot\n"
        more = outbound.reply("x@y", note.get("id") or "", len(quote))
        await crew.writes("bob", visitor, f"{quote}welcome", more)
        line = (await lines(crew, visitor))[-1]
        assert (line.body, line.reply_to) == ("welcome", None)

    async def test_a_quoted_command_is_a_command(self, crew: Shop, visitor: str) -> None:
        """What an operator writes below a quotation is what they write."""
        more = outbound.reply("x@y", stanza_id(visitor, 1), len("> hello\n"))
        await crew.writes("ann", visitor, "> hello\n!note call back", more)
        assert await bodies(crew, visitor) == ["hello"]

    async def test_a_file_is_an_attachment(self, crew: Shop, visitor: str) -> None:
        """By its link."""
        link = "https://up.example/a/plan.pdf"
        await crew.writes("ann", visitor, link, outbound.link(link))
        line = (await lines(crew, visitor))[-1]
        assert (line.body, line.attachment) == (link, Attachment(link, "plan.pdf"))

    async def test_an_old_line_is_found_in_the_store(self, crew: Shop, visitor: str) -> None:
        """Also when memory has it no more."""
        first = await crew.writes("ann", visitor, "godo day")
        for number in range(TAIL + 1):
            await crew.says(visitor, f"line {number}")
        await crew.writes("ann", visitor, "good day", outbound.replace(first))
        assert (await bodies(crew, visitor))[1] == "good day"

    async def test_a_correction_is_acknowledged(self, crew: Shop, visitor: str) -> None:
        """A receipt that was asked for comes once the browser has the row (XEP-0184)."""
        first = await crew.writes("ann", visitor, "godo day")
        asks = element("request", {"xmlns": ns.RECEIPTS})
        id = await crew.writes("ann", visitor, "good day", outbound.replace(first), asks)
        sender = visitor_sender(Visit(visitor, "shop", DOMAIN))

        def receipts() -> list[str | None]:
            found = (one.find(f"{{{ns.RECEIPTS}}}received") for one in crew.sent)
            return [one.get("id") for one in found if one is not None]

        crew.talks.seen(visitor, DOMAIN, sender, Cursor(2, 0))
        await crew.settled()
        assert receipts() == []
        crew.talks.seen(visitor, DOMAIN, sender, Cursor(3, 0))
        await crew.settled()
        assert receipts() == [id]


class TestOfVisitors:
    """From the log to operators' clients."""

    async def test_a_correction_replaces_the_stanza(self, crew: Shop, visitor: str) -> None:
        """The new text stands in the body, for clients that know it and for others."""
        await amends(crew, visitor, Act.EDIT, 1, "[hello]")
        stanza = got(crew, "ann")[-1]
        assert stanza.findtext(BODY) == "» [hello]"
        replace = stanza.find(REPLACE)
        assert replace is not None
        assert replace.get("id") == stanza_id(visitor, 1)
        assert stanza.get("id") == stanza_id(visitor, 2)

    async def test_a_retraction_is_readable_and_says_nothing(
        self, crew: Shop, visitor: str
    ) -> None:
        """The words are marked as for other clients only, and the text is not in them."""
        await amends(crew, visitor, Act.RETRACT, 1)
        stanza = got(crew, "ann")[-1]
        assert stanza.findtext(BODY) == "(took back an earlier message)"
        retract, fallback = stanza.find(RETRACT), stanza.find(FALLBACK)
        assert retract is not None
        assert fallback is not None
        assert retract.get("id") == stanza_id(visitor, 1)
        assert fallback.get("for") == ns.RETRACT
        assert stanza.find(STORE) is not None

    async def test_reactions_name_the_line_as_the_operator_knows_it(
        self, crew: Shop, visitor: str
    ) -> None:
        """One's own line by one's own id, the visitor's by ours; taken back it is readable too."""
        own = await crew.writes("ann", visitor, "first words of a line that goes on and on")
        quoted = "“first words of a line that goes on and…”"
        for target, id, about in ((2, own, quoted), (1, stanza_id(visitor, 1), "“hello”")):
            for emoji, words in (
                ("👍 ❤️", f"👍 ❤️ to {about}"),
                ("", f"(took back the reaction to {about})"),
            ):
                await amends(crew, visitor, Act.REACT, target, emoji)
                stanza = got(crew, "ann")[-1]
                assert stanza.findtext(BODY) == words
                reactions = stanza.find(REACTIONS)
                assert reactions is not None
                assert reactions.get("id") == id
                assert [one.text for one in reactions] == emoji.split()

    async def test_a_reaction_to_a_line_without_an_id_is_words_alone(
        self, crew: Shop, visitor: str
    ) -> None:
        """A stanza without id cannot be spoken of."""
        head = f'<message from="ann@example.org/desk" to="{visitor}@{DOMAIN}">'
        crew._hears(f"{head}<body>yes</body></message>")
        await crew.settled()
        await amends(crew, visitor, Act.REACT, 2, "👍")
        stanza = got(crew, "ann")[-1]
        assert stanza.findtext(BODY) == "👍 to “yes”"
        assert stanza.find(REACTIONS) is None
        assert stanza.find(FALLBACK) is None

    @pytest.mark.parametrize("gap", [0, TAIL + 5])
    async def test_a_reply_quotes_for_other_clients(
        self, crew: Shop, visitor: str, gap: int
    ) -> None:
        """XEP-0461 with XEP-0428's range, whether the line is in memory or in the store only."""
        own = await crew.writes("ann", visitor, "good day\n👍 sir")
        for number in range(gap):
            await crew.says(visitor, f"line {number}")
        visit = Visit(visitor, "shop", DOMAIN)
        await crew.talks.say(visit, "r1", "[desk] you too", reply_to=2)
        await crew.settled()
        stanza = got(crew, "ann")[-1]
        reply, fallback = stanza.find(REPLY), stanza.find(FALLBACK)
        assert reply is not None
        assert fallback is not None
        assert (reply.get("to"), reply.get("id")) == ("ann@example.org", own)
        body = stanza.findtext(BODY) or ""
        assert body == "> good day\n> 👍 sir\n» [desk] you too"
        assert body[int(fallback[0].get("end") or 0) :] == "» [desk] you too"
        assert fallback[0].get("start") == "0"

    async def test_a_reply_to_nothing_is_a_line(self, crew: Shop, visitor: str) -> None:
        """A seq that is no line's stops nothing."""
        visit = Visit(visitor, "shop", DOMAIN)
        await amends(crew, visitor, Act.EDIT, 1, "hallo")
        for number, seq in enumerate((99, 0, 2)):
            await crew.talks.say(visit, f"r{number}", f"words {number}", reply_to=seq)
        await crew.settled()
        assert crew.got("ann") == ["hello", "hallo", "words 0", "words 1", "words 2"]

    async def test_a_file_is_a_link(self, crew: Shop, visitor: str) -> None:
        """Alone it is all of the body, as clients want it that show files; else it stands below."""
        link = "https://up.example/a/plan.pdf"
        visit = Visit(visitor, "shop", DOMAIN)
        for number, (body, shown) in enumerate(
            (("plan.pdf", link), (link, link), ("my plan", f"my plan\n{link}"))
        ):
            file = Attachment(link, "plan.pdf", "application/pdf", 9)
            await crew.talks.say(visit, f"f{number}", body, attachment=file)
            await crew.settled()
            stanza = got(crew, "ann")[-1]
            assert stanza.findtext(BODY) == shown
            assert stanza.findtext(f"{{{ns.OOB}}}x/{{{ns.OOB}}}url") == link

    async def test_colleagues_see_each_others_changes(self, crew: Shop, visitor: str) -> None:
        """Under the name of who made them; nobody gets their own."""
        await crew.writes("ann", visitor, "good day")
        await crew.writes("ann", visitor, "!invite @bob")
        first = await crew.writes("ann", visitor, "moer words")
        seq = (await lines(crew, visitor))[-1].seq
        before = len(got(crew, "ann"))
        await crew.writes("ann", visitor, "more words", outbound.replace(first))
        await crew.writes("ann", visitor, "", outbound.reactions(stanza_id(visitor, 1), ["🎉"]))
        await crew.writes("ann", visitor, "", outbound.retract(first))
        assert crew.got("bob")[-4:] == [
            "[Ann] moer words",
            "[Ann] more words",
            "[Ann] 🎉 to “hello”",
            "[Ann] (took back an earlier message)",
        ]
        *_, said, edit, react, retract = got(crew, "bob")
        assert said.get("id") == stanza_id(visitor, seq)
        for stanza, tag, id in (
            (edit, REPLACE, stanza_id(visitor, seq)),
            (react, REACTIONS, stanza_id(visitor, 1)),
            (retract, RETRACT, stanza_id(visitor, seq)),
        ):
            child = stanza.find(tag)
            assert child is not None
            assert child.get("id") == id
        assert len(got(crew, "ann")) == before

    async def test_hostile_emoji_speak_for_nobody(self, crew: Shop, visitor: str) -> None:
        """A reaction that begins with a bracket does not begin a colleague's line."""
        await amends(crew, visitor, Act.REACT, 1, "[👍]")
        assert crew.got("ann")[-1] == "» [👍] to “hello”"


class TestOnTheWay:
    """Changes are rows: sent, confirmed and sent again as lines are."""

    async def test_nobody_gets_what_was_taken_back_before(self, shop: Shop, visitor: str) -> None:
        """And nothing waits for it: the cursor passes, and the talk can end."""
        await shop.says(visitor, "secret")
        await amends(shop, visitor, Act.RETRACT, 1)
        await shop.signs_in("ann")
        assert shop.got("ann") == []
        found = await shop.store.conversation(visitor)
        assert found is not None
        assert found.cursors["o-ann"].delivered == 2
        await shop.writes("ann", visitor, "what was it?")
        await shop.writes("ann", visitor, "!end")
        assert shop.told("ann")[-1].startswith("[desk] The talk is ended.")

    async def test_what_was_corrected_before_comes_once(self, shop: Shop, visitor: str) -> None:
        """As it stands."""
        await shop.says(visitor, "helo")
        await amends(shop, visitor, Act.EDIT, 1, "hallo")
        await amends(shop, visitor, Act.EDIT, 1, "hello")
        await shop.signs_in("ann")
        assert shop.got("ann") == ["hello"]

    async def test_a_correction_waits_for_confirmation(self, crew: Shop, visitor: str) -> None:
        """And is sent again, with the same id and behind its line, when the link was lost."""
        await amends(crew, visitor, Act.EDIT, 1, "hello there")
        before = got(crew, "ann")
        crew.gateway.link_down()
        crew.gateway.link_up()
        await crew.signs_in("ann")
        again = got(crew, "ann")[len(before) :]
        assert [one.findtext(BODY) for one in again] == ["hello there", "hello there"]
        assert [one.get("id") for one in again] == [stanza_id(visitor, seq) for seq in (1, 2)]
        assert again[1].find(REPLACE) is not None
        await crew.passes(5.0)
        found = await crew.store.conversation(visitor)
        assert found is not None
        assert found.cursors["o-ann"].delivered == 2

    async def test_what_was_taken_back_meanwhile_is_not_sent_again(
        self, crew: Shop, visitor: str
    ) -> None:
        """A client that may have the line is told to take it back."""
        crew.gateway.link_down()
        await amends(crew, visitor, Act.RETRACT, 1)
        before = len(got(crew, "ann"))
        crew.gateway.link_up()
        await crew.signs_in("ann")
        again = got(crew, "ann")[before:]
        assert [one.get("id") for one in again] == [stanza_id(visitor, 2)]
        assert again[0].find(RETRACT) is not None
        await crew.passes(5.0)
        found = await crew.store.conversation(visitor)
        assert found is not None
        assert found.cursors["o-ann"].delivered == 2

    async def test_changes_of_many_lines_come_from_the_store(
        self, shop: Shop, visitor: str
    ) -> None:
        """In order, with reactions to lines that memory has no more."""
        for number in range(1, TAIL + 10):
            await shop.says(visitor, f"line {number}")
        for number in range(1, TAIL + 10):
            await amends(shop, visitor, Act.REACT, number, "👍")
        await shop.signs_in("ann")
        count = TAIL + 9
        assert shop.got("ann") == [f"line {number}" for number in range(1, count + 1)] + [
            f"👍 to “line {number}”" for number in range(1, count + 1)
        ]

    async def test_a_change_is_no_answer(self, crew: Shop, visitor: str) -> None:
        """An operator's reaction leaves the visitor waiting: whoever comes gets the line."""
        await crew.passes(5.0)
        await crew.writes("ann", visitor, "", outbound.reactions(stanza_id(visitor, 1), ["👍"]))
        await crew.signs_in("cyd")
        assert "hello" in crew.got("cyd")

    async def test_who_comes_into_a_talk_sees_what_stands(self, crew: Shop, visitor: str) -> None:
        """Colleagues' lines as corrected; what they took back not at all."""
        first = await crew.writes("ann", visitor, "godo day")
        second = await crew.writes("ann", visitor, "a slip")
        await crew.writes("ann", visitor, "good day", outbound.replace(first))
        await crew.writes("ann", visitor, "", outbound.retract(second))
        await crew.writes("ann", visitor, "!invite @bob")
        assert [one for one in crew.got("bob") if one.startswith("[")] == ["[Ann] good day"]
