"""Visitors' files: what is taken, where it lies, how it is given."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from msgspec.structs import replace
from twisted.internet import task

from switchboard.site import Site, UploadSettings
from tests.edge.rpc.client import Http, Response, RpcError
from tests.edge.rpc.conftest import ACME, OTHER_ORIGIN, World, eventually

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
HTML = b"<script>alert(1)</script>"
MOST = 50_000
DAY = 86_400


async def allow(world: World, **settings: Any) -> None:
    """The site takes files from now on."""
    changed = replace(ACME.settings, upload=UploadSettings(True, MOST, **settings))
    await world.store.save_site(Site("acme", changed))
    await world.directory.refresh()


@pytest.fixture
async def shop(idle_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A node with a place for files, whose calls are far smaller, and a site that takes them."""
    await idle_world.start(
        uploads_folder=str(tmp_path / "uploads"), uploads_max_bytes=100_000, request_bytes=4_000
    )
    await allow(idle_world)
    # Twisted gives files in turns of the global reactor, which does not run here.
    turns = task.Cooperator(scheduler=lambda turn: idle_world.site.reactor.callLater(0, turn))
    monkeypatch.setattr(task, "_theCooperator", turns)
    return idle_world


class Browser:
    """A visitor with files."""

    def __init__(self, http: Http, hello: dict[str, Any]) -> None:
        self.http = http
        self.token = hello["token"]
        self.id = hello["visitor"]["id"]
        self.settings = hello["settings"]

    async def call(self, method: str, **params: Any) -> Any:
        return await self.http.call(method, token=self.token, **params)

    async def promise(self, name: str = "a.png", type: str = "image/png", size: int = 208) -> Any:
        return await self.call("upload", name=name, type=type, size=size)

    async def put(self, url: str, octets: bytes, **headers: str) -> Response:
        return await self.http.request("PUT", urlsplit(url).path, octets, **headers)

    async def send(self, octets: bytes, name: str, type: str = "", body: str = "") -> Any:
        """Uploads a file and says it; the attachment as the log has it."""
        promised = await self.promise(name, type, len(octets))
        assert (await self.put(promised["url"], octets)).status == 204
        await self.call("say", id=promised["attachment"][:20], body=body, **at(promised))
        return (await self.call("history"))["messages"][-1]["attachment"]

    async def get(self, url: str, method: str = "GET", **headers: str) -> Response:
        assert url.startswith("http://chat.test/files/")
        return await self.http.request(method, urlsplit(url).path, b"", **headers)


def at(promised: dict[str, str]) -> dict[str, str]:
    return {"attachment": promised["attachment"]}


@pytest.fixture
async def browser(shop: World) -> Browser:
    http = shop.http()
    return Browser(http, await http.call("hello", site="acme"))


def stored(tmp_path: Path) -> list[str]:
    """The folders in which files lie."""
    return sorted(path.parent.name for path in (tmp_path / "uploads").rglob("*") if path.is_file())


async def test_a_picture_becomes_a_line(shop: World, browser: Browser, tmp_path: Path) -> None:
    """It may be larger than a call; the desk gets its address, the widget a picture."""
    octets = PNG + bytes(40_000)
    file = await browser.send(octets, "Überblick.png", "image/png")
    assert browser.settings["upload"] == {"max_bytes": MOST, "types": []}
    assert (file["name"], file["type"], file["size"]) == ("Überblick.png", "image/png", len(octets))
    (line,) = (await browser.call("history"))["messages"]
    assert line["body"] == file["url"]
    got = await browser.get(file["url"])
    assert (got.status, got.body) == (200, octets)
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == (
        f"inline; filename*=UTF-8''{quote('Überblick.png')}"
    )
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert got.headers["cross-origin-resource-policy"] == "cross-origin"
    assert got.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert stored(tmp_path) == ["kept"]


@pytest.mark.parametrize(
    "name", ["x.html", "x.png", 'a";\r\nX: 1/../../b.svg', "..", "\u202egpj.exe"]
)
async def test_nothing_of_a_visitors_runs_here(browser: Browser, name: str) -> None:
    """Whatever it is called and said to be, what is no picture is for saving only."""
    file = await browser.send(HTML, name, "image/png", "look")
    assert file["type"] == "application/octet-stream"
    got = await browser.get(file["url"])
    assert got.body == HTML
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "x" not in got.headers
    assert not {"/", "\\", "\r", "\u202e"} & set(file["name"])


async def test_a_range_and_a_head(browser: Browser) -> None:
    """One range is given; many at once would be many times the file, and are not."""
    url = (await browser.send(PNG, "a.png"))["url"]
    part = await browser.get(url, Range="bytes=1-3")
    assert (part.status, part.body) == (206, b"PNG")
    assert (await browser.get(url, Range="bytes=0-9,0-9,0-9")).body == PNG
    head = await browser.get(url, "HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(len(PNG)))
    assert (await browser.get(url, "POST")).status == 405
    assert (await browser.get(url.replace("/files/", "/files/x"))).status == 404
    assert (await browser.get(url.rpartition("/")[0])).status == 404


async def test_words_and_a_file(browser: Browser) -> None:
    """Both stand in one line, as often as it is sent."""
    promised = await browser.promise()
    await browser.put(promised["url"], PNG)
    first = await browser.call("say", id="m1", body="Look", **at(promised))
    assert await browser.call("say", id="m1", body="Look", **at(promised)) == first
    (line,) = (await browser.call("history"))["messages"]
    assert line["body"] == "Look"
    assert line["attachment"]["name"] == "a.png"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"size": MOST + 1}, "too_long"),
        ({"size": 0}, "invalid"),
        ({"size": -1}, "invalid"),
        ({"name": "a.exe", "type": "application/x-msdownload"}, "invalid"),
        ({"name": "a.zip", "type": "image/"}, None),
        ({"name": "A.ZIP", "type": ""}, None),
        ({"name": "a", "type": "image/png; x=y"}, None),
        ({"name": "a", "type": "application/pdf"}, None),
    ],
)
async def test_which_files_are_taken(
    shop: World, browser: Browser, params: dict[str, Any], reason: str | None
) -> None:
    """As the site has set it: by type, by ending, by size."""
    await allow(shop, types=("image/*", "application/pdf", ".zip"))
    if reason is None:
        await browser.promise(**params)
        return
    with pytest.raises(RpcError) as refused:
        await browser.promise(**params)
    assert refused.value.reason == reason


async def test_off_unless_the_site_turns_it_on(world: World) -> None:
    """The widget knows it from `hello`, others learn it when they try."""
    http = world.http()
    browser = Browser(http, await http.call("hello", site="acme"))
    assert browser.settings["upload"] is None
    with pytest.raises(RpcError) as refused:
        await browser.promise()
    assert refused.value.reason == "forbidden"
    await allow(world)  # but this node has no place for files
    with pytest.raises(RpcError) as refused:
        await browser.promise()
    assert refused.value.reason == "forbidden"


async def test_only_what_was_promised(browser: Browser, tmp_path: Path) -> None:
    """More octets, fewer, a second time, another's address: each has its status, none a file."""
    promised = await browser.promise()
    more = await browser.put(promised["url"], PNG + b"x")
    assert (more.status, more.json["error"]["data"]["reason"]) == (413, "too_long")
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PNG) + 1, PNG + b"x")
    head = f"PUT {urlsplit(promised['url']).path} HTTP/1.1\r\nHost: chat.test\r\n"
    many = await browser.http.raw(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert many.status == 413
    assert (await browser.put(promised["url"], PNG[:-1])).status == 400
    assert stored(tmp_path) == []
    assert (await browser.put(promised["url"], PNG)).status == 204
    assert (await browser.put(promised["url"], PNG)).status == 409
    assert (await browser.put(promised["url"] + "x", PNG)).status == 403
    assert (await browser.put("http://chat.test/upload/", PNG)).status == 403
    assert (await browser.http.request("GET", urlsplit(promised["url"]).path)).status == 405
    assert stored(tmp_path) == ["new"]


async def test_another_origin(shop: World, browser: Browser) -> None:
    """A site's pages may ask and send; another's may not."""
    promised = await browser.promise()
    path = urlsplit(promised["url"]).path
    asked = await browser.http.request("OPTIONS", path, Access_Control_Request_Method="PUT")
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == browser.http.origin
    assert "PUT" in asked.headers["access-control-allow-methods"]
    wrong = await shop.http(OTHER_ORIGIN).request("PUT", path, PNG)
    assert wrong.status == 403
    sent = await browser.put(promised["url"], PNG)
    assert sent.headers["access-control-allow-origin"] == browser.http.origin


async def test_a_token_is_its_visitors(shop: World, browser: Browser) -> None:
    """Nobody else says it, and nobody says a file that has not come."""
    other = Browser(browser.http, await browser.http.call("hello", site="acme"))
    promised = await browser.promise()
    with pytest.raises(RpcError) as refused:
        await browser.call("say", id="m1", body="", **at(promised))
    assert refused.value.reason == "invalid"
    await browser.put(promised["url"], PNG)
    for text in (promised["attachment"], "x", ""):
        with pytest.raises(RpcError) as refused:
            await other.call("say", id="m1", body="", attachment=text)
        assert refused.value.reason == "invalid"


async def test_what_does_not_come_whole_leaves_nothing(
    shop: World, browser: Browser, tmp_path: Path
) -> None:
    """A lost connection; then the same address takes the file all the same."""
    promised = await browser.promise()
    _, writer = await browser.http.connect()
    path = urlsplit(promised["url"]).path
    writer.write(
        f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 208\r\n\r\n".encode() + PNG[:50]
    )
    await eventually(lambda: stored(tmp_path) == ["part"])
    assert (await browser.put(promised["url"], PNG)).status == 409
    writer.close()
    await eventually(lambda: stored(tmp_path) == [])
    assert (await browser.put(promised["url"], PNG)).status == 204


async def test_a_file_may_take_longer_than_a_call(idle_world: World, tmp_path: Path) -> None:
    """As long as it keeps coming it is waited for; a silent sender is not."""
    await idle_world.start(uploads_folder=str(tmp_path / "uploads"), body_seconds=0.2)
    await allow(idle_world)
    idle_world.site.limits = replace(idle_world.site.limits, idle_seconds=0.5)
    http = idle_world.http()
    browser = Browser(http, await http.call("hello", site="acme"))
    promised = await browser.promise(size=8)
    head = f"PUT {urlsplit(promised['url']).path} HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n"
    reader, writer = await http.connect()
    writer.write(head.encode())
    for octet in PNG[:7]:
        writer.write(bytes([octet]))
        await asyncio.sleep(0.1)
    assert (await asyncio.wait_for(reader.readline(), 30)).split()[1] == b"408"
    writer.close()
    await eventually(lambda: stored(tmp_path) == [])


async def test_no_room(shop: World, browser: Browser) -> None:
    """All files together have a limit; what is refused may come later."""
    for _ in range(2):
        await browser.send(PNG + bytes(40_000), "a.png")
    with pytest.raises(RpcError) as refused:
        await browser.promise(size=MOST)
    assert refused.value.reason == "unavailable"
    assert refused.value.data["retry_after"] > 0


async def test_a_full_disk(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and nothing half; later the same address takes it."""
    promised = await browser.promise()

    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("rpc.uploads.os.write", full)
        refused = await browser.put(promised["url"], PNG)
    assert (refused.status, refused.json["error"]["data"]["reason"]) == (503, "unavailable")
    assert stored(tmp_path) == []
    assert (await browser.put(promised["url"], PNG)).status == 204


async def test_twenty_an_hour(shop: World, browser: Browser) -> None:
    """Then the visitor has to wait."""
    for _ in range(20):
        await browser.promise()
    with pytest.raises(RpcError) as refused:
        await browser.promise()
    assert (refused.value.reason, refused.value.data["retry_after"]) == ("rate_limited", 180)
    shop.clock.advance(180)
    await browser.promise()


async def test_what_was_never_said_goes(shop: World, browser: Browser, tmp_path: Path) -> None:
    """After a day; what stands in a message stays, and an address has ten minutes."""
    await browser.send(PNG, "a.png")
    promised, late = await browser.promise(), await browser.promise()
    await browser.put(promised["url"], PNG)
    assert stored(tmp_path) == ["kept", "new"]
    shop.clock.advance(601)
    assert (await browser.put(late["url"], PNG)).status == 403
    shop.tick(1)
    shop.clock.advance(DAY)
    shop.tick(1)
    await eventually(lambda: stored(tmp_path) == ["kept"])


async def test_a_retracted_file_is_gone(browser: Browser, tmp_path: Path) -> None:
    """It goes with its line."""
    url = (await browser.send(PNG, "a.png"))["url"]
    await browser.call("retract", seq=1)
    assert (await browser.get(url)).status == 404
    assert stored(tmp_path) == []
