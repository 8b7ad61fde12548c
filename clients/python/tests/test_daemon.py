"""Daemons that come and go: the harness's own, and one that is killed under load."""

from __future__ import annotations

import functools
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from fake import PATIENCE, SOON, terminate, wait_until

from tallystick import Client, errors
from tallystick.testing import Harness, HarnessError, Server


def test_a_stopped_daemon_leaves_nothing() -> None:
    server = Server()
    directory = pathlib.Path(server.socket).parent
    assert directory.exists()
    with server.client() as client:
        client.credits.get_balance(user_id="u1")
    assert server.stop() == 0
    assert not directory.exists()


PARENT = """
import sys
from tallystick.testing import Server
server = Server(keep=sys.argv[1] == "kept")
print(server.socket, server.pid, flush=True)
input()
"""


@pytest.mark.parametrize("kind", ["ephemeral", "kept"])
def test_a_daemon_ends_with_its_parent_and_leaves_nothing(kind: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    socket, pid = parent.stdout.readline().split()
    assert pathlib.Path(socket).exists()
    parent.kill()
    parent.communicate()
    wait_until(lambda: not pathlib.Path(socket).parent.exists())
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists())


def test_a_kept_daemon_finds_again_what_it_stored() -> None:
    with Server(keep=True) as server:
        directory = pathlib.Path(server.socket).parent
        with server.client() as client:
            client.credits.add_purchase(user_id="u", payment_id="p", amount_micros=5)
            # Also ahead of the machine's clock.
            Harness(client).clock.advance(days=2)
            client.credits.consume(user_id="u", amount_micros=1)
            for end in (server.restart, server.kill, lambda: terminate(server)):
                end()
                assert server.is_running == (end == server.restart)
                if not server.is_running:
                    server.restart()
                assert client.credits.get_balance(user_id="u").balance.available_micros == 4
        assert server.version
    assert not server.is_running
    assert not directory.exists()
    with pytest.raises(HarnessError, match="was stopped"):
        server.restart()


def test_an_ephemeral_daemon_is_empty_after_a_restart() -> None:
    with Server() as server:
        with server.client() as client:
            client.credits.add_purchase(user_id="u", payment_id="p", amount_micros=5)
        before = server.socket
        server.restart()
        assert server.socket != before
        with server.client() as client:
            assert client.credits.get_balance(user_id="u").balance.available_micros == 0


def test_a_daemon_that_does_not_start_says_why() -> None:
    with pytest.raises(HarnessError, match=r"did not start: .*no-such-flag"):
        Server(args=["--no-such-flag"])
    with pytest.raises(HarnessError, match=r"did not start: .*no-such-flag"):
        Server(args=["--no-such-flag"], keep=True)
    with pytest.raises(HarnessError, match="/no/such/tally"):
        Server("/no/such/tally")
    with pytest.raises(HarnessError, match="/bin/echo is no tally: it printed b'serve"):
        Server("/bin/echo")


def test_a_killed_daemon_is_an_error_that_says_so() -> None:
    server = Server()
    with Client(server.socket, retry_seconds=SOON) as client:
        client.credits.get_balance(user_id="u1")
        server.kill()
        with pytest.raises(errors.ConnectionLost, match=r"cannot connect to .*does `tally serve` run"):
            client.credits.get_balance(user_id="u1")
    server.stop()


@pytest.fixture
def kept() -> Iterator[Server]:
    with Server(keep=True) as server:
        yield server


def test_calls_outlive_kills_of_the_daemon_and_are_applied_once(kept: Server) -> None:
    callers, calls, kills = 8, 100, 4
    done: list[int] = []

    def spend(user: str) -> None:
        for _ in range(calls):
            done.append(client.credits.consume(user_id=user, amount_micros=1).commit_sequence)

    def reached(share: int) -> bool:
        return len(done) >= share

    with Client(kept.socket, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
        users = [f"u{number}" for number in range(callers)]
        for user in users:
            client.credits.add_purchase(user_id=user, payment_id=user, amount_micros=calls)
        threads = [threading.Thread(target=spend, args=(user,)) for user in users]
        for thread in threads:
            thread.start()
        for kill in range(1, kills + 1):
            share = callers * calls * kill // (kills + 1)
            wait_until(functools.partial(reached, share))
            kept.restart()
        for thread in threads:
            thread.join()
        # None was lost, or the call would have failed; none was applied twice, or there were too little.
        assert len(done) == callers * calls
        balances = client.credits.batch_get_balances(user_ids=users).balances
        assert [balance.available_micros for balance in balances] == [0] * callers
        assert [balance.version for balance in balances] == [calls + 1] * callers
