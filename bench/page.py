"""Tables for people, and where in a page of the documentation they go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

Row = tuple[object, ...]


def table(head: Row, rows: Sequence[Row]) -> str:
    """In Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def put(page: Path, name: str, text: str) -> None:
    """Puts the text between the page's two markers of this name, in the place of what is there."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, there, rest = page.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    assert there, f"{page} has no {begin}"
    assert closed, f"{page} has no {end}"
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", "utf-8")
