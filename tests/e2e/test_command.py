"""The `parley` command as an admin uses it, and what it says when something is wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.private_prosody import PrivateProsody
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.rpc import call
from tests.e2e.support.wait import eventually


@pytest.fixture
def parley(tmp_path: Path, prosody: PrivateProsody) -> Iterator[Parley]:
    """A configured Parley that does not run yet."""
    one = Parley(tmp_path / "parley", prosody)
    yield one
    one.end()


def one_line(text: str) -> str:
    """The text, which must be one line and no traceback."""
    assert "Traceback" not in text
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


async def test_sites_and_operators(parley: Parley) -> None:
    """Added, listed, shown, changed and removed; wrong ones are refused in one line."""
    await parley.set_up({"ann@localhost": "Ann"})
    assert json.loads(parley.must("site", "list", "--json"))[0]["key"] == SITE
    assert "ann@localhost" in parley.must("operator", "list", SITE)
    parley.order("site", "set", SITE, "presence.max_buddies=7", "look.accent=#0a6", "title=New")
    shown = json.loads(parley.order("site", "show", SITE, "--json"))
    assert (shown["presence"]["max_buddies"], shown["look"]["accent"]) == (7, "#0a6")
    assert shown["identify_secret"]
    assert shown["identify_secret"] not in parley.order("site", "show", SITE)
    for arguments, words in (
        (("site", "add", "v-bad", "--origin", "https://a"), "cannot be a site's key"),
        (("site", "add", SITE, "--origin", "https://a"), "already"),
        (("site", "set", SITE, "presence.nothing=1"), "there is no setting"),
        (("site", "set", SITE, "presence.max_buddies=many"), "stays as it is"),
        (("site", "show", "nowhere"), "no site"),
        (("operator", "add", SITE, "no jid"), "is not a user's JID"),
        (("operator", "remove", SITE, "bob@localhost"), ""),
        (("transcript", SITE, "--conversation", "v-none"), "no conversation"),
        (("transcript", SITE, "--since", "yesterday"), "is no time"),
    ):
        ran = parley.command(*arguments)
        assert ran.returncode == 1, arguments
        assert words in one_line(ran.stderr)
    parley.order("site", "set", SITE, "canned.hello=Hello {name}", "canned.bye=Bye")
    parley.order("site", "set", SITE, "canned.bye=")
    assert json.loads(parley.order("site", "show", SITE, "--json"))["canned"] == {
        "hello": "Hello {name}"
    }
    assert parley.command("nonsense").returncode == 2
    parley.order("operator", "remove", SITE, "ann@localhost")
    parley.order("site", "remove", SITE)
    assert json.loads(parley.order("site", "list", "--json")) == []


async def test_a_wrong_secret_is_said_once_and_shown_in_readyz(
    tmp_path: Path, prosody: PrivateProsody
) -> None:
    """Retried without end, logged once, no traceback; `check` names the remedy."""
    parley = Parley(tmp_path / "parley", prosody, secret="wrong")
    try:
        parley.launch()
        await eventually(lambda: parley.ready()[0] == 503, 15.0, parley.log)
        await eventually(lambda: "refuses our secret" in parley.log(), 10.0, parley.log)
        await asyncio.sleep(5)
        assert parley.log().count("refuses our secret") == 1
        assert "Traceback" not in parley.log()
        status, parts = parley.ready()
        assert status == 503
        assert parts["jabber"]["chat.localhost"]["state"] == "refused"
        ran = await asyncio.to_thread(parley.command, "check")
        assert ran.returncode == 1
        assert "fail jabber chat.localhost: the Jabber server refuses our secret" in ran.stdout
        assert await parley.stop() == 0
    finally:
        parley.end()


async def test_a_port_in_use_is_one_line(parley: Parley) -> None:
    """Which port, and what to do; status 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", parley.http_port))
        taken.listen()
        parley.launch()
        assert await parley.exited() == 1
    last = parley.log().strip().splitlines()[-1]
    assert f"cannot listen on tcp:{parley.http_port}" in last
    assert "Traceback" not in parley.log()


async def test_a_store_that_cannot_be_written_is_one_line(parley: Parley) -> None:
    """Which file; status 1."""
    parley.config.write_text(
        parley.config.read_text().replace("sqlite:///parley.db", "sqlite:////proc/parley.db")
    )
    parley.launch()
    assert await parley.exited() == 1
    assert "/proc/parley.db" in one_line(parley.log())


async def test_a_locked_store_is_shown_and_healed(parley: Parley) -> None:
    """A visitor is told that it is not stored, `/readyz` says why, and both mend themselves."""
    await parley.set_up({})
    await parley.start()
    hello = await call(parley, "hello", site=SITE)
    token = hello["result"]["token"]
    holder = sqlite3.connect(parley.folder / "parley.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        said = await call(parley, "say", token=token, id="c1", body="hello")
        assert said["error"]["data"]["reason"] == "unavailable"
        assert said["error"]["data"]["retry_after"] > 0
        status, parts = parley.ready()
        assert (status, parts["store"]) == (503, "cannot be written")
        holder.execute("ROLLBACK")
        await eventually(lambda: parley.ready()[0] == 200, 10.0)
        said = await call(parley, "say", token=token, id="c1", body="hello")
        assert said["result"]["seq"] == 1
    finally:
        holder.close()
    assert [line["body"] for line in parley.transcript()] == ["hello"]


async def test_an_unknown_key_is_one_line(parley: Parley) -> None:
    """It is named; status 1."""
    with parley.config.open("a") as file:
        file.write("[presents]\n")
    ran = await asyncio.to_thread(parley.command, "run")
    assert ran.returncode == 1
    assert "presents" in one_line(ran.stderr)


async def test_check_tells_all_parts(parley: Parley, prosody: PrivateProsody) -> None:
    """Before the start by trying, while it runs by asking; the link is not disturbed."""
    await parley.set_up({"ann@localhost": "Ann"})
    before = await asyncio.to_thread(parley.command, "check")
    assert before.returncode == 0, before.stdout
    assert "ok jabber chat.localhost: the secret is right" in before.stdout
    assert "ok contact lists localhost: written by privilege" in before.stdout
    assert "warn process" in before.stdout
    await parley.start()
    while_running = await asyncio.to_thread(parley.command, "check")
    assert while_running.returncode == 0, while_running.stdout
    assert "ok jabber chat.localhost: linked" in while_running.stdout
    assert "ok contact lists localhost: written by privilege" in while_running.stdout
    assert "lost" not in parley.log()
    nagios = await asyncio.to_thread(parley.command, "check", "--nagios")
    assert nagios.returncode == 0
    assert one_line(nagios.stdout).startswith("PARLEY OK")
    assert "|" in nagios.stdout
    prosody.kill()
    await eventually(lambda: parley.ready()[0] == 503, 10.0)
    failed = await asyncio.to_thread(parley.command, "check")
    assert failed.returncode == 1
    assert "fail jabber chat.localhost" in failed.stdout
    nagios = await asyncio.to_thread(parley.command, "check", "--nagios")
    assert nagios.returncode == 2
    assert one_line(nagios.stdout).startswith("PARLEY CRITICAL")


async def test_bans_hold_at_once(parley: Parley) -> None:
    """A visitor who is banned by the command is refused within 3 s, and served again afterwards."""
    await parley.set_up({"ann@localhost": "Ann"})
    await parley.start()
    welcome = (await call(parley, "hello", site=SITE))["result"]
    token, visitor = welcome["token"], welcome["visitor"]["id"]

    async def refused() -> bool:
        answer = await call(parley, "typing", token=token, state="paused")
        return "error" in answer and answer["error"]["data"]["reason"] == "forbidden"

    assert not await refused()
    assert "until" in parley.must("ban", SITE, visitor, "--for", "2h")
    await eventually(refused, 3.0, "the ban holds")
    (row,) = json.loads(parley.must("ban", "list", SITE, "--json"))
    assert (row["visitor"], row["by"]) == (visitor, "parley ban")
    parley.must("unban", SITE, f"{visitor}@chat.localhost")

    async def served() -> bool:
        return not await refused()

    await eventually(served, 3.0, "the visitor is served")
    for arguments, words in (
        (("unban", SITE, visitor), "is not banned"),
        (("ban", SITE, "somebody"), "is no visitor"),
        (("ban", SITE, visitor, "--for", "soon"), "is no duration"),
        (("ban", "nowhere", visitor), "no site"),
    ):
        ran = parley.command(*arguments)
        assert ran.returncode == 1, arguments
        assert words in one_line(ran.stderr)
