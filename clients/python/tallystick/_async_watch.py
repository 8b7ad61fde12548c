"""The ledger as it grows, read by an `async for`. What is a rule is in `_watch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Optional

from . import _rules
from ._async_stream import AsyncStream
from ._generated.services import AsyncCreditService
from ._watch import Place, ended
from .errors import TallyError
from .messages import Transaction, WatchTransactionsResponse


class AsyncTransactionWatch(AsyncIterator[Transaction]):
    """The ledger's rows as they are committed, without end. Leave it by `aclose()` or an `async with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind. `next_sequence` is where a later watch goes on after the last row.
    """

    def __init__(self, credits: AsyncCreditService, place: Place) -> None:
        self._credits = credits
        self._place = place
        self._stream: Optional[AsyncStream[WatchTransactionsResponse]] = None
        self._closed = False

    @property
    def next_sequence(self) -> int:
        """The `from_sequence` of a watch that goes on after the last row that came; 0 before it is known."""
        return self._place.next_sequence

    def __aiter__(self) -> AsyncTransactionWatch:
        return self

    async def __anext__(self) -> Transaction:
        while not self._closed:
            row = self._place.row()
            if row is not None:
                return row
            await self._read()
        raise StopAsyncIteration

    async def begin(self) -> AsyncTransactionWatch:
        """Waits until the server has said where the watch begins, as the first row would. Returns it. Of a
        watch that was closed nothing begins.
        """
        while not self._closed and (self._place.next_sequence == 0 or self._stream is None):
            await self._read()
        return self

    async def _read(self) -> None:
        """Takes a message, of another stream if the one before has ended; nothing of a closed watch."""
        try:
            if self._stream is None:
                # How often it is tried is decided here.
                self._stream = self._credits.watch_transactions(
                    from_sequence=self._place.next_sequence, user_ids=self._place.user_ids
                )
            try:
                message = await self._stream.__anext__()
            except StopAsyncIteration:
                if self._closed:
                    return
                raise ended() from None
            self._place.take(message)
        except _rules.Closed:
            raise _rules.closed(False) from None
        except TallyError as error:
            self._stream = None
            if not self._closed:
                await asyncio.sleep(self._place.pause(error))

    async def aclose(self) -> None:
        """Ends the watch."""
        self._closed = True
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()

    async def __aenter__(self) -> AsyncTransactionWatch:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()
