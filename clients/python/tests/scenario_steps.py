"""Carries out the steps of a scenario, through whichever client it is given.

- A step of a kind, or with a word, that the format does not know fails.
- Every background call has been awaited, and every stream has been closed, when a scenario is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional, Protocol

from fake import PATIENCE, look, terminate
from scenario_blocks import WORDS as BLOCK_WORDS
from scenario_blocks import Block, Raised, block_of
from scenario_calls import ARGUMENT_ERRORS, Target, error_to_json, target, to_json
from scenario_file import Mismatch, Names, ScenarioError, expect, fits, has_bad_text

from tallystick.errors import TallyError
from tallystick.testing import Server

#: How long a scenario may take, in seconds.
SCENARIO_SECONDS = 2 * PATIENCE


@dataclass(frozen=True)
class Call:
    """What holds for a call beside its request."""

    client: str = "main"
    acting_user: str = ""
    metadata: Optional[Mapping[str, str]] = None
    timeout: Optional[float] = None
    #: Unique to a call that a later step may cancel.
    token: str = ""


class OpenStream(Protocol):
    async def send(self, messages: list[Any]) -> None: ...

    async def finish(self) -> None: ...

    async def next(self) -> Optional[Any]:
        """The next message as JSON, None at the end; raises what the stream failed with."""

    async def close(self) -> None: ...


class Backend(Protocol):
    """A client under test. Requests and replies are proto3 JSON; a failure is a TallyError."""

    #: Whether its language has texts that are no Unicode; steps with one are passed over where not.
    takes_bad_text: bool

    async def unary(self, method: Target, request: Any, call: Call) -> Any: ...

    async def client_stream(self, method: Target, requests: list[Any], call: Call) -> Any: ...

    async def open(self, method: Target, request: Any, call: Call) -> OpenStream: ...

    async def watch(self, request: Any, call: Call) -> OpenStream:
        """The client's own sequence of rows, which has begun; its messages are the rows."""

    async def block(self, block: Block, call: Call) -> Any:
        """Opens a block and leaves it; what settled it answers, or nothing."""

    async def cancel(self, task: asyncio.Task[Any], token: str) -> None:
        """Cancels a call by the language's own means; the task then fails with CANCELLED."""

    async def close(self) -> None: ...


#: What a call came to: {"reply": ...} or {"error": ...}.
Outcome = dict[str, Any]

_CALL_WORDS = {"as", "metadata", "timeoutMillis", "client"}


class Runner:
    def __init__(self, backend: Backend, daemon: Server) -> None:
        self._backend = backend
        self._daemon = daemon
        self._background: dict[str, asyncio.Task[None]] = {}
        self._streams: dict[str, OpenStream] = {}
        self._kinds: dict[str, tuple[Callable[[Any, Names], Awaitable[None]], set[str]]] = {
            "call": (
                self._call,
                {"request", "requests", "reply", "error", "eventually", "background", *_CALL_WORDS},
            ),
            "await": (self._await, set()),
            "cancel": (self._cancel, set()),
            "parallel": (self._parallel, {"copies", "outcomes"}),
            "repeat": (self._repeat, {"steps"}),
            "open": (self._open, {"method", "request", *_CALL_WORDS}),
            "watch": (self._watch, {"request", "client", "as"}),
            "send": (self._send, {"messages", "finish"}),
            "read": (self._read, {"messages", "rest", "end", "error"}),
            "close": (self._close, set()),
            "block": (self._block, BLOCK_WORDS),
            "server": (self._server, {"status"}),
        }

    async def run(self, scenario: dict[str, Any]) -> None:
        try:
            await asyncio.wait_for(self._steps(scenario["steps"], Names()), SCENARIO_SECONDS)
            if self._background:
                raise ScenarioError(f"nobody awaits {', '.join(self._background)}")
        finally:
            for task in self._background.values():
                task.cancel()
            for stream in self._streams.values():
                await stream.close()
            await self._backend.close()

    async def _steps(self, steps: Any, names: Names) -> None:
        for number, step in enumerate(steps, 1):
            try:
                await self._step(step, names)
            except (Mismatch, TallyError, ScenarioError) as problem:
                raise Mismatch(f"step {number}, {_head(step)}: {problem}") from problem

    async def _step(self, step: dict[str, Any], names: Names) -> None:
        kinds = [kind for kind in self._kinds if kind in step]
        if len(kinds) != 1:
            raise ScenarioError(f"a step has one kind, not {kinds}")
        if has_bad_text(step) and not self._backend.takes_bad_text:
            return
        carry_out, words = self._kinds[kinds[0]]
        unknown = set(step) - words - {kinds[0]}
        if unknown:
            raise ScenarioError(f"not understood: {unknown}")
        await carry_out(step, names)

    # Calls.

    async def _call(self, step: dict[str, Any], names: Names) -> None:
        if "background" in step:
            name = names.fill(step["background"])
            self._background[name] = asyncio.ensure_future(self._expected(step, names, name))
        elif step.get("eventually"):
            await self._eventually(step, names)
        else:
            await self._expected(step, names, "")

    async def _eventually(self, step: dict[str, Any], names: Names) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._expected(step, names, "")
            except Mismatch:
                if time.monotonic() > deadline:
                    raise
            await look()

    async def _expected(self, step: dict[str, Any], names: Names, token: str) -> None:
        outcome = await self._outcome(step, names, token)
        expect(_expected_outcome(step, names), outcome, names, step["call"])

    async def _outcome(self, step: dict[str, Any], names: Names, token: str) -> Outcome:
        method = target(step["call"])
        call = _call_of(step, names, token)
        try:
            if method.streams_requests:
                requests = names.fill(step["requests"])
                return {"reply": await self._backend.client_stream(method, requests, call)}
            request = names.fill(step.get("request", {}))
            return {"reply": await self._backend.unary(method, request, call)}
        except (TallyError, *ARGUMENT_ERRORS) as error:
            return {"error": error_to_json(error)}

    async def _await(self, step: dict[str, Any], names: Names) -> None:
        await self._background.pop(names.fill(step["await"]))

    async def _cancel(self, step: dict[str, Any], names: Names) -> None:
        name = names.fill(step["cancel"])
        await self._backend.cancel(self._background[name], name)

    # Many steps.

    async def _parallel(self, step: dict[str, Any], names: Names) -> None:
        branches = [
            (branch if isinstance(branch, list) else [branch], names.counting("n", copy))
            for copy in range(1, step.get("copies", 1) + 1)
            for branch in step["parallel"]
        ]
        if "outcomes" in step:
            outcomes = await _all(self._outcome(one, counted, "") for [one], counted in branches)
            _tally(step["outcomes"], outcomes, names)
        else:
            await _all(self._steps(steps, counted) for steps, counted in branches)

    async def _repeat(self, step: dict[str, Any], names: Names) -> None:
        for turn in range(1, step["repeat"] + 1):
            await self._steps(step["steps"], names.counting("n", turn))

    # Streams.

    async def _open(self, step: dict[str, Any], names: Names) -> None:
        method = target(step["method"])
        if not method.streams_responses:
            raise ScenarioError(f"{step['method']} has no stream of replies")
        request = names.fill(step.get("request", {}))
        stream = await self._backend.open(method, request, _call_of(step, names, ""))
        self._streams[names.fill(step["open"])] = stream

    async def _watch(self, step: dict[str, Any], names: Names) -> None:
        request = names.fill(step.get("request", {}))
        self._streams[names.fill(step["watch"])] = await self._backend.watch(
            request, _call_of(step, names, "")
        )

    async def _send(self, step: dict[str, Any], names: Names) -> None:
        stream = self._streams[names.fill(step["send"])]
        await stream.send(names.fill(step.get("messages", [])))
        if step.get("finish"):
            await stream.finish()

    async def _read(self, step: dict[str, Any], names: Names) -> None:
        stream = self._streams[names.fill(step["read"])]
        for number, wanted in enumerate(names.fill(step.get("messages", [])), 1):
            message = await stream.next()
            if message is None:
                raise Mismatch(f"the stream ended before message {number}")
            expect(wanted, message, names, f"message {number}")
        if "error" in step or step.get("end") or step.get("rest"):
            outcome = await _end(stream, bool(step.get("rest")))
            expect(_expected_outcome(step, names), outcome, names, "the end")

    async def _close(self, step: dict[str, Any], names: Names) -> None:
        await self._streams.pop(names.fill(step["close"])).close()

    # Blocks.

    async def _block(self, step: dict[str, Any], names: Names) -> None:
        async def inside(work: Any) -> None:
            expect(names.fill(step.get("begun", {})), to_json(work.begun), names, "begun")
            await self._steps(step.get("steps", []), names)

        block = block_of(step, names, inside)
        outcome: Outcome
        try:
            outcome = {"reply": await self._backend.block(block, _call_of(step, names, ""))}
        except (TallyError, *ARGUMENT_ERRORS) as error:
            outcome = {"error": error_to_json(error)}
        except Raised as error:
            # Another one with the same text would not be the block's.
            outcome = {"raised": error is block.error}
        wanted = {"raised": True} if block.error else _expected_outcome(step, names)
        expect(wanted, outcome, names, "the block")

    # The daemon.

    async def _server(self, step: dict[str, Any], names: Names) -> None:
        loop = asyncio.get_running_loop()
        what = step["server"]
        actions = {
            "kill": self._daemon.kill,
            "stop": lambda: terminate(self._daemon),
            "start": self._daemon.restart,
            "ended": self._daemon.wait,
        }
        if what not in actions:
            raise ScenarioError(f"a server cannot {what}")
        status = await loop.run_in_executor(None, actions[what])
        if what in ("stop", "ended"):
            expect(step.get("status", 0), status, names, "the daemon's exit status")


def _call_of(step: dict[str, Any], names: Names, token: str) -> Call:
    millis = step.get("timeoutMillis")
    return Call(
        client=step.get("client", "main"),
        acting_user=names.fill(step.get("as", "")),
        metadata=names.fill(step.get("metadata", {})),
        timeout=None if millis is None else millis / 1000,
        token=token,
    )


def _expected_outcome(step: dict[str, Any], names: Names) -> Outcome:
    if "error" in step:
        return {"error": {"maybeApplied": False, **names.fill(step["error"])}}
    return {"error": None, "reply": names.fill(step.get("reply", {}))}


async def _end(stream: OpenStream, passes_over: bool) -> Outcome:
    """How a stream ended; a message that comes before its end is passed over or is what it ended with."""
    try:
        while (message := await stream.next()) is not None:
            if not passes_over:
                return {"error": {"message": "another message came"}, "reply": message}
    except TallyError as error:
        return {"error": error_to_json(error)}
    return {"reply": {}}


async def _all(parts: Iterable[Awaitable[Any]]) -> list[Any]:
    """All results; when all have ended, the first failure is raised."""
    results = await asyncio.gather(*parts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def _tally(expected: list[dict[str, Any]], outcomes: list[Outcome], names: Names) -> None:
    """Each outcome fits one of those expected, and of each there are as many as it says."""
    counts = [0] * len(expected)
    wanted = [_expected_outcome(item, names) for item in expected]
    for outcome in outcomes:
        fitting = [index for index, want in enumerate(wanted) if fits(want, outcome)]
        if len(fitting) != 1:
            raise Mismatch(f"an outcome fits {len(fitting)} of those expected: {outcome}")
        counts[fitting[0]] += 1
    if counts != [item["count"] for item in expected]:
        raise Mismatch(f"the outcomes came {counts} times")


def _head(step: dict[str, Any]) -> str:
    kind = next(iter(step), "")
    return f"{kind} {step.get(kind)!s:.60}"
