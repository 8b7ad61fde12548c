"""Pytest fixtures: a real daemon, empty for each test, with a clock to turn and failures to make.

    def test_charge(tally):
        tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=1_000_000)
        tally.credits.consume(user_id="u1", amount_micros=250_000)
        balance = tally.credits.get_balance(user_id="u1").balance
        assert balance.available_micros == 750_000

Installing the package is enough: pytest finds this plugin by its entry point. A run has one daemon, with
pytest-xdist each worker has one; the first fixture that needs it starts it. Without pytest, `Server` and
`Harness` of `tallystick.testing` are the same by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._harness import Clock, Failures, Fixtures, Harness, Snapshots
from ._server import Server
from .aio import AsyncClient
from .client import Client

MARK = "tally_fixtures"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(MARK, "JSON files that the tallystick daemon has before each test", "paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(path, ...): JSON files, beside the test's, that the tallystick daemon has before it",
    )


@pytest.fixture(scope="session")
def tally_server() -> Iterator[Server]:
    """The daemon of the whole run."""
    with Server() as server:
        yield server


class _Control:
    """The harness of the session's daemon, by a connection that no test's client shares."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client = server.client()

    def harness(self) -> Harness:
        # A test may have killed it, or made its store fail.
        if not self._server.is_running:
            self._server.restart()
        if self._client.socket != self._server.socket:
            self.close()
            self._client = self._server.client()
        return Harness(self._client)

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="session")
def _tally_control(tally_server: Server) -> Iterator[_Control]:
    control = _Control(tally_server)
    yield control
    control.close()


@pytest.fixture
def tally_harness(_tally_control: _Control, request: pytest.FixtureRequest) -> Harness:
    """The daemon, emptied; then filled with the fixture files of the ini file and of the test's marks."""
    harness = _tally_control.harness()
    harness.reset()
    for path in request.config.getini(MARK):
        harness.fixtures.load(path)
    for mark in reversed(list(request.node.iter_markers(MARK))):
        for name in mark.args:
            harness.fixtures.load(request.path.parent / name)
    return harness


@pytest.fixture
def tally(tally_harness: Harness, tally_server: Server) -> Iterator[Client]:
    """A client of the daemon."""
    with tally_server.client() as client:
        yield client


@pytest.fixture
def tally_async(tally_harness: Harness, tally_server: Server) -> Iterator[AsyncClient]:
    """The same for asyncio. Made without a loop: it serves the one that the test runs."""
    client = tally_server.async_client()
    yield client
    client.close()


@pytest.fixture
def tally_clock(tally_harness: Harness) -> Clock:
    """The daemon's clock."""
    return tally_harness.clock


@pytest.fixture
def tally_failures(tally_harness: Harness) -> Failures:
    """Makes the daemon fail, until the test's end."""
    return tally_harness.failures


@pytest.fixture
def tally_fixtures(tally_harness: Harness) -> Fixtures:
    """Loads what JSON files list."""
    return tally_harness.fixtures


@pytest.fixture
def tally_snapshots(tally_harness: Harness) -> Snapshots:
    """Saves and restores the daemon's state."""
    return tally_harness.snapshots
