"""The widget's files."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.edge.rpc.conftest import World

LOADER = b"/* the loader */" * 20
PART = b"/* a part */" * 20


async def serve(world: World, folder: Path) -> None:
    (folder / "widget").mkdir()
    (folder / "widget.js").write_bytes(LOADER)
    (folder / "widget" / "part-abc.js").write_bytes(PART)
    (folder / "secret.txt").write_text("no")
    world.static = folder
    await world.start()


async def test_loader(idle_world: World, tmp_path: Path) -> None:
    """Kept for minutes, for every origin; unchanged is 304; zipped for who takes it."""
    await serve(idle_world, tmp_path)
    http = idle_world.http("https://any.test")
    loader = await http.request("GET", "/widget.js")
    assert (loader.status, loader.body) == (200, LOADER)
    assert loader.headers["content-type"] == "text/javascript; charset=utf-8"
    assert loader.headers["access-control-allow-origin"] == "*"
    assert loader.headers["cache-control"] == "public, max-age=300"
    assert loader.headers["x-content-type-options"] == "nosniff"
    etag = loader.headers["etag"]
    unchanged = await http.request("GET", "/widget.js", If_None_Match=etag)
    assert (unchanged.status, unchanged.body) == (304, b"")
    zipped = await http.request("GET", "/widget.js", Accept_Encoding="br, gzip;q=0.5")
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == LOADER
    refused = await http.request("GET", "/widget.js", Accept_Encoding="gzip;q=0")
    assert refused.body == LOADER


async def test_types(idle_world: World, tmp_path: Path) -> None:
    """To read and to fetch, as text."""
    (tmp_path / "widget.d.ts").write_text("export {}")
    await serve(idle_world, tmp_path)
    types = await idle_world.http("https://any.test").request("GET", "/widget.d.ts")
    assert (types.status, types.body) == (200, b"export {}")
    assert types.headers["content-type"] == "text/plain; charset=utf-8"
    assert types.headers["access-control-allow-origin"] == "*"


async def test_parts(idle_world: World, tmp_path: Path) -> None:
    """Kept for a year, as their names change with their content."""
    await serve(idle_world, tmp_path)
    http = idle_world.http(None)
    part = await http.request("GET", "/widget/part-abc.js")
    assert part.body == PART
    assert part.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await http.request("HEAD", "/widget/part-abc.js")).headers["content-length"] == "240"
    assert (await http.request("POST", "/widget/part-abc.js")).status == 405
    for path in ("/secret.txt", "/widget/../secret.txt", "/widget/%2e%2e/secret.txt"):
        assert (await http.request("GET", path)).status == 404
