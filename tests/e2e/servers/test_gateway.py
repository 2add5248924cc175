"""The Jabber edge on real servers, with scripted operators: the same tests over all three.

What depends on the server, as how a visitor comes into a contact list, is in `support/house.py`.
"""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET

import msgspec
import pytest

from switchboard import events
from switchboard.model import DeskState, Phase, SenderKind
from tests.e2e.support.bridge import Bridge, replace_name
from tests.e2e.support.house import DESK, DESK_FULL, WRITING, House, Login, jid, sees
from tests.e2e.support.wait import eventually

writing = pytest.mark.parametrize("server", WRITING, indirect=True)
"""For what happens only where contact lists are written for their owners."""


class TestBuddies:
    """Visitors in contact lists."""

    @writing
    async def test_a_visitor_appears_by_itself_and_leaves(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Entry, group, name, presence and status come and go without a click."""
        ann = await operator("ann")
        visit = desk.arrive("Zoë <b>&\"'")
        await house.appears(ann, visit)
        contact = ann.roster()[jid(visit.visitor)]
        assert contact.name == "Zoë <b>&\"'"
        assert contact.groups == ("The shop",)
        assert contact.subscription == "both"
        presence = ann.presence_of(jid(visit.visitor))
        assert presence is not None
        assert presence.child_text("status") == "Prices · https://shop.example/prices"
        desk.attendance.closed(visit.visitor, 1)
        await house.leaves(ann, visit)
        gone = [
            one
            for one in ann.received
            if one.kind == "presence"
            and one.type == "unavailable"
            and one.sender.startswith(visit.visitor)
        ]
        assert len(gone) == 1

    async def test_who_logs_in_later_sees_who_is_here(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """The list is right for an operator who comes after the visitor."""
        visit = desk.arrive()
        await asyncio.sleep(0.5)
        ann = await operator("ann")
        await house.appears(ann, visit)

    async def test_who_returns_appears_again(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """What the server says when an entry is removed for us is no operator's wish."""
        ann = await operator("ann")
        visit = desk.arrive("Eve")
        await house.appears(ann, visit)
        for stream in (2, 3):
            desk.attendance.closed(visit.visitor, stream - 1)
            await house.leaves(ann, visit)
            desk.attendance.update(visit, stream=stream)
            await house.appears(ann, visit)
        assert not [one for one in ann.received if one.type == "unsubscribed"]

    async def test_a_hidden_page_is_away(self, desk: Bridge, house: House, operator: Login) -> None:
        """Away while no page of the visitor is visible, and back."""
        ann = await operator("ann")
        visit = desk.arrive()
        await house.appears(ann, visit)
        for visible, show in ((False, "away"), (True, None)):
            page = msgspec.structs.replace(visit.page, visible=visible)
            count = len(ann.received)
            desk.attendance.update(msgspec.structs.replace(visit, page=page), stream=1)
            presence = await ann.wait_for(
                lambda one: one.kind == "presence" and one.sender.startswith(visit.visitor),
                after=count,
            )
            assert presence.child_text("show") == show

    async def test_a_short_absence_is_no_news(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """A reload within the grace period changes no presence."""
        ann = await operator("ann")
        visit = desk.arrive()
        await house.appears(ann, visit)
        count = len(ann.received)
        desk.attendance.closed(visit.visitor, 1)
        await asyncio.sleep(0.4)
        desk.attendance.update(visit, stream=2)
        await asyncio.sleep(1.5)
        news = [one for one in ann.received[count:] if one.kind == "presence"]
        own = [one for one in news if one.sender.startswith(visit.visitor)]
        assert [one for one in own if one.type or one.child_text("show")] == []

    async def test_who_is_taken_out_by_hand_stays_out(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """An operator's removal of a visitor is not undone at the next page change."""
        ann = await operator("ann")
        visit = desk.arrive()
        await house.appears(ann, visit)
        ann.remove_contact(jid(visit.visitor))
        await eventually(lambda: jid(visit.visitor) not in ann.roster())
        desk.attendance.update(replace_name(visit, "Renamed"), stream=1)
        await asyncio.sleep(1.0)
        assert jid(visit.visitor) not in ann.roster()

    async def test_own_contacts_are_left_alone(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Entries that are not ours stay as they are."""
        ann = await operator("ann")
        ann.send_presence_to("friend@localhost", "subscribe")
        await eventually(lambda: "friend@localhost" in ann.roster())
        visit = desk.arrive()
        await house.appears(ann, visit)
        desk.attendance.closed(visit.visitor, 1)
        await house.leaves(ann, visit)
        assert "friend@localhost" in ann.roster()


class TestTalk:
    """Lines, receipts and typing."""

    async def test_a_line_each_way_with_receipts(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Delivered to all, answered by one, acknowledged both ways."""
        ann, bob = await operator("ann"), await operator("bob")
        visit = desk.arrive("Eve")
        await house.appears(ann, visit)
        await house.appears(bob, visit)
        said = await desk.talks.say(visit, "c1", "Is it <in> stock? & \U0001f6b2")
        assert said.seq == 1
        line = await ann.wait_for_message("Is it <in> stock? & \U0001f6b2", jid(visit.visitor))
        await bob.wait_for_message("Is it <in> stock? & \U0001f6b2", jid(visit.visitor))
        assert line.sender == jid(visit.visitor) + "/web"
        await eventually(lambda: desk.receipts(visit), what="the operator's receipt")
        assert desk.receipts(visit)[0].delivered == 1
        ann.send_message_to(line.sender, "Yes", id="a1", request_receipt=True, markable=True)
        await eventually(lambda: _lines(desk, visit.visitor) == 2)
        await bob.wait_for_message("[desk] Ann answers Eve.", jid(visit.visitor))
        talk = desk.edge.gateways[0]._held.get(visit.visitor)
        assert talk is not None
        assert talk.state.phase is Phase.TAKEN
        assert not [one for one in ann.received if one.receipt_for]
        desk.read_up_to(visit, 2)
        await ann.wait_for(lambda one: one.receipt_for == "a1")
        assert not [one for one in ann.received if one.displayed]
        desk.read_up_to(visit, 2, 2)
        await ann.wait_for(lambda one: one.displayed == "a1")
        await desk.talks.say(visit, "c2", "Great")
        await ann.wait_for_message("Great", jid(visit.visitor))
        await asyncio.sleep(0.3)
        assert not [one for one in bob.messages(jid(visit.visitor)) if one.body == "Great"]

    async def test_the_same_stanza_twice_is_one_line(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Same full JID, id and body: one line; without an id: two."""
        ann = await operator("ann")
        visit = desk.arrive()
        await house.appears(ann, visit)
        for _ in range(2):
            ann.send_message_to(jid(visit.visitor), "hello", id="same")
        for _ in range(2):
            ann.send_message_to(jid(visit.visitor), "again", id="")
        await eventually(lambda: _lines(desk, visit.visitor) == 3)
        assert [line.body for line in await desk.log(visit)] == ["hello", "again", "again"]

    async def test_typing_both_ways(self, desk: Bridge, operator: Login) -> None:
        """Chat states come and go as typing events."""
        ann = await operator("ann")
        visit = desk.arrive()
        await desk.talks.say(visit, "c1", "hi")
        await ann.wait_for_message("hi")
        sender = (await desk.log(visit))[0].sender
        desk.talks.typing(visit.visitor, visit.domain, sender, True)
        await ann.wait_for(lambda one: one.chat_state == "composing")
        ann.send_chat_state(jid(visit.visitor), "composing")
        await eventually(
            lambda: any(
                getattr(event, "composing", False) and event.sender.kind is SenderKind.OPERATOR  # type: ignore[union-attr]
                for event in desk.told[visit.visitor]
            ),
            5.0,
        )

    @pytest.mark.parametrize("ping", ["answer", "refuse"])
    async def test_a_client_without_receipts_confirms_by_ping(
        self, desk: Bridge, house: House, operator: Login, ping: str
    ) -> None:
        """A ping's result confirms, and so does a client that says it knows no ping."""
        await operator("ann", receipts=False, ping=ping)
        visit = desk.arrive()
        await eventually(lambda: desk.edge.gateways[0]._operators.is_there(house.address("ann")))
        await desk.talks.say(visit, "c1", "hi")
        await eventually(lambda: desk.receipts(visit), 10.0, "the line is confirmed")
        assert desk.receipts(visit)[0].delivered == 1

    async def test_who_comes_later_gets_what_waited(self, desk: Bridge, operator: Login) -> None:
        """Nobody is there: the log keeps the lines, in order."""
        visit = desk.arrive()
        for number in range(3):
            await desk.talks.say(visit, f"c{number}", f"line {number}")
        ann = await operator("ann")
        await ann.wait_for_message("line 2")
        assert [one.body for one in ann.messages(jid(visit.visitor))] == [
            "line 0",
            "line 1",
            "line 2",
        ]

    async def test_an_operator_who_vanishes_leaves_the_line_to_another(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """A taken talk goes on with whoever is there, from what was not confirmed."""
        ann = await operator("ann", receipts=False, ping="ignore")
        visit = desk.arrive()
        await house.appears(ann, visit)
        ann.send_message_to(jid(visit.visitor), "May I help?")
        await eventually(lambda: _lines(desk, visit.visitor) == 1)
        bob = await operator("bob")
        await desk.talks.say(visit, "c1", "yes please")
        await ann.wait_for_message("yes please")
        await ann.logout()
        await bob.wait_for_message("yes please", jid(visit.visitor))

    async def test_a_reply_to_who_is_gone_is_stored_and_said(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """The operator learns that the visitor is away; the line waits for them."""
        ann = await operator("ann")
        visit = desk.arrive("Eve")
        await house.appears(ann, visit)
        await desk.talks.say(visit, "c1", "hi")
        await ann.wait_for_message("hi")
        desk.attendance.closed(visit.visitor, 1)
        await sees(ann, visit, type="unavailable")
        ann.send_message_to(jid(visit.visitor), "still there?")
        await ann.wait_for(lambda one: "is not on the site now" in (one.body or ""))
        assert [line.body for line in await desk.log(visit)] == ["hi", "still there?"]
        assert jid(visit.visitor) in ann.roster()

    async def test_a_command_is_not_sent_to_the_visitor(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Unknown ones are explained, !! sends, !end ends."""
        ann = await operator("ann")
        visit = desk.arrive()
        await house.appears(ann, visit)
        ann.send_message_to(jid(visit.visitor), "!edn")
        await ann.wait_for(lambda one: "!end" in (one.body or ""))
        ann.send_message_to(jid(visit.visitor), "!!wow")
        await eventually(lambda: _lines(desk, visit.visitor) == 1)
        ann.send_message_to(jid(visit.visitor), "!end")
        await ann.wait_for(lambda one: "The talk is ended" in (one.body or ""))
        assert [line.body for line in await desk.log(visit)] == ["!wow"]


class TestStrangers:
    """Who is no operator of the site reaches no visitor."""

    async def test_a_stranger_gets_one_error(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Nothing is stored, nothing is shown."""
        await house.add_user("mallory")
        mallory = await operator("mallory", knows_the_desk=False)
        visit = desk.arrive()
        mallory.send_message_to(jid(visit.visitor), "psst")
        error = await mallory.wait_for(lambda one: one.type == "error")
        assert "forbidden" in error.text
        mallory.send_presence_to(jid(visit.visitor), "subscribe")
        await mallory.wait_for(lambda one: one.type == "unsubscribed")
        assert await desk.log(visit) == []
        assert jid(visit.visitor) not in [
            one.sender for one in mallory.received if one.kind == "presence" and one.type == ""
        ]

    async def test_an_unknown_visitor_does_not_exist(self, desk: Bridge, operator: Login) -> None:
        """An operator who writes to nobody learns it."""
        ann = await operator("ann")
        ann.send_message_to("v-aaaaaaaaaaaaaaaa@chat.localhost", "hello?")
        error = await ann.wait_for(lambda one: one.type == "error")
        assert "item-not-found" in error.text


class TestQuestions:
    """What clients ask by themselves."""

    @pytest.mark.parametrize(
        ("tag", "answer"),
        [
            ("{urn:xmpp:ping}ping", "result"),
            ("{jabber:iq:version}query", "Parley"),
            ("{http://jabber.org/protocol/disco#info}query", "urn:xmpp:receipts"),
            ("{jabber:iq:last}query", "service-unavailable"),
        ],
    )
    async def test_answers(
        self, desk: Bridge, house: House, operator: Login, tag: str, answer: str
    ) -> None:
        """Ping, version and disco are answered by visitor, desk and component; others refused."""
        ann = await operator("ann")
        visit = desk.arrive("Eve")
        await house.appears(ann, visit)
        for to in (jid(visit.visitor) + "/web", DESK, "chat.localhost"):
            id = ann.send_iq(to, "get", ET.Element(tag))
            reply = await ann.wait_for(lambda one, id=id: one.kind == "iq" and one.id == id)  # type: ignore[misc]
            assert answer in reply.text
            assert reply.sender == to

    async def test_the_component_lists_its_desks(self, desk: Bridge, operator: Login) -> None:
        """By disco#items (XEP-0030 §4)."""
        ann = await operator("ann")
        query = ET.Element("{http://jabber.org/protocol/disco#items}query")
        id = ann.send_iq("chat.localhost", "get", query)
        reply = await ann.wait_for(lambda one: one.kind == "iq" and one.id == id)
        assert DESK in reply.text


class TestDesk:
    """The desk as a contact."""

    async def test_the_desk_is_a_contact(self, desk: Bridge, house: House, operator: Login) -> None:
        """By itself in the site's group, or added by hand; it shows its state, counts visitors."""
        ann = await operator("ann")
        desk.arrive()
        await ann.wait_for(
            lambda one: (
                one.sender == DESK_FULL and one.child_text("status") == "1 visitor, 0 waiting"
            )
        )
        contact = ann.roster()[DESK]
        assert contact.subscription == "both"
        assert not house.writes or contact.groups == ("The shop",)

    @pytest.mark.parametrize("how", ["logout", "drop"])
    async def test_an_operator_who_leaves_without_a_word_is_gone(
        self, desk: Bridge, operator: Login, how: str
    ) -> None:
        """The stream is closed or cut, and no client says `unavailable`: the desk is offline."""
        told: list[DeskState] = []
        desk.bus.subscribe(
            events.desk_topic("shop"),
            lambda one: told.append(one.state) if isinstance(one, events.Desk) else None,
        )
        ann = await operator("ann")
        await eventually(lambda: told[-1:] == [DeskState.ONLINE], 10.0, "online")
        await eventually(lambda: DESK in ann.roster(), 10.0, "the desk is a contact")
        await getattr(ann, how)()
        await eventually(lambda: told[-1:] == [DeskState.OFFLINE], 10.0, lambda: str(told))

    @writing
    async def test_operators_are_known_after_a_restart(self, house: House) -> None:
        """Who was there before the gateway was is known within 10 s, and their own lists too."""
        ann = await house.login("ann")
        for _ in range(2):
            async with house.bridge() as running:
                there = running.edge.gateways[0]._operators.is_there
                await eventually(lambda there=there: there(house.address("ann")), 10.0)  # type: ignore[misc]
                await eventually(lambda: DESK in ann.roster(), 10.0, "the desk is a contact")
                running.crash()

    @writing
    async def test_a_desk_taken_out_by_hand_stays_out(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Until its operator adds it again."""
        ann = await operator("ann")
        await eventually(lambda: ann.presence_of(DESK), 10.0, "the desk")
        ann.remove_contact(DESK)
        await eventually(lambda: DESK not in ann.roster())
        await house.appears(ann, desk.arrive())
        assert DESK not in ann.roster()
        ann.send_presence_to(DESK, "subscribe")
        await eventually(lambda: DESK in ann.roster() and ann.roster()[DESK].groups, 10.0)

    async def test_who_answers_no_more_has_no_desk(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """An operator who is removed keeps nothing that came by itself."""
        ann = await operator("ann")
        visit = desk.arrive()
        await house.appears(ann, visit)
        await eventually(lambda: DESK in ann.roster(), 10.0)
        await desk.store.remove_operator("shop", house.address("ann"))
        await desk.directory.refresh()
        if house.writes:
            await eventually(lambda: not ann.roster(), 10.0, "all of ours is gone")
        assert not [one for one in ann.received if one.type == "unsubscribed"]


class TestRecovery:
    """Whatever restarts, talks go on."""

    async def test_the_server_is_killed_in_the_middle_of_a_talk(
        self, desk: Bridge, house: House, operator: Login
    ) -> None:
        """Lines said meanwhile arrive afterwards, once, in order; presence is right."""
        ann = await operator("ann")
        visit = desk.arrive("Eve")
        await house.appears(ann, visit)
        await desk.talks.say(visit, "c1", "one")
        await ann.wait_for_message("one")
        ann.send_message_to(jid(visit.visitor), "answer")
        await eventually(lambda: _lines(desk, visit.visitor) == 2)
        await eventually(lambda: desk.receipts(visit))
        house.server.kill()
        await eventually(lambda: not desk.edge.gateways[0].link.up)
        await desk.talks.say(visit, "c2", "two")
        await house.server.start()
        await asyncio.wait_for(desk.linked(), 15.0)
        back = await operator("ann", resource="again")
        await back.wait_for_message("two", jid(visit.visitor))
        await house.appears(back, visit)
        assert [one.body for one in back.messages(jid(visit.visitor))].count("one") == 0
        await back.wait_for(lambda one: "“answer”" in (one.body or ""))

    async def test_a_new_gateway_corrects_what_it_inherits(self, house: House) -> None:
        """Ghosts go, live visitors stay, unconfirmed lines are sent again."""
        async with house.bridge() as first:
            ann = await house.login("ann")
            stays, leaves = first.arrive("Stays"), first.arrive("Leaves")
            await house.appears(ann, stays)
            await house.appears(ann, leaves)
            first.crash()
        async with house.bridge() as second:
            second.arrive("Stays", visitor=stays.visitor)
            await house.leaves(ann, leaves)
            await house.appears(ann, stays)
        assert not [one for one in ann.received if one.type == "unsubscribed"]


def _lines(desk: Bridge, visitor: str) -> int:
    talk = desk.edge.gateways[0]._held.get(visitor)
    return 0 if talk is None else talk.head
