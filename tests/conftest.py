"""How the tests are shared out between three workers, since most of their time is waiting.

With `-n 0` they run one after the other, as pytest alone would have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
GROUPS = {
    "network": ("e2e/test_main_job.py", "e2e/widget/test_network.py", "e2e/widget/test_soak.py"),
    "widget": ("e2e/widget/",),
    "nodes": (
        "cluster/",
        "e2e/front/",
        "e2e/servers/test_takeover.py",
        "e2e/test_mariadb.py",
        "e2e/test_replica.py",
        "e2e/test_watchdog.py",
    ),
    "own": (
        "e2e/rooms/",
        "e2e/test_card.py",
        "e2e/test_changes.py",
        "e2e/test_clients.py",
        "e2e/test_command.py",
        "e2e/test_files.py",
        "e2e/test_rooms_widget.py",
        "e2e/test_store_faults.py",
    ),
    "servers": ("e2e/", "chaos/"),
}
"""Tests with real servers, by the beginnings of their paths; the first that fits counts."""
FIRST = ("servers", "nodes", "own", "network", "widget")
"""The groups that take longest, the longest first: none may be what all wait for in the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run may be asked to do besides."""
    parser.addoption(
        "--gallery", action="store_true", help="write the widget's pictures to docs/images/widget"
    )


def pytest_configure() -> None:
    """A slow machine fails no example of Hypothesis'."""
    settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives each test its group: those with real servers have five, any other has its file."""
    groups = {item: _group(item.path.relative_to(HERE).as_posix()) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: FIRST.index(groups[item]) if groups[item] in FIRST else len(FIRST))


@pytest.fixture(scope="session", autouse=True)
def _no_certificates_are_read() -> Iterator[None]:
    """slixmpp reads twice a link what a system trusts, 20 ms each; no test trusts any of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssl.SSLContext.set_default_verify_paths", lambda _: None)
        yield


def _group(path: str) -> str:
    return next((group for group, paths in GROUPS.items() if path.startswith(paths)), path)
