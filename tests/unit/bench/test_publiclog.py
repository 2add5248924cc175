"""The table of what a cache in front of public logs saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.publiclog import BEGIN, END, KINDS, WAYS, write

COSTS = {"p50_ms": 1.0, "p99_ms": 2.0, "node_us": 3.0, "nginx_us": 4.0, "statements_a_second": 5.0}


def test_the_table_goes_between_the_markers(tmp_path: Path) -> None:
    """In the place of the one before, with a row for each way and kind."""
    runs: list[dict[str, Any]] = [
        {"way": way, "kind": kind, "a_second": answers, "a_core": 2 * answers, **COSTS}
        for kind in KINDS
        for way, answers in zip(WAYS, (1000, 12_500), strict=True)
    ]
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    write({"runs": runs}, page)
    written = page.read_text("utf-8")
    assert written.startswith(f"before\n{BEGIN}\n\n| Read |")
    assert written.endswith(f"|\n\n{END}\nafter\n")
    assert "old" not in written
    assert "| whole answers, from the node | 1,000 | 2,000 | 1.0 ms, 2.0 ms | 3, 4 | 5 |" in written
    assert "| whole answers, from nginx | 12,500 (× 12.5) | 25,000 (× 12.5) |" in written
