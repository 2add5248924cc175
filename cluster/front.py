"""The front's configuration."""

from __future__ import annotations

from collections.abc import Mapping


def haproxy(port: int, web: Mapping[str, tuple[int, int]]) -> str:
    return ""
