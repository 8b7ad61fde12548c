"""Runs and holds that end with the block in which they were begun: what does not depend on who waits.

1. A run that was not finished is ended without cost, a hold that was not captured is released.
2. Where the answer to finish or capture was lost, the same is asked again: it replays.
3. What goes wrong while ending never hides the exception that left the block.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Callable, Optional

from . import _keys
from .errors import HoldExpired, HoldSettled, InsufficientCredits, RunConflict, RunNotFound, TallyError
from .messages import (
    RUN_STATUS_CANCELLED,
    RUN_STATUS_FAILED,
    BeginRunResponse,
    ReserveResponse,
)
from .money import Amount, to_micros

#: What the server takes of a run's error, in bytes.
LONGEST_ERROR_BYTES = 1024

_logger = logging.getLogger("tallystick")


class Work:
    """What was begun and is settled once. A call is a function of nothing, whose result asyncio awaits."""

    #: What giving up is refused with when it is settled already: by somebody else, by time, or by the job
    #: that is done again.
    SETTLED: tuple[type[TallyError], ...] = ()

    def __init__(self) -> None:
        self._open = False
        # The call that was to settle it and may have done so.
        self._asked: Optional[Callable[[], Any]] = None

    def asked(self, call: Callable[[], Any]) -> None:
        """The call is about to settle it."""
        self._asked = call

    def failed(self, error: Exception) -> None:
        """The call that was asked has failed, or its arguments have."""
        if not may_be_applied(error):
            self._asked = None

    def settled(self) -> None:
        """The call that was asked has settled it."""
        self._open, self._asked = False, None

    def not_ended(self, problem: Exception, error: Optional[BaseException]) -> None:
        """Raises why the last call of the block failed, unless the block's own exception goes first."""
        if self._asked is None and isinstance(problem, self.SETTLED):
            return
        if error is None:
            raise problem
        _logger.warning("%s could not be ended: %s", self, problem)


class RunWork(Work):
    SETTLED = (RunConflict, RunNotFound)

    def __init__(
        self,
        *,
        user_id: str,
        model: str,
        estimate_micros: Amount,
        type: str,
        run_id: Optional[str],
        ttl_millis: int,
        attempt: int,
        spender: str,
        tags: Optional[Mapping[str, str]],
    ) -> None:
        super().__init__()
        #: Its id is its key: begun and finished again under it, it is charged once.
        self.run_id = _keys.new_key() if run_id is None else run_id
        #: Which attempt of the run; zero is the first.
        self.attempt = attempt
        self._begun: Optional[BeginRunResponse] = None
        self._beginning: dict[str, Any] = {
            "user_id": user_id,
            "run_id": self.run_id,
            "model": model,
            "type": type,
            # Here, so that what is no amount is refused before anything is begun.
            "estimate_micros": to_micros(estimate_micros),
            "ttl_millis": ttl_millis,
            "attempt": attempt,
            "spender": spender,
            "tags": tags,
        }

    def __str__(self) -> str:
        return f"run {self.run_id}"

    @property
    def begun(self) -> BeginRunResponse:
        """The server's answer: the run, its hold, the balance, and whether it had been begun before."""
        if self._begun is None:
            raise RuntimeError("a run begins with its block")
        return self._begun

    def has_begun(self, response: BeginRunResponse) -> None:
        self._begun, self._open = response, True

    def giving_up(self, error: Optional[BaseException]) -> dict[str, Any]:
        """The arguments of the call that ends it without cost."""
        return {
            "run_id": self.run_id,
            "attempt": self.attempt,
            "status": RUN_STATUS_FAILED if isinstance(error, Exception) else RUN_STATUS_CANCELLED,
            "cost_micros": 0,
            "error": "left without a finish" if error is None else _words(error),
        }


class HoldWork(Work):
    # The last when it is asked for again, and was not held the first time.
    SETTLED = (HoldExpired, HoldSettled, InsufficientCredits)

    def __init__(
        self,
        *,
        user_id: str,
        amount_micros: Amount,
        ttl_millis: int,
        idempotency_key: Optional[str],
        description: str,
    ) -> None:
        super().__init__()
        self._key = _keys.new_key() if idempotency_key is None else idempotency_key
        self._begun: Optional[ReserveResponse] = None
        self._reserving: dict[str, Any] = {
            "user_id": user_id,
            "amount_micros": to_micros(amount_micros),
            "ttl_millis": ttl_millis,
            "idempotency_key": self._key,
            "description": description,
        }

    def __str__(self) -> str:
        return f"hold {self._key if self._begun is None else self.hold_id}"

    @property
    def begun(self) -> ReserveResponse:
        """The server's answer: the hold, its transaction, the balance, and whether it was replayed."""
        if self._begun is None:
            raise RuntimeError("a hold begins with its block")
        return self._begun

    @property
    def hold_id(self) -> str:
        return self.begun.hold.hold_id

    def has_begun(self, response: ReserveResponse) -> None:
        self._begun, self._open = response, True

    def settling(self, how: str) -> dict[str, Any]:
        """Which hold, and the key of a call that settles it: the same each time."""
        return {"hold_id": self.hold_id, "idempotency_key": f"{self._key}-{how}"}


def may_be_applied(error: BaseException) -> bool:
    """Whether a call that failed so may have been applied: its answer was lost, or not waited for."""
    return error.maybe_applied if isinstance(error, TallyError) else not isinstance(error, Exception)


def _words(error: BaseException) -> str:
    """The exception, as far as the server takes it."""
    words = f"{type(error).__name__}: {error}".replace("\0", "")
    return words.encode(errors="replace")[:LONGEST_ERROR_BYTES].decode(errors="ignore")
