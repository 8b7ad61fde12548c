"""What grows at the server, the ledger, the events and the changes of pages: one sequence of rows, whatever
cuts the streams that bring them.

- Rows come once and in order: each stream begins after the last row that was handed out.
- A watch ends by an error that another stream would meet as well, when no server was there for as long as
  a call is tried again, and when it is closed.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Callable, Generic, Optional, TypeVar

from google.protobuf.message import Message as Proto

from . import _rules
from ._generated.services import CreditService, PageService, UsageService
from ._stream import Stream
from .errors import Code, Lagged, StreamEnded, StreamOverflow, TallyError
from .messages import (
    Event,
    PageUpdate,
    Transaction,
    WatchEventsResponse,
    WatchPagesResponse,
    WatchTransactionsResponse,
)

Row = TypeVar("Row")
Message = TypeVar("Message", bound=Proto)
Self = TypeVar("Self", bound="_Watch[Any, Any]")


def sequence(row: Transaction) -> int:
    return row.sequence


def event_id(event: Event) -> int:
    return event.event_id


def update_number(update: PageUpdate) -> int:
    return update.update_number


class Place(Generic[Row]):
    """Where a watch is, and what follows when its stream ends. No socket."""

    def __init__(
        self, first: int, user_ids: Iterable[str], retry_seconds: float, number: Callable[[Row], int]
    ) -> None:
        self.user_ids = tuple(_rules.texts(user_ids))
        self._rows: deque[Row] = deque()
        self._following = first
        self._retry_seconds = retry_seconds
        self._number = number
        self._pauses: Optional[Iterator[float]] = None

    @property
    def next_number(self) -> int:
        """Where a later watch goes on after the last row that was handed out; 0 until that is known."""
        return self._number(self._rows[0]) if self._rows else self._following

    def row(self) -> Optional[Row]:
        return self._rows.popleft() if self._rows else None

    def take(self, rows: Iterable[Row], following: int) -> None:
        self._rows.extend(rows)
        self._following = following
        self._pauses = None

    def pause(self, error: TallyError) -> float:
        """The seconds until the next stream; raises the error when there is none to be."""
        if isinstance(error, (Lagged, StreamOverflow)):
            return 0.0
        if error.code != Code.UNAVAILABLE:
            raise error
        if self._pauses is None:
            self._pauses = _rules.pauses(time.monotonic() + self._retry_seconds)
        seconds = next(self._pauses, None)
        if seconds is None:
            raise error
        return seconds


def ended() -> StreamEnded:
    """A stream of rows has no good end."""
    return StreamEnded(Code.UNAVAILABLE, "the server ended the stream", "STREAM_ENDED", {})


class _Watch(Iterator[Row], Generic[Row, Message]):
    """Rows as they are committed, without end. Leave it by `close()` or a `with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind.
    """

    def __init__(self, place: Place[Row]) -> None:
        self._place = place
        self._stream: Optional[Stream[Message]] = None
        self._closed = False

    @abstractmethod
    def _open(self) -> Stream[Message]:
        """A stream from where the watch is. How often it is tried is decided here."""

    @abstractmethod
    def _take(self, message: Message) -> None: ...

    def __iter__(self: Self) -> Self:
        return self

    def __next__(self) -> Row:
        while not self._closed:
            row = self._place.row()
            if row is not None:
                return row
            self._read()
        raise StopIteration

    def begin(self: Self) -> Self:
        """Waits until the server has said where the watch begins, as the first row would. Returns it. Of a
        watch that was closed nothing begins.
        """
        while not self._closed and (self._place.next_number == 0 or self._stream is None):
            self._read()
        return self

    def _read(self) -> None:
        """Takes a message, of another stream if the one before has ended; nothing of a closed watch."""
        try:
            stream = self._stream
            if stream is None:
                self._stream = stream = self._open()
            if self._closed:
                # By another thread, which saw no stream yet.
                stream.close()
            message = next(stream, None)
            if message is not None:
                self._take(message)
            elif not self._closed:
                raise ended()
        except _rules.Closed:
            raise _rules.closed(False) from None
        except TallyError as error:
            self._stream = None
            if not self._closed:
                time.sleep(self._place.pause(error))

    def close(self) -> None:
        """Ends the watch."""
        self._closed = True
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


class TransactionWatch(_Watch[Transaction, WatchTransactionsResponse]):
    """The ledger's rows as they are committed, without end. Leave it by `close()` or a `with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind. `next_sequence` is where a later watch goes on after the last row.
    """

    def __init__(self, credits: CreditService, place: Place[Transaction]) -> None:
        super().__init__(place)
        self._credits = credits

    @property
    def next_sequence(self) -> int:
        """The `from_sequence` of a watch that goes on after the last row that came; 0 before it is known."""
        return self._place.next_number

    def _open(self) -> Stream[WatchTransactionsResponse]:
        return self._credits.watch_transactions(
            from_sequence=self._place.next_number, user_ids=self._place.user_ids
        )

    def _take(self, message: WatchTransactionsResponse) -> None:
        self._place.take(message.transactions, message.next_sequence)


class EventWatch(_Watch[Event, WatchEventsResponse]):
    """Events as they are committed, without end. Leave it by `close()` or a `with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind. Whoever keeps `next_event_id` after each event that was dealt with, and begins there after a
    restart of their own, meets each event at least once.
    """

    def __init__(self, usage: UsageService, place: Place[Event]) -> None:
        super().__init__(place)
        self._usage = usage

    @property
    def next_event_id(self) -> int:
        """The `from_event_id` of a watch that goes on after the last event; 0 before it is known."""
        return self._place.next_number

    def _open(self) -> Stream[WatchEventsResponse]:
        return self._usage.watch_events(from_event_id=self._place.next_number, user_ids=self._place.user_ids)

    def _take(self, message: WatchEventsResponse) -> None:
        self._place.take(message.events, message.next_event_id)


class PageWatch(_Watch[PageUpdate, WatchPagesResponse]):
    """Changes of pages as they are committed, without end. Leave it by `close()` or a `with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind; a page that changed several times meanwhile comes once, by its last change. Whoever keeps
    `next_update` after each change that was dealt with, and begins there after a restart of their own, misses
    no page.
    """

    def __init__(self, pages: PageService, place: Place[PageUpdate]) -> None:
        super().__init__(place)
        self._pages = pages

    @property
    def next_update(self) -> int:
        """The `from_update` of a watch that goes on after the last change; 0 before it is known."""
        return self._place.next_number

    def _open(self) -> Stream[WatchPagesResponse]:
        return self._pages.watch_pages(from_update=self._place.next_number, user_ids=self._place.user_ids)

    def _take(self, message: WatchPagesResponse) -> None:
        self._place.take(message.updates, message.next_update)
