"""The pytest plugin in other people's projects: each test here is a run of pytest of its own."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from fake import wait_until

from tallystick.testing import find_binary


@pytest.fixture(autouse=True)
def _binary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project elsewhere does not find what this repository has built."""
    monkeypatch.setenv("TALLY_BINARY", find_binary())


STRICT = """
    [pytest]
    filterwarnings = error
"""


def test_each_test_has_an_empty_daemon(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_charge(tally, tally_clock, tally_failures, number):
            assert tally_failures.list() == []
            tally.credits.add_purchase(user_id="u", payment_id="p", amount_micros=number + 1)
            tally.credits.consume(user_id="u", amount_micros=number + 1)
            tally_clock.advance(days=40)
            tally_failures.refuse(reason="QUEUE_FULL", count=1000)
    """)
    pytester.runpytest_subprocess("-p", "no:asyncio").assert_outcomes(passed=3)


def test_workers_have_a_daemon_each(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import os
        import pathlib
        import pytest

        @pytest.mark.parametrize("number", range(20))
        def test_charge(tally, tally_server, number):
            tally.credits.add_purchase(user_id="u", payment_id="p", amount_micros=1)
            tally.credits.consume(user_id="u", amount_micros=1)
            worker = os.environ["PYTEST_XDIST_WORKER"]
            pathlib.Path(worker + "-" + str(tally_server.pid)).touch()
    """)
    pytester.runpytest_subprocess("-p", "no:asyncio", "-n", "2").assert_outcomes(passed=20)
    daemons = sorted(path.name for path in pytester.path.glob("gw*"))
    assert [name[:3] for name in daemons] == ["gw0", "gw1"]
    assert len({name[4:] for name in daemons}) == 2


def test_coroutines_run_by_every_plugin_and_by_hand(pytester: pytest.Pytester) -> None:
    pytester.makeini(STRICT + "    asyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile("""
        import asyncio
        import pytest

        async def charge(client):
            await client.credits.add_purchase(user_id="u", payment_id="p", amount_micros=2)
            reply = await client.credits.consume(user_id="u", amount_micros=1)
            assert reply.balance.available_micros == 1

        @pytest.mark.asyncio
        async def test_by_pytest_asyncio(tally_async):
            await charge(tally_async)

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_by_anyio(tally_async):
            await charge(tally_async)

        def test_by_hand(tally_async, tally):
            asyncio.run(charge(tally_async))
            assert tally.credits.get_balance(user_id="u").balance.available_micros == 1
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_fixture_files_are_named_by_the_ini_file_and_by_marks(pytester: pytest.Pytester) -> None:
    pytester.makeini(STRICT + "    tally_fixtures = all.json\n")
    purchase = '{"purchases": [{"user_id": "u", "payment_id": "%s", "amount_micros": "%d"}]}'
    (pytester.path / "all.json").write_text(purchase % ("p1", 1))
    (pytester.path / "ten.json").write_text(purchase % ("p2", 10))
    (pytester.path / "hundred.json").write_text(purchase % ("p3", 100))
    pytester.makepyfile("""
        import pytest

        def available(tally):
            return tally.credits.get_balance(user_id="u").balance.available_micros

        def test_ini(tally):
            assert available(tally) == 1

        @pytest.mark.tally_fixtures("ten.json", "hundred.json")
        def test_mark(tally):
            assert available(tally) == 111
    """)
    pytester.runpytest_subprocess("-p", "no:asyncio", "--strict-markers").assert_outcomes(passed=2)


def test_a_killed_run_leaves_neither_daemon_nor_directory(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pathlib
        import time

        def test_hang(tally, tally_server):
            note = pathlib.Path("note.part")
            note.write_text(f"{tally_server.socket} {tally_server.pid}")
            note.rename("note")
            time.sleep(600)
    """)
    command = [sys.executable, "-m", "pytest", "-p", "no:asyncio"]
    run = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL)
    note = pytester.path / "note"
    wait_until(note.exists)
    socket, pid = note.read_text().split()
    assert pathlib.Path(f"/proc/{pid}").exists()
    run.kill()
    run.wait()
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists())
    wait_until(lambda: not pathlib.Path(socket).parent.exists())
