"""The harness itself: the servers, clients and browser of these tests do what they say."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from hashlib import sha1
from pathlib import Path

import pytest

from parley.private_prosody import PrivateProsody, PrivateProsodyError
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.mcabber import Mcabber, Noted
from tests.e2e.support.operator import Operator
from tests.e2e.support.ports import free_port
from tests.e2e.support.profanity import Profanity
from tests.e2e.support.wait import eventually

Login = Callable[..., Awaitable[Operator]]


async def befriend(one: Operator, other: Operator) -> None:
    """Puts each into the other's contact list."""
    mine, theirs = (client.full_jid.partition("/")[0] for client in (one, other))
    one.send_presence_to(theirs, "subscribe")
    await other.wait_for(lambda stanza: stanza.type == "subscribe")
    other.send_presence_to(mine, "subscribed")
    other.send_presence_to(mine, "subscribe")
    await one.wait_for(lambda stanza: stanza.type == "subscribe")
    one.send_presence_to(theirs, "subscribed")
    await eventually(lambda: one.presence_of(theirs) and other.presence_of(mine))
    await eventually(lambda: one.roster()[theirs].subscription == "both")
    await eventually(lambda: other.roster()[mine].subscription == "both")


class TestPrivateProsody:
    """The private Prosody."""

    async def test_it_restarts_with_its_accounts(
        self, prosody: PrivateProsody, operator: Login
    ) -> None:
        """After a crash and a new start the same account logs in."""
        await operator("ann")
        first = prosody.pid
        prosody.kill()
        await prosody.start()
        assert prosody.pid != first
        await operator("ann", resource="again")

    async def test_an_account_made_while_it_runs_logs_in(
        self, prosody: PrivateProsody, operator: Login
    ) -> None:
        """An account needs no restart."""
        await prosody.add_user("carol", PASSWORD)
        await operator("carol")

    async def test_a_new_password_replaces_the_old(
        self, prosody: PrivateProsody, operator: Login
    ) -> None:
        """Adding a user who is there sets the password."""
        await prosody.add_user("ann", "another")
        with pytest.raises(AssertionError, match="refused the password"):
            await operator("ann")
        client = Operator("ann@localhost", "another")
        await client.login(prosody.c2s_port)
        await client.logout()

    async def test_a_port_in_use_is_said(self, prosody: PrivateProsody, tmp_path: Path) -> None:
        """A second one on the same port names the port, and leaves the first alone."""
        second = PrivateProsody(tmp_path / "second", prosody.c2s_port, free_port(), secret="s3cret")
        with pytest.raises(PrivateProsodyError, match=f"port {prosody.c2s_port} .* in use"):
            await second.start()
        assert second.pid is None
        assert prosody.pid is not None

    async def test_a_start_that_fails_shows_the_log(self, tmp_path: Path) -> None:
        """A Prosody that ends at once gives the end of what it said."""
        server = PrivateProsody(
            tmp_path / "prosody", free_port(), free_port(), host="chat.localhost", secret="s3cret"
        )
        with pytest.raises(PrivateProsodyError, match=r"ended at once.*\n(.*\n)*.*clashes with"):
            await server.start()
        assert server.pid is None

    async def test_it_dies_with_its_parent(self, tmp_path: Path) -> None:
        """Where the process that started it is killed, it is gone too."""
        ports = (free_port(), free_port())
        program = (
            "import asyncio, pathlib, time\n"
            "from parley.private_prosody import PrivateProsody\n"
            f"server = PrivateProsody(pathlib.Path({str(tmp_path)!r}), *{ports}, secret='s')\n"
            "asyncio.run(server.start())\n"
            "print(server.pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        root = Path(__file__).parents[2]
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root
        ) as parent:
            assert parent.stdout is not None
            pid = int(await asyncio.to_thread(parent.stdout.readline))
            assert Path(f"/proc/{pid}").exists()
            parent.send_signal(signal.SIGKILL)
            await eventually(lambda: not Path(f"/proc/{pid}/cmdline").exists())

    async def test_the_component_may_log_in(self, prosody: PrivateProsody) -> None:
        """The component's port and secret are those of the printed configuration."""
        reader, writer = await asyncio.open_connection("127.0.0.1", prosody.component_port)
        writer.write(
            b"<stream:stream xmlns='jabber:component:accept' to='chat.localhost' "
            b"xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        head = (await reader.readuntil(b">") + await reader.readuntil(b">")).decode()
        found = re.search(r"id=['\"]([^'\"]+)", head)
        assert found is not None
        digest = sha1(f"{found[1]}s3cret".encode()).hexdigest()
        writer.write(f"<handshake>{digest}</handshake>".encode())
        async with asyncio.timeout(30):
            assert b"<handshake" in await reader.readuntil(b">")
        writer.close()
        await writer.wait_closed()


@pytest.mark.long
class TestPrivateEjabberd:
    """The private ejabberd."""

    async def test_a_kill_ends_the_whole_of_it(self, tmp_path: Path) -> None:
        """The pid is the Erlang machine's own, and its helpers end with it; accounts stay."""
        server = PrivateEjabberd(tmp_path / "ejabberd", free_port(), free_port(), secret="s3cret")
        await server.add_user("ann", PASSWORD)
        await server.start()
        ann = Operator("ann@localhost", PASSWORD)
        try:
            assert server.pid is not None
            helpers = descendants(server.pid)
            assert Path(f"/proc/{server.pid}/comm").read_text() == "beam.smp\n"
            assert helpers
            server.kill()
            await eventually(lambda: not any(map(lives, helpers)), 10.0, f"{helpers} end")
            await server.start()
            await ann.login(server.c2s_port)
        finally:
            await ann.logout()
            await server.stop()


def descendants(pid: int) -> list[int]:
    """A process's children, and theirs."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    found = [int(word) for word in text.split()]
    for child in list(found):
        found += descendants(child)
    return found


def lives(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class TestOperator:
    """The scripted operator."""

    async def test_two_of_them_talk(self, operator: Login) -> None:
        """Messages, chat states, receipts, presence and rosters are seen as sent."""
        ann, bob = await operator("ann"), await operator("bob", receipts=False)
        await befriend(ann, bob)
        bob.send_availability("away", "at lunch")
        await eventually(
            lambda: (
                (seen := ann.presence_of("bob@localhost"))
                and seen.child_text("show") == "away"
                and seen.child_text("status") == "at lunch"
            )
        )
        ann.send_chat_state("bob@localhost", "composing")
        await bob.wait_for(lambda stanza: stanza.chat_state == "composing")
        sent = bob.send_message_to("ann@localhost", 'a <b> & "c" €', request_receipt=True)
        seen = await ann.wait_for_message('a <b> & "c" €', "bob@localhost")
        assert seen.id == sent
        await bob.wait_for(lambda stanza: stanza.receipt_for == sent)
        unconfirmed = ann.send_message_to("bob@localhost", "two", request_receipt=True)
        await bob.wait_for_message("two")
        ann.send_message_to("bob@localhost", "three", id="")
        last = await bob.wait_for_message("three")
        assert last.id == ""
        assert not [one for one in ann.received if one.receipt_for == unconfirmed]

    @pytest.mark.parametrize(
        ("ping", "answer"), [("answer", "result"), ("refuse", "error"), ("ignore", None)]
    )
    async def test_pings_are_answered_as_told(
        self, operator: Login, ping: str, answer: str | None
    ) -> None:
        """A ping gets a result, an error or nothing."""
        ann, bob = await operator("ann"), await operator("bob", ping=ping)
        await befriend(ann, bob)
        asked = ann.send_iq(bob.full_jid, "get", ET.Element("{urn:xmpp:ping}ping"))
        if answer is None:
            bob.send_message_to("ann@localhost", "after it")
            await bob.wait_for(lambda stanza: stanza.type == "get")
            await ann.wait_for_message("after it")
            assert not [one for one in ann.received if one.id == asked]
        else:
            got = await ann.wait_for(lambda stanza: stanza.id == asked)
            assert got.type == answer

    async def test_it_answers_no_subscription_by_itself(self, operator: Login) -> None:
        """A request stays a request until the test answers it."""
        ann, bob = await operator("ann"), await operator("bob")
        ann.send_presence_to("bob@localhost", "subscribe")
        await bob.wait_for(lambda stanza: stanza.type == "subscribe")
        ann.send_message_to("bob@localhost", "well?")
        await bob.wait_for_message("well?")
        bob.send_message_to("ann@localhost", "hm")
        await ann.wait_for_message("hm")
        assert not [one for one in ann.received if one.type in ("subscribed", "unsubscribed")]
        assert ann.roster()["bob@localhost"].ask == "subscribe"

    async def test_it_logs_in_again_after_a_drop(
        self, prosody: PrivateProsody, operator: Login
    ) -> None:
        """The same operator may lose its connection and come back."""
        ann, bob = await operator("ann"), await operator("bob")
        await ann.drop()
        await ann.login(prosody.c2s_port)
        bob.send_message_to("ann@localhost", "welcome back")
        await ann.wait_for_message("welcome back")


class TestProfanity:
    """The real profanity."""

    async def test_it_talks_with_a_scripted_operator(
        self, prosody: PrivateProsody, operator: Login, profanity: Profanity
    ) -> None:
        """Roster, presence, messages, typing and receipts are seen on both sides."""
        bob = await operator("bob", receipts=False)
        await profanity.connect("ann@localhost", PASSWORD, prosody.c2s_port)
        profanity.type("/sub request bob@localhost")
        await bob.wait_for(lambda stanza: stanza.type == "subscribe")
        bob.send_presence_to("ann@localhost", "subscribed")
        bob.send_availability("away", "reading /prices")
        await profanity.wait_for_roster('away "reading /prices"')

        sent = bob.send_message_to("ann@localhost", "hello ann", request_receipt=True)
        await bob.wait_for(lambda stanza: stanza.receipt_for == sent)
        await profanity.open_chat("bob@localhost")
        await profanity.wait_for("hello ann")
        bob.send_chat_state("ann@localhost", "composing")
        await profanity.wait_for("(typing...)")

        profanity.type_text("hello ")
        await bob.wait_for(lambda stanza: stanza.chat_state == "composing")
        profanity.type("bob")
        await bob.wait_for_message("hello bob", "ann@localhost")
        await profanity.wait_for("me: hello bob")
        assert not profanity.has_receipt("hello bob")
        bob.receipts = True
        profanity.type("and now?")
        await bob.wait_for_message("and now?")
        await eventually(lambda: profanity.has_receipt("and now?"), what=profanity.screen)
        assert not profanity.has_receipt("hello bob")

        profanity.close_chat()
        await eventually(lambda: "Profanity." in profanity.screen().split("\n")[0])
        await profanity.quit()

    async def test_it_comes_back_after_a_restart_of_the_server(
        self, prosody: PrivateProsody, operator: Login, profanity: Profanity
    ) -> None:
        """It signs in again by itself within seconds."""
        await profanity.connect("ann@localhost", PASSWORD, prosody.c2s_port)
        prosody.kill()
        await profanity.wait_for("Lost connection")
        await prosody.start()
        await profanity.wait_for("Connection re-established", 15.0)
        bob = await operator("bob")
        bob.send_message_to("ann@localhost", "still there?", request_receipt=True)
        await bob.wait_for(lambda stanza: stanza.receipt_for is not None)


class TestMcabber:
    """The real mcabber."""

    async def test_it_talks_with_a_scripted_operator(
        self, prosody: PrivateProsody, operator: Login, mcabber: Mcabber
    ) -> None:
        """Subscriptions, presence, messages and typing are seen on both sides, and noted."""
        bob = await operator("bob")
        await mcabber.connect("ann@localhost", PASSWORD, prosody.c2s_port)
        mcabber.command("/add bob@localhost")
        await bob.wait_for(lambda stanza: stanza.type == "subscribe")
        bob.send_presence_to("ann@localhost", "subscribed")
        bob.send_presence_to("ann@localhost", "subscribe")
        await mcabber.open_chat("bob@localhost")
        await mcabber.wait_for("wants to subscribe")

        def sees_ann() -> bool:
            # A server may answer a probe for who is not allowed to know by `unavailable`.
            seen = bob.presence_of("ann@localhost")
            return seen is not None and seen.type == ""

        assert not sees_ann()
        mcabber.command("/authorization allow bob@localhost")
        await eventually(sees_ann, 10.0)
        bob.send_availability("away", "reading /prices")
        await eventually(lambda: mcabber.availability("bob@localhost") == "away", 10.0)
        await eventually(lambda: mcabber.status("bob@localhost") == "reading /prices", 10.0)

        sent = bob.send_message_to("ann@localhost", "hello\nann", request_receipt=True)
        await bob.wait_for(lambda stanza: stanza.receipt_for == sent)
        await mcabber.wait_for("<== hello")
        bob.send_chat_state("ann@localhost", "composing")
        await eventually(mcabber.is_typing, 10.0, mcabber.screen)
        bob.send_chat_state("ann@localhost", "paused")
        await eventually(lambda: not mcabber.is_typing(), 10.0, mcabber.screen)

        mcabber.type_text("hello ")
        await bob.wait_for(lambda stanza: stanza.chat_state == "composing")
        mcabber.type("bob")
        await bob.wait_for_message("hello bob", "ann@localhost")
        mcabber.say_to("bob@localhost", "by the FIFO €")
        await bob.wait_for_message("by the FIFO €", "ann@localhost")
        await mcabber.wait_for("--> by the FIFO €")
        assert mcabber.history("bob@localhost") == [
            Noted(True, "hello\nann"),
            Noted(False, "hello bob"),
            Noted(False, "by the FIFO €"),
        ]
        await bob.logout()
        await eventually(lambda: mcabber.availability("bob@localhost") == "offline", 10.0)
        assert mcabber.availability("nobody@localhost") == ""
        await mcabber.quit()


PAGE = """<!doctype html><title>A page</title><parley-chat></parley-chat><script>
const root = document.querySelector('parley-chat').attachShadow({mode: 'open'})
root.innerHTML = `<button aria-label="Chat" aria-expanded="false"></button>
  <div hidden><p part="desk" role="status">Online now</p><div role="log"></div>
  <form><textarea aria-label="Message"></textarea><button aria-label="Send"></button></form></div>`
const [chat, panel, log] = ['button', 'div', '[role=log]'].map(s => root.querySelector(s))
chat.onclick = () => { panel.hidden = !panel.hidden; chat.ariaExpanded = String(!panel.hidden) }
root.querySelector('form').onsubmit = event => {
  event.preventDefault()
  const row = log.appendChild(document.createElement('div'))
  row.innerHTML = '<p part="message own"></p><p class="meta"><span class="status">Sent</span></p>'
  row.firstChild.textContent = root.querySelector('textarea').value
}
</script>"""
