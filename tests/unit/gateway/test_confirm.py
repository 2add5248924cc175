"""What counts as confirmed: gateway/confirm.py against an oracle of what the client has."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.confirm import (
    ASLEEP_AFTER,
    BATCH_WAIT,
    PING_EVERY,
    RECEIPT_WAIT,
    UNANSWERED_MOST,
    Confirmation,
    Confirmed,
    PingDue,
    Verdict,
)


def test_receipt_confirms_its_line_alone() -> None:
    """It may be for a copy sent before a break, so it says nothing of other lines."""
    confirmation = Confirmation("t")
    for seq in (1, 2, 3):
        confirmation.sent(seq, 0.0)
    assert confirmation.receipt(2) == Confirmed((2,))
    assert confirmation.outstanding
    assert confirmation.receipt(2) is None
    assert confirmation.receipt(3) == Confirmed((3,))
    assert confirmation.receipt(1) == Confirmed((1,))
    assert not confirmation.outstanding


def test_no_ping_while_a_receipt_may_come() -> None:
    """A requested receipt is waited for before a ping is spent."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    assert confirmation.tick(RECEIPT_WAIT - 0.1, receipts=None) is None
    assert isinstance(confirmation.tick(RECEIPT_WAIT, receipts=None), PingDue)


def test_client_without_receipts_is_pinged_at_once_but_in_batches() -> None:
    """At most one ping in PING_EVERY, for all that went before it."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    first = confirmation.tick(BATCH_WAIT, receipts=False)
    assert isinstance(first, PingDue)
    confirmation.sent(2, BATCH_WAIT + 0.1)
    assert confirmation.pong(first.id) == Confirmed((1,))
    assert confirmation.tick(BATCH_WAIT + PING_EVERY - 0.1, receipts=False) is None
    second = confirmation.tick(BATCH_WAIT + PING_EVERY, receipts=False)
    assert isinstance(second, PingDue)
    assert second.id != first.id
    assert confirmation.pong(second.id) == Confirmed((2,))


def test_a_line_sent_behind_a_ping_is_not_confirmed_by_it() -> None:
    """A ping's result covers only what went before the ping."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    ping = confirmation.tick(RECEIPT_WAIT, receipts=None)
    assert isinstance(ping, PingDue)
    confirmation.sent(2, RECEIPT_WAIT)
    assert confirmation.pong(ping.id) == Confirmed((1,))
    assert confirmation.outstanding


def test_an_error_means_lost_unless_the_client_knows_no_ping() -> None:
    """Every error to a ping leaves the lines unconfirmed, but for a missing feature."""
    for unsupported, expected in ((False, Verdict.LOST), (True, Confirmed((1,)))):
        confirmation = Confirmation("t")
        confirmation.sent(1, 0.0)
        ping = confirmation.tick(RECEIPT_WAIT, receipts=None)
        assert isinstance(ping, PingDue)
        assert confirmation.ping_failed(ping.id, unsupported) == expected


def test_answers_to_foreign_pings_mean_nothing() -> None:
    """Only the id of the ping under way counts, and only once."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    ping = confirmation.tick(RECEIPT_WAIT, receipts=None)
    assert isinstance(ping, PingDue)
    assert confirmation.pong("t-99") is None
    assert confirmation.ping_failed("t-99", unsupported=True) is None
    assert confirmation.pong(ping.id) == Confirmed((1,))
    assert confirmation.pong(ping.id) is None


def test_silence_means_asleep_once() -> None:
    """A resource that answers nothing counts as asleep, and a late answer wakes it."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    ping = confirmation.tick(RECEIPT_WAIT, receipts=None)
    assert isinstance(ping, PingDue)
    assert confirmation.tick(ASLEEP_AFTER, receipts=None) is Verdict.ASLEEP
    assert confirmation.tick(ASLEEP_AFTER + 1, receipts=None) is None
    assert confirmation.pong(ping.id) == Confirmed((1,))
    assert not confirmation.asleep


def test_a_ping_that_was_passed_over_tells_of_a_break() -> None:
    """Answers come in order: the later one alone means that the lines before are lost."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    first = confirmation.tick(RECEIPT_WAIT, receipts=None)
    assert isinstance(first, PingDue)
    assert confirmation.tick(ASLEEP_AFTER, receipts=None) is Verdict.ASLEEP
    second = confirmation.tick(RECEIPT_WAIT + ASLEEP_AFTER, receipts=None)
    assert isinstance(second, PingDue)
    assert confirmation.pong(second.id) is Verdict.BROKEN


def test_late_answers_in_order_confirm() -> None:
    """A client that slept answers both pings, the first one first."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    pings = []
    for now in (RECEIPT_WAIT, ASLEEP_AFTER, RECEIPT_WAIT + ASLEEP_AFTER):
        if isinstance(due := confirmation.tick(now, receipts=None), PingDue):
            pings.append(due.id)
    assert [confirmation.pong(id) for id in pings] == [Confirmed((1,)), None]


def test_a_sleeper_is_not_pinged_for_ever() -> None:
    """After UNANSWERED_MOST pings nothing more piles up for it."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    due = [confirmation.tick(now * ASLEEP_AFTER, receipts=None) for now in range(40)]
    assert sum(isinstance(one, PingDue) for one in due) == UNANSWERED_MOST


def test_who_woke_falls_asleep_again() -> None:
    """A sign of life elsewhere begins the time anew; silence after it is noticed too."""
    confirmation = Confirmation("t")
    confirmation.sent(1, 0.0)
    assert confirmation.tick(ASLEEP_AFTER, receipts=None) is Verdict.ASLEEP
    confirmation.woke(ASLEEP_AFTER)
    assert not confirmation.asleep
    assert confirmation.tick(2 * ASLEEP_AFTER, receipts=None) is Verdict.ASLEEP


class _Client(RuleBasedStateMachine):
    """A client behind a link that delays answers: it has a line once it has taken it."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmation = Confirmation("t")
        self.now = 0.0
        self.seq = 0
        self.wire: list[tuple[str, int | str]] = []
        self.taken = 0
        self.answers: list[tuple[str, int | str]] = []
        self.confirmed: set[int] = set()
        self.pings: list[float] = []

    @rule()
    def send(self) -> None:
        self.seq += 1
        self.confirmation.sent(self.seq, self.now)
        self.wire.append(("line", self.seq))

    @rule(seconds=st.floats(0.1, 6.0), receipts=st.sampled_from([None, True, False]))
    def time_passes(self, seconds: float, receipts: bool | None) -> None:
        self.now += seconds
        due = self.confirmation.tick(self.now, receipts)
        if isinstance(due, PingDue):
            self.wire.append(("ping", due.id))
            self.pings.append(self.now)

    @precondition(lambda self: self.wire)
    @rule(with_receipt=st.booleans())
    def client_takes_one(self, with_receipt: bool) -> None:
        kind, what = self.wire.pop(0)
        if kind == "line":
            assert isinstance(what, int)
            self.taken = what
            if with_receipt:
                self.answers.append(("receipt", what))
        else:
            self.answers.append(("pong", what))

    @precondition(lambda self: self.answers)
    @rule()
    def answer_arrives(self) -> None:
        kind, what = self.answers.pop(0)
        if kind == "receipt":
            assert isinstance(what, int)
            news: Confirmed | Verdict | None = self.confirmation.receipt(what)
        else:
            assert isinstance(what, str)
            news = self.confirmation.pong(what)
        assert news is not Verdict.BROKEN, "nothing broke here"
        if isinstance(news, Confirmed):
            self.confirmed.update(news.seqs)

    @invariant()
    def nothing_is_confirmed_that_the_client_has_not(self) -> None:
        assert max(self.confirmed, default=0) <= self.taken

    @invariant()
    def outstanding_says_what_is_left(self) -> None:
        assert self.confirmation.outstanding == (len(self.confirmed) < self.seq)

    @invariant()
    def pings_are_rare(self) -> None:
        gaps = zip(self.pings, self.pings[1:], strict=False)
        assert all(later - earlier >= PING_EVERY for earlier, later in gaps)


TestClient = _Client.TestCase
TestClient.settings = settings(max_examples=200, stateful_step_count=40)
