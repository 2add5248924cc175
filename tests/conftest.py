"""How the tests are shared out between two workers: what waits for real time runs beside the rest.

With `-n 0` they run one after the other, as pytest alone would have them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
BROWSER = ("e2e/test_main_job.py", "e2e/test_network.py")
SERVERS = ("e2e/", "chaos/")
FIRST = ("browser", "servers")
"""The groups that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives each test its group: those with real servers have two, any other has its file."""
    groups = {item: _group(item.path.relative_to(HERE).as_posix()) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: FIRST.index(groups[item]) if groups[item] in FIRST else len(FIRST))


def _group(path: str) -> str:
    if path in BROWSER:
        return "browser"
    return "servers" if path.startswith(SERVERS) else path
