"""Whether the promises were kept: pure, from what was stored, shown, seen and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Lines = Sequence[tuple[int, str, str]]
"""`(seq, kind, body)` in order."""


@dataclass
class Account:
    """What is known of one visitor, at the end."""

    name: str
    said: Sequence[str]
    acknowledged: Mapping[str, int]
    log: Lines
    stored: Lines


@dataclass
class Desk:
    """What is known of one operator: sightings and sent lines by visitor's name, in order."""

    name: str
    seen: Mapping[str, Sequence[str]]
    sent: Mapping[str, Sequence[str]]
    receipts: Iterable[str] = ()
    held_up: Collection[str] = ()
    """Lines that a frozen process may have had in its socket, and stored when it woke."""


@dataclass
class Verdict:
    """Counts, and a sentence for each promise that was broken."""

    said: int = 0
    acknowledged: int = 0
    seen: int = 0
    """Acknowledged lines that some operator's client has."""
    lost_to_desk: int = 0
    doubled_at_desk: int = 0
    """Sightings beyond the first, by operator."""
    answered: int = 0
    stored_answers: int = 0
    never_arrived: int = 0
    """What operators wrote into a broken link, so that Parley never had it."""
    overtaken: int = 0
    """What operators wrote to a process that froze, and what they wrote next was stored first."""
    lost_in_widget: int = 0
    doubled_in_widget: int = 0
    out_of_order: int = 0
    false_receipts: int = 0
    complaints: list[str] = field(default_factory=list)


def judge(accounts: Sequence[Account], desks: Sequence[Desk]) -> Verdict:
    """Holds everything against everything."""
    verdict = Verdict()
    stored = {line[2] for account in accounts for line in account.stored}
    for account in accounts:
        _judge_words(verdict, account, desks)
        _judge_log(verdict, account)
    for desk in desks:
        for account in accounts:
            _judge_desk(verdict, account, desk)
        for visitor, texts in desk.sent.items():
            verdict.answered += len(texts)
            verdict.never_arrived += sum(text not in stored for text in texts)
            if visitor not in {account.name for account in accounts}:
                verdict.complaints.append(f"{desk.name} wrote to an unknown {visitor}")
        shown = {line[2] for account in accounts for line in account.log}
        for text in desk.receipts:
            if text not in shown:
                verdict.false_receipts += 1
                verdict.complaints.append(f"{desk.name} has a receipt for {text!r}, not shown")
    return verdict


def _judge_words(verdict: Verdict, account: Account, desks: Sequence[Desk]) -> None:
    """Acknowledged means stored, where it was said to be, and seen."""
    verdict.said += len(account.said)
    verdict.acknowledged += len(account.acknowledged)
    at = {seq: body for seq, _, body in account.stored}
    seen = {body for desk in desks for body in desk.seen.get(account.name, ())}
    for body, seq in account.acknowledged.items():
        if at.get(seq) != body:
            verdict.lost_to_desk += 1
            verdict.complaints.append(f"{account.name}: {body!r} is not stored at {seq}")
        elif body not in seen:
            verdict.lost_to_desk += 1
            verdict.complaints.append(f"{account.name}: {body!r} ({seq}) was seen by no operator")
        else:
            verdict.seen += 1
    mine = [body for _, kind, body in account.stored if kind == "visitor"]
    if mine != [body for body in account.said if body in set(mine)]:
        verdict.out_of_order += 1
        verdict.complaints.append(f"{account.name}: said {account.said}, stored {mine}")


def _judge_log(verdict: Verdict, account: Account) -> None:
    """The widget's log is the stored one, each line once."""
    verdict.stored_answers += sum(kind == "operator" for _, kind, _ in account.stored)
    shown = Counter(body for _, _, body in account.log)
    for body, count in shown.items():
        if count > 1:
            verdict.doubled_in_widget += count - 1
            verdict.complaints.append(f"{account.name}: {body!r} is shown {count} times")
    for seq, _, body in account.stored:
        if body not in shown:
            verdict.lost_in_widget += 1
            verdict.complaints.append(f"{account.name}: {body!r} ({seq}) is stored and not shown")
    if list(account.log) != list(account.stored):
        verdict.out_of_order += 1
        verdict.complaints.append(
            f"{account.name}: shown {list(account.log)}\n  stored {list(account.stored)}"
        )


def _judge_desk(verdict: Verdict, account: Account, desk: Desk) -> None:
    """First sightings, and what an operator wrote, stand in the log's order."""
    order = {body: seq for seq, _, body in account.stored}
    seen = desk.seen.get(account.name, ())
    first = list(dict.fromkeys(seen))
    verdict.doubled_at_desk += len(seen) - len(first)
    wrote = [text for text in desk.sent.get(account.name, ()) if text in order]
    verdict.overtaken += sum(
        order[text] > order[later] for text, later in pairwise(wrote) if text in desk.held_up
    )
    wrote = [text for text in wrote if text not in desk.held_up]
    for what, lines in (("saw", first), ("wrote", wrote)):
        seqs = [order.get(body, 0) for body in lines]
        if seqs != sorted(seqs):
            verdict.out_of_order += 1
            verdict.complaints.append(f"{desk.name} {what} {account.name}'s lines as {seqs}")
