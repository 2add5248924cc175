"""A MariaDB of one's own: in one folder, at a socket in it, as a child of the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import OperationalError

SERVER = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
START_SECONDS = 30.0


class PrivateMariadb:
    """One server. It may be started again after `kill`; what was committed is there then.

    `options` are further ones of the program; with a `port` it listens there too.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), port: int | None = None) -> None:
        self.folder = folder
        self.port = port
        self._more = [*options, *([f"--port={port}"] if port else ["--skip-networking"])]
        self._socket = folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Makes the tables of an empty server."""
        subprocess.run(
            ["mariadb-install-db", *self._options(), "--auth-root-authentication-method=normal"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Returns when it takes connections."""
        assert SERVER is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [SERVER, *self._options(), f"--socket={self._socket}", *self._more],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.query("SELECT 1")
            except OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def send(self, signal_: signal.Signals) -> None:
        """SIGSTOP and SIGCONT freeze and thaw it."""
        assert self._process is not None
        self._process.send_signal(signal_)

    def kill(self) -> None:
        """SIGKILL: it ends at once, and nothing is said to anybody."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def query(self, statement: str) -> None:
        """Runs a statement as its administrator."""
        engine = create_engine(self.url(""), poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def url(self, database: str, user: str = "root") -> str:
        """Where a store finds one of its databases."""
        return f"mysql+mysqldb://{user}@localhost/{database}?unix_socket={self._socket}"

    def _options(self) -> list[str]:
        # Its own folder for temporary tables: servers that begin together take each other's away.
        folders = [f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder}"]
        options = ["--no-defaults", *folders]
        return [*options, "--user=root"] if os.geteuid() == 0 else options


@contextmanager
def mariadb(options: Sequence[str] = (), port: int | None = None) -> Iterator[PrivateMariadb]:
    """A running server, in a folder whose name is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        server = PrivateMariadb(Path(folder), options, port)
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.kill()
