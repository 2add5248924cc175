"""`/healthz` and `/readyz` on the admin listener, which is never public."""

from __future__ import annotations

import json
from collections.abc import Callable

from twisted.web.resource import Resource
from twisted.web.server import Request

Health = Callable[[], tuple[bool, dict[str, object]]]


def health_resource(health: Health) -> Resource:
    """Answers for load balancers and for `parley check`."""
    root = Resource()
    root.putChild(b"healthz", _Alive())
    root.putChild(b"readyz", _Ready(health))
    return root


class _Alive(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def render_GET(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"text/plain")
        return b"ok\n"


class _Ready(Resource):
    isLeaf = True

    def __init__(self, health: Health) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._health = health

    def render_GET(self, request: Request) -> bytes:
        well, parts = self._health()
        request.setResponseCode(200 if well else 503)
        request.setHeader(b"content-type", b"application/json")
        return json.dumps(parts, indent=2).encode() + b"\n"
