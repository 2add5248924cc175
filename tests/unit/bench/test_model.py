"""The model of what nodes cost is the line through one and two of them."""

from __future__ import annotations

from typing import Any

from bench.model import by_kind, compare


def run(web: int, **each: float) -> dict[str, Any]:
    return {"web": web, "talk": {"each": each}}


def test_processes_of_a_kind_are_added_up() -> None:
    """Nodes have numbers; what is no process is left out."""
    assert by_kind({"rpc1": 1.0, "rpc2": 2.0, "gateway1": 3.0, "statements": 9.0}) == {
        "rpc": 3.0,
        "gateway": 3.0,
    }


def test_three_are_predicted_by_one_and_two() -> None:
    """Rounds are averaged; the error is the prediction's, in percent of what was measured."""
    runs = [
        *(run(1, rpc1=0.9, redis=0.1), run(1, rpc1=1.1, redis=0.1)),
        run(2, rpc1=0.6, rpc2=0.6, redis=0.2),
        run(3, rpc1=0.5, rpc2=0.5, rpc3=0.6, redis=0.4),
    ]
    rows = {row["kind"]: row for row in compare(runs)}
    rpc = rows["rpc"]
    assert (rpc["nodes_1"], rpc["nodes_2"], rpc["nodes_3"]) == (1.0, 1.2, 1.6)
    assert (rpc["predicted_3"], rpc["error_percent"]) == (1.4, -12.5)
    assert rows["redis"]["error_percent"] == -25.0
    assert rows["all"]["nodes_3"] == 2.0
