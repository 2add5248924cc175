"""One asyncio loop under both Twisted and slixmpp, and a process that ends in good order."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from .notify import Notifier

STOP_SECONDS = 19.0
"""How long the process may take to end once it was told to."""
MOST_FILES = 1 << 20

log = logging.getLogger("parley")


def start_logging(level: int = logging.INFO) -> None:
    """Everything goes to standard error, a line an event."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    # slixmpp reports each lost link with a traceback of its own; component.py says it in a line.
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
    # The HTTP client tells of each call; gateway/buddies/api.py says what has changed.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Twisted tells of each connection it times out or turns away, with the visitor's address.
    logging.getLogger("twisted").setLevel(logging.WARNING)


def install_reactor() -> asyncio.AbstractEventLoop:
    """Makes the loop and puts Twisted's reactor on it; to be called before anything else."""
    from twisted.internet import asyncioreactor

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    return loop


def run(service: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    """Runs a service until SIGINT or SIGTERM; raises what the service raised."""
    loop = install_reactor()
    from twisted import internet
    from twisted.logger import STDLibLogObserver, globalLogBeginner

    observers: list[Any] = [STDLibLogObserver()]
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
    reactor: Any = internet.reactor
    stopping = asyncio.Event()
    raised: list[BaseException] = []
    notifier = Notifier(os.environ)

    async def main() -> None:
        try:
            async with service():
                notifier.tell("READY=1", "STATUS=serving")
                await stopping.wait()
                notifier.tell("STOPPING=1", "STATUS=stopping")
                log.info("stopping")
                _end_in_time()
        except BaseException as problem:  # noqa: BLE001 - given to the caller below
            raised.append(problem)
        finally:
            reactor.stop()

    def start() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        notifier.keep_alive(loop)
        task = loop.create_task(main())
        _keep.append(task)

    _keep: list[asyncio.Task[None]] = []
    # What is here now stays: looking through it again and again was a tenth of a line's cost.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # A watchdog ends a frozen process by SIGABRT: then the log has where it stood.
    faulthandler.enable()
    _allow_many_files()
    reactor.callWhenRunning(start)
    reactor.run(installSignalHandlers=False)
    if raised:
        raise raised[0]


def _end_in_time() -> None:
    """A thread that hangs in a driver would keep the process for ever."""

    def give_up() -> None:
        log.error("still here after %g s: ending without good order", STOP_SECONDS)
        os._exit(1)

    timer = threading.Timer(STOP_SECONDS, give_up)
    timer.daemon = True
    timer.start()


def _allow_many_files() -> None:
    """Each visitor is an open file; the usual limit is 1024, and a process may raise it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
