"""The pages that we serve: the widget's files, /healthz, and a small 404."""

# mypy: allow-untyped-calls

from __future__ import annotations

import gzip
import hashlib
from importlib.resources.abc import Traversable
from typing import NamedTuple

from twisted.web.resource import Resource
from twisted.web.server import Request

_TYPES = {
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".json": b"application/json",
    ".map": b"application/json",
    ".ts": b"text/plain; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".woff2": b"font/woff2",
}
_SHORT = b"public, max-age=300"
_FOR_EVER = b"public, max-age=31536000, immutable"


class Plain(Resource):
    """A line of text."""

    isLeaf = True

    def __init__(self, code: int, text: bytes) -> None:
        super().__init__()
        self._code = code
        self._text = text

    def render(self, request: Request) -> bytes:
        request.setResponseCode(self._code)
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        return self._text


class Branch(Resource):
    """A folder without a page of its own; what is not in it is a 404."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        return Plain(404, b"There is nothing here.\n")

    def render(self, request: Request) -> bytes:
        return Plain(404, b"There is nothing here.\n").render(request)


class _File(NamedTuple):
    body: bytes
    zipped: bytes | None
    kind: bytes
    etag: bytes


class Asset(Resource):
    """A file of the widget, for every origin, kept in memory."""

    isLeaf = True

    def __init__(self, name: str, body: bytes, cache: bytes) -> None:
        super().__init__()
        kind = _TYPES.get(name[name.rfind(".") :], b"application/octet-stream")
        zipped = gzip.compress(body, mtime=0)
        etag = b'"%s"' % hashlib.sha256(body).hexdigest()[:20].encode()
        self._file = _File(body, zipped if len(zipped) < len(body) else None, kind, etag)
        self._cache = cache

    def render(self, request: Request) -> bytes:
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"Allow", b"GET, HEAD")
            return Plain(405, b"Only GET.\n").render(request)
        file = self._file
        request.setHeader(b"Access-Control-Allow-Origin", b"*")
        request.setHeader(b"Cross-Origin-Resource-Policy", b"cross-origin")
        request.setHeader(b"Cache-Control", self._cache)
        request.setHeader(b"Content-Type", file.kind)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Vary", b"Accept-Encoding")
        if request.setETag(file.etag):
            return b""
        if file.zipped is not None and accepts_gzip(request):
            request.setHeader(b"Content-Encoding", b"gzip")
            return file.zipped
        return file.body


def widget_pages(root: Resource, static: Traversable) -> None:
    """Puts `/widget.js`, its types and `/widget/*` under `root`, as far as they are built."""
    for file in (static / "widget.js", static / "widget.d.ts"):
        if file.is_file():
            root.putChild(file.name.encode(), Asset(file.name, file.read_bytes(), _SHORT))
    parts = Branch()
    root.putChild(b"widget", parts)
    folder = static / "widget"
    if folder.is_dir():
        for part in folder.iterdir():
            if part.is_file():
                parts.putChild(part.name.encode(), Asset(part.name, part.read_bytes(), _FOR_EVER))


def accepts_gzip(request: Request) -> bool:
    """Whether the client takes a body that is so compressed (RFC 9110 §12.5.3)."""
    accepted = request.getHeader(b"Accept-Encoding") or b""
    for coding in accepted.lower().replace(b" ", b"").split(b","):
        name, _, weight = coding.partition(b";q=")
        if name == b"gzip":
            return weight.strip(b"0.") != b"" or not weight
    return False
