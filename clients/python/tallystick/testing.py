"""A real daemon for tests, of any test runner: `Server` starts it, `Harness` turns its clock and fills it.

    with Server() as server, server.client() as client:
        Harness(client).fixtures.load("plans.json")

With pytest the fixtures `tally`, `tally_clock` and so on do that for each test: pytest finds `_plugin`, which
has them, by its entry point. This module does without pytest.
The services that only such a daemon has are here as well: `Conformance(client.caller)`.
"""

from __future__ import annotations

from ._generated.services import AsyncConformance, AsyncTestControl, Conformance, TestControl
from ._harness import Clock, Failures, Fixtures, Harness, Snapshots
from ._server import HarnessError, Server, find_binary

__all__ = [
    "AsyncConformance",
    "AsyncTestControl",
    "Clock",
    "Conformance",
    "Failures",
    "Fixtures",
    "Harness",
    "HarnessError",
    "Server",
    "Snapshots",
    "TestControl",
    "find_binary",
]
