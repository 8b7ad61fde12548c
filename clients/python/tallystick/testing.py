"""Pytest fixtures: a real daemon, empty for each test, with a clock to turn.

    def test_charge(tally):
        tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=1_000_000)
        tally.credits.consume(user_id="u1", amount_micros=250_000)
        balance = tally.credits.get_balance(user_id="u1").balance
        assert balance.available_micros == 750_000

Installing the package is enough: pytest finds this plugin by its entry point.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._harness import Clock, HarnessError, Server, clock, find_binary, reset
from .client import Client

__all__ = ["Clock", "HarnessError", "Server", "find_binary", "tally", "tally_clock", "tally_server"]


@pytest.fixture(scope="session")
def tally_server() -> Iterator[Server]:
    """One daemon for the whole run."""
    with Server() as server:
        yield server


@pytest.fixture
def tally(tally_server: Server) -> Iterator[Client]:
    """A client of the daemon, which is empty when the test begins."""
    with tally_server.client() as client:
        reset(client)
        yield client


@pytest.fixture
def tally_clock(tally: Client) -> Clock:
    """The daemon's clock."""
    return clock(tally)
