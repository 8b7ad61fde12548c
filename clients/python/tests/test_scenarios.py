"""Every scenario of proto/vectors/scenarios, against a daemon that is killed and started as they say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from kept_daemon import KeptDaemon
from results import recorded
from scenario_file import fits, matches, scenarios
from scenario_steps import Backend, Runner
from scenario_sync import SyncBackend

from tallystick import Client
from tallystick._generated import services

BACKENDS = {"python": SyncBackend}


@pytest.fixture(scope="module")
def daemon() -> Iterator[KeptDaemon]:
    daemon = KeptDaemon()
    yield daemon
    daemon.close()


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one["name"]) for one in scenarios()])
@pytest.mark.parametrize("client", BACKENDS)
def test_scenario(daemon: KeptDaemon, client: str, scenario: dict[str, Any]) -> None:
    with recorded(client, "scenarios", scenario["name"]):
        daemon.start()
        with Client(daemon.socket) as fresh:
            services.TestControl(fresh.caller).reset()
        backend: Backend = BACKENDS[client](daemon.socket, scenario.get("clients", {}))
        asyncio.run(Runner(backend, daemon).run(scenario))


def test_expectations_fit_what_the_file_says_and_nothing_else() -> None:
    wrong = [case for case in matches() if fits(case["expected"], case["actual"]) != case["fits"]]
    assert wrong == []
