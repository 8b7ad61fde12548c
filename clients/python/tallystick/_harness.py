"""What a test may do to a daemon: turn its clock, fill and empty it, keep it as it is, make it fail."""

from __future__ import annotations

import builtins
import json
import os
import pathlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Optional, Union

from ._generated.services import TestControl
from ._generated.testing.v1.testing_pb2 import Failure, InjectedFailure
from .client import Client
from .messages import Reason
from .times import Time, to_timestamp


class Clock:
    """The daemon's clock, which runs with the machine's until it is set or advanced."""

    def __init__(self, control: TestControl) -> None:
        self._control = control

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._control.get_clock().now_micros

    def set(self, time: Time) -> int:
        """Stops the clock at a time, never before the ledger's last; returns the new time."""
        return self._control.set_clock(now_micros=to_timestamp(time)).now_micros

    def advance(self, by: Union[timedelta, None] = None, **parts: int) -> int:
        """Moves the clock on, as `advance(days=31)` or by a timedelta; returns the new time."""
        span = timedelta(**parts) if by is None else by
        return self._control.advance_clock(millis=span // timedelta(milliseconds=1)).now_micros


class Fixtures:
    """Puts into the daemon what a JSON file or a dict lists: `plans`, `users`, `purchases`, `plan_grants`,
    `promos`, `media`, `pages`, `runs`, each a list of requests in proto3 JSON, and `calls` of any method,
    `{"method": "CreditService/Consume", "request": {...}}`.
    """

    def __init__(self, control: TestControl) -> None:
        self._control = control

    def load(self, source: Union[str, os.PathLike[str], Mapping[str, Any]]) -> int:
        """From a file's path or from the content itself; returns how many items were applied. The same
        again replays. An item that is refused raises its own error; those before it stay.
        """
        text = json.dumps(source) if isinstance(source, Mapping) else pathlib.Path(source).read_text("utf-8")
        return self._control.load_fixtures(json=text).applied


class Snapshots:
    """Copies of the daemon's database and clock, in its memory, by name."""

    def __init__(self, control: TestControl) -> None:
        self._control = control

    def save(self, name: str) -> None:
        """Keeps what is there now, instead of an earlier copy of that name."""
        self._control.save_snapshot(name=name)

    def restore(self, name: str) -> None:
        """Puts everything back to what it was then, and clears the failures."""
        self._control.restore_snapshot(name=name)


class Failures:
    """Makes the daemon fail, at calls, connections or commits to come.

    `method` is `CreditService/Consume`; empty is every method. `skip` calls pass first, then `count` fail.
    Each returns the failure's id, by which `happened` tells how often it has. Only the server is told: the
    client's own retries go on as ever.
    """

    def __init__(self, control: TestControl) -> None:
        self._control = control

    def refuse(
        self,
        method: str = "",
        *,
        reason: str = "",
        code: int = 0,
        message: str = "",
        details: Optional[Mapping[str, str]] = None,
        skip: int = 0,
        count: int = 1,
    ) -> int:
        """Answers with an error; nothing is applied. `reason` is one of errors.proto, such as `QUEUE_FULL`;
        `code` is gRPC's, by default the reason's, or UNAVAILABLE.
        """
        if reason and f"REASON_{reason}" not in Reason.keys():  # noqa: SIM118
            raise ValueError(f"{reason} is no reason of errors.proto")
        failure = self._failure("REFUSE", method, skip, count)
        failure.MergeFrom(
            Failure(
                code=code,
                message=message,
                reason=f"REASON_{reason}" if reason else None,
                details=details,
            )
        )
        return self._inject(failure)

    def delay(self, method: str = "", *, by: timedelta, skip: int = 0, count: int = 1) -> int:
        """The call waits, then goes on."""
        return self._inject(self._failure("DELAY", method, skip, count, by))

    def drop_before(self, method: str = "", *, skip: int = 0, count: int = 1) -> int:
        """Closes the connection instead of running the call; nothing is applied."""
        return self._inject(self._failure("DROP_BEFORE", method, skip, count))

    def drop_after(self, method: str = "", *, skip: int = 0, count: int = 1) -> int:
        """Runs the call, then closes the connection instead of answering; what it did stays."""
        return self._inject(self._failure("DROP_AFTER", method, skip, count))

    def refuse_connection(self, *, skip: int = 0, count: int = 1) -> int:
        """Closes a new connection as soon as it is made."""
        return self._inject(self._failure("REFUSE_CONNECTION", "", skip, count))

    def store_full(self, *, skip: int = 0, count: int = 1) -> int:
        """A commit finds the disk full: DISK_FULL, nothing is applied."""
        return self._inject(self._failure("STORE_FULL", "", skip, count))

    def store_delay(self, *, by: timedelta, skip: int = 0, count: int = 1) -> int:
        """A commit takes so much longer."""
        return self._inject(self._failure("STORE_DELAY", "", skip, count, by))

    def store_unknown(self, *, skip: int = 0) -> int:
        """A commit's sync fails: OUTCOME_UNKNOWN, and the daemon ends."""
        return self._inject(self._failure("STORE_UNKNOWN", "", skip, 1))

    def list(self) -> builtins.list[InjectedFailure]:
        """Those that wait, and those that have happened, in the order in which they were injected."""
        return list(self._control.list_failures().failures)

    def happened(self, failure_id: int) -> int:
        """How often a failure has happened."""
        return next(found.happened for found in self.list() if found.failure_id == failure_id)

    def clear(self) -> int:
        """Forgets them all; returns how many were waiting still."""
        return self._control.clear_failures().cleared

    def _failure(
        self, action: str, method: str, skip: int, count: int, by: timedelta = timedelta(0)
    ) -> Failure:
        return Failure(
            action=f"FAILURE_ACTION_{action}",
            method=method,
            skip=skip,
            count=count,
            delay_millis=by // timedelta(milliseconds=1),
        )

    def _inject(self, failure: Failure) -> int:
        return self._control.inject_failure(failure=failure).failure_id


class Harness:
    """All of that for one daemon, by a client that does nothing else."""

    def __init__(self, client: Client) -> None:
        self._control = TestControl(client.caller)
        self.clock = Clock(self._control)
        self.fixtures = Fixtures(self._control)
        self.snapshots = Snapshots(self._control)
        self.failures = Failures(self._control)

    def reset(self) -> None:
        """Empties the database, sets the clock free and clears the failures. Snapshots stay."""
        self._control.reset()
