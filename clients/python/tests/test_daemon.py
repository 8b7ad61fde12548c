"""Daemons that come and go: the harness's own, and one that is killed under load."""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tallystick import Client, errors
from tallystick.testing import HarnessError, Server, find_binary

#: How long a condition may take to come true, in seconds.
PATIENCE = 60


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_a_stopped_daemon_leaves_nothing() -> None:
    server = Server()
    directory = pathlib.Path(server.socket).parent
    assert directory.exists()
    with server.client() as client:
        client.credits.get_balance(user_id="u1")
    assert server.stop() == 0
    assert not directory.exists()


PARENT = """
from tallystick.testing import Server
server = Server()
print(server.socket, server.pid, flush=True)
input()
"""


def test_a_daemon_ends_with_its_parent_and_leaves_nothing() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    socket, pid = parent.stdout.readline().split()
    assert pathlib.Path(socket).exists()
    parent.kill()
    parent.communicate()
    wait_until(lambda: not pathlib.Path(socket).parent.exists())
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists())


def test_a_daemon_that_does_not_start_says_why() -> None:
    with pytest.raises(HarnessError, match=r"did not start: .*no-such-flag"):
        Server(arguments=["--no-such-flag"])
    with pytest.raises(HarnessError, match="/no/such/tally"):
        Server("/no/such/tally")


def test_a_killed_daemon_is_an_error_that_says_so() -> None:
    server = Server()
    with Client(server.socket, retry_seconds=0.05) as client:
        client.credits.get_balance(user_id="u1")
        server.kill()
        with pytest.raises(errors.ConnectionLost, match="cannot connect to"):
            client.credits.get_balance(user_id="u1")


@pytest.fixture
def restart(socket_path: pathlib.Path) -> Iterator[Callable[[], None]]:
    """Kills the daemon on `socket_path`, if there is one, and starts it again on the same database."""
    command = [find_binary(), "serve", "--socket", str(socket_path), "--log-level", "critical"]
    command += ["--database", str(socket_path.parent / "data"), "--any-file-system"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
    daemons: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        while daemons:
            daemons[-1].kill()
            daemons.pop().wait()

    def again() -> None:
        kill()
        daemons.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment))

    yield again
    kill()


def test_calls_outlive_kills_of_the_daemon_and_are_applied_once(
    socket_path: pathlib.Path, restart: Callable[[], None]
) -> None:
    callers, calls, kills = 8, 100, 4
    restart()
    done: list[int] = []

    def spend(user: str) -> None:
        for _ in range(calls):
            done.append(client.credits.consume(user_id=user, amount_micros=1).commit_sequence)

    def reached(share: int) -> bool:
        return len(done) >= share

    with Client(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
        users = [f"u{number}" for number in range(callers)]
        for user in users:
            client.credits.add_purchase(user_id=user, payment_id=user, amount_micros=calls)
        threads = [threading.Thread(target=spend, args=(user,)) for user in users]
        for thread in threads:
            thread.start()
        for kill in range(1, kills + 1):
            share = callers * calls * kill // (kills + 1)
            wait_until(functools.partial(reached, share))
            restart()
        for thread in threads:
            thread.join()
        # None was lost, or the call would have failed; none was applied twice, or there were too little.
        assert len(done) == callers * calls
        balances = client.credits.batch_get_balances(user_ids=users).balances
        assert [balance.available_micros for balance in balances] == [0] * callers
        assert [balance.version for balance in balances] == [calls + 1] * callers
