"""The synchronous client under the scenarios: each call in a thread of its own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Optional, TypeVar

from scenario_blocks import Block
from scenario_calls import WATCH, Target, to_json
from scenario_clients import CANCEL_TOKEN, Clients
from scenario_steps import SCENARIO_SECONDS, Call, OpenStream

from tallystick import Client

T = TypeVar("T")

#: As many calls as a scenario may have under way at once.
THREADS = 256


class SyncBackend:
    takes_bad_text = True

    def __init__(self, socket: str, options: Mapping[str, Mapping[str, int]]) -> None:
        self._clients = Clients(Client, socket, options)
        self._threads = ThreadPoolExecutor(THREADS)

    async def unary(self, method: Target, request: Any, call: Call) -> Any:
        if call.token:
            # So that `cancel` can name it.
            call = replace(call, metadata={CANCEL_TOKEN: call.token, **(call.metadata or {})})
        function = self._clients.function(method, call)
        arguments = method.arguments(request)
        return to_json(await self._run(lambda: function(**arguments, timeout=call.timeout)))

    async def client_stream(self, method: Target, requests: list[Any], call: Call) -> Any:
        function = self._clients.function(method, call)
        messages = method.messages(requests)
        return to_json(await self._run(lambda: function(messages, timeout=call.timeout)))

    async def open(self, method: Target, request: Any, call: Call) -> OpenStream:
        function = self._clients.function(method, call)
        arguments = {} if method.streams_requests else method.arguments(request)
        stream = await self._run(lambda: function(**arguments, timeout=call.timeout))
        return _SyncStream(stream, method, self._run)

    async def watch(self, request: Any, call: Call) -> OpenStream:
        client: Client = self._clients.client(call)
        watch = await self._run(client.watch(**WATCH.arguments(request)).begin)
        return _SyncStream(watch, WATCH, self._run)

    async def block(self, block: Block, call: Call) -> Any:
        loop = asyncio.get_running_loop()

        def work() -> Any:
            reply = None
            with getattr(self._clients.client(call), block.kind)(**block.arguments) as begun:
                asyncio.run_coroutine_threadsafe(block.inside(begun), loop).result(SCENARIO_SECONDS)
                if block.settle:
                    reply = getattr(begun, block.settle)(**block.settling)
                if block.error:
                    raise block.error
            return reply and to_json(reply)

        return await self._run(work)

    async def cancel(self, task: asyncio.Task[Any], token: str) -> None:
        # A thread cannot be interrupted; the server can be told to end the call that it waits for.
        client: Client = self._clients.client(Call())
        await self._run(lambda: client.control.cancel(token=token))

    async def close(self) -> None:
        for client in self._clients.made.values():
            client.close()
        self._threads.shutdown()

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)


class _SyncStream:
    def __init__(self, stream: Any, method: Target, run: Callable[[Callable[[], Any]], Any]) -> None:
        self._stream = stream
        self._messages: Iterator[Any] = iter(stream)
        self._method = method
        self._run = run

    async def send(self, messages: list[Any]) -> None:
        for message in self._method.messages(messages):
            await self._run(functools.partial(self._stream.send, message))

    async def finish(self) -> None:
        await self._run(self._stream.finish)

    async def next(self) -> Optional[Any]:
        message = await self._run(lambda: next(self._messages, None))
        return None if message is None else to_json(message)

    async def close(self) -> None:
        await self._run(self._stream.close)
