"""The database's errors, said in the switchboard's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, DisconnectionError, TimeoutError

from ..errors import Reject, RetryLater, SwitchboardError
from .flavour import Flavour, Verdict

RETRY_AFTER = 2.0


class Faults:
    """Judges and translates errors for one kind of database."""

    def __init__(self, flavour: Flavour) -> None:
        self._flavour = flavour

    def judge(self, error: Exception) -> Verdict:
        """What an error of SQLAlchemy or of the driver means."""
        if isinstance(error, TimeoutError | DisconnectionError):
            return Verdict.UNAVAILABLE
        if isinstance(error, DBAPIError) and error.orig is not None:
            return self._flavour.judge(error.orig)
        return self._flavour.judge(error)

    def translate(self, error: Exception) -> Exception:
        """A new error to raise instead of `error`, or `error` itself if it is a bug's."""
        if isinstance(error, SwitchboardError):
            return error
        match self.judge(error):
            case Verdict.AGAIN | Verdict.UNAVAILABLE:
                return RetryLater("unavailable", "The store is not available now.", RETRY_AFTER)
            case Verdict.WRONG_VALUE:
                return Reject("invalid", "The store cannot hold this.")
            case Verdict.UNKNOWN:
                return error

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raises a SwitchboardError for each of the database's errors inside."""
        try:
            yield
        except Exception as error:
            translation = self.translate(error)
            if translation is error:
                raise
            raise translation from error
