"""An outcome as a table for people."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import Outcome

BEGIN, END = "<!-- chaos over {server}: begin -->", "<!-- chaos over {server}: end -->"


def table(outcome: Outcome) -> str:
    """Markdown; the rows that must be 0 say so."""
    verdict, plan = outcome.verdict, outcome.plan
    rows: list[tuple[str, object]] = [
        (
            "visitors: " + ", ".join(f"{n} over {way}" for way, n in outcome.ways.items()),
            plan.visitors,
        ),
        ("their lines, each until it was acknowledged", verdict.said),
        ("acknowledged", verdict.acknowledged),
        ("calls of `say` that took", outcome.says),
        ("seen by an operator's client", verdict.seen),
        ("**acknowledged and lost** (0)", verdict.lost_to_desk),
        ("seen again by an operator, after something broke", verdict.doubled_at_desk),
        ("operators' lines", verdict.answered),
        ("of which the link was broken, and Parley never had them", verdict.never_arrived),
        ("stored", verdict.stored_answers),
        ("**stored and lost to the widget** (0)", verdict.lost_in_widget),
        ("**doubled in the widget** (0)", verdict.doubled_in_widget),
        ("**out of order, on any side** (0)", verdict.out_of_order),
        ("**receipts for what no browser had** (0)", verdict.false_receipts),
        ("**wrong presence 10 s after the end** (0)", len(outcome.wrong_presence)),
        ("browsers' connections cut", outcome.browser_cuts),
        ("cursors that were refused (`reset`)", outcome.resets),
        ("calls asked to come again (`retry_after`)", outcome.refusals),
        ("logins of " + ", ".join(outcome.logins), ", ".join(map(str, outcome.logins.values()))),
        ("times an operator was told the last line that was stored", outcome.reminders),
    ]
    head = ["| What | Count |", "|---|---|"]
    return "\n".join([*head, *(f"| {what} | {count} |" for what, count in rows)])


def write(outcome: Outcome, page: Path) -> None:
    """Puts the table between the page's markers for its server."""
    begin, end = (mark.format(server=outcome.plan.server) for mark in (BEGIN, END))
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    assert found, f"{page} has no {begin}"
    assert closed, f"{page} has no {end}"
    blows = sum(blow.what != "cut" for blow in outcome.plan.blows)
    said = (
        f"Seed {outcome.plan.seed}, {outcome.seconds:.0f} s, {blows} kills and freezes, browsers' "
        f"connections cut after {outcome.plan.lives[0]:g} to {outcome.plan.lives[1]:g} s:"
    )
    page.write_text(f"{before}{begin}\n{said}\n\n{table(outcome)}\n{end}{after}", "utf-8")
