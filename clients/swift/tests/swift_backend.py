"""The Swift client under the scenarios: a worker, Tests/TallyClientWorker, makes each call as it is told to.

The worker's first lines say what it takes and answers. Messages go encoded, so that nothing here knows Swift.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import pathlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import Message
from scenario_blocks import Block
from scenario_calls import WATCH, Target, target, to_json
from scenario_steps import Call, OpenStream
from tallystick import errors
from tallystick._generated.v1.errors_pb2 import ErrorInfo
from tallystick.errors import Code, TallyError
from tallystick.messages import Transaction

#: The longest line of the worker: the largest message, in base64.
LONGEST_LINE = 32 << 20
#: By a block's kind: the method whose reply begins it; by what settles it: that method.
BEGINNINGS = {"run": "UsageService/BeginRun", "hold": "CreditService/Reserve"}
SETTLINGS = {
    "finish": "UsageService/FinishRun",
    "capture": "CreditService/Capture",
    "release": "CreditService/Release",
}


def worker() -> str:
    """The worker that was built beside the program."""
    return str(pathlib.Path(os.environ["TALLY_BINARY"]).parent / "TallyClientWorker")


class SwiftBackend:
    #: Swift's texts are Unicode.
    takes_bad_text = False

    def __init__(self, socket: str, options: Mapping[str, Mapping[str, int]]) -> None:
        self._socket = socket
        self._options = options
        self._made: dict[str, asyncio.Task[dict[str, Any]]] = {}
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        #: The ids of calls that can be cancelled, by their tokens.
        self._tokens: dict[str, str] = {}

    # Calls.

    async def unary(self, method: Target, request: Any, call: Call) -> Any:
        return self._view(method, await self._call("unary", method, call, payload=_encoded(method, request)))

    async def client_stream(self, method: Target, requests: list[Any], call: Call) -> Any:
        payloads = [_encoded(method, request) for request in requests]
        return self._view(method, await self._call("requests", method, call, payloads=payloads))

    async def open(self, method: Target, request: Any, call: Call) -> OpenStream:
        name = self._new_id()
        payload = _base64(b"") if method.streams_requests else _encoded(method, request)
        await self._call("open", method, call, payload=payload, id=name)
        return _SwiftStream(self, name, method)

    async def cancel(self, task: asyncio.Task[Any], token: str) -> None:
        await self.ask("cancel", of=self._tokens[token])

    async def watch(self, request: Any, call: Call) -> OpenStream:
        name = self._new_id()
        await self._call("watch", WATCH, call, id=name, payload=_encoded(WATCH, request))
        return _SwiftStream(self, name, WATCH, Transaction)

    async def block(self, block: Block, call: Call) -> Any:
        begun_by = target(BEGINNINGS[block.kind])
        await self._client(call)
        name = self._new_id()
        answers = await self._begin(
            name, "block", client=call.client, kind=block.kind, payload=_message(begun_by, block.arguments)
        )
        answer = _checked(await answers.get())
        begun = begun_by.response.FromString(base64.b64decode(answer["begun"]))
        settling: dict[str, str] = {"raise": "the inside failed"}
        try:
            await block.inside(SimpleNamespace(begun=begun))
            settling = {"by": block.settle, "raise": str(block.error or "")}
            if block.settle:
                settling["payload"] = _message(target(SETTLINGS[block.settle]), block.settling)
        finally:
            await self.ask("settle", of=name, **settling)
            answer = await answers.get()
            del self._waiting[name]
        if "raised" in answer and block.error is not None:
            raise block.error
        reply = _checked(answer)["reply"]
        if not block.settle:
            return None
        return self._view(target(SETTLINGS[block.settle]), base64.b64decode(reply))

    async def _call(self, what: str, of: Target, call: Call, id: str = "", **members: Any) -> bytes:
        await self._client(call)
        name = id or self._new_id()
        if call.token:
            self._tokens[call.token] = name
        if call.timeout is not None:
            members["timeoutMillis"] = str(round(call.timeout * 1000))
        members["as"] = call.acting_user
        members["metadata"] = dict(call.metadata or {})
        answer = await self.ask(what, id=name, method=_full_name(of), client=call.client, **members)
        return base64.b64decode(answer["reply"])

    async def _client(self, call: Call) -> None:
        if call.client not in self._made:
            millis = {name: str(value) for name, value in self._options.get(call.client, {}).items()}
            making = self.ask("client", name=call.client, socket=self._socket, **millis)
            self._made[call.client] = asyncio.ensure_future(making)
        await asyncio.shield(self._made[call.client])

    @staticmethod
    def _view(method: Target, reply: bytes) -> Any:
        return to_json(method.response.FromString(reply))

    # The worker.

    async def ask(self, what: str, /, id: str = "", **members: Any) -> dict[str, Any]:
        """Has the worker carry out a command; raises what it failed with."""
        name = id or self._new_id()
        answers = await self._begin(name, what, **members)
        try:
            return _checked(await answers.get())
        finally:
            del self._waiting[name]

    def _new_id(self) -> str:
        return str(next(self._numbers))

    async def _begin(self, id: str, what: str, /, **members: Any) -> asyncio.Queue[dict[str, Any]]:
        answers = self._waiting[id] = asyncio.Queue()
        async with self._starting:
            await self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        command = {"id": id, "do": what, **members}
        self._process.stdin.write(f"{json.dumps(command, ensure_ascii=False)}\n".encode())
        await self._process.stdin.drain()
        return answers

    async def _start(self) -> None:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                worker(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
            )
            self._reader = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            answer = json.loads(line)
            answers = self._waiting.get(answer["id"])
            if answers is not None:
                answers.put_nowait(answer)
        for answers in self._waiting.values():
            answers.put_nowait({"error": {"code": "INTERNAL", "message": "the worker has ended"}})

    async def close(self) -> None:
        if self._process is None or self._reader is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._reader
        assert await self._process.wait() == 0


class _SwiftStream:
    def __init__(
        self, backend: SwiftBackend, name: str, method: Target, message: type[Message] | None = None
    ) -> None:
        self._backend = backend
        self._name = name
        self._method = method
        self._message = message or method.response

    async def send(self, messages: list[Any]) -> None:
        payloads = [_encoded(self._method, message) for message in messages]
        await self._backend.ask("send", stream=self._name, payloads=payloads)

    async def finish(self) -> None:
        await self._backend.ask("finish", stream=self._name)

    async def next(self) -> Any | None:
        answer = await self._backend.ask("next", stream=self._name)
        if "end" in answer:
            return None
        return to_json(self._message.FromString(base64.b64decode(answer["reply"])))

    async def close(self) -> None:
        await self._backend.ask("leave", stream=self._name)


def _full_name(method: Target) -> str:
    return f"{method.package}.{method.service}/{method.name}"


def _encoded(method: Target, request: Any) -> str:
    return _base64(method.message(request).SerializeToString())


def _message(method: Target, arguments: Mapping[str, Any]) -> str:
    message: Message = method.request(**arguments)
    return _base64(message.SerializeToString())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise _error(answer["error"])
    return answer


def _error(told: dict[str, Any]) -> TallyError:
    code = Code[told["code"]]
    info = ErrorInfo(reason=told.get("reason", ""), metadata=told.get("details", {}))
    error = errors.from_info(code, told["message"], info)
    error.maybe_applied = told.get("maybeApplied", False)
    return error
