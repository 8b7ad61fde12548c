"""The services by asyncio, against a real daemon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import TypeVar

import pytest
from fake import PATIENCE, look

from tallystick import AsyncClient, Client, errors
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest
from tallystick.messages import RUN_STATUS_SUCCEEDED, RecordRunRequest
from tallystick.testing import AsyncConformance, Server

T = TypeVar("T")


def run(server: Server, body: Callable[[AsyncClient], Awaitable[T]]) -> T:
    async def main() -> T:
        async with AsyncClient(server.socket, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
            return await body(client)

    return asyncio.run(main())


def test_credits_are_bought_and_spent_to_the_last(tally: Client, tally_server: Server) -> None:
    async def spend(client: AsyncClient) -> tuple[int, int]:
        await client.credits.add_purchase(user_id="u", payment_id="p", amount_micros=Decimal("0.10"))
        calls = [client.credits.consume(user_id="u", amount_micros=1_000) for _ in range(150)]
        replies = await asyncio.gather(*calls, return_exceptions=True)
        refused = [reply for reply in replies if isinstance(reply, errors.InsufficientCredits)]
        balance = (await client.credits.get_balance(user_id="u")).balance
        return len(refused), balance.available_micros

    assert run(tally_server, spend) == (50, 0)


def test_the_checks_of_verify_are_streamed(tally: Client, tally_server: Server) -> None:
    async def verify(client: AsyncClient) -> list[int]:
        return [message.check async for message in client.admin.verify()]

    assert {1, 2, 3} < set(run(tally_server, verify))


def test_runs_are_streamed_from_an_async_source(tally: Client, tally_server: Server) -> None:
    async def record(client: AsyncClient) -> int:
        async def runs() -> AsyncIterator[RecordRunRequest]:
            for number in range(2_000):
                yield RecordRunRequest(
                    run_id=f"r{number}",
                    user_id="u",
                    model="m",
                    type="text",
                    status=RUN_STATUS_SUCCEEDED,
                    cost_micros=1,
                )

        return (await client.usage.stream_runs(runs())).recorded

    assert run(tally_server, record) == 2_000


def test_a_chat_and_a_cancelled_sleep(tally: Client, tally_server: Server) -> None:
    async def talk(client: AsyncClient) -> None:
        conformance = AsyncConformance(client.caller)
        async with conformance.chat() as chat:
            await chat.send(EchoRequest(text="hello"))
            assert (await chat.__anext__()).text == "hello"
            await chat.finish()
            assert [message async for message in chat] == []
        sleep = asyncio.create_task(conformance.sleep(millis=600_000, timeout=600))
        await until_in_flight(client, 2)
        sleep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleep
        # The server has heard of it, or it would sleep on.
        await until_in_flight(client, 1)

    run(tally_server, talk)


async def until_in_flight(client: AsyncClient, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while await in_flight(client) != count:
        assert time.monotonic() < deadline, "waited in vain"
        await look()


async def in_flight(client: AsyncClient) -> int:
    """Calls that the server has under way, this one included."""
    metrics = (await client.admin.get_metrics()).metrics
    [metric] = [metric for metric in metrics if metric.name == "tallystick_calls_in_flight"]
    return sum(sample.value for sample in metric.samples)
