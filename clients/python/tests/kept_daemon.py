"""A daemon whose database outlives it, for tests that kill it and start it again."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tempfile
from typing import Optional

from tallystick.testing import find_binary

#: How long a daemon may take to end.
END_SECONDS = 60.0


class KeptDaemon:
    """`tally serve --testing` on a directory of its own; ends with this process, whatever becomes of it."""

    def __init__(self) -> None:
        binary = find_binary()
        # A short path: a socket's may have 107 bytes.
        self._directory = tempfile.TemporaryDirectory(prefix="tally-")
        root = pathlib.Path(self._directory.name)
        self.socket = str(root / "s")
        self._command = [binary, "serve", "--testing", "--lifeline-stdin", "--socket", self.socket]
        self._command += ["--database", str(root / "data"), "--any-file-system", "--log-level", "warning"]
        self._log = (root / "log").open("ab")
        self._process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        """Starts it, unless it runs. A client's first call waits until it accepts calls."""
        if self._process is not None and self._process.poll() is None:
            return
        self._reap()
        # What the environment sets for another daemon is not meant for this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env=environment,
        )

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._running().kill()
        self.ended()

    def stop(self) -> None:
        """Ends it in good order."""
        self._running().terminate()
        status = self.ended()
        assert status == 0, f"the daemon ended with status {status}: {self.log()}"

    def ended(self) -> int:
        """Waits until it has ended; returns its exit status, or the signal, negative."""
        status = self._running().wait(END_SECONDS)
        self._reap()
        return status

    def log(self) -> str:
        return pathlib.Path(self._log.name).read_text(errors="replace")

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        self._log.close()
        self._directory.cleanup()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the daemon does not run"
        return self._process

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(END_SECONDS)
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
