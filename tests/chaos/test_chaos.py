"""The short form of `make chaos`: nothing is lost, nothing is doubled, all in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.house import ServerName
from tests.chaos.plans import SHORT, over
from tests.chaos.report import table
from tests.chaos.run import run


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("prosody", marks=pytest.mark.prosody),
        pytest.param("ejabberd", marks=pytest.mark.long),
        pytest.param("ejabberd-api", marks=pytest.mark.long),
    ],
)
async def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path, server: ServerName) -> None:
    """Kills, freezes and cuts: every promise is kept, for all visitors and operators."""
    outcome = await run(over(server, SHORT), tmp_path)
    print(table(outcome))
    assert outcome.complaints == []
    assert outcome.verdict.acknowledged == SHORT.visitors * SHORT.messages
    assert outcome.verdict.stored_answers > outcome.verdict.acknowledged / 2
