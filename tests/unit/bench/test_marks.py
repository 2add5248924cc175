"""A day is judged by what its statements were for."""

from __future__ import annotations

import pytest

from bench.day.kinds import Digest, by_kind
from bench.day.marks import Facts, marks, most_writes, writes

FACTS = Facts(messages=10, talks=1, known=2, active=12.0, processes=2)
LOCKED = "SELECT `conversations` . `id` FROM `conversations` WHERE `conversations` . `id` IN (?) "
WELL = [
    Digest("INSERT INTO `messages` ( `seq` ) VALUES (...) ", 10, 10),
    Digest(f"{LOCKED} FOR UPDATE ", 10, 0),
    Digest("INSERT INTO `conversations` ( `seq` ) VALUES (...) ", 2, 2),
    Digest("INSERT INTO `cursors` ( `read` ) VALUES (...) ", 4, 9),
    Digest("INSERT INTO `shown` ( `name` ) VALUES (...) ", 3, 30),
    Digest(
        "SELECT `conversations` . `seq` FROM `conversations` WHERE `conversations` . `id` = ?", 2, 0
    ),
    Digest(
        "SELECT `conversations` . `id` FROM `conversations` WHERE `phase` IN (...) FOR UPDATE", 4, 0
    ),
]


def test_a_day_as_it_should_be_holds() -> None:
    """Every mark is met, and what is written in batches is not added up."""
    found = marks(FACTS, by_kind(WELL))
    assert [mark.held for mark in found] == [True] * 4
    assert [mark.found for mark in found] == [0, 2, 12, 4]
    assert writes(by_kind(WELL)) == 19
    assert most_writes(FACTS) == 15


@pytest.mark.parametrize(
    ("digest", "missed"),
    [
        (Digest("SELECT `details` FROM `visitors` WHERE `visitors` . `id` = ? ", 1, 0), 0),
        (Digest("SELECT * FROM `pages` ", 1, 0), 0),
        (Digest("SELECT * FROM `messages` WHERE `messages` . `act` IN (...) ", 11, 0), 1),
        (Digest("UPDATE `conversations` SET `seq` = ? ", 1, 1), 2),
    ],
)
def test_what_is_too_much_is_missed(digest: Digest, missed: int) -> None:
    """A session read, a statement nobody knows, a page's read too many and a row too many."""
    found = marks(FACTS, by_kind([*WELL, digest]))
    assert [number for number, mark in enumerate(found) if not mark.held] == [missed]


def test_a_batched_write_too_often_is_missed() -> None:
    """Twelve seconds of two processes are six of each kind."""
    more = Digest("INSERT INTO `cursors` ( `read` ) VALUES (...) /* , ... */ ", 3, 9)
    assert not marks(FACTS, by_kind([*WELL, more]))[3].held
