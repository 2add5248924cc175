"""`python -m tests.cluster`: the long form; prints its tables and writes them down.

Exit status 1 and the broken promises on standard error if there are any; then nothing is written.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.cluster.plans import LONG, SHORT
from tests.cluster.report import tables, write
from tests.cluster.run import run

PAGE = Path("docs/reliability.md")


def main() -> int:
    """Runs it once."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--visitors", type=int)
    parser.add_argument("--short", action="store_true", help="the form that pytest runs")
    parser.add_argument("--only", help="hits whose words hold this, such as 'freeze haproxy'")
    parser.add_argument("--keep", type=Path, help="where data and logs stay")
    said = parser.parse_args()
    plan = replace(SHORT if said.short else LONG, seed=said.seed)
    if said.visitors:
        plan = replace(plan, visitors=said.visitors)
    if said.only:
        hits = tuple(hit for hit in plan.hits if said.only in f"{hit.what} {hit.whom}")
        plan = replace(plan, hits=hits)
    with tempfile.TemporaryDirectory(prefix="parley-cluster-") as folder:
        outcome = asyncio.run(run(plan, said.keep or Path(folder)))
    print(tables(outcome))
    for complaint in outcome.complaints:
        print(complaint, file=sys.stderr)
    if outcome.complaints:
        return 1
    if not (said.short or said.only):
        write(outcome, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
