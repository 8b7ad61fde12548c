"""What the README and the example print is what happens."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

from tallystick import Client, to_datetime
from tallystick.testing import Server

ROOT = pathlib.Path(__file__).parents[1]


def examples() -> list[str]:
    """The README's programs."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.S | re.M)


def run(program: list[str], server: Server) -> str:
    environment = {**os.environ, "TALLY_SOCKET": server.socket}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readmes_first_example_runs_as_printed(tally: Client, tally_server: Server) -> None:
    assert run([sys.executable, "-c", examples()[0]], tally_server) == "left: 750000\n"


def test_the_readmes_run_is_charged_and_its_hold_released(tally: Client, tally_server: Server) -> None:
    [example] = [text for text in examples() if "client.hold" in text]
    assert run([sys.executable, "-c", example], tally_server) == "charged: 250000\nleft: 750000 held: 0\n"


def test_the_readmes_purchase_is_reversed_and_reinstated(tally: Client, tally_server: Server) -> None:
    [example] = [text for text in examples() if "reverse_purchase" in text]
    assert run([sys.executable, "-c", example], tally_server) == (
        "left: 700000\nonly 700000 left to take back\nleft: 0 owed: 300000\nleft: 700000 owed: 0\n"
    )


def test_the_readmes_asyncio_runs_as_printed(tally: Client, tally_server: Server) -> None:
    [example] = [text for text in examples() if "AsyncClient" in text]
    assert run([sys.executable, "-c", example], tally_server) == "left: 900000\n"


def test_the_example_runs(tally: Client, tally_server: Server) -> None:
    program = [sys.executable, str(ROOT / "examples" / "charge.py"), "u1"]
    assert run(program, tally_server) == (
        "only 0.000000 dollars left: buying one\nu1 has 0.750000 dollars left\n"
    )
    assert run(program, tally_server) == "u1 has 0.500000 dollars left\n"


def test_the_example_of_runs_charges_a_run_once(tally: Client, tally_server: Server) -> None:
    tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=1_000_000)
    month = to_datetime(tally.admin.get_server_info().now_micros).strftime("%Y-%m")
    program = [sys.executable, str(ROOT / "examples" / "runs.py"), "u1", "run-7"]
    for _ in range(2):
        assert run(program, tally_server) == (f"run-7 cost 0.250000 dollars\n1 generations in {month}\n")
    assert tally.credits.get_balance(user_id="u1").balance.available_micros == 750_000


def test_the_example_of_asyncio_answers_what_is_paid_for(tally: Client, tally_server: Server) -> None:
    program = [sys.executable, str(ROOT / "examples" / "async_runs.py"), "u1"]
    assert run(program, tally_server) == (
        "6 of 10 answered for 0.900000 dollars\nu1 has 0.100000 dollars left\n"
    )


def test_the_readmes_page_is_saved_and_a_stale_save_is_refused(tally: Client, tally_server: Server) -> None:
    [example] = [text for text in examples() if "VersionConflict" in text]
    assert run([sys.executable, "-c", example], tally_server) == (
        "saved as version 2\nsomebody saved version 2: hero changed\n"
    )


def test_the_readmes_tests_pass_in_another_project(pytester: pytest.Pytester) -> None:
    tests = [text for text in examples() if "def test_" in text]
    pytester.makepyfile(test_charge=tests[0], test_more=tests[1])
    pytester.runpytest_subprocess("-p", "no:asyncio").assert_outcomes(passed=6)


def test_the_readmes_runs_are_recorded_and_counted(tally: Client, tally_server: Server) -> None:
    [example] = [text for text in examples() if "stream_runs" in text]
    assert run([sys.executable, "-c", example], tally_server) == ("10000 recorded\n12000000 micro-dollars\n")


def test_every_example_of_the_readme_is_tested() -> None:
    """By its own test above, and a new one has to get one."""
    assert len(examples()) == 8
