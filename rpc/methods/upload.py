"""Files of the visitor's: upload. Their octets come by PUT (`upload_door.py`)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from switchboard.errors import Forbidden, Reject, RetryLater

from ..callers import Call, identify
from ..services import Services
from ..uploads import clean_name, clean_type, wanted


class Upload(Struct, frozen=True):
    """Params of `upload`: a file as the visitor's browser has it; `size` in octets."""

    name: str
    size: Annotated[int, Meta(ge=1, le=2**53)]
    type: str = ""
    token: str | None = None


class Promised(Struct, frozen=True):
    """Result of `upload`: PUT the octets to `url`, then `say` the `attachment`."""

    url: str
    attachment: str


async def upload(web: Services, call: Call, params: Upload) -> Promised:
    """Prepares for a file, if the site takes such a one.

    Raises Forbidden, Reject (`invalid`, `too_long`), RetryLater, and as `identify`.
    """
    guest = await identify(web, call, params.token)
    settings = guest.site.settings.upload
    if not (settings.on and web.uploads.possible):
        raise Forbidden("forbidden", "This site takes no files.")
    name, kind = clean_name(params.name), clean_type(params.type)
    if not wanted(settings, name, kind):
        raise Reject("invalid", f"This site takes only {', '.join(settings.types)}.")
    if params.size > settings.max_bytes:
        raise Reject("too_long", f"A file has at most {settings.max_bytes} bytes.")
    if wait := web.files.take(guest.token.visitor):
        raise RetryLater("rate_limited", "Too many files; please wait.", wait)
    return Promised(*await web.uploads.promise(guest.visit, name, kind, params.size))
