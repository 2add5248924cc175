"""Calls by POST, as any program may make them."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

from tests.e2e.support.parley import Parley


async def call(parley: Parley, method: str, **params: object) -> dict[str, Any]:
    """One call by POST; the whole answer."""
    frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return await post(parley, json.dumps(frame).encode())


async def post(parley: Parley, body: bytes) -> dict[str, Any]:
    """What `/rpc` answers."""

    def send() -> dict[str, Any]:
        request = urllib.request.Request(f"{parley.url}/rpc", body)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    return await asyncio.to_thread(send)
