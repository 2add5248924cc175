"""Ports for the servers that a test starts."""

from __future__ import annotations

import random
import socket

_CHANCE = random.SystemRandom()
_PORTS = range(10_000, 32_000)
"""Below those that the kernel gives to outgoing connections: a server that is killed finds its
own port free when it is started again."""


def free_port() -> int:
    """Gives a TCP port of 127.0.0.1 that nobody listens on now."""
    while True:
        port = _CHANCE.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
