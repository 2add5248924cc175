"""Who the visitor is, what they use, and whether they do anything."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from msgspec.structs import replace

from switchboard.model import Details
from switchboard.site import Site
from tests.edge.rpc.client import Http, RpcError, frame
from tests.edge.rpc.conftest import ACME, World

SECRET = ACME.settings.identify_secret


def signed(id: str, secret: str = SECRET, **more: str) -> dict[str, str]:
    """Params of `identify`, as a site's server makes them."""
    right = hmac.new(secret.encode(), id.encode(), hashlib.sha256).hexdigest()
    return {"id": id, "hash": right, **more}


class Visitor:
    """One who has said hello by POST."""

    def __init__(self, world: World, http: Http, hello: dict[str, Any]) -> None:
        self._world = world
        self._http = http
        self.id = hello["visitor"]["id"]
        self.token = hello["token"]

    async def calls(self, method: str, **params: Any) -> Any:
        answer = await self._http.answer(method, token=self.token, **params)
        self.token = answer.get("token", self.token)
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    @property
    def details(self) -> Details:
        return self._world.visit(self.id).details


@pytest.fixture
async def zoe(world: World) -> Visitor:
    http = world.http()
    return Visitor(world, http, await http.call("hello", site="acme"))


class TestIdentify:
    """What the site's own server vouches for."""

    async def test_the_right_hash_verifies(self, zoe: Visitor) -> None:
        """The id, and with it the name and the address that came beside it."""
        params = signed("customer 4711", name="Zoë", email="zoe@shop.test")
        result = await zoe.calls("identify", **params)
        assert result == {"visitor": {"id": zoe.id, "name": "Zoë"}, "verified": True}
        assert zoe.details == Details("Zoë", "zoe@shop.test", verified="customer 4711")

    @pytest.mark.parametrize(
        "params",
        [
            {"id": "7"},
            {"id": "7", "hash": ""},
            {"id": "7", "hash": "ff"},
            {"id": "7", "hash": "\u00e9"},
            {"id": "7", "hash": signed("8")["hash"]},
            signed("7", secret="another"),
            signed("7", secret=""),
        ],
        ids=str,
    )
    async def test_a_wrong_hash_is_as_typed(self, zoe: Visitor, params: dict[str, str]) -> None:
        """The details are kept, and nobody vouches for them."""
        result = await zoe.calls("identify", name="Zoë", email="zoe@shop.test", **params)
        assert result == {"visitor": {"id": zoe.id, "name": "Zoë"}, "verified": False}
        assert zoe.details == Details("Zoë", "zoe@shop.test")

    async def test_without_a_secret_nothing_is_proven(self, world: World, zoe: Visitor) -> None:
        """Anybody can make the hash of an empty secret."""
        await world.store.save_site(Site("acme", replace(ACME.settings, identify_secret="")))
        await world.directory.refresh()
        assert not (await zoe.calls("identify", **signed("7", secret="")))["verified"]

    async def test_what_is_verified_is_the_sites_to_change(self, zoe: Visitor) -> None:
        """Neither profile nor a wrong hash overwrite name and email; a phone may be told."""
        await zoe.calls("identify", **signed("7", name="Zoë", email="zoe@shop.test"))
        await zoe.calls("profile", name="The boss", email="boss@shop.test", phone="1")
        await zoe.calls("identify", id="1", hash="ff", name="The boss")
        assert zoe.details == Details("Zoë", "zoe@shop.test", "1", verified="7")
        await zoe.calls("identify", **signed("7", name="Zoë B."))
        assert zoe.details == Details("Zoë B.", "zoe@shop.test", "1", verified="7")

    async def test_somebody_else_logs_in(self, zoe: Visitor) -> None:
        """Nothing of the former's is the new one's; what was typed before the first stays."""
        await zoe.calls("profile", name="Zed", phone="1", fields={"order": "7"})
        await zoe.calls("identify", **signed("7"))
        assert zoe.details == Details("Zed", "", "1", {"order": "7"}, verified="7")
        await zoe.calls("identify", **signed("8", name="Yan"))
        assert zoe.details == Details("Yan", verified="8")

    async def test_hostile_details(self, zoe: Visitor) -> None:
        """Text is cleaned and cut; an id that is not one clean line is refused, right or not."""
        await zoe.calls("identify", **signed("7", name=" Z\u202eo\n\u0000ë " + "x" * 500))
        assert zoe.details.name == "Zo ë " + "x" * 75
        for id in ("", "x" * 201, "7 ", "a\nb", "a\u202eb", "\u0000"):
            with pytest.raises(RpcError) as raised:
                await zoe.calls("identify", **signed(id))
            assert raised.value.reason == "invalid"
        assert zoe.details.verified == "7"

    async def test_it_costs_no_sql_before_the_first_line(self, world: World, zoe: Visitor) -> None:
        """And is kept with it from then on, over a restart."""
        world.forget_statements()
        await zoe.calls("identify", **signed("7", name="Zoë"))
        assert world.statements == []
        await zoe.calls("say", id="m1", body="Hello?")
        assert await world.talks.details(zoe.id) == Details("Zoë", verified="7")
        await zoe.calls("identify", **signed("7", name="Zoë B."))
        assert await world.talks.details(zoe.id) == Details("Zoë B.", verified="7")
        await world.restart()
        await world.http().call("typing", token=zoe.token, state="paused")
        assert zoe.details == Details("Zoë B.", verified="7")


class TestWhatTheyUse:
    """Time zone and browser."""

    @pytest.mark.parametrize(
        ("time_zone", "kept"),
        [
            ("Europe/Berlin", "Europe/Berlin"),
            ("UTC", "UTC"),
            (None, ""),
            ("", ""),
            ("Mars/Olympus", ""),
            ("../../etc/passwd", ""),
            ("x" * 5000, ""),
            ("Europe/Berlin\n", ""),
        ],
    )
    async def test_the_time_zone(self, world: World, time_zone: str | None, kept: str) -> None:
        """One of the IANA database, or none; a wrong one is no reason to refuse the visitor."""
        hello = await world.http().call("hello", site="acme", time_zone=time_zone)
        assert world.visit(hello["visitor"]["id"]).time_zone == kept

    async def test_the_browser(self, world: World) -> None:
        """From the header, by POST and on a socket's upgrade; not from a later program's."""
        agent = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0"
        call = frame("hello", site="acme")
        answer = (await world.http().post(call, User_Agent=agent)).json
        token, visitor = answer["result"]["token"], answer["result"]["visitor"]["id"]
        assert world.visit(visitor).browser == "Firefox on Android"
        await world.http().post(frame("hello", site="acme", token=token))
        assert world.visit(visitor).browser == "Firefox on Android"
        hostile = "Firefox/<script>\u00ff" + "x" * 3000
        await world.http().post(frame("hello", site="acme", token=token), User_Agent=hostile)
        assert world.visit(visitor).browser == "Firefox"


class TestOpened:
    """Whether the visitor has opened the widget."""

    async def test_once_opened_it_stays_so(self, world: World, zoe: Visitor) -> None:
        """Told by page or by hello; another tab that has it closed takes nothing back."""
        assert not world.visit(zoe.id).opened
        await zoe.calls("page", url="https://shop.test/", opened=True)
        assert world.visit(zoe.id).opened
        await zoe.calls("page", url="https://shop.test/2", opened=False)
        await zoe.calls("hello", site="acme", page={"opened": False})
        assert world.visit(zoe.id).opened
        fresh = await world.http().call("hello", site="acme", page={"opened": True})
        assert world.visit(fresh["visitor"]["id"]).opened

    async def test_who_writes_counts_as_one_who_has(self, world: World, zoe: Visitor) -> None:
        """Also one whose page says a line for them, and who spoke in an earlier visit."""
        await zoe.calls("say", id="m1", body="Hello?")
        assert world.visit(zoe.id).opened
        await world.restart()
        await world.http().call("hello", site="acme", token=zoe.token)
        assert not world.visit(zoe.id).opened
        await world.http().call("say", token=zoe.token, id="m2", body="Still here")
        assert world.visit(zoe.id).opened


class TestActivity:
    """What makes a visitor active: they do something, and their machine does not."""

    @pytest.mark.parametrize(
        ("method", "params", "active"),
        [
            ("page", {"url": "https://shop.test/2"}, True),
            ("page", {"url": "https://shop.test/", "opened": True}, True),
            ("page", {"url": "https://shop.test/"}, False),
            ("page", {"url": "https://shop.test/", "visible": False}, False),
            ("say", {"id": "m1", "body": "Hello?"}, True),
            ("typing", {"state": "composing"}, True),
            ("hello", {"site": "acme", "page": {"url": "https://shop.test/"}}, True),
            (
                "hello",
                {"site": "acme", "page": {"url": "https://shop.test/", "visible": False}},
                False,
            ),
            ("ping", {}, False),
            ("history", {}, False),
            ("profile", {"phone": "1"}, False),
        ],
        ids=str,
    )
    async def test_what_counts(
        self, world: World, method: str, params: dict[str, Any], active: bool
    ) -> None:
        """Pages, typing, lines, opening the widget; not polls and pings, nor a hidden page."""
        http = world.http()
        page = {"url": "https://shop.test/"}
        zoe = Visitor(world, http, await http.call("hello", site="acme", page=page))
        began = world.visit(zoe.id).active_at
        world.clock.advance(10)
        await zoe.calls(method, **params)
        assert (world.visit(zoe.id).active_at >= began + 10_000) is active
