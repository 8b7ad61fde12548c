"""The client for asyncio: one socket, the services as coroutines, and what holds for every call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Optional, Union

from ._async_blocks import AsyncHold, AsyncRun
from ._async_calls import AsyncCaller, AsyncChannel
from ._async_stream import AsyncDuplex, AsyncStream
from ._async_watch import AsyncEventWatch, AsyncPageWatch, AsyncTransactionWatch
from ._generated.services import (
    AsyncAdminService,
    AsyncControl,
    AsyncCreditService,
    AsyncPageService,
    AsyncUsageService,
)
from ._rules import ACTING_USER, Terms
from ._watch import Place, event_id, sequence, update_number
from .client import DEFAULT_RETRY_SECONDS, DEFAULT_TIMEOUT, socket_path
from .money import Amount

__all__ = [
    "AsyncClient",
    "AsyncDuplex",
    "AsyncHold",
    "AsyncRun",
    "AsyncStream",
    "AsyncTransactionWatch",
]


class AsyncClient:
    """A connection to `tally serve`. Tasks share it: their calls go down one socket at once.

    It is made without a loop, connects with the first call, within the loop that runs then, and again
    whenever the connection was lost or another loop has taken that one's place. It belongs to one loop at
    a time. A call that did not get through is tried again with the same idempotency key, for
    `retry_seconds`; `timeout` bounds it all. When the task that awaits a call is cancelled, the server is
    told. Close it, or use it by `async with`.

    The calls are methods of its services `credits`, `usage`, `pages`, `admin` and `control`.
    """

    def __init__(
        self,
        socket: Union[str, os.PathLike[str], None] = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retry_seconds: float = DEFAULT_RETRY_SECONDS,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> None:
        path = socket_path(socket)
        terms = Terms(timeout, retry_seconds, ()).with_metadata(metadata or {})
        channel = AsyncChannel(path)
        self._open(path, channel, AsyncCaller(channel, terms))

    def _open(self, path: str, channel: AsyncChannel, caller: AsyncCaller) -> None:
        #: The socket's path.
        self.socket = path
        self._channel = channel
        self._caller = caller
        #: Prepaid credits: balances, holds and the ledger.
        self.credits = AsyncCreditService(caller)
        #: Runs, what users have used of their plans, and plans.
        self.usage = AsyncUsageService(caller)
        #: Pages with their sections and versions, and media.
        self.pages = AsyncPageService(caller)
        #: Users, and the server itself.
        self.admin = AsyncAdminService(caller)
        #: Cancellation of other calls.
        self.control = AsyncControl(caller)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.socket!r})"

    @property
    def caller(self) -> AsyncCaller:
        """For the stubs of further services, such as the test harness's."""
        return self._caller

    def with_metadata(self, metadata: Mapping[str, str]) -> AsyncClient:
        """The same connection; calls carry these metadata as well."""
        view = object.__new__(type(self))
        view._open(self.socket, self._channel, self._caller.with_metadata(metadata))
        return view

    def acting_as(self, user_id: str) -> AsyncClient:
        """The same connection; calls may touch this user's rows only."""
        return self.with_metadata({ACTING_USER: user_id})

    def run(
        self,
        user_id: str,
        model: str,
        estimate_micros: Amount = 0,
        *,
        type: str = "text",
        run_id: Optional[str] = None,
        ttl_millis: int = 0,
        attempt: int = 0,
        spender: str = "",
        tags: Optional[Mapping[str, str]] = None,
    ) -> AsyncRun:
        """A run for `async with`: it holds the estimate and ends with the block, without cost unless it
        was finished. Without a `run_id` it has a fresh one; `ttl_millis` is 15 minutes when zero.
        """
        return AsyncRun(
            self.usage,
            user_id=user_id,
            model=model,
            estimate_micros=estimate_micros,
            type=type,
            run_id=run_id,
            ttl_millis=ttl_millis,
            attempt=attempt,
            spender=spender,
            tags=tags,
        )

    def hold(
        self,
        user_id: str,
        amount_micros: Amount,
        ttl_millis: int = 0,
        *,
        idempotency_key: Optional[str] = None,
        description: str = "",
    ) -> AsyncHold:
        """A hold for `async with`: released at the block's end unless it was captured. `ttl_millis` is
        15 minutes when zero. A job that names the key and is done again holds and captures once.
        """
        return AsyncHold(
            self.credits,
            user_id=user_id,
            amount_micros=amount_micros,
            ttl_millis=ttl_millis,
            idempotency_key=idempotency_key,
            description=description,
        )

    def watch(self, from_sequence: int = 0, user_ids: Iterable[str] = ()) -> AsyncTransactionWatch:
        """The ledger's rows as they are committed: from that one on, or from the next when zero; of these
        users, or of all. It goes on by itself wherever its stream was cut, and has no end.
        """
        place = Place(from_sequence, user_ids, self._caller.retry_seconds, sequence)
        return AsyncTransactionWatch(AsyncCreditService(self._caller.once()), place)

    def watch_events(self, from_event_id: int = 0, user_ids: Iterable[str] = ()) -> AsyncEventWatch:
        """Events as they are committed: from that one on, or from the next when zero; of these users, or of
        all. It goes on by itself wherever its stream was cut, and has no end.
        """
        place = Place(from_event_id, user_ids, self._caller.retry_seconds, event_id)
        return AsyncEventWatch(AsyncUsageService(self._caller.once()), place)

    def watch_pages(self, from_update: int = 0, user_ids: Iterable[str] = ()) -> AsyncPageWatch:
        """Changes of pages as they are committed: from that one on, or from the next when zero; of these
        users, or of all. From an earlier one each page that changed since comes once. It goes on by itself
        wherever its stream was cut, and has no end.
        """
        place = Place(from_update, user_ids, self._caller.retry_seconds, update_number)
        return AsyncPageWatch(AsyncPageService(self._caller.once()), place)

    async def aclose(self) -> None:
        """Ends the connection, also for every client that `acting_as` made from this one."""
        self._channel.close()

    def close(self) -> None:
        """The same where no loop runs any more."""
        self._channel.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()
