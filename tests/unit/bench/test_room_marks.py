"""A room is judged by both sides' costs."""

from __future__ import annotations

from typing import Any

from bench.rooms.chatty import told
from bench.rooms.marks import faults, marks
from bench.rooms.report import limit, pings, rooms
from bench.rooms.sides import judged


def side(name: str, cpu: float, rate: float) -> dict[str, Any]:
    """A run of 100 members; CPU seconds of 1,000 deliveries, and deliveries a second."""
    said = {"deliveries": 1000, "faults": [], "refusals": [], "p50_ms": 1.0, "p99_ms": 2.0}
    return {
        "side": name,
        "members": 100,
        "kib_a_member": 9.0,
        **{
            phase: judged({**said, "seconds": 1000 / rate, "crowd_cpu": 0.001}, cpu, cpu + 0.002)
            for phase in ("paced", "flood")
        },
    }


def test_a_room_as_it_should_be_holds() -> None:
    """A quarter of the other side's CPU is allowed, and 20,000 a second are enough."""
    found = marks([side("ours", 0.05, 20_000), side("muc", 0.2, 4_000)])
    assert [mark.held for mark in found] == [True] * 3
    assert [mark.found for mark in found] == [0.25, 20_000, 20_000]


def test_a_room_that_costs_too_much_misses_its_marks() -> None:
    """All of them."""
    found = marks([side("ours", 0.06, 19_000), side("muc", 0.2, 4_000)])
    assert [mark.held for mark in found] == [False] * 3


def test_no_share_is_told_where_one_side_is_missing() -> None:
    """Only what was measured is judged."""
    assert len(marks([side("ours", 0.05, 20_000)])) == 2
    assert marks([side("muc", 0.05, 20_000)]) == []


def test_faults_are_named_by_side_and_phase() -> None:
    """Lines that went missing, and lines that were refused."""
    run = side("muc", 0.2, 4_000)
    run["flood"] |= {"faults": ["3 lines are missing"], "refusals": ["no"]}
    assert faults([side("ours", 0.05, 20_000), run]) == [
        "muc, flood: 3 lines are missing",
        "muc, flood: no",
    ]


def test_what_had_nothing_left_is_named() -> None:
    """The server, before the crowd, before both cores."""
    cores = {"server_cores": 0.3, "crowd_cores": 0.2, "other_cores": 0.1}
    assert limit(cores) == "nothing"
    assert limit(cores | {"other_cores": 1.4}) == "the machine"
    assert limit(cores | {"crowd_cores": 0.95}) == "crowd"
    assert limit(cores | {"crowd_cores": 0.95, "server_cores": 0.92}) == "server"


def test_the_table_tells_both_sides_and_the_marks() -> None:
    """One row for a side and a load."""
    runs = [side("ours", 0.06, 19_000), side("muc", 0.2, 4_000)]
    told = [{**vars(mark), "held": mark.held} for mark in marks(runs)]
    text = rooms({"rooms": runs, "marks": told})
    assert "| Prosody's | 100 | 5 lines a second | 4,000 | 200.0 µs | 1 ms | 2 ms |" in text
    assert "| CPU of a delivery to 100, of Prosody's | 0.3 | at most 0.25 | **no** |" in text
    assert "| ours | 100 | 9.0 KiB |" in text


def test_pings_are_told_beside_push() -> None:
    """While nobody speaks first, then while somebody does."""
    used = told({"rpc1": 0.25, "statements": 4.0, "redis commands": 8.0})
    quiet = {**used, "requests_a_second": 500.0, "refused": 0}
    talk = {**quiet, "requests_a_second": 505.0, "p50_ms": 1000.0, "p99_ms": 2000.0}
    pushed = {**talk, "requests_a_second": 5.0, "p50_ms": 3.0, "p99_ms": 12_000.0}
    runs = [
        {"way": "polls", "empty": used, "quiet": quiet, "talk": talk},
        {"way": "push", "empty": used, "quiet": quiet, "talk": pushed},
    ]
    text = pings(runs)
    assert "| requests | 500.0 | 500.0 | 505.0 | 5.0 |" in text
    assert "| CPU of rpc1, ms | 250 | 250 | 250 | 250 |" in text
    assert "| a line's way to a guest: p99 |  |  | 2,000 ms | 12 s |" in text
