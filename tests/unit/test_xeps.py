"""docs/xeps.md and docs/parley.doap: they claim the same, and it is tested."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.capabilities import FEATURES, OF_CONTACTS, WITH_ROOMS
from gateway.muc import describing

ROOT = Path(__file__).parents[2]
DOAP = "{http://usefulinc.com/ns/doap#}"
XMPP = "{https://linkmauve.fr/ns/xmpp-doap#}"
RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
STATUSES = {"complete", "partial", "planned", "deprecated", "removed"}


@dataclass(frozen=True)
class Row:
    """A row of the document's table."""

    address: str
    version: str
    status: str
    namespaces: tuple[str, ...]
    tests: tuple[str, ...]


def rows() -> list[Row]:
    """The table, a claim a line."""
    found = []
    for line in (ROOT / "docs" / "xeps.md").read_text("utf-8").splitlines():
        if line.startswith("| ["):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            what, version, status, namespaces, _, tests = cells
            address = re.match(r"\[[^]]+\]\(([^)]+)\)", what)
            assert address is not None, line
            found.append(Row(address[1], version, status, _quoted(namespaces), _quoted(tests)))
    return found


def _quoted(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def functions(tree: ast.Module) -> set[str]:
    """Every test of a module as pytest names it: `test_it`, `TestThat::test_it`."""
    found = set()
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {
            prefix + one.name
            for one in inside
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            and one.name.startswith("test_")
        }
    return found


def test_both_claim_the_same() -> None:
    """Each RFC, and each XEP in the same version and to the same extent, once in each."""
    project = ET.parse(ROOT / "docs" / "parley.doap").getroot().find(DOAP + "Project")
    assert project is not None
    claims: list[tuple[str | None, ...]] = []
    for implements in project.iter(DOAP + "implements"):
        xep = implements.find(XMPP + "SupportedXep")
        if xep is None:
            claims.append((implements.get(RESOURCE),))
        else:
            address = xep.find(XMPP + "xep")
            assert address is not None
            claims.append(
                (
                    address.get(RESOURCE),
                    xep.findtext(XMPP + "version"),
                    xep.findtext(XMPP + "status"),
                )
            )
            assert xep.findtext(XMPP + "since")
    assert len(set(claims)) == len(claims)
    assert sorted(map(str, claims)) == sorted(
        str((row.address,) if "/rfcs/" in row.address else (row.address, row.version, row.status))
        for row in rows()
    )


@pytest.mark.parametrize("row", rows(), ids=lambda row: Path(row.address).stem)
def test_each_claim_is_shown(row: Row) -> None:
    """The tests that a row names are there."""
    assert row.status in STATUSES
    assert row.tests
    for name in row.tests:
        path, _, function = name.partition("::")
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        assert function in functions(tree), f"{name} is not there"


ANSWERED = {*FEATURES, *OF_CONTACTS, *WITH_ROOMS.features, *describing.FEATURES}


@pytest.mark.parametrize("feature", sorted(ANSWERED))
def test_each_feature_is_claimed(feature: str) -> None:
    """What disco#info answers belongs to a row."""
    assert [row.address for row in rows() if feature in row.namespaces]


def test_no_namespace_is_claimed_twice() -> None:
    """A namespace belongs to one row."""
    namespaces = [namespace for row in rows() for namespace in row.namespaces]
    assert len(set(namespaces)) == len(namespaces)
