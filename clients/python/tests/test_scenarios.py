"""Every scenario and every ledger script of proto/vectors, against a daemon that they kill and start."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from fake import PATIENCE
from ledger_run import LedgerScript, ledger_files
from results import recorded
from scenario_async import AsyncBackend
from scenario_file import fits, matches, scenarios
from scenario_steps import Backend, Runner
from scenario_sync import SyncBackend

from tallystick import Client
from tallystick._generated import services
from tallystick.testing import Server

BACKENDS: dict[str, Callable[[str, Mapping[str, Any]], Backend]] = {
    "python": SyncBackend,
    "python-asyncio": AsyncBackend,
}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Server]:
    with Server(keep=True) as server:
        yield server


@pytest.fixture(params=BACKENDS)
def client(request: pytest.FixtureRequest) -> str:
    """Which client runs: a language, and its way to call where it has several."""
    name: str = request.param
    return name


def begin(daemon: Server, client: str, options: Mapping[str, Any]) -> Backend:
    """A client of an empty daemon."""
    if not daemon.is_running:
        daemon.restart()
    with Client(daemon.socket, timeout=PATIENCE) as fresh:
        services.TestControl(fresh.caller).reset()
    return BACKENDS[client](daemon.socket, options)


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one["name"]) for one in scenarios()])
def test_scenario(daemon: Server, client: str, scenario: dict[str, Any]) -> None:
    with recorded(client, "scenarios", scenario["name"]):
        backend = begin(daemon, client, scenario.get("clients", {}))
        asyncio.run(Runner(backend, daemon).run(scenario))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in ledger_files()])
def test_ledger(daemon: Server, client: str, path: pathlib.Path) -> None:
    async def run() -> list[str]:
        backend = begin(daemon, client, {})
        try:
            return await LedgerScript(backend, daemon).run(path.read_text())
        finally:
            await backend.close()

    with recorded(client, "ledger", path.name):
        assert asyncio.run(run()) == []


def test_expectations_fit_what_the_file_says_and_nothing_else() -> None:
    wrong = [case for case in matches() if fits(case["expected"], case["actual"]) != case["fits"]]
    assert wrong == []
