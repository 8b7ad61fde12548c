"""Runs and holds that end with their `with` block."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Optional, TypeVar, Union

from ._generated.services import CreditService, UsageService
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


class Run(RunWork):
    """A run that ends with its block: `with client.run(...) as run: ... run.finish(...)`.

    Left by an exception it has failed, left without a finish or by cancellation it is cancelled; either way
    it costs nothing, and what it held is free.
    """

    def __init__(self, usage: UsageService, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._usage = usage

    def __enter__(self) -> Run:
        try:
            self.has_begun(self._usage.begin_run(**self._beginning))
        except BaseException as error:
            if may_be_applied(error):
                _end(self, self._give_up(error), error)
            raise
        return self

    def finish(
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
        return _settle(self, call)

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._open:
            _end(self, self._asked or self._give_up(error), error)

    def _give_up(self, error: Optional[BaseException]) -> Callable[[], Any]:
        return functools.partial(self._usage.finish_run, **self.giving_up(error))


class Hold(HoldWork):
    """A hold that is settled with its block: `with client.hold(...) as hold: ... hold.capture()`.

    Left without a capture, by an exception or not, it is released.
    """

    def __init__(self, credits: CreditService, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._credits = credits

    def __enter__(self) -> Hold:
        try:
            self.has_begun(self._credits.reserve(**self._reserving))
        except BaseException as error:
            if may_be_applied(error):
                _end(self, self._undo, error)
            raise
        return self

    def _undo(self) -> None:
        """Finds by its key what may be held, and gives it back."""
        self.has_begun(self._credits.reserve(**self._reserving))
        self._give_up()()

    def capture(
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
        return _settle(self, call)

    def release(self, *, timeout: Optional[float] = None) -> ReleaseResponse:
        """Gives all of it back."""
        return _settle(
            self, functools.partial(self._credits.release, **self.settling("release"), timeout=timeout)
        )

    def extend(self, ttl_millis: int, *, timeout: Optional[float] = None) -> ExtendResponse:
        """Gives it a new time to live, from now."""
        return self._credits.extend(hold_id=self.hold_id, ttl_millis=ttl_millis, timeout=timeout)

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._open:
            _end(self, self._asked or self._give_up(), error)

    def _give_up(self) -> Callable[[], Any]:
        return functools.partial(self._credits.release, **self.settling("release"))


def _settle(work: Work, call: Callable[[], R]) -> R:
    work.asked(call)
    try:
        response = call()
    except (TallyError, TypeError, ValueError) as error:
        work.failed(error)
        raise
    work.settled()
    return response


def _end(work: Work, call: Callable[[], Any], error: Optional[BaseException]) -> None:
    try:
        call()
    except Exception as problem:
        work.not_ended(problem, error)
