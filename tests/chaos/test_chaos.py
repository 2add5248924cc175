"""The short form of `make chaos`: nothing is lost, nothing is doubled, all in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.plans import SHORT
from tests.chaos.report import table
from tests.chaos.run import run


@pytest.mark.prosody
async def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    """Kills, freezes and cuts: every promise is kept, for all visitors and operators."""
    outcome = await run(SHORT, tmp_path)
    print(table(outcome))
    assert outcome.complaints == []
    assert outcome.verdict.acknowledged == SHORT.visitors * SHORT.messages
    assert outcome.verdict.stored_answers > outcome.verdict.acknowledged / 2
