"""The same commands as ad-hoc commands with forms (XEP-0050).

Every visitor and every desk offers those that make sense there, to operators of the site. One
without fields is carried out at once; one with more than one form goes on and back between them.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from xml.etree import ElementTree as ET

from msgspec import Struct
from msgspec.structs import replace

from switchboard.errors import SwitchboardError
from switchboard.model import Operator

from .. import namespaces as ns
from .. import outbound
from ..component import Link
from ..held import HeldTalks
from ..inbound.stanza import Iq
from ..jids import Jid, site_of, visitor_of
from ..refusals import condition_of
from ..rights import Rights
from ..xml import Xml, element, escape
from . import forms
from .command import Command, Request
from .context import Context
from .table import TABLE, run

SESSION_SECONDS = 600.0
MOST_SESSIONS = 500

_COMMAND = f"{{{ns.COMMANDS}}}command"
_ITEMS = f"{{{ns.DISCO_ITEMS}}}query"
_INFO = f"{{{ns.DISCO_INFO}}}query"
_ON = ("execute", "next", "complete")


class _Session(Struct, frozen=True):
    """A command that is being filled in."""

    jid: Jid
    to: Jid
    command: Command
    at: float
    step: int = 0
    values: dict[str, str] = {}


class _Wrong(Exception):
    """The request is none that XEP-0050 knows."""

    def __init__(self, condition: str, specific: str = "", kind: str = "cancel") -> None:
        super().__init__(condition)
        self.condition = condition
        self.specific = specific
        self.kind = kind


class AdHoc:
    """Answers what is asked about commands; `handle` is called in order per visitor."""

    def __init__(self, link: Link, rights: Rights, held: HeldTalks, context: Context) -> None:
        self._link = link
        self._rights = rights
        self._held = held
        self._context = context
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def takes(self, iq: Iq) -> bool:
        """Whether a request is about commands (§2.2, §2.4)."""
        if iq.payload is None:
            return False
        if iq.payload.tag == _COMMAND:
            return iq.type == "set"
        node = iq.payload.get("node")
        if iq.payload.tag == _ITEMS:
            return node == ns.COMMANDS
        return iq.payload.tag == _INFO and (node == ns.COMMANDS or node in TABLE)

    async def handle(self, iq: Iq) -> None:
        """One request; refusals go back as stanza errors."""
        assert iq.payload is not None
        try:
            operator = await self._operator(iq)
            if iq.payload.tag == _ITEMS:
                answer = self._items(iq)
            elif iq.payload.tag == _INFO:
                answer = self._info(iq.payload.get("node") or "")
            else:
                answer = await self._execute(iq, iq.payload, operator)
        except SwitchboardError as error:
            condition, kind = condition_of(error)
            self._link.send(
                outbound.error("iq", iq.to.full, iq.sender.full, iq.id, condition, kind, str(error))
            )
        except _Wrong as wrong:
            specific = (
                element(wrong.specific, {"xmlns": ns.COMMANDS}) if wrong.specific else Xml("")
            )
            self._link.send(
                outbound.error(
                    "iq",
                    iq.to.full,
                    iq.sender.full,
                    iq.id,
                    wrong.condition,
                    wrong.kind,
                    more=specific,
                )
            )
        else:
            self._link.send(outbound.iq("result", iq.to.full, iq.sender.full, iq.id, answer))

    async def _operator(self, iq: Iq) -> Operator:
        visitor, site = visitor_of(iq.to.local), site_of(iq.to.local)
        operator = None
        if visitor is not None:
            operator = await self._rights.over(iq.sender.bare, visitor)
        elif site is not None:
            operator = self._rights.of_site(iq.sender.bare, site)
        if operator is None:
            raise _Wrong("forbidden", kind="auth")
        return operator

    def _items(self, iq: Iq) -> Xml:
        items = [
            element("item", {"jid": iq.to.bare, "node": one.name, "name": _title(one)})
            for one in TABLE.values()
            if _offered(one, iq.to)
        ]
        return element("query", {"xmlns": ns.DISCO_ITEMS, "node": ns.COMMANDS}, *items)

    def _info(self, node: str) -> Xml:
        kind, name = (
            ("command-node", _title(TABLE[node])) if node in TABLE else ("command-list", "")
        )
        identity = {"category": "automation", "type": kind, "name": name or "Commands"}
        features = [element("feature", {"var": var}) for var in (ns.COMMANDS, ns.FORMS)]
        return element(
            "query",
            {"xmlns": ns.DISCO_INFO, "node": node},
            element("identity", dict(identity)),
            *features,
        )

    async def _execute(self, iq: Iq, payload: ET.Element, operator: Operator) -> Xml:
        command = TABLE.get(payload.get("node") or "")
        if command is None or not _offered(command, iq.to):
            raise _Wrong("item-not-found")
        action = payload.get("action") or "execute"
        if action not in (*_ON, "prev", "cancel"):
            raise _Wrong("bad-request", "malformed-action", "modify")
        visitor = visitor_of(iq.to.local) or ""
        talk = await self._held.find(visitor) if visitor else None
        request = Request(iq.sender, operator, visitor, talk)
        id, session = self._session(iq, payload, command)
        if action == "cancel":
            return _answer(command, id, "canceled")
        filled = {**session.values, **forms.submitted(payload)} if session.step else {}
        session = replace(session, values=filled, at=self._context.clock.monotonic())
        if action == "prev":
            if not session.step:
                raise _Wrong("bad-request", "bad-action", "modify")
            return self._ask(id, replace(session, step=max(1, session.step - 1)), request)
        missing = _missing(command, session)
        if missing:
            return self._ask(id, session, request, f"{missing} is missing.")
        if session.step < len(command.steps):
            return self._ask(id, replace(session, step=session.step + 1), request)
        return await self._run(id, command, request, filled)

    def _session(self, iq: Iq, payload: ET.Element, command: Command) -> tuple[str, _Session]:
        """The session that goes on, taken out of the table, or a new one."""
        now = self._context.clock.monotonic()
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if now - oldest.at < SESSION_SECONDS and len(self._sessions) < MOST_SESSIONS:
                break
            self._sessions.popitem(last=False)
        id = payload.get("sessionid")
        if not id:
            return secrets.token_hex(8), _Session(iq.sender, iq.to, command, now)
        session = self._sessions.get(id)
        if session is None or (session.jid, session.to.bare) != (iq.sender, iq.to.bare):
            raise _Wrong("bad-request", "bad-sessionid", "modify")
        if session.command is not command:
            raise _Wrong("bad-request", "bad-payload", "modify")
        del self._sessions[id]
        return id, session

    def _ask(self, id: str, session: _Session, request: Request, wrong: str = "") -> Xml:
        command, step = session.command, session.step
        fields = []
        for field in command.steps[step - 1]:
            options = None if field.options is None else field.options(self._context, request)
            if options is not None and not options:
                return _answer(command, id, "completed", _note(f"{field.label}: nobody.", "error"))
            fields.append((field, options, session.values.get(field.name, "")))
        self._sessions[id] = session
        last = step == len(command.steps)
        steps = [element("prev", {})] if step > 1 else []
        steps.append(element("complete" if last else "next", {}))
        actions = element("actions", {"execute": "complete" if last else "next"}, *steps)
        body = [actions, forms.form(_title(command), fields)]
        if wrong:
            body.append(_note(wrong, "error"))
        return _answer(command, id, "executing", *body)

    async def _run(
        self, id: str, command: Command, request: Request, values: dict[str, str]
    ) -> Xml:
        try:
            said = await run(self._context, command, request, values)
        except SwitchboardError as refusal:
            return _answer(command, id, "completed", _note(str(refusal), "error"))
        lines = said.split("\n")
        if len(lines) == 1:
            return _answer(command, id, "completed", _note(said, "info"))
        return _answer(command, id, "completed", forms.result(_title(command), lines))


def _offered(command: Command, to: Jid) -> bool:
    return command.at_visitor if visitor_of(to.local) else command.at_desk


def _missing(command: Command, session: _Session) -> str:
    if not session.step:
        return ""
    missing = (
        field.label
        for field in command.steps[session.step - 1]
        if field.required and not session.values.get(field.name)
    )
    return next(missing, "")


def _title(command: Command) -> str:
    return f"{command.name.capitalize()}: {command.summary}"


def _note(words: str, kind: str) -> Xml:
    return element("note", {"type": kind}, escape(words))


def _answer(command: Command, id: str, status: str, *body: Xml) -> Xml:
    attributes = {"xmlns": ns.COMMANDS, "node": command.name, "sessionid": id, "status": status}
    return element("command", dict(attributes), *body)
