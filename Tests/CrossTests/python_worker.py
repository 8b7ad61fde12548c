"""Spends a user's credit until there is none, by the Python client: in threads, or in tasks of asyncio.

    python_worker.py sync|asyncio SOCKET

What it is told and what it prints is in cross.py.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tallystick import Client, new_key
from tallystick.aio import AsyncClient
from tallystick.errors import InsufficientCredits
from tallystick.messages import ConsumeResponse

#: A line a call, kept until the end: printing is not what is to be fast here.
calls: list[dict[str, Any]] = []
#: How long a call may take, in seconds: however busy the machine is, no time-out ends it.
PATIENCE = 300
#: Every call of this many is made twice with one key.
TWICE_EVERY = 7


def note(key: str, amount: int, outcome: ConsumeResponse | InsufficientCredits) -> bool:
    """Writes a call down; false when it was refused."""
    said: dict[str, Any] = {"key": key, "amount": amount}
    if isinstance(outcome, InsufficientCredits):
        said.update(refused=outcome.reason, available=outcome.available_micros)
        said.update(required=outcome.required_micros)
    else:
        said.update(sequence=outcome.transaction.sequence, replayed=outcome.replayed)
    calls.append(said)
    return "refused" not in said


def spend(client: Client, user: str, amount: int) -> None:
    turn, goes_on = 0, True
    while goes_on:
        turn += 1
        key = new_key()
        for _ in range(2 if turn % TWICE_EVERY == 0 else 1):
            try:
                reply = client.credits.consume(user_id=user, amount_micros=amount, idempotency_key=key)
                goes_on = note(key, amount, reply)
            except InsufficientCredits as refusal:
                goes_on = note(key, amount, refusal)


async def spend_async(client: AsyncClient, user: str, amount: int) -> None:
    async def consume(key: str) -> bool:
        try:
            reply = await client.credits.consume(user_id=user, amount_micros=amount, idempotency_key=key)
            return note(key, amount, reply)
        except InsufficientCredits as refusal:
            return note(key, amount, refusal)

    turn, goes_on = 0, True
    while goes_on:
        turn += 1
        key = new_key()
        copies = 2 if turn % TWICE_EVERY == 0 else 1
        goes_on = all(await asyncio.gather(*(consume(key) for _ in range(copies))))


def in_threads(socket: str, told: Mapping[str, Any], ready: Callable[[], None]) -> None:
    with Client(socket, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
        user, amount, key = told["user"], told["amounts"][0], new_key()
        for _ in range(2):
            reply = client.credits.consume(user_id=user, amount_micros=amount, idempotency_key=key)
            note(key, amount, reply)
        ready()
        threads = [threading.Thread(target=spend, args=(client, user, amount)) for amount in told["amounts"]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


async def in_tasks(socket: str, told: Mapping[str, Any], ready: Callable[[], None]) -> None:
    async with AsyncClient(socket, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
        user, amount, key = told["user"], told["amounts"][0], new_key()
        for _ in range(2):
            reply = await client.credits.consume(user_id=user, amount_micros=amount, idempotency_key=key)
            note(key, amount, reply)
        ready()
        await asyncio.gather(*(spend_async(client, user, amount) for amount in told["amounts"]))


def main() -> None:
    way, socket = sys.argv[1:]
    told = json.loads(sys.stdin.readline())

    def ready() -> None:
        print("ready", flush=True)
        sys.stdin.readline()

    if way == "sync":
        in_threads(socket, told, ready)
    else:
        asyncio.run(in_tasks(socket, told, ready))
    for call in calls:
        print(json.dumps(call))


main()
