"""Tells what a test of the conformance suite came to, for the matrix of docs/CLIENTS.md."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

#: Names the file that every client's runner adds its results to, a JSON object a line.
VARIABLE = "TALLY_CLIENT_RESULTS"


@contextlib.contextmanager
def recorded(client: str, suite: str, name: str) -> Iterator[None]:
    """Records whether the block passed."""
    outcome = "failed"
    try:
        yield
        outcome = "passed"
    finally:
        path = os.environ.get(VARIABLE)
        if path:
            line = json.dumps({"client": client, "suite": suite, "name": name, "outcome": outcome})
            with open(path, "a") as file:
                file.write(f"{line}\n")
