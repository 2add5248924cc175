"""What comes back on our requests: those of the component, and pings in a visitor's name."""

from __future__ import annotations

from switchboard.lanes import Lanes

from .. import namespaces as ns
from ..clients import Clients
from ..iqs import Iqs
from ..jids import visitor_of
from ..operators import Operators
from .stanza import Iq


class Answers:
    """Takes results and errors to whoever asked."""

    def __init__(
        self, domain: str, operators: Operators, iqs: Iqs, clients: Clients, lanes: Lanes
    ) -> None:
        self._domain = domain
        self._operators = operators
        self._iqs = iqs
        self._clients = clients
        self._lanes = lanes

    def handle(self, iq: Iq) -> None:
        """One answer, of type result or error."""
        visitor = visitor_of(iq.to.local)
        if visitor is None:
            self._iqs.answered(iq)
        elif iq.type == "result":
            self._clients.awake(iq.sender)
            self._clients.pong(visitor, iq.sender, iq.id)
        elif iq.condition == "feature-not-implemented":
            # Not in the visitor's lane, where lines would wait for the client's disco.
            lane = f"disco {iq.sender.full}"
            self._lanes.put(lane, lambda: self._ping_unsupported(visitor, iq))
        else:
            self._clients.ping_failed(visitor, iq.sender, iq.id, unsupported=False)

    async def _ping_unsupported(self, visitor: str, iq: Iq) -> None:
        """Believed only if the client's disco (XEP-0030) says the same."""
        resource = self._operators.resource(iq.sender)
        if resource is not None and resource.ping is None:
            answer = await self._iqs.disco(self._domain, iq.sender.full)
            if answer is not None and answer.type == "result" and answer.payload is not None:
                features = {child.get("var") for child in answer.payload}
                resource.ping = ns.PING in features
        unsupported = resource is not None and resource.ping is False
        self._clients.ping_failed(visitor, iq.sender, iq.id, unsupported)
