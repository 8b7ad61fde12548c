"""A daemon for tests: private, empty, driven by a clock of its own, gone when it is stopped."""

from __future__ import annotations

import json
import os
import pathlib
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Optional, Union

from ._generated.services import TestControl
from .client import DEFAULT_TIMEOUT, Client
from .times import Time, to_timestamp

#: How long a daemon may take to print its line, and to end, before that is an error.
START_SECONDS = STOP_SECONDS = 30.0


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
    """`tally serve --ephemeral --testing`, from the time it accepts calls until it is stopped."""

    def __init__(self, binary: Optional[str] = None, arguments: Sequence[str] = ()) -> None:
        command = [binary or find_binary(), "serve", "--ephemeral", "--testing", *arguments]
        # A file, since a pipe that nobody reads would stop the daemon's log.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        # What the environment sets for another daemon is not meant for this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
            )
        except OSError as error:
            self._log.close()
            raise HarnessError(f"cannot run {command[0]}: {error}") from error
        try:
            line = json.loads(self._first_line())
            #: The path of its socket.
            self.socket: str = line["socket"]
            self.pid: int = line["pid"]
            self.version: str = line["version"]
        except BaseException:
            self.kill()
            raise

    def _first_line(self) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
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

    def log(self) -> str:
        """What the daemon has written to its log."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def client(self, *, timeout: float = DEFAULT_TIMEOUT) -> Client:
        return Client(self.socket, timeout=timeout)

    def stop(self) -> int:
        """Ends the daemon in good order; returns its exit status."""
        self._process.terminate()
        return self._wait()

    def kill(self) -> int:
        """Ends the daemon at once, as a crash would."""
        self._process.kill()
        return self._wait()

    def _wait(self) -> int:
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()
        return status

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()


class Clock:
    """The daemon's clock, which runs with the machine's until it is set or advanced."""

    def __init__(self, control: TestControl) -> None:
        self._control = control

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._control.get_clock().now_micros

    def set(self, time: Time) -> int:
        """Stops the clock at a time, never before the ledger's last; returns the new time."""
        return self._control.set_clock(now_micros=to_timestamp(time)).now_micros

    def advance(self, by: Union[timedelta, None] = None, **parts: int) -> int:
        """Moves the clock on, as `advance(days=31)` or by a timedelta; returns the new time."""
        span = timedelta(**parts) if by is None else by
        return self._control.advance_clock(millis=span // timedelta(milliseconds=1)).now_micros


def reset(client: Client) -> None:
    """Empties the daemon's database and sets its clock free."""
    TestControl(client.caller).reset()


def clock(client: Client) -> Clock:
    return Clock(TestControl(client.caller))
