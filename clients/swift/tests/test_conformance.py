"""Every scenario and every ledger script of proto/vectors by the Swift client, whose column in the matrix of
docs/CLIENTS.md this is. What carries them out is the Python client's own: see clients/python/tests.
"""

from __future__ import annotations

import asyncio
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake import PATIENCE, FakeServer
from google.protobuf import json_format
from ledger_run import LedgerScript, ledger_files
from results import recorded
from scenario_calls import target
from scenario_file import scenarios
from scenario_steps import Call, Runner
from swift_backend import SwiftBackend
from tallystick import Client
from tallystick._generated import services
from tallystick._wire import encode_frame
from tallystick.errors import TallyError
from tallystick.testing import Server
from test_vectors import answers


@pytest.fixture(scope="module")
def daemon() -> Iterator[Server]:
    with Server(keep=True) as server:
        yield server


def begin(daemon: Server, options: Mapping[str, Any]) -> SwiftBackend:
    """A client of an empty daemon."""
    if not daemon.is_running:
        daemon.restart()
    with Client(daemon.socket, timeout=PATIENCE) as fresh:
        services.TestControl(fresh.caller).reset()
    return SwiftBackend(daemon.socket, options)


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one["name"]) for one in scenarios()])
def test_scenario(daemon: Server, scenario: dict[str, Any]) -> None:
    with recorded("swift", "scenarios", scenario["name"]):
        backend = begin(daemon, scenario.get("clients", {}))
        asyncio.run(Runner(backend, daemon).run(scenario))


@pytest.mark.parametrize(("answer", "expected"), answers())
def test_an_answer_is_taken_as_the_vector_says(answer: tuple[int, int, bytes], expected: str) -> None:
    outcome, *words = expected.split()
    with recorded("swift", "vectors", "frames/client.txt"), tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "s"
        server = FakeServer(path, lambda peer, frame: peer.send(encode_frame(frame.stream_id, *answer)))
        try:
            reply, error = asyncio.run(echo(str(path)))
        finally:
            server.close()
        if outcome == "ok":
            assert error is None
            assert reply == bytes.fromhex("".join(words))
            return
        assert error is not None
        assert error.code == int(words[0])
        # Nobody knows what an answer that makes no sense was to say.
        assert error.maybe_applied == (expected == "error 13")
        if expected != "error 13":
            assert error.message.encode() == bytes.fromhex("".join(words[1:]))


async def echo(path: str) -> tuple[bytes, TallyError | None]:
    backend = SwiftBackend(path, {"main": {"retryMillis": 0}})
    try:
        method = target("Conformance/Echo")
        view = await backend.unary(method, {}, Call())
        return json_format.ParseDict(view, method.response()).SerializeToString(), None
    except TallyError as error:
        return b"", error
    finally:
        await backend.close()


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in ledger_files()])
def test_ledger(daemon: Server, path: pathlib.Path) -> None:
    async def run() -> list[str]:
        backend = begin(daemon, {})
        try:
            return await LedgerScript(backend, daemon).run(path.read_text())
        finally:
            await backend.close()

    with recorded("swift", "ledger", path.name):
        assert asyncio.run(run()) == []
