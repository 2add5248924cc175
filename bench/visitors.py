"""The load, in a process of its own: `talk` (a closed loop) or `idle` (sockets that only stay).

It tells what it does in lines of JSON on standard output, and goes on at each line it is sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from uuid import uuid4

from .socket import Socket

OPENING = 20
"""Sockets that are opened side by side."""


async def talk(
    port: int, visitors: int, seconds: float, warm_up: float, seen: str, pace: float
) -> None:
    """Every visitor says a line, waits for the echo, acknowledges it, and says the next.

    `seen` is how they acknowledge: `delivered` or `read`; `pace` how many seconds pass at least
    from one line of a visitor's to the next.
    """
    sockets = await _open(port, visitors)
    times: list[tuple[float, float]] = []
    stop_at = time.monotonic() + warm_up + seconds
    loops = [
        asyncio.create_task(_loop(socket, times, stop_at, seen, pace, pace * number / visitors))
        for number, socket in enumerate(sockets)
    ]
    await asyncio.sleep(warm_up)
    started = time.monotonic()
    _tell({"state": "measuring"})
    await asyncio.sleep(seconds)
    ended = time.monotonic()
    counted = sorted(taken for at, taken in times if started <= at < ended)
    _tell({"state": "measured", "seconds": ended - started, "times": counted})
    await asyncio.wait(loops, timeout=10)


async def idle(port: int, steps: list[int]) -> None:
    """Opens sockets up to each step and waits to be told to go on."""
    sockets: list[Socket] = []
    readers: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    for step in steps:
        fresh = await _open(port, step - len(sockets))
        sockets += fresh
        readers += [asyncio.create_task(_drain(socket)) for socket in fresh]
        _tell({"state": "open", "sockets": len(sockets)})
        await loop.run_in_executor(None, sys.stdin.readline)


async def _open(port: int, count: int) -> list[Socket]:
    gate = asyncio.Semaphore(OPENING)

    async def one(number: int) -> Socket:
        async with gate:
            # A front tells nodes apart by where visitors come from.
            source = f"127.1.{number // 250}.{number % 250 + 1}"
            socket = await Socket.open(port, source=source)
            await socket.hello()
            return socket

    return list(await asyncio.gather(*map(one, range(count))))


async def _drain(socket: Socket) -> None:
    try:
        while True:
            await socket.read()
    except (ConnectionError, asyncio.IncompleteReadError):
        return


async def _loop(
    socket: Socket,
    times: list[tuple[float, float]],
    stop_at: float,
    seen: str,
    pace: float,
    first: float,
) -> None:
    due = time.monotonic() + first
    while True:
        await asyncio.sleep(max(due - time.monotonic(), 0))
        due += pace
        if (now := time.monotonic()) >= stop_at:
            return
        said = uuid4().hex
        socket.call("say", id=said, body=f"line {said}")
        while True:
            event = await socket.read()
            if event.get("method") != "event" or event["params"]["type"] != "message":
                continue
            message = event["params"]["data"]["message"]
            if message["from"]["kind"] == "operator" and said in message["body"]:
                break
        times.append((time.monotonic(), time.monotonic() - now))
        socket.call("seen", seq=message["seq"], state=seen)


def _tell(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """`talk PORT VISITORS SECONDS WARM_UP delivered|read PACE` or `idle PORT STEP…`."""
    kind, port, *rest = sys.argv[1:]
    if kind == "talk":
        visitors, seconds, warm_up, seen, pace = rest
        asyncio.run(
            talk(int(port), int(visitors), float(seconds), float(warm_up), seen, float(pace))
        )
    else:
        asyncio.run(idle(int(port), [int(step) for step in rest]))


if __name__ == "__main__":
    main()
