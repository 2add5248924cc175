"""The judge finds each kind of broken promise, so that its silence means something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.verdict import Account, Desk, Verdict, judge

STORED = [(1, "visitor", "v0 m1"), (2, "operator", "ann to v0 m1"), (3, "visitor", "v0 m2")]
ACCOUNT = Account("Vera", ["v0 m1", "v0 m2"], {"v0 m1": 1, "v0 m2": 3}, STORED, STORED)
DESK = Desk("ann", {"Vera": ["v0 m1", "v0 m2"]}, {"Vera": ["ann to v0 m1"]}, ["ann to v0 m1"])


def verdict(account: Account = ACCOUNT, desk: Desk = DESK) -> Verdict:
    """The verdict over one visitor and one operator."""
    return judge([account], [desk])


def test_all_is_well() -> None:
    """Nothing broken: nothing is said, and everything is counted."""
    found = verdict()
    assert found.complaints == []
    assert (found.said, found.acknowledged, found.seen, found.stored_answers) == (2, 2, 2, 1)


def test_what_never_arrived_is_no_loss() -> None:
    """An operator's line into a broken link is counted apart; a repeated sighting too."""
    desk = replace(
        DESK,
        sent={"Vera": ["ann to v0 m1", "into the dark"]},
        seen={"Vera": ["v0 m1", "v0 m1", "v0 m2"]},
    )
    found = verdict(desk=desk)
    assert found.complaints == []
    assert (found.answered, found.never_arrived, found.doubled_at_desk) == (2, 1, 1)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("lost_to_desk", {"acknowledged": {"v0 m1": 1, "v0 m2": 2}}),
        ("lost_to_desk", {"acknowledged": {"v0 m1": 1, "v0 m3": 4}}),
        ("lost_in_widget", {"log": STORED[:2]}),
        ("doubled_in_widget", {"log": [*STORED, (4, "operator", "ann to v0 m1")]}),
        ("out_of_order", {"log": [STORED[1], STORED[0], STORED[2]]}),
        ("out_of_order", {"said": ["v0 m2", "v0 m1"]}),
        ("false_receipts", {"log": [STORED[0], STORED[2]]}),
    ],
)
def test_a_fault_of_the_log(field: str, changed: dict[str, Any]) -> None:
    """A line lost, doubled, moved or wrongly confirmed."""
    found = verdict(account=replace(ACCOUNT, **changed))
    assert getattr(found, field) >= 1
    assert found.complaints


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("lost_to_desk", {"seen": {"Vera": ["v0 m1"]}}),
        ("lost_to_desk", {"seen": {"Eve": ["v0 m1", "v0 m2"]}}),
        ("out_of_order", {"seen": {"Vera": ["v0 m2", "v0 m1"]}}),
        ("false_receipts", {"receipts": ["another"]}),
    ],
)
def test_a_fault_at_the_desk(field: str, changed: dict[str, Any]) -> None:
    """A line that nobody saw, or saw too late, or a receipt for nothing."""
    found = verdict(desk=replace(DESK, **changed))
    assert getattr(found, field) >= 1
    assert found.complaints


def test_what_a_frozen_process_held_up() -> None:
    """A later line that another process stored first is no fault of the order, and is counted."""
    log = [*STORED, (4, "operator", "second"), (5, "operator", "first")]
    account = replace(ACCOUNT, log=log, stored=log)
    desk = replace(DESK, sent={"Vera": ["ann to v0 m1", "first", "second"]})
    assert verdict(account=account, desk=desk).out_of_order == 1
    found = verdict(account=account, desk=replace(desk, held_up={"first"}))
    assert found.complaints == []
    assert found.overtaken == 1
