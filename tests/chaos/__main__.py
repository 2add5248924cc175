"""`python -m tests.chaos`: the long form; prints its table and writes it down.

    python -m tests.chaos [--server prosody|ejabberd|ejabberd-api] [--seed N] [--visitors N]
        [--messages N] [--short] [--keep FOLDER]

Exit status 1 and the broken promises on standard error if there are any; then nothing is written.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import get_args

from tests.chaos.house import ServerName
from tests.chaos.plans import LONG, SHORT, over
from tests.chaos.report import table, write
from tests.chaos.run import run

PAGE = Path("docs/reliability.md")


def main() -> int:
    """Runs it once."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--server", choices=get_args(ServerName), default="prosody")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--visitors", type=int)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--short", action="store_true", help="the form that pytest runs")
    parser.add_argument("--keep", type=Path, help="where data and logs stay")
    said = parser.parse_args()
    plan = replace(over(said.server, SHORT if said.short else LONG), seed=said.seed)
    if said.visitors:
        plan = replace(plan, visitors=said.visitors)
    if said.messages:
        plan = replace(plan, messages=said.messages)
    with tempfile.TemporaryDirectory(prefix="parley-chaos-") as folder:
        outcome = asyncio.run(run(plan, said.keep or Path(folder)))
    print(table(outcome))
    for complaint in outcome.complaints:
        print(complaint, file=sys.stderr)
    if outcome.complaints:
        return 1
    if not said.short and said.server != "ejabberd-api":  # the page has no table for it
        write(outcome, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
