"""What operators are told again: what colleagues said before one came, and one's own last line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from switchboard.lanes import Lanes
from switchboard.model import Message, Operator, SenderKind
from switchboard.reception import Directory, Talks

from . import outbound, rows
from .component import Link
from .held import READ_LIMIT
from .jids import visitor_full
from .operators import Resource
from .talk import Talk


class Replay:
    """Of one domain's talks; `choose` gives the resource that an operator's lines go to."""

    def __init__(
        self,
        domain: str,
        link: Link,
        directory: Directory,
        talks: Talks,
        lanes: Lanes,
        choose: Callable[[Talk, Operator], Resource | None],
    ) -> None:
        self._domain = domain
        self._link = link
        self._directory = directory
        self._service = talks
        self._lanes = lanes
        self._choose = choose

    def show_before(self, talk: Talk, operator: Operator) -> None:
        """Who comes into a talk gets what colleagues said in it, beside what they have already."""
        reach = talk.due(operator.id)
        if reach <= talk.state.since:
            return
        if (found := talk.lines_after(talk.state.since)) is not None:
            self._send(talk, operator, reach, found[0])
        else:
            self._lanes.put(talk.visitor, partial(self._read_and_replay, talk, operator, reach))

    async def tell_last_line(self, talk: Talk) -> None:
        """After an interruption: what an operator wrote meanwhile cannot be known."""
        owner = talk.state.operator
        lines = await self._service.history(talk.visitor, None, READ_LIMIT)
        last = next((m for m in reversed(lines) if m.sender.id == owner and m.body), None)
        operator = self._directory.operator_of_id(talk.site, owner or "")
        resource = None if operator is None else self._choose(talk, operator)
        if last is not None and resource is not None and last.seq != talk.reminded:
            talk.reminded = last.seq
            words = last.body if len(last.body) <= 80 else last.body[:79] + "…"
            words = f"The connection was interrupted. Your last line that was stored: “{words}”"
            sender = visitor_full(talk.visitor, self._domain)
            self._link.send(outbound.notice(sender, resource.jid.full, words))

    async def _read_and_replay(self, talk: Talk, operator: Operator, reach: int) -> None:
        lines = await self._service.read(talk.visitor, talk.state.since, READ_LIMIT)
        self._send(talk, operator, reach, lines)

    def _send(self, talk: Talk, operator: Operator, reach: int, lines: Iterable[Message]) -> None:
        resource = self._choose(talk, operator) if self._link.up else None
        if resource is None:
            return
        since = talk.overheard.get(operator.id, 0)
        for line in lines:
            # What was changed is shown as it stands.
            said = line.target is None and not line.retracted
            of_colleague = said and line.sender.kind is not SenderKind.VISITOR
            if of_colleague and since < line.seq <= reach and talk.concerns(operator.id, line):
                to = resource.jid.full
                self._link.send(rows.stanza(talk, self._domain, operator, to, line, late=True))
                talk.overheard[operator.id] = line.seq
                talk.tried[operator.id] = max(talk.tried[operator.id], line.seq)
