"""Other programs beside a server under load: a long snapshot, the documented backup, Litestream.

    backups.py TALLY LITESTREAM [SECONDS]

Load is `tally bench`, which consumes with 64 callers. It runs alone first; then each other program gets its
turn beside it. The rates are printed with their ratio to the rate alone. The bound that fails the test is
generous, since the machine may be busy with other things: a server that waits for the other program commits
once in ten seconds.
"""

from __future__ import annotations

import json
import pathlib
import shlex
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing

ROOT = pathlib.Path(__file__).parent.parent.parent
#: How much of its pace a server keeps at least.
LEAST_RATIO = 0.2
#: How long anything that is waited for may take, in seconds.
PATIENCE_SECONDS = 180
#: A log that has not started over is longer, in bytes.
RESTART_BYTES = 64 << 20


class Server:
    def __init__(self, tally: str, directory: pathlib.Path) -> None:
        self.tally = tally
        self.socket = str(directory / "s")
        self.database = directory / "data"
        command = [tally, "serve", "--socket", self.socket, "--database", str(self.database)]
        self.log = directory / "log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, "--any-file-system", "--lifeline-stdin"], stdin=subprocess.PIPE, stderr=log
            )
        wait("the server listens", lambda: pathlib.Path(self.socket).exists() or self._has_ended())
        assert not self._has_ended(), f"the server did not start: {self.log.read_text()}"

    def _has_ended(self) -> bool:
        return self._process.poll() is not None

    def start_load(self, seconds: int) -> subprocess.Popen[str]:
        command = [self.tally, "bench", "--socket", self.socket, "--seconds", str(seconds), "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def load(self, seconds: int) -> int:
        return rate(self.start_load(seconds))

    def metrics(self) -> dict[str, int]:
        text = run([self.tally, "metrics", "--prometheus", "--socket", self.socket])
        lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
        return {words[0]: int(float(words[1])) for words in lines if len(words) == 2}

    def rows(self) -> int:
        return self.metrics()["tallystick_ledger_rows_total"]

    def verify(self, file: pathlib.Path) -> None:
        run([self.tally, "verify", "--file", str(file)])

    def stop(self) -> None:
        self._process.terminate()
        status = self._process.wait(PATIENCE_SECONDS)
        assert status == 0, f"the server ended with {status}: {self.log.read_text()}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def run(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert result.returncode == 0, f"{command} ended with {result.returncode}: {result.stdout}{result.stderr}"
    return result.stdout


def rate(load: subprocess.Popen[str]) -> int:
    """Calls a second; none may have failed."""
    output, _ = load.communicate(timeout=PATIENCE_SECONDS)
    assert load.returncode == 0, f"tally bench ended with {load.returncode}"
    report = json.loads(output)
    assert report["failures"] == {}, report["failures"]
    return int(report["callsPerSecond"])


def wait(what: str, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"it never came about: {what}"
        time.sleep(0.05)


def rows_in(database: pathlib.Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM ledger").fetchone()[0])


def compare(name: str, beside: int, alone: int) -> None:
    ratio = beside / alone
    print(f"{name}: {beside} calls a second, {ratio:.2f} of {alone} alone", flush=True)
    assert ratio >= LEAST_RATIO, f"{name} slows the server down"


def log_bytes(server: Server) -> int:
    return server.metrics()["tallystick_log_bytes"]


def hold_snapshot(server: Server, seconds: int, alone: int) -> None:
    """As an analyst's shell does that was left in a transaction."""
    with closing(sqlite3.connect(server.database / "tally.db", isolation_level=None)) as shell:
        shell.execute("BEGIN")
        shell.execute("SELECT count(*) FROM ledger").fetchone()
        # Only from here on the snapshot is in the way.
        wait("the log is to start over", lambda: server.load(1) > 0 and log_bytes(server) > RESTART_BYTES)
        compare("beside a snapshot", server.load(seconds), alone)
        grown = log_bytes(server)
        assert server.metrics()["tallystick_log_held_since_micros"] > 0
        print(f"the log has grown to {grown} bytes", flush=True)
        shell.execute("COMMIT")
    wait("the log starts over", lambda: server.metrics()["tallystick_log_held_since_micros"] == 0)
    server.load(1)
    assert log_bytes(server) <= max(RESTART_BYTES, grown // 2)


def documented_backup() -> str:
    """The command of docs/OPERATIONS.md."""
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    lines = [line.strip() for line in text.splitlines() if line.startswith("    sqlite3 ")]
    assert len(lines) == 1, lines
    return lines[0]


def back_up(server: Server, directory: pathlib.Path, seconds: int) -> None:
    command = documented_backup()
    assert "DATABASE/" in command and "/backup/" in command, command
    for number in range(3):
        backup = directory / f"backup {number}"
        backup.mkdir()
        copy = command.replace("DATABASE/", f"{server.database}/").replace("/backup/", f"{backup}/")
        load = server.start_load(seconds)
        before = server.rows()
        start = time.monotonic()
        run(shlex.split(copy))
        took = time.monotonic() - start
        assert load.poll() is None, "the load was over before the backup"
        after = server.rows()
        assert after > before, "there was no load"
        rate(load)
        server.verify(backup / "tally.db")
        assert before <= rows_in(backup / "tally.db") <= after
        print(f"backup under load: {took:.2f} s, {after - before} rows were written meanwhile", flush=True)


def replicate(server: Server, directory: pathlib.Path, litestream: str, seconds: int, alone: int) -> None:
    replica = f"file://{directory}/replica"
    log = directory / "litestream.log"
    with log.open("w") as output:
        replicating = subprocess.Popen(
            [litestream, "replicate", str(server.database / "tally.db"), replica],
            stdout=output,
            stderr=output,
        )
    try:
        wait("Litestream replicates", (directory / "replica").exists)
        compare("beside Litestream", server.load(seconds), alone)
        time.sleep(2)
    finally:
        # It copies what is left before it ends.
        replicating.send_signal(signal.SIGINT)
        status = replicating.wait(PATIENCE_SECONDS)
    assert status == 0, f"Litestream ended with {status}: {log.read_text()}"
    copy = directory / "restored.db"
    run([litestream, "restore", "-o", str(copy), replica])
    server.verify(copy)
    assert rows_in(copy) == server.rows()


def main() -> None:
    tally, litestream = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    with tempfile.TemporaryDirectory(prefix="tally-backups-", dir=ROOT / ".build") as name:
        directory = pathlib.Path(name)
        server = Server(tally, directory)
        try:
            server.load(1)
            alone = server.load(seconds)
            hold_snapshot(server, seconds, alone)
            back_up(server, directory, seconds)
            replicate(server, directory, litestream, seconds, alone)
            # It is served again with what Litestream has left in it.
            server.stop()
            server.verify(server.database)
            server = Server(tally, directory)
            server.load(1)
            server.stop()
        except BaseException:
            server.kill()
            raise
    print("ok: every copy is proven")


main()
