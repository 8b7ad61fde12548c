"""A real daemon for tests, of any test runner: `Server` starts it, `Harness` turns its clock and fills it.

    with Server() as server, server.client() as client:
        Harness(client).fixtures.load("plans.json")

With pytest the fixtures `tally`, `tally_clock` and so on do that for each test: pytest finds `_plugin`, which
has them, by its entry point. This module does without pytest.
"""

from __future__ import annotations

from ._harness import Clock, Failures, Fixtures, Harness, Snapshots
from ._server import HarnessError, Server, find_binary

__all__ = [
    "Clock",
    "Failures",
    "Fixtures",
    "Harness",
    "HarnessError",
    "Server",
    "Snapshots",
    "find_binary",
]
