"""What operators' clients have of the lines that went to them.

confirm.py judges one client's answers; here is what follows: cursors move, clients are pinged, and
what was not confirmed goes out again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from switchboard.model import Cursor, Operator
from switchboard.ports import Clock
from switchboard.reception import Directory, Talks
from switchboard.reception.talks import operator_sender

from . import outbound
from .component import Link
from .confirm import Confirmation, Confirmed, PingDue, Verdict
from .held import RECENT_MS, HeldTalks
from .jids import Jid, seq_of, visitor_full
from .operators import Operators
from .talk import Talk


class Clients:
    """Of one domain's operators.

    `offer` is called for each talk whose lines may have to go elsewhere, or once more; `woke` with
    the address of an operator who can be reached again; `confirmed` for each talk in which an
    operator has more than before.
    """

    def __init__(
        self,
        domain: str,
        link: Link,
        operators: Operators,
        directory: Directory,
        held: HeldTalks,
        talks: Talks,
        clock: Clock,
        offer: Callable[[Talk], None],
        woke: Callable[[str], None],
        confirmed: Callable[[Talk], None],
    ) -> None:
        self._domain = domain
        self._link = link
        self._operators = operators
        self._directory = directory
        self._held = held
        self._service = talks
        self._clock = clock
        self._offer = offer
        self._woke = woke
        self._confirmed = confirmed
        self._unconfirmed: set[str] = set()

    def had(self, talk: Talk, jid: Jid, seq: int) -> bool:
        """Whether that client was sent that line, and nothing broke since."""
        confirmation = talk.confirmations.get(jid)
        return confirmation is not None and confirmation.went(seq)

    def sent(self, talk: Talk, operator: Operator, jid: Jid, seq: int) -> None:
        """A line went out."""
        confirmation = talk.confirmations.get(jid)
        if confirmation is None:
            prefix = f"{talk.visitor[2:]}-{secrets.token_hex(4)}"
            confirmation = talk.confirmations[jid] = Confirmation(prefix)
        confirmation.sent(seq, self._clock.monotonic())
        talk.sent(operator.id, seq)
        self._unconfirmed.add(talk.visitor)

    def confirm(self, talk: Talk, operator: Operator, seqs: Iterable[int]) -> None:
        """The operator has these rows, or needs them no more."""
        if not talk.confirm(operator.id, seqs):
            return
        seq = talk.confirmed[operator.id]
        for resource, confirmation in talk.confirmations.items():
            if resource.bare == operator.address:
                confirmation.forget(seq)
        self._seen(talk, operator, Cursor(seq, 0))
        self._confirmed(talk)

    def tick(self) -> None:
        """To be called twice a second: pings what is not confirmed in time."""
        now = self._clock.monotonic()
        for visitor in list(self._unconfirmed):
            talk = self._held.get(visitor)
            if talk is None or not talk.outstanding:
                self._unconfirmed.discard(visitor)
                continue
            for jid, confirmation in list(talk.confirmations.items()):
                self._tick(talk, jid, confirmation, now)

    # What the link tells

    def link_down(self) -> None:
        """Nothing that was not confirmed counts as sent."""
        self._unconfirmed.clear()
        for talk in self._held.all():
            talk.broken(self._clock.now() - RECENT_MS)

    def came(self, jid: Jid, repeated: bool) -> None:
        """A resource is available: whatever it refused before, it may take now.

        `repeated`: it was, and says so again, as a stream does that took the place of one that
        was lost. ejabberd 23.01 tells no `unavailable` then, and lines on the way may be lost.
        """
        now = self._clock.monotonic()
        for talk in self._held.all():
            confirmation = talk.confirmations.get(jid)
            if repeated and confirmation is not None and confirmation.outstanding:
                self._again(talk, jid)
                continue
            if confirmation is not None:
                confirmation.woke(now)
            if jid in talk.lost:
                talk.lost.discard(jid)
                self._offer(talk)

    def gone(self, jid: Jid) -> None:
        """A resource has left: what it had not confirmed goes to another one."""
        for talk in self._held.all():
            talk.lost.discard(jid)
            if jid in talk.confirmations:
                self._again(talk, jid)

    def bounced(self, visitor: str, jid: Jid) -> None:
        """A message came back: the resource is lost to this talk."""
        talk = self._held.get(visitor)
        if talk is not None:
            self._lose(talk, jid)

    def awake(self, jid: Jid) -> None:
        """A resource that was silent gave a sign of life."""
        resource = self._operators.resource(jid)
        if resource is not None and resource.asleep:
            resource.asleep = False
            now = self._clock.monotonic()
            for talk in self._held.all():
                if (confirmation := talk.confirmations.get(jid)) is not None:
                    confirmation.woke(now)
            self._woke(jid.bare)

    def receipt(self, visitor: str, jid: Jid, id: str, displayed: bool) -> None:
        """XEP-0184 §5.4, or XEP-0333's displayed: the resource has the line of that id."""
        talk, seq = self._held.get(visitor), seq_of(visitor, id)
        if talk is None or seq is None or seq > talk.head:
            return
        resource, confirmation = self._operators.resource(jid), talk.confirmations.get(jid)
        if resource is not None and not displayed:
            resource.receipts = True
        if confirmation is not None and (news := confirmation.receipt(seq)) is not None:
            self._news(talk, jid, news)
        operator = self._directory.operator(talk.site, jid.bare)
        if displayed and operator is not None and seq <= talk.confirmed.get(operator.id, 0):
            self._seen(talk, operator, Cursor(seq, seq))

    def pong(self, visitor: str, jid: Jid, id: str) -> None:
        """XEP-0199's result, which confirms all that went before the ping."""
        talk = self._held.get(visitor)
        confirmation = None if talk is None else talk.confirmations.get(jid)
        if talk is None or confirmation is None:
            return
        match confirmation.pong(id):
            case Confirmed() as news:
                resource = self._operators.resource(jid)
                if resource is not None and resource.receipts is None:
                    resource.receipts = False
                self._news(talk, jid, news)
            case Verdict.BROKEN:
                self._again(talk, jid)
            case _:
                pass

    def ping_failed(self, visitor: str, jid: Jid, id: str, unsupported: bool) -> None:
        """A ping's error: it confirms nothing unless the client simply knows no pings."""
        talk = self._held.get(visitor)
        confirmation = None if talk is None else talk.confirmations.get(jid)
        if talk is None or confirmation is None:
            return
        match confirmation.ping_failed(id, unsupported):
            case Confirmed() as news:
                self._news(talk, jid, news)
            case Verdict.LOST:
                self._lose(talk, jid)
            case Verdict.BROKEN:
                self._again(talk, jid)
            case _:
                pass

    # Inside

    def _tick(self, talk: Talk, jid: Jid, confirmation: Confirmation, now: float) -> None:
        resource = self._operators.resource(jid)
        match confirmation.tick(now, None if resource is None else resource.receipts):
            case PingDue(id):
                sender = visitor_full(talk.visitor, self._domain)
                self._link.send(outbound.ping(sender, jid.full, id))
            case Verdict.ASLEEP:
                if resource is not None:
                    resource.asleep = True
                self._take_back(talk, jid)
            case _:
                pass

    def _news(self, talk: Talk, jid: Jid, news: Confirmed) -> None:
        operator = self._directory.operator(talk.site, jid.bare)
        if operator is not None:
            self.confirm(talk, operator, news.seqs)

    def _seen(self, talk: Talk, operator: Operator, cursor: Cursor) -> None:
        self._service.seen(talk.visitor, self._domain, operator_sender(operator), cursor)

    def _lose(self, talk: Talk, jid: Jid) -> None:
        talk.lost.add(jid)
        self._again(talk, jid)

    def _again(self, talk: Talk, jid: Jid) -> None:
        """The resource's stream broke: it may itself get again what it has not confirmed."""
        talk.confirmations.pop(jid, None)
        self._take_back(talk, jid)

    def _take_back(self, talk: Talk, jid: Jid) -> None:
        """What the resource has not confirmed counts as not sent."""
        operator = self._directory.operator(talk.site, jid.bare)
        if operator is not None:
            talk.pushed.pop(operator.id, None)
        self._offer(talk)
