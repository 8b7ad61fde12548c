"""A daemon for tests, as a process: started, killed, restarted, and gone with whoever started it.

1. Nothing is left behind, however this process ends: the daemon's standard input is a lifeline that ends
   with it, an ephemeral daemon removes its directory itself, and a kept one's is removed by a process that
   waits at a lifeline too.
2. What the environment sets for another daemon is not meant for this one.
"""

from __future__ import annotations

import json
import os
import pathlib
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Optional

from .aio import AsyncClient
from .client import Client
from .errors import ConnectionLost

#: How long a daemon may take to accept calls, and to end, before that is an error.
START_SECONDS = STOP_SECONDS = 120.0
#: How long one attempt at a kept daemon's socket takes before the process is looked at again.
ATTEMPT_SECONDS = 0.25
#: How long a call of a test's client may take: a machine that runs tests may be busy with others.
TEST_TIMEOUT_SECONDS = 60.0

# Removes its directory when its input ends; the daemon may be writing its last files meanwhile.
CLEANER = 'cat >/dev/null; until rm -rf -- "$0"; do sleep 0.1; done'


class HarnessError(Exception):
    """The daemon could not be found or started."""


def find_binary() -> str:
    """`TALLY_BINARY`; else `tally` on PATH; else what the repository above this file has built."""
    named = os.environ.get("TALLY_BINARY")
    if named:
        return named
    installed = shutil.which("tally")
    if installed:
        return installed
    here = pathlib.Path.cwd().resolve()
    for directory in (here, *here.parents, *pathlib.Path(__file__).resolve().parents):
        for build in ("release", "debug"):
            built = directory / ".build" / build / "tally"
            if built.exists():
                return str(built)
    raise HarnessError("no tally program: set TALLY_BINARY, or put it on PATH, or run make build")


class Server:
    """`tally serve --testing`, from the time it accepts calls until it is stopped.

    It is ephemeral: what it stored goes when it ends. With `keep`, it has a private directory until `stop`,
    and `restart` finds again what was stored, however the daemon ended before.

    `args` are further flags of `tally serve`.
    """

    def __init__(self, binary: Optional[str] = None, args: Sequence[str] = (), *, keep: bool = False) -> None:
        self._command = [binary or find_binary(), "serve", "--testing", "--lifeline-stdin", *args]
        # A file, since a pipe that nobody reads would stop the daemon's log.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._directory: Optional[_Directory] = None
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._status = 0
        #: The path of its socket.
        self.socket = ""
        self.version = ""
        try:
            if keep:
                self._directory = _Directory()
                self.socket = str(self._directory.path / "s")
                # A test that has advanced the clock has left the ledger ahead of it.
                self._command += ["--socket", self.socket, "--any-file-system", "--clock-behind-ledger"]
                self._command += ["--database", str(self._directory.path / "data")]
            else:
                self._command.append("--ephemeral")
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
                # A terminal's interrupt is for the tests, which end the daemon then.
                start_new_session=True,
            )
        except OSError as error:
            raise HarnessError(f"cannot run {self._command[0]}: {error}") from error
        if self._directory is None:
            line = self._first_line()
            try:
                served = json.loads(line)
                self.socket, self.version = served["socket"], served["version"]
            except (ValueError, LookupError, TypeError) as error:
                raise HarnessError(f"{self._command[0]} is no tally: it printed {line!r}") from error
        else:
            self._answers()

    @property
    def pid(self) -> int:
        """Of the daemon's process."""
        if self._process is None:
            raise HarnessError("the daemon does not run")
        return self._process.pid

    def _first_line(self) -> bytes:
        assert self._process is not None
        descriptor = _stream(self._process.stdout).fileno()
        deadline = time.monotonic() + START_SECONDS
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(deadline - time.monotonic()):
                    raise HarnessError(f"no line from the daemon in {START_SECONDS} s: {self.log()}")
                piece = os.read(descriptor, 4096)
                if not piece:
                    raise HarnessError(f"the daemon did not start: {self.log()}")
                line += piece
        return line

    def _answers(self) -> None:
        """Waits until a kept daemon accepts calls."""
        deadline = time.monotonic() + START_SECONDS
        with Client(self.socket, timeout=START_SECONDS, retry_seconds=ATTEMPT_SECONDS) as client:
            while True:
                try:
                    self.version = client.admin.get_server_info().version
                    return
                except ConnectionLost as error:
                    if self._process is None or self._process.poll() is not None:
                        raise HarnessError(f"the daemon did not start: {self.log()}") from error
                    if time.monotonic() > deadline:
                        raise HarnessError(f"no answer in {START_SECONDS} s: {self.log()}") from error

    def log(self) -> str:
        """What the daemon has written to its log."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def client(self, *, timeout: float = TEST_TIMEOUT_SECONDS) -> Client:
        return Client(self.socket, timeout=timeout)

    def async_client(self, *, timeout: float = TEST_TIMEOUT_SECONDS) -> AsyncClient:
        return AsyncClient(self.socket, timeout=timeout)

    def wait(self) -> int:
        """Waits until the daemon has ended by itself; returns its exit status."""
        return self._end(lambda process: None)

    def kill(self) -> int:
        """Ends the daemon at once, as a crash would; returns its exit status."""
        return self._end(lambda process: process.kill())

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """Starts the daemon again; one that still runs is killed first. A kept one has what it had stored, an
        ephemeral one is empty and has another socket.
        """
        if self._log.closed:
            raise HarnessError("a server that was stopped does not start again")
        self.kill()
        self._start()

    def stop(self) -> int:
        """Ends the daemon in good order and removes its files; returns its exit status."""
        status = self._end(lambda process: process.terminate())
        if self._directory is not None:
            self._directory.remove()
        self._log.close()
        return status

    def _end(self, signal: Callable[[subprocess.Popen[bytes]], None]) -> int:
        process, self._process = self._process, None
        if process is None:
            return self._status
        signal(process)
        try:
            self._status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            self._status = process.wait()
        _stream(process.stdin).close()
        _stream(process.stdout).close()
        return self._status

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()


class _Directory:
    """A private directory that goes with this process at the latest."""

    def __init__(self) -> None:
        # A short path: a socket's may have 107 bytes.
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tally-"))
        self._cleaner = subprocess.Popen(
            ["/bin/sh", "-c", CLEANER, str(self.path)], stdin=subprocess.PIPE, start_new_session=True
        )

    def remove(self) -> None:
        _stream(self._cleaner.stdin).close()
        self._cleaner.wait(STOP_SECONDS)


def _stream(stream: Optional[IO[bytes]]) -> IO[bytes]:
    assert stream is not None, "the process has a pipe there"
    return stream
