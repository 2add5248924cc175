"""How desk and talk stand: what a reader who was away is told anew, as far as it is different."""

from __future__ import annotations

from . import wire

Standing = tuple[wire.DeskData, wire.TalkData]


def digests(standing: Standing) -> tuple[int, int]:
    """For the cursor of a page that knows this."""
    desk, talk = standing
    return wire.digest(desk), wire.digest(talk)


def news(before: Standing | None, now: Standing) -> list[wire.EventData]:
    """What somebody has to be told who knows `before`; None: nothing."""
    current: tuple[wire.EventData, ...] = now
    return [data for data in current if before is None or data not in before]


def news_for(told: tuple[int, ...], now: Standing) -> list[wire.EventData]:
    """What a page has to be told whose cursor has these digests."""
    current: tuple[wire.EventData, ...] = now
    return [data for data in current if wire.digest(data) not in told]
