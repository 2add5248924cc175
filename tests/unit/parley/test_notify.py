"""What the service manager is told."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from contextvars import Context
from pathlib import Path
from typing import TypeVarTuple

import pytest

from parley.notify import Notifier


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket, and NOTIFY_SOCKET for it."""
    if request.param == "a path":
        told = address = str(tmp_path / "notify")
    else:
        name = f"parley-{os.getpid()}"
        told, address = f"@{name}", f"\0{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(5)
        yield told, listening


def test_it_is_told(manager: tuple[str, socket.socket]) -> None:
    """All of it in one datagram, line by line."""
    told, listening = manager
    Notifier({"NOTIFY_SOCKET": told}).tell("READY=1", "STATUS=serving")
    assert listening.recv(4096) == b"READY=1\nSTATUS=serving"


Ts = TypeVarTuple("Ts")


class HurriedLoop(asyncio.SelectorEventLoop):
    """Calls at once whatever is to be called later, and notes how much later."""

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self.delays.append(delay)
        return super().call_later(0, callback, *args, context=context)


def test_the_watchdog_hears_of_it_in_time(manager: tuple[str, socket.socket]) -> None:
    """Again and again, at a third of the manager's patience."""
    told, listening = manager
    environment = {"NOTIFY_SOCKET": told, "WATCHDOG_USEC": "9000000"}
    environment["WATCHDOG_PID"] = str(os.getpid())
    with closing(HurriedLoop()) as loop:
        Notifier(environment).keep_alive(loop)
        for _ in range(3):
            assert listening.recv(4096) == b"WATCHDOG=1"
            loop.run_until_complete(asyncio.sleep(0))
        assert set(loop.delays) == {3.0}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
        {"NOTIFY_SOCKET": "@parley-nobody-has-this"},
        {"NOTIFY_SOCKET": "/" + "long" * 100},
    ],
)
def test_nobody_listens(environment: dict[str, str]) -> None:
    """Nothing happens."""
    Notifier(environment).tell("READY=1")


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"}],
)
def test_no_watchdog_of_ours(watchdog: dict[str, str], manager: tuple[str, socket.socket]) -> None:
    """It is not fed, as when it watches a process that has started this one."""
    told, listening = manager
    loop = asyncio.new_event_loop()
    Notifier({"NOTIFY_SOCKET": told, **watchdog}).keep_alive(loop)
    loop.close()
    listening.setblocking(False)
    with pytest.raises(BlockingIOError):
        listening.recv(4096)


def test_children_are_not_asked() -> None:
    """A process that this one starts does not take the watchdog for its own."""
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    Notifier(environment)
    assert environment == {"HOME": "/"}
