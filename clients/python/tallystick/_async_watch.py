"""The ledger, the events and the changes of pages as they grow, read by an `async for`. What is a rule is in
`_watch`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar

from . import _rules
from ._async_stream import AsyncStream
from ._generated.services import AsyncCreditService, AsyncPageService, AsyncUsageService
from ._watch import Message, Place, Row, ended
from .errors import TallyError
from .messages import (
    Event,
    PageUpdate,
    Transaction,
    WatchEventsResponse,
    WatchPagesResponse,
    WatchTransactionsResponse,
)

Self = TypeVar("Self", bound="_AsyncWatch[Any, Any]")


class _AsyncWatch(AsyncIterator[Row], Generic[Row, Message]):
    """Rows as they are committed, without end. Leave it by `aclose()` or an `async with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind.
    """

    def __init__(self, place: Place[Row]) -> None:
        self._place = place
        self._stream: Optional[AsyncStream[Message]] = None
        self._closed = False

    @abstractmethod
    def _open(self) -> AsyncStream[Message]:
        """A stream from where the watch is. How often it is tried is decided here."""

    @abstractmethod
    def _take(self, message: Message) -> None: ...

    def __aiter__(self: Self) -> Self:
        return self

    async def __anext__(self) -> Row:
        while not self._closed:
            row = self._place.row()
            if row is not None:
                return row
            await self._read()
        raise StopAsyncIteration

    async def begin(self: Self) -> Self:
        """Waits until the server has said where the watch begins, as the first row would. Returns it. Of a
        watch that was closed nothing begins.
        """
        while not self._closed and (self._place.next_number == 0 or self._stream is None):
            await self._read()
        return self

    async def _read(self) -> None:
        """Takes a message, of another stream if the one before has ended; nothing of a closed watch."""
        try:
            if self._stream is None:
                self._stream = self._open()
            try:
                message = await self._stream.__anext__()
            except StopAsyncIteration:
                if self._closed:
                    return
                raise ended() from None
            self._take(message)
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

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()


class AsyncTransactionWatch(_AsyncWatch[Transaction, WatchTransactionsResponse]):
    """The ledger's rows as they are committed, without end. Leave it by `aclose()` or an `async with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind. `next_sequence` is where a later watch goes on after the last row.
    """

    def __init__(self, credits: AsyncCreditService, place: Place[Transaction]) -> None:
        super().__init__(place)
        self._credits = credits

    @property
    def next_sequence(self) -> int:
        """The `from_sequence` of a watch that goes on after the last row that came; 0 before it is known."""
        return self._place.next_number

    def _open(self) -> AsyncStream[WatchTransactionsResponse]:
        return self._credits.watch_transactions(
            from_sequence=self._place.next_number, user_ids=self._place.user_ids
        )

    def _take(self, message: WatchTransactionsResponse) -> None:
        self._place.take(message.transactions, message.next_sequence)


class AsyncEventWatch(_AsyncWatch[Event, WatchEventsResponse]):
    """Events as they are committed, without end. Leave it by `aclose()` or an `async with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind. Whoever keeps `next_event_id` after each event that was dealt with, and begins there after a
    restart of their own, meets each event at least once.
    """

    def __init__(self, usage: AsyncUsageService, place: Place[Event]) -> None:
        super().__init__(place)
        self._usage = usage

    @property
    def next_event_id(self) -> int:
        """The `from_event_id` of a watch that goes on after the last event; 0 before it is known."""
        return self._place.next_number

    def _open(self) -> AsyncStream[WatchEventsResponse]:
        return self._usage.watch_events(from_event_id=self._place.next_number, user_ids=self._place.user_ids)

    def _take(self, message: WatchEventsResponse) -> None:
        self._place.take(message.events, message.next_event_id)


class AsyncPageWatch(_AsyncWatch[PageUpdate, WatchPagesResponse]):
    """Changes of pages as they are committed, without end. Leave it by `aclose()` or an `async with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind; a page that changed several times meanwhile comes once, by its last change. Whoever keeps
    `next_update` after each change that was dealt with, and begins there after a restart of their own, misses
    no page.
    """

    def __init__(self, pages: AsyncPageService, place: Place[PageUpdate]) -> None:
        super().__init__(place)
        self._pages = pages

    @property
    def next_update(self) -> int:
        """The `from_update` of a watch that goes on after the last change; 0 before it is known."""
        return self._place.next_number

    def _open(self) -> AsyncStream[WatchPagesResponse]:
        return self._pages.watch_pages(from_update=self._place.next_number, user_ids=self._place.user_ids)

    def _take(self, message: WatchPagesResponse) -> None:
        self._place.take(message.updates, message.next_update)
