"""Runs and holds that end with their `async with` block."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Optional, TypeVar, Union

from ._generated.services import AsyncCreditService, AsyncUsageService
from ._work import HoldWork, RunWork, Work, may_be_applied
from .errors import TallyError
from .messages import (
    RUN_STATUS_SUCCEEDED,
    CaptureResponse,
    ExtendResponse,
    FinishRunResponse,
    Overage,
    ReleaseResponse,
    RunStatus,
    UnitCount,
)
from .money import Amount

R = TypeVar("R")

# What ends something whose task was cancelled once more while it waited for that.
_ending: set[asyncio.Task[None]] = set()


class AsyncRun(RunWork):
    """A run that ends with its block: `async with client.run(...) as run: ... await run.finish(...)`.

    Left by an exception it has failed, left without a finish or by cancellation it is cancelled; either way
    it costs nothing, and what it held is free.
    """

    def __init__(self, usage: AsyncUsageService, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._usage = usage

    async def __aenter__(self) -> AsyncRun:
        try:
            self.has_begun(await self._usage.begin_run(**self._beginning))
        except BaseException as error:
            if may_be_applied(error):
                await _end(self, self._give_up(error), error)
            raise
        return self

    async def finish(
        self,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        images: int = 0,
        units: Iterable[UnitCount] = (),
        prompt_tokens: Optional[int] = None,
        completion_tokens: Optional[int] = None,
        cost_micros: Optional[Amount] = None,
        provider_cost_micros: Amount = 0,
        status: Union[RunStatus, str] = RUN_STATUS_SUCCEEDED,
        error: str = "",
        timeout: Optional[float] = None,
    ) -> FinishRunResponse:
        """Ends the run and charges its cost: without one, by the book of prices. `units` are of further
        classes; `prompt_tokens` and `completion_tokens` are what the provider reports in all. The same again
        replays.
        """
        call = functools.partial(
            self._usage.finish_run,
            run_id=self.run_id,
            attempt=self.attempt,
            status=status,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            images=images,
            units=units,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost_micros=cost_micros,
            provider_cost_micros=provider_cost_micros,
            error=error,
            timeout=timeout,
        )
        return await _settle(self, call)

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._open:
            await _end(self, self._asked or self._give_up(error), error)

    def _give_up(self, error: Optional[BaseException]) -> Callable[[], Awaitable[Any]]:
        return functools.partial(self._usage.finish_run, **self.giving_up(error))


class AsyncHold(HoldWork):
    """A hold that is settled with its block: `async with client.hold(...) as hold: ... await hold.capture()`.

    Left without a capture, by an exception or not, it is released.
    """

    def __init__(self, credits: AsyncCreditService, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._credits = credits

    async def __aenter__(self) -> AsyncHold:
        try:
            self.has_begun(await self._credits.reserve(**self._reserving))
        except BaseException as error:
            if may_be_applied(error):
                await _end(self, self._undo, error)
            raise
        return self

    async def _undo(self) -> None:
        """Finds by its key what may be held, and gives it back."""
        self.has_begun(await self._credits.reserve(**self._reserving))
        await self._give_up()()

    async def capture(
        self,
        amount_micros: Optional[Amount] = None,
        *,
        description: str = "",
        overage: Optional[Union[Overage, str]] = None,
        timeout: Optional[float] = None,
    ) -> CaptureResponse:
        """Charges the amount, or all that is held, and releases the rest. With `overage=OVERAGE_DRAW` it may
        be more than is held. The same again replays.
        """
        call = functools.partial(
            self._credits.capture,
            **self.settling("capture"),
            amount_micros=amount_micros,
            description=description,
            overage=overage,
            timeout=timeout,
        )
        return await _settle(self, call)

    async def release(self, *, timeout: Optional[float] = None) -> ReleaseResponse:
        """Gives all of it back."""
        return await _settle(
            self, functools.partial(self._credits.release, **self.settling("release"), timeout=timeout)
        )

    async def extend(self, ttl_millis: int, *, timeout: Optional[float] = None) -> ExtendResponse:
        """Gives it a new time to live, from now."""
        return await self._credits.extend(hold_id=self.hold_id, ttl_millis=ttl_millis, timeout=timeout)

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._open:
            await _end(self, self._asked or self._give_up(), error)

    def _give_up(self) -> Callable[[], Awaitable[Any]]:
        return functools.partial(self._credits.release, **self.settling("release"))


async def _settle(work: Work, call: Callable[[], Awaitable[R]]) -> R:
    work.asked(call)
    try:
        response = await call()
    except (TallyError, TypeError, ValueError) as error:
        work.failed(error)
        raise
    work.settled()
    return response


async def _end(work: Work, call: Callable[[], Awaitable[Any]], error: Optional[BaseException]) -> None:
    """In a task of its own, which goes on when this one is cancelled."""

    async def end() -> None:
        try:
            await call()
        except Exception as problem:
            work.not_ended(problem, error)

    ending = asyncio.get_running_loop().create_task(end())
    _ending.add(ending)
    ending.add_done_callback(_ending.discard)
    await asyncio.shield(ending)
