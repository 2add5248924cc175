"""An outcome as two tables for people."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.run import Outcome
from tests.cluster.storm import Dealt

BEGIN, END = "<!-- cluster: begin -->", "<!-- cluster: end -->"
STORE = "MariaDB"


def tables(outcome: Outcome) -> str:
    """Markdown; the rows that must be 0 say so."""
    return f"{_hits(outcome)}\n\n{_totals(outcome)}"


def _hits(outcome: Outcome) -> str:
    rows = [
        "| What happened | Away | Well again after | Slowest `say` | Wrong 10 s later (0) |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {one.hit.whom} {_words(one)} | {_away(one)} | "
        f"{one.well - one.back:.1f} s | {outcome.slowest(one):.2f} s | {len(one.wrong)} |"
        for one in outcome.dealt
    ]
    return "\n".join(rows)


def _words(one: Dealt) -> str:
    if one.ended:
        return "frozen, ended and started again"
    return "killed and started again" if one.hit.what == "kill" else "frozen and woken"


def _away(one: Dealt) -> str:
    # When it was back is not known of who was ended and started again by others.
    return f"{'< ' if one.ended else ''}{one.back - one.began:.1f} s"


def _totals(outcome: Outcome) -> str:
    verdict, plan = outcome.verdict, outcome.plan
    nodes = ", ".join(f"{count} at {name}" for name, count in outcome.nodes.items())

    def within(*without: str) -> str:
        shares = (outcome.percentile(share, without) for share in (0.5, 0.99))
        return ", ".join(f"{seconds:.3f} s" for seconds in shares)

    rows: list[tuple[str, object]] = [
        (
            "visitors: " + ", ".join(f"{n} over {way}" for way, n in outcome.ways.items()),
            plan.visitors,
        ),
        ("of whom before the storm", nodes),
        ("their lines, each until it was acknowledged", verdict.said),
        ("acknowledged", verdict.acknowledged),
        ("seen by an operator's client", verdict.seen),
        ("**acknowledged and lost** (0)", verdict.lost_to_desk),
        ("seen again by an operator, after something broke", verdict.doubled_at_desk),
        ("operators' lines", verdict.answered),
        ("of which the link was broken, and Parley never had them", verdict.never_arrived),
        ("that a frozen gateway had, stored when it woke, after later ones", verdict.overtaken),
        ("**stored and lost to the widget** (0)", verdict.lost_in_widget),
        ("**doubled in the widget** (0)", verdict.doubled_in_widget),
        ("**out of order, on any side** (0)", verdict.out_of_order),
        ("**receipts for what no browser had** (0)", verdict.false_receipts),
        ("**wrong presence 10 s after a quarter has left** (0)", len(outcome.wrong_presence)),
        ("acknowledged within (median, 99 of 100), all lines", within()),
        ("the same, without those while the store was away", within(STORE)),
        ("calls told that the store is away (`unavailable`)", len(outcome.refusals)),
        ("cursors that were refused (`reset`)", outcome.resets),
    ]
    head = ["| What | Count |", "|---|---|"]
    return "\n".join([*head, *(f"| {what} | {count} |" for what, count in rows)])


def write(outcome: Outcome, page: Path) -> None:
    """Puts the tables between the page's markers."""
    before, found, rest = page.read_text("utf-8").partition(BEGIN)
    _, closed, after = rest.partition(END)
    assert found, f"{page} has no {BEGIN}"
    assert closed, f"{page} has no {END}"
    said = (
        f"Seed {outcome.plan.seed}, {outcome.seconds:.0f} s; each visitor says a line every "
        f"{outcome.plan.every:g} s on average:"
    )
    page.write_text(f"{before}{BEGIN}\n{said}\n\n{tables(outcome)}\n{END}{after}", "utf-8")
