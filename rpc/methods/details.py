"""Who the visitor is: profile, as they say; identify, as the site says."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from switchboard.errors import Reject
from switchboard.model import MOST_FIELDS, NAME_CHARS, Details
from switchboard.text import clean_line

from .. import callers
from ..callers import Call, Guest
from ..services import Services
from .visit import VisitorData

_DETAIL_CHARS = 200
_FIELD_CHARS = 1000


class Profile(Struct, frozen=True):
    """Params of `profile`; what is absent stays as it was."""

    token: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    fields: dict[str, str] | None = None


class Told(Struct, frozen=True):
    """Result of `profile`."""

    visitor: VisitorData


class Identify(Struct, frozen=True):
    """Params of `identify`: `id` is the site's own, `hash` its hex HMAC-SHA256."""

    id: Annotated[str, Meta(min_length=1, max_length=_DETAIL_CHARS)]
    token: str | None = None
    name: str | None = None
    email: str | None = None
    hash: str = ""


class Identified(Struct, frozen=True):
    """Result of `identify`."""

    visitor: VisitorData
    verified: bool
    """Whether the hash was right."""


async def profile(web: Services, call: Call, params: Profile) -> Told:
    """The visitor tells their name or how to reach them; stored once they have spoken.

    Once the site has vouched for a visitor, name and email are the site's to change.
    """
    guest = await callers.identify(web, call, params.token)
    told = {} if params.fields is None else params.fields
    details = _typed(guest.visit.details, params.name, params.email)
    details = _with_fields(details, params.phone, told)
    await _keep(web, guest, details)
    return Told(VisitorData(guest.visit.visitor, guest.visit.name))


async def identify(web: Services, call: Call, params: Identify) -> Identified:
    """The site says who the visitor is; without a right hash it is as typed. Stored as `profile`.

    Raises Reject `invalid`, and as `callers.identify`.
    """
    guest = await callers.identify(web, call, params.token)
    if clean_line(params.id, _DETAIL_CHARS) != params.id:
        raise Reject("invalid", f"An id is one line of 1 to {_DETAIL_CHARS} characters.")
    before = guest.visit.details
    right = proven(guest.site.settings.identify_secret, params.id, params.hash)
    if not right:
        details = _typed(before, params.name, params.email)
    else:
        if before.verified not in ("", params.id):
            # Somebody else logs in on this browser: nothing of the former's is theirs.
            before = Details()
        details = _named(replace(before, verified=params.id), params.name, params.email)
    await _keep(web, guest, details)
    return Identified(VisitorData(guest.visit.visitor, guest.visit.name), right)


def proven(secret: str, id: str, hash: str) -> bool:
    """Whether `hash` is the hex HMAC-SHA256 of `id`; without a secret nothing is proven."""
    right = hmac.new(secret.encode(), id.encode(), hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(right.encode(), hash.lower().encode())


async def _keep(web: Services, guest: Guest, details: Details) -> None:
    if details == guest.visit.details:
        return
    visit = web.attendance.update(guest.visit.described(details))
    if visit.spoken:
        await web.talks.save_details(visit)
    guest.visit = visit


def _typed(details: Details, name: str | None, email: str | None) -> Details:
    return details if details.verified else _named(details, name, email)


def _named(details: Details, name: str | None, email: str | None) -> Details:
    if name is not None:
        details = replace(details, name=clean_line(name, NAME_CHARS))
    if email is not None:
        details = replace(details, email=clean_line(email, _DETAIL_CHARS))
    return details


def _with_fields(details: Details, phone: str | None, told: dict[str, str]) -> Details:
    if phone is not None:
        details = replace(details, phone=clean_line(phone, _DETAIL_CHARS))
    if not told:
        return details
    fields = dict(details.fields)
    for key, value in told.items():
        fields[clean_line(key, NAME_CHARS)] = clean_line(value, _FIELD_CHARS)
    return replace(details, fields=dict(list(fields.items())[:MOST_FIELDS]))
