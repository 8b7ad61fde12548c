"""The asyncio client under the scenarios: each call in a task of its own, all in one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Optional

from scenario_blocks import Block
from scenario_calls import WATCH, Target, to_json
from scenario_clients import Clients
from scenario_steps import Call, OpenStream

from tallystick.aio import AsyncClient
from tallystick.errors import Cancelled, Code


class AsyncBackend:
    takes_bad_text = True

    def __init__(self, socket: str, options: Mapping[str, Mapping[str, int]]) -> None:
        self._clients = Clients(AsyncClient, socket, options)

    async def unary(self, method: Target, request: Any, call: Call) -> Any:
        function = self._clients.function(method, call)
        try:
            return to_json(await function(**method.arguments(request), timeout=call.timeout))
        except asyncio.CancelledError:
            if not call.token:
                raise
            # What the language says by a type of its own.
            raise Cancelled(Code.CANCELLED, "the task was cancelled") from None

    async def client_stream(self, method: Target, requests: list[Any], call: Call) -> Any:
        function = self._clients.function(method, call)
        return to_json(await function(method.messages(requests), timeout=call.timeout))

    async def open(self, method: Target, request: Any, call: Call) -> OpenStream:
        function = self._clients.function(method, call)
        arguments = {} if method.streams_requests else method.arguments(request)
        return _AsyncStream(function(**arguments, timeout=call.timeout), method)

    async def watch(self, request: Any, call: Call) -> OpenStream:
        watch = self._clients.client(call).watch(**WATCH.arguments(request))
        return _AsyncStream(await watch.begin(), WATCH)

    async def block(self, block: Block, call: Call) -> Any:
        reply = None
        async with getattr(self._clients.client(call), block.kind)(**block.arguments) as begun:
            await block.inside(begun)
            if block.settle:
                reply = await getattr(begun, block.settle)(**block.settling)
            if block.error:
                raise block.error
        return reply and to_json(reply)

    async def cancel(self, task: asyncio.Task[Any], token: str) -> None:
        task.cancel()

    async def close(self) -> None:
        for client in self._clients.made.values():
            await client.aclose()


class _AsyncStream:
    def __init__(self, stream: Any, method: Target) -> None:
        self._stream = stream
        self._method = method

    async def send(self, messages: list[Any]) -> None:
        for message in self._method.messages(messages):
            await self._stream.send(message)

    async def finish(self) -> None:
        await self._stream.finish()

    async def next(self) -> Optional[Any]:
        try:
            return to_json(await self._stream.__anext__())
        except StopAsyncIteration:
            return None

    async def close(self) -> None:
        await self._stream.aclose()
