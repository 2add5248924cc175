"""Statements are told apart by MariaDB's digests of them."""

from __future__ import annotations

import pytest

from bench.day.kinds import OTHER, Digest, Does, Why, by_kind, kind_of


@pytest.mark.parametrize(
    ("text", "why", "does"),
    [
        (
            "INSERT INTO `messages` ( `conversation` , `seq` ) VALUES (...) /* , ... */ ",
            Why.LINE,
            Does.WRITES,
        ),
        (
            "SELECT `conversations` . `id` , `conversations` . `seq` FROM `conversations` "
            "WHERE `conversations` . `id` IN (...) ORDER BY `conversations` . `id` FOR UPDATE ",
            Why.LINE,
            Does.READS,
        ),
        (
            "SELECT `messages` . `seq` FROM `messages` WHERE `messages` . `conversation` = ? "
            "AND `messages` . `sender` = ? AND `messages` . `client_id` = ? ",
            Why.LINE,
            Does.READS,
        ),
        (
            "SELECT `cursors` . `read` FROM `cursors` INNER JOIN `conversations` ON `cursors` . "
            "`conversation` = `conversations` . `id` WHERE `conversations` . `domain` = ? "
            "AND `conversations` . `phase` IN (...) ",
            Why.CLOCK,
            Does.READS,
        ),
        ("DELETE FROM `shown` WHERE `shown` . `domain` = ? ", Why.FLUSH, Does.WRITES),
        ("SELECT `meta` . `version` FROM `meta` ", Why.CLOCK, Does.READS),
        (
            "SELECT `visitors` . `details` FROM `visitors` WHERE `visitors` . `id` = ? ",
            Why.SESSION,
            Does.READS,
        ),
        ("COMMIT ", Why.FRAME, Does.NEITHER),
    ],
)
def test_a_digest_is_told_by_its_text(text: str, why: Why, does: Does) -> None:
    """What makes a statement run, and whether it writes, follows from its digest."""
    kind = kind_of(text)
    assert (kind.why, kind.does) == (why, does)


def test_what_is_not_known_is_counted_apart() -> None:
    """A statement that nobody thought of is not left out."""
    assert kind_of("SELECT * FROM `pages` ") is OTHER


def test_digests_of_a_kind_are_added_up() -> None:
    """One row and many rows have digests of their own, and are of one kind."""
    found = by_kind(
        [
            Digest("INSERT INTO `cursors` ( `read` ) VALUES (...) ON DUPLICATE KEY ", 3, 3),
            Digest("INSERT INTO `cursors` ( `read` ) VALUES (...) /* , ... */ ON ", 2, 9),
        ]
    )
    [(kind, tally)] = found.items()
    assert kind.what == "cursors"
    assert (tally.count, tally.rows) == (5, 12)
