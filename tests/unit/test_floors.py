"""The floors: a package imports only from floors below it, and the edges never each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EDGES = {"gateway", "rpc", "admin", "post"}
HOUSE = {"switchboard", "parley"} | EDGES

FORBIDDEN: dict[str, set[str]] = {
    "switchboard": EDGES | {"parley", "twisted", "slixmpp"},
    **{edge: (EDGES - {edge}) | {"parley"} for edge in EDGES},
    "parley": set(),
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Gives the line and the top-level package of every absolute import in `source`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, (node.module or "").partition(".")[0]


def violations(root: Path) -> list[str]:
    """Gives `file:line imports package` for every import that the floors forbid."""
    return [
        f"{path.relative_to(root)}:{line} imports {package}"
        for floor, forbidden in FORBIDDEN.items()
        for path in sorted((root / floor).rglob("*.py"))
        for line, package in imported(path.read_text("utf-8"))
        if package in forbidden
    ]


def test_the_tree_keeps_to_the_floors() -> None:
    """No file of the house imports from its own floor's neighbours or from above."""
    assert violations(ROOT) == []


def test_the_rule_covers_the_house() -> None:
    """Every package of the house that stands is one the rule knows, with files in it."""
    standing = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {
        "tests",
        "bench",
        "cluster",
    }
    assert standing <= HOUSE
    assert {"switchboard", "gateway", "rpc", "parley"} <= standing


@pytest.mark.parametrize(
    ("file", "statement", "package"),
    [
        ("switchboard/reception/talks.py", "from gateway.jids import bare", "gateway"),
        ("switchboard/model.py", "import twisted.internet", "twisted"),
        ("switchboard/model.py", "def late() -> None:\n    import slixmpp", "slixmpp"),
        ("gateway/inbound/message.py", "from rpc import wire", "rpc"),
        ("rpc/site.py", "import os, parley.command", "parley"),
        ("admin/page.py", "from post import mail", "post"),
    ],
)
def test_a_planted_violation_is_found(
    tmp_path: Path, file: str, statement: str, package: str
) -> None:
    """An import that the floors forbid is named, wherever in a file it stands."""
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(statement)
    (found,) = violations(tmp_path)
    assert found.startswith(f"{file}:")
    assert found.endswith(f"imports {package}")


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("parley/run.py", "import gateway, rpc, switchboard, twisted, slixmpp"),
        ("gateway/component.py", "import slixmpp\nfrom switchboard.ports import Bus"),
        ("rpc/site.py", "from twisted.web import resource\nfrom rpc import wire\nfrom . import x"),
        ("switchboard/store/sql.py", "import sqlalchemy\nfrom switchboard.model import Site"),
    ],
)
def test_what_the_floors_allow_is_no_violation(tmp_path: Path, file: str, statement: str) -> None:
    """Imports from below, from one's own package and from libraries are allowed."""
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(statement)
    assert violations(tmp_path) == []
