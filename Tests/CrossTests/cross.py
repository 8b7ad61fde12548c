"""Clients of several languages spend the same credit at once, until there is none.

    cross.py TALLY GO_WORKER

Each worker is a process. It is told on its first line `{"user": ..., "amounts": [...]}`, connects, consumes
the first amount twice with one key, prints `ready`, and begins with the next line that it reads: a caller
for each amount consumes it over and over, until it is refused. What comes before `ready` is each one's
share, however late the machine lets it begin. Now and then a call is made twice with the same key. In the
end a worker prints a line for each call: `key`, `amount`, and `sequence` and `replayed`, or `refused` (the
reason), `available` and `required`.

What must hold then is in `check`; `tally verify` proves the rest on the file, and Verify over the socket.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tallystick import Client

HERE = pathlib.Path(__file__).parent
USER = "everybody"
#: A prime, as are the amounts, so that nothing divides evenly.
GRANTED_MICROS = 9_999_991
AMOUNTS_MICROS = [997, 983, 977, 971, 1_009, 1_013, 1_019, 1_021]
#: How long all of it may take, in seconds.
PATIENCE_SECONDS = 600


class Worker:
    def __init__(self, name: str, command: Sequence[str], amounts: Sequence[int]) -> None:
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._tell(json.dumps({"user": USER, "amounts": list(amounts)}))

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def await_ready(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "ready\n", f"{self.name} said {line!r}"

    def begin(self) -> None:
        self._tell("go")

    def calls(self) -> list[dict[str, Any]]:
        output, _ = self._process.communicate(timeout=PATIENCE_SECONDS)
        assert self._process.returncode == 0, f"{self.name} ended with {self._process.returncode}"
        return [json.loads(line) for line in output.splitlines()]

    def kill(self) -> None:
        self._process.kill()


def check(calls: dict[str, list[dict[str, Any]]], rows: list[Any], rest: int) -> None:
    """`calls` by worker; `rows` of usage and the rest of the credit, as the server has them."""
    every = [call for made in calls.values() for call in made]
    applied: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in every:
        if "sequence" in call and "refused" not in call:
            applied[call["key"]].append(call)
        else:
            assert call.get("refused") == "INSUFFICIENT_CREDITS", call
            assert call["available"] < call["required"] == call["amount"], call
    for worker, made in calls.items():
        assert any(call["key"] in applied for call in made), f"{worker} got nothing"
        assert any(call.get("replayed") for call in made), f"{worker} repeated nothing"
    for key, copies in applied.items():
        assert len({(call["sequence"], call["amount"]) for call in copies}) == 1, key
        assert sum(not call["replayed"] for call in copies) == 1, f"{key} was applied twice, or never"
    stored = {row.idempotency_key: (row.sequence, -row.amount_micros) for row in rows}
    assert len(stored) == len(rows)
    assert stored == {key: (made[0]["sequence"], made[0]["amount"]) for key, made in applied.items()}
    assert sum(made[0]["amount"] for made in applied.values()) == GRANTED_MICROS - rest
    assert 0 <= rest < min(AMOUNTS_MICROS), rest


def rows_of_usage(client: Client) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        page = client.credits.list_transactions(
            user_id=USER, types=["TRANSACTION_TYPE_API_USAGE"], limit=1_000, cursor=cursor
        )
        found += page.transactions
        cursor = page.next_cursor
        if not cursor:
            return found


def spend(socket: str, go_worker: str) -> dict[str, list[dict[str, Any]]]:
    python = [sys.executable, str(HERE / "python_worker.py")]
    commands = {
        "python": [*python, "sync", socket],
        "python-asyncio": [*python, "asyncio", socket],
        "node": ["node", str(HERE / "node_worker.js"), socket],
        "go": [go_worker, socket],
    }
    workers = [Worker(name, command, AMOUNTS_MICROS) for name, command in commands.items()]
    try:
        for worker in workers:
            worker.await_ready()
        for worker in workers:
            worker.begin()
        return {worker.name: worker.calls() for worker in workers}
    finally:
        for worker in workers:
            worker.kill()


def main() -> None:
    tally, go_worker = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="tally-") as directory:
        socket, database = f"{directory}/s", f"{directory}/data"
        command = [tally, "serve", "--socket", socket, "--database", database, "--any-file-system"]
        daemon = subprocess.Popen(
            [*command, "--lifeline-stdin", "--log-level", "warning"], stdin=subprocess.PIPE
        )
        try:
            with Client(socket, timeout=PATIENCE_SECONDS, retry_seconds=PATIENCE_SECONDS) as client:
                client.credits.add_purchase(user_id=USER, payment_id="p", amount_micros=GRANTED_MICROS)
                start = time.monotonic()
                calls = spend(socket, go_worker)
                seconds = time.monotonic() - start
                rest = client.credits.get_balance(user_id=USER).balance.available_micros
                check(calls, rows_of_usage(client), rest)
                checks = [check for check in client.admin.verify() if check.done]
                assert checks
                assert not any(check.violations for check in checks), checks
        finally:
            daemon.terminate()
            status = daemon.wait()
        assert status == 0, f"the daemon ended with {status}"
        subprocess.run([tally, "verify", "--file", database], check=True, stdout=subprocess.DEVNULL)
    shares = ", ".join(f"{worker} {len(made)}" for worker, made in calls.items())
    print(f"ok: {rest} of {GRANTED_MICROS} micro-dollars are left after {seconds:.1f} s; calls: {shares}")


main()
