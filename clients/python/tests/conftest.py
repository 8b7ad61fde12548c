"""A server of frames, and pytest's own harness, for the tests."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

import pytest
from fake import PATIENCE, FakeServer, Handler

from tallystick import Client

pytest_plugins = ["pytester"]


@pytest.fixture
def socket_path() -> Iterator[pathlib.Path]:
    """A short path: pytest's own directories can be longer than a socket's path may be."""
    with tempfile.TemporaryDirectory(prefix="tally-") as directory:
        yield pathlib.Path(directory) / "s"


@pytest.fixture
def serve(socket_path: pathlib.Path) -> Iterator[object]:
    """Starts a FakeServer with the test's handler."""
    servers: list[FakeServer] = []

    def start(handler: Handler) -> FakeServer:
        servers.append(FakeServer(socket_path, handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client(socket_path: pathlib.Path) -> Iterator[Client]:
    with Client(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
        yield client
