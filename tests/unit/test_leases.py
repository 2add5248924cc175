"""Of all who want a lease, at most one acts as its owner at any time."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from switchboard import leases as lease_rules
from switchboard.errors import RetryLater
from switchboard.leases import (
    HELD_SECONDS,
    LEASE_SECONDS,
    LOOK_EVERY,
    RENEW_EVERY,
    REST_SECONDS,
    SHARE_SECONDS,
    Candidate,
    Change,
    Lease,
    LeaseForEver,
    SharedLease,
)
from switchboard.ports import LeaseRow
from tests.memory_leases import MemoryLeases

T = TypeVar("T")

NAMES = ("one", "two", "three")


class Host:
    """A host's own clock: it agrees with no other's. `common` is everybody's time."""

    common = 0.0

    def __init__(self, offset: float) -> None:
        self._offset = offset

    def now(self) -> int:
        raise NotImplementedError

    def monotonic(self) -> float:
        return Host.common + self._offset


@types.coroutine
def network() -> Generator[None, bool, bool]:
    """A message is on its way, for as long as the test likes; False if it was lost."""
    return (yield)


class FarLeases(MemoryLeases):
    """A store at the end of a network that may lose questions and answers."""

    async def look(self, name: str) -> LeaseRow | None:
        return await self._ask(partial(super().look, name))

    async def take(self, name: str, owner: str, seen: LeaseRow | None) -> bool:
        return await self._ask(partial(super().take, name, owner, seen))

    async def renew(self, name: str, owner: str, epoch: int) -> LeaseRow | None:
        return await self._ask(partial(super().renew, name, owner, epoch))

    async def stand_by(self, name: str, candidate: str) -> None:
        return await self._ask(partial(super().stand_by, name, candidate))

    @staticmethod
    async def _ask(question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if not await network():
            raise RetryLater("unavailable", "The question was lost.", 1.0)
        answer = await question()
        if not await network():
            raise RetryLater("unavailable", "The answer was lost.", 1.0)
        return answer


class Process:
    """One that wants the lease; it may be frozen for as long as the test does not go on with it."""

    def __init__(self, name: str, store: MemoryLeases, offset: float) -> None:
        self.lease = SharedLease("d", Candidate(name, store, Host(offset)))
        self.due_at = 0.0
        self._step: Coroutine[Any, Any, float] | None = None

    @property
    def asks(self) -> bool:
        """Whether a question or an answer is on its way."""
        return self._step is not None

    def go_on(self, arrives: bool = True) -> None:
        """What was on its way arrives, or is lost; the next thing is begun."""
        try:
            if self._step is None:
                self._step = self.lease.step()
                self._step.send(None)
            else:
                self._step.send(arrives)
        except StopIteration as end:
            self._step, self.due_at = None, Host.common + end.value

    def changes(self) -> list[Change]:
        """What it was told and has not been asked for yet."""
        found = []
        while not self.lease._changes.empty():
            found.append(self.lease._changes.get_nowait())
        return found


class Contest(RuleBasedStateMachine):
    """Three processes: questions and answers take any time or are lost, processes freeze."""

    def __init__(self) -> None:
        super().__init__()
        Host.common = 0.0
        self.store = FarLeases()
        self.processes = [Process(name, self.store, 1e5 * n) for n, name in enumerate(NAMES)]
        self.acting: set[int] = set()

    @rule(who=st.integers(0, 2), arrives=st.sampled_from((True, True, True, False)))
    def one_goes_on(self, who: int, arrives: bool) -> None:
        """It begins its next thing, or what it asked, or the answer, arrives or is lost."""
        self.processes[who].go_on(arrives)

    @rule(
        seconds=st.sampled_from((0.05, 0.5, 1.0, 2.4, 2.5, 3.0, 4.0)),
        frozen=st.sampled_from((None, 0, 1, 2)),
    )
    def time_goes_on(self, seconds: float, frozen: int | None) -> None:
        """Everybody does what is due, but for one, who is frozen or waits for an answer."""
        end = Host.common + seconds
        while Host.common < end:
            for number, one in enumerate(self.processes):
                while number != frozen and (one.asks or one.due_at <= Host.common):
                    one.go_on()
            self.at_most_one_acts()
            Host.common += 0.05

    @rule(seconds=st.sampled_from((0.05, 0.5, 2.5, 10.0)))
    def all_are_frozen(self, seconds: float) -> None:
        """Or the store is."""
        Host.common += seconds

    @invariant()
    def at_most_one_acts(self) -> None:
        """By everybody's time, whatever anybody's clock says."""
        assert sum(one.lease.held for one in self.processes) <= 1

    @invariant()
    def who_holds_was_told(self) -> None:
        """The last word to whoever holds it is that it is theirs; LOST follows TAKEN only."""
        for number, one in enumerate(self.processes):
            for change in one.changes():
                assert (change is Change.TAKEN) == (number not in self.acting)
                self.acting.discard(number) if change is Change.LOST else self.acting.add(number)
            assert not one.lease.held or number in self.acting


TestContest = Contest.TestCase
TestContest.settings = settings(max_examples=200, stateful_step_count=40)


def holds(lease: Lease) -> bool:
    """Whether it is held now."""
    return lease.held


def is_awaited(lease: Lease) -> bool:
    """Whether somebody waits for it now."""
    return lease.awaited


class Others:
    """Processes over a store that answers at once, with time that the test moves."""

    def __init__(self) -> None:
        Host.common = 0.0
        self.store = MemoryLeases()
        self.candidates = [
            Candidate(name, self.store, Host(1e5 * n)) for n, name in enumerate(NAMES)
        ]
        self.due: dict[SharedLease, float] = {}

    async def pass_(self, seconds: float, *leases: SharedLease) -> None:
        """These do what is due; all others are frozen."""
        end = Host.common + seconds
        while Host.common < end:
            for one in leases:
                while self.due.get(one, 0.0) <= Host.common:
                    self.due[one] = Host.common + await one.step()
            Host.common += 0.0625


@pytest.fixture
def others() -> Others:
    return Others()


async def test_a_crash_is_over_in_time(others: Others) -> None:
    """The next one has the lease within LEASE_SECONDS and a look; never sooner than it is sure."""
    one, two, _ = (candidate.lease("d") for candidate in others.candidates)
    await others.pass_(5.0, one, two)
    assert holds(one)
    assert not holds(two)
    assert two.owner == ("one", 1)
    await others.pass_(HELD_SECONDS - RENEW_EVERY - LOOK_EVERY, two)
    assert not holds(two)
    await others.pass_(LEASE_SECONDS + LOOK_EVERY, two)
    assert holds(two)
    assert two.owner == ("two", 2)


async def test_a_release_is_an_end_at_once(others: Others) -> None:
    """Whoever waits has it with the next look."""
    one, two, _ = (candidate.lease("d") for candidate in others.candidates)
    await others.pass_(5.0, one, two)
    await one.release()
    assert not holds(one)
    await others.pass_(LOOK_EVERY + 0.0625, two)
    assert holds(two)


async def test_who_leaves_knows_whether_somebody_waits(others: Others) -> None:
    """As long as there is one who said so lately and has not gone."""
    one, two, three = (candidate.lease("d") for candidate in others.candidates)
    await others.pass_(5.0, one)
    assert not is_awaited(one)
    await others.pass_(2.0, one, two, three)
    assert is_awaited(one)
    await two.release()
    await others.pass_(2.0, one, three)
    assert is_awaited(one)
    await three.release()
    await others.pass_(1.0, one)
    assert not is_awaited(one)


async def test_what_is_passed_on_is_left_to_others_for_a_while(others: Others) -> None:
    """Whoever waits has it at once; after the rest the former owner waits for it as any other."""
    one, two, _ = (candidate.lease("d") for candidate in others.candidates)
    await others.pass_(5.0, one, two)
    await one.pass_on()
    assert not holds(one)
    await others.pass_(LOOK_EVERY + 0.0625, one, two)
    assert holds(two)
    await two.release()
    await others.pass_(REST_SECONDS - 5.0, one)
    assert not holds(one)
    await others.pass_(10.0, one)
    assert holds(one)
    told = [one._changes.get_nowait() for _ in range(one._changes.qsize())]
    assert told == [Change.TAKEN, Change.LOST, Change.TAKEN]


async def test_who_waits_and_is_killed_is_not_counted_on(others: Others) -> None:
    """A word of long ago says nothing."""
    one, two, _ = (candidate.lease("d") for candidate in others.candidates)
    await others.pass_(5.0, one, two)
    await others.pass_(4.0, one)
    assert not is_awaited(one)


async def test_a_store_that_returns_leaves_the_owner_time(others: Others) -> None:
    """Who could not look meanwhile does not take what could not be renewed meanwhile."""
    one, two, _ = (candidate.lease("d") for candidate in others.candidates)
    await others.pass_(5.0, one, two)
    Host.common += 10.0
    await others.pass_(1.0, two)
    assert not holds(one)
    await others.pass_(3.0, one, two)
    assert holds(one)
    assert one.owner == ("one", 1)
    told = [one._changes.get_nowait() for _ in range(one._changes.qsize())]
    assert told == [Change.TAKEN, Change.REGAINED]


async def test_several_leases_are_shared_out(others: Others) -> None:
    """Two that start together have two each; who is left alone has all of them."""
    one, two = ([c.lease(name) for name in "abcd"] for c in others.candidates[:2])
    await others.pass_(8 * SHARE_SECONDS, *one, *two)
    assert [sum(lease.held for lease in leases) for leases in (one, two)] == [2, 2]
    await others.pass_(LEASE_SECONDS + 8 * SHARE_SECONDS, *two)
    assert all(lease.held for lease in two)


async def test_what_was_taken_without_an_answer_is_not_held(others: Others) -> None:
    """Others may have watched it for long: it has to be renewed first."""
    one, _, _ = (candidate.lease("d") for candidate in others.candidates)
    await others.store.take("d", "one", None)
    await one.step()
    assert not holds(one)
    assert one.owner == ("one", 1)
    await one.step()
    assert holds(one)
    assert others.store.rows["d"].beat == 1


async def test_confirmed_is_what_is_asked_anew() -> None:
    """A renewal that began before the question is no answer to it."""
    Host.common = 0.0
    store = MemoryLeases()
    lease = Candidate("one", store, Host(0.0)).lease("d")
    await lease.step()
    Host.common = 0.5
    asked = asyncio.create_task(lease.confirmed())
    await asyncio.sleep(0)
    assert not asked.done()
    await lease.step()
    await asyncio.sleep(0)
    assert asked.done()
    await store.take("d", "two", await store.look("d"))
    asked = asyncio.create_task(lease.confirmed())
    await asyncio.sleep(0)
    await lease.step()
    await asyncio.sleep(0)
    assert not asked.done()
    assert not holds(lease)
    asked.cancel()


async def test_it_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken, confirmed when that is asked, and given up at the end."""
    monkeypatch.setattr(lease_rules, "RENEW_EVERY", 60.0)
    Host.common = 0.0
    store = MemoryLeases()
    lease = Candidate("one", store, Host(0.0)).lease("d")
    running = asyncio.create_task(lease.run())
    async with asyncio.timeout(30):
        assert await lease.change() is Change.TAKEN
        await lease.confirmed()
        await lease.release()
        await running
    row = await store.look("d")
    assert row is not None
    assert row.owner == ""


async def test_one_process_needs_no_other() -> None:
    """It owns everything from the beginning, and no store is asked."""
    lease = LeaseForEver("d")
    assert await lease.change() is Change.TAKEN
    await lease.confirmed()
    assert holds(lease)
    assert not is_awaited(lease)
    lease.resign()
    assert not holds(lease)
