"""Visitors' files on the disk: promised, coming in, here, said.

    part/ID    comes in
    new/ID     is here, and no message has it yet: a day later it is gone
    kept/ID    stands in a message

A file's name is kept in the message only; here it goes by an id of 160 random bits, which is also
all that protects it: who has the address has the file. What a browser holds of it is signed: the
address that takes the octets, and the token by which `say` puts the file into a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import msgspec
from msgspec import Struct

from switchboard.errors import Forbidden, Reject, RetryLater
from switchboard.model import FILE_NAME_CHARS, Attachment, Visit
from switchboard.ports import Clock
from switchboard.site import UploadSettings
from switchboard.text import clean_line

from .tokens import Signer

TICKET_MS = 600_000
"""How long after `upload` the octets may begin to come."""
UNSAID_MS = 86_400_000
"""How long a file that stands in no message is kept."""
WHOLE_SECONDS = 3600.0
"""How long the octets of one file may take, as long as they keep coming."""
SWEEP_EVERY = 600.0

ANY = "application/octet-stream"
_ID = re.compile(r"[A-Za-z0-9_-]{27}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][\w.+-]{0,60}/[a-z0-9][\w.+-]{0,60}", re.ASCII)
_MAGIC = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}

log = logging.getLogger(__name__)


class Ticket(Struct, frozen=True, array_like=True):
    """May PUT so many octets; `until` in ms since 1970 UTC."""

    id: str
    site: str
    size: int
    until: int


class _Promise(Struct, frozen=True, array_like=True):
    id: str
    name: str
    type: str
    size: int


class Uploads:
    """The files of all sites. `folder`: None, and there are none; `max_bytes`: 0 is no limit."""

    def __init__(
        self, folder: Path | None, max_bytes: int, keys: tuple[str, ...], url: str, clock: Clock
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._tickets = Signer(keys, b"parley upload")
        self._promises = Signer(keys, b"parley attachment")
        self._url = url.rstrip("/")
        self._clock = clock
        self._used = 0
        self._swept_at: float | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._coming: set[asyncio.Future[None]] = set()

    @property
    def possible(self) -> bool:
        """Whether there is a place for files."""
        return self._folder is not None

    async def promise(self, visit: Visit, name: str, kind: str, size: int) -> tuple[str, str]:
        """Where the octets go, and the token for `say`. Raises RetryLater if there is no room."""
        if self._swept_at is None:
            await self._sweep()
        self._check_room(size)
        id = secrets.token_urlsafe(20)
        ticket = Ticket(id, visit.site, size, self._clock.now() + TICKET_MS)
        promise = _Promise(id, name, kind, size)
        return (
            f"{self._url}/upload/{self._tickets.sign(msgspec.msgpack.encode(ticket))}",
            self._promises.sign(msgspec.msgpack.encode(promise), visit.visitor.encode()),
        )

    def ticket(self, text: str) -> Ticket:
        """The ticket, if it is ours and its time is not over. Raises Forbidden."""
        payload = self._tickets.open(text)
        if payload is not None:
            ticket = msgspec.msgpack.decode(payload, type=Ticket)
            if self._clock.now() < ticket.until:
                return ticket
        raise Forbidden("forbidden", "This address takes no file, or no longer: ask for another.")

    def receive(self, ticket: Ticket) -> Incoming:
        """Begins to take the octets. Raises Reject `exists` or RetryLater."""
        part, new, kept = (self._path(state, ticket.id) for state in ("part", "new", "kept"))
        if new.exists() or kept.exists():
            raise Reject("exists", "This file is here already.")
        self._check_room(ticket.size)
        with _told_as_full():
            for path in (part, new, kept):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                raise Reject("exists", "This file is just coming in.") from None
        self._used += ticket.size
        ends_at = self._clock.monotonic() + WHOLE_SECONDS
        over = asyncio.get_running_loop().create_future()
        self._coming.add(over)
        over.add_done_callback(self._coming.discard)
        return Incoming(self, handle, part, new, ticket.size, ends_at, over)

    def seconds_until(self, moment: float) -> float:
        """How long it is to a monotonic moment, a little at least."""
        return max(moment - self._clock.monotonic(), 0.01)

    def give_back(self, size: int) -> None:
        """So many octets did not come."""
        self._used -= size

    async def keep(self, visit: Visit, text: str) -> Attachment:
        """The file of a token, which is now to stand in a message. Raises Reject or RetryLater."""
        payload = self._promises.open(text, visit.visitor.encode())
        if payload is None or not self.possible:
            raise Reject("invalid", "This attachment is not the visitor's.")
        promise = msgspec.msgpack.decode(payload, type=_Promise)
        image = await asyncio.to_thread(self._keep, promise.id)
        told = promise.type if promise.type not in _MAGIC else ANY
        url = f"{self._url}/files/{promise.id}/{quote(promise.name, safe='')}"
        return Attachment(url, promise.name, image or told, promise.size)

    async def remove(self, attachment: Attachment) -> None:
        """The message that a file stood in has been taken back."""
        _, separator, rest = attachment.url.partition(f"{self._url}/files/")
        id = rest.partition("/")[0]
        if self.possible and separator and _ID.fullmatch(id):
            path = self._path("kept", id)
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def find(self, id: str) -> tuple[Path, str] | None:
        """Where a file is, and what kind of image; "" if it is none."""
        if self.possible and _ID.fullmatch(id):
            for state in ("kept", "new"):
                path = self._path(state, id)
                with contextlib.suppress(OSError):
                    return path, _image(path)
        return None

    def sweep(self) -> None:
        """To be called every second: now and then looks for what nobody needs, in a thread."""
        due = self._swept_at is None or self._clock.monotonic() - self._swept_at >= SWEEP_EVERY
        if due and self._folder is not None and self._sweeping is None and self._folder.is_dir():
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def settle(self) -> None:
        """Waits for what is under way, files that come in included."""
        if self._sweeping is not None:
            await self._sweeping
        if self._coming:
            await asyncio.wait(self._coming)

    async def _sweep(self) -> None:
        self._swept_at = self._clock.monotonic()
        try:
            self._used = await asyncio.to_thread(self._clean)
        except OSError as problem:
            log.warning("the folder of uploads cannot be read: %s", problem.strerror)
        finally:
            self._sweeping = None

    def _clean(self) -> int:
        """Removes what is too old; gives how many octets are left."""
        now, used = self._clock.now(), 0
        longest = {"part": int(2 * WHOLE_SECONDS * 1000), "new": UNSAID_MS, "kept": None}
        for state, limit in longest.items():
            folder = self._path(state, "")
            for path in folder.iterdir() if folder.is_dir() else ():
                with contextlib.suppress(FileNotFoundError):
                    found = path.stat()
                    if limit is not None and now - found.st_mtime * 1000 > limit:
                        path.unlink()
                    else:
                        used += found.st_size
        return used

    def _keep(self, id: str) -> str:
        new, kept = self._path("new", id), self._path("kept", id)
        with _told_as_full():
            with contextlib.suppress(FileNotFoundError):
                new.rename(kept)
                _sync(kept.parent)
            try:
                return _image(kept)
            except FileNotFoundError:
                raise Reject("invalid", "This file has not come, or is gone.") from None

    def _check_room(self, size: int) -> None:
        if self._max_bytes and self._used + size > self._max_bytes:
            raise RetryLater("unavailable", "There is no room for files now.", 600)

    def _path(self, state: str, id: str) -> Path:
        if self._folder is None:
            raise Forbidden("forbidden", "No files are taken here.")
        return self._folder / state / id


class Incoming:
    """One file on its way; what goes wrong leaves nothing of it."""

    def __init__(
        self,
        uploads: Uploads,
        handle: int,
        part: Path,
        new: Path,
        size: int,
        ends_at: float,
        over: asyncio.Future[None],
    ) -> None:
        self._uploads = uploads
        self._handle: int | None = handle
        self._part = part
        self._new = new
        self._size = size
        self._missing = size
        self._ends_at = ends_at
        self._over = over

    @property
    def seconds_left(self) -> float:
        """How long the rest of it may take."""
        return self._uploads.seconds_until(self._ends_at)

    def write(self, octets: bytes) -> None:
        """The next octets. Raises Reject `too_long`, or RetryLater if the disk is full."""
        if self._handle is None:
            return
        self._missing -= len(octets)
        try:
            if self._missing < 0:
                raise Reject("too_long", "The file is larger than was said.")
            with _told_as_full():
                view = memoryview(octets)
                while view:
                    view = view[os.write(self._handle, view) :]
        except (Reject, RetryLater):
            self.abandon()
            raise

    async def finish(self) -> None:
        """All octets are there: now it is a file. Raises Reject or RetryLater."""
        if self._handle is None or self._missing:
            self.abandon()
            raise Reject("invalid", "The file is smaller than was said.")
        handle, self._handle = self._handle, None
        try:
            await asyncio.to_thread(self._settle, handle)
        except RetryLater:
            self._forget()
            raise
        finally:
            self._over.set_result(None)

    def abandon(self) -> None:
        """The rest will not come."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            self._forget()
            self._over.set_result(None)

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._uploads.give_back(self._size)

    def _settle(self, handle: int) -> None:
        with _told_as_full():
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            self._part.rename(self._new)
            _sync(self._new.parent)


def clean_name(text: str) -> str:
    """A file's name as people may read it: one line, no folders."""
    name = clean_line(text.replace("/", " ").replace("\\", " "), FILE_NAME_CHARS * 4).lstrip(".")
    stem, suffix = PurePosixPath(name or "file").stem, PurePosixPath(name).suffix[:20]
    return clean_line(stem, FILE_NAME_CHARS - len(suffix)) + suffix


def clean_type(text: str) -> str:
    """A media type without parameters; "" if it is none."""
    kind = text.partition(";")[0].strip().lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) else ""


def wanted(settings: UploadSettings, name: str, kind: str) -> bool:
    """Whether a site takes such a file, by what its sender says of it (HTML's `accept`)."""
    return not settings.types or any(
        name.lower().endswith(one)
        if one.startswith(".")
        else kind == one or (one.endswith("/*") and kind.startswith(one[:-1]))
        for one in map(str.lower, settings.types)
    )


def _image(path: Path) -> str:
    """Which image a file is by its first octets; "" if it is none that browsers may show."""
    with path.open("rb") as file:
        head = file.read(16)
    return next((kind for kind, magic in _MAGIC.items() if magic.match(head)), "")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told_as_full() -> Iterator[None]:
    """A disk that is full, or not ours to write, is no room for files now."""
    try:
        yield
    except OSError as problem:
        log.warning("a visitor's file cannot be written: %s", problem.strerror)
        raise RetryLater("unavailable", "There is no room for files now.", 60) from None
