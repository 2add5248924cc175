"""Several nodes on one machine, hit while visitors talk: nothing is lost, nothing is doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.plans import LONG, SHORT
from tests.cluster.report import STORE, tables
from tests.cluster.run import Outcome, Plan, run


@pytest.mark.parametrize(
    "plan",
    [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)],
)
async def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path, plan: Plan) -> None:
    """Kills and freezes of every part: every promise is kept, and every view is right."""
    outcome: Outcome = await run(plan, tmp_path)
    print(tables(outcome))
    assert outcome.complaints == []
    assert outcome.verdict.acknowledged == outcome.verdict.said
    assert len(outcome.dealt) == len(plan.hits)
    assert all(outcome.nodes.values()), "every web node has visitors"
    if plan is LONG:
        assert outcome.percentile(0.99, (STORE,)) < 2.0, "seconds until acknowledged"
