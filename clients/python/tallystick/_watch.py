"""The ledger as it grows: one sequence of rows, whatever cuts the streams that bring them.

- Rows come once and in order: each stream begins after the last row that was handed out.
- A watch ends by an error that another stream would meet as well, when no server was there for as long as
  a call is tried again, and when it is closed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Optional

from . import _rules
from ._generated.services import CreditService
from ._stream import Stream
from .errors import Code, Lagged, StreamEnded, StreamOverflow, TallyError
from .messages import Transaction, WatchTransactionsResponse


class Place:
    """Where a watch is, and what follows when its stream ends. No socket."""

    def __init__(self, from_sequence: int, user_ids: Iterable[str], retry_seconds: float) -> None:
        self.user_ids = tuple(_rules.texts(user_ids))
        self._rows: deque[Transaction] = deque()
        self._following = from_sequence
        self._retry_seconds = retry_seconds
        self._pauses: Optional[Iterator[float]] = None

    @property
    def next_sequence(self) -> int:
        """Where a later watch goes on after the last row that was handed out; 0 until that is known."""
        return self._rows[0].sequence if self._rows else self._following

    def row(self) -> Optional[Transaction]:
        return self._rows.popleft() if self._rows else None

    def take(self, message: WatchTransactionsResponse) -> None:
        self._rows.extend(message.transactions)
        self._following = message.next_sequence
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


class TransactionWatch(Iterator[Transaction]):
    """The ledger's rows as they are committed, without end. Leave it by `close()` or a `with` block.

    It goes on by itself when a stream reaches its lifetime, the server was restarted or the reader fell
    behind. `next_sequence` is where a later watch goes on after the last row.
    """

    def __init__(self, credits: CreditService, place: Place) -> None:
        self._credits = credits
        self._place = place
        self._stream: Optional[Stream[WatchTransactionsResponse]] = None
        self._closed = False

    @property
    def next_sequence(self) -> int:
        """The `from_sequence` of a watch that goes on after the last row that came; 0 before it is known."""
        return self._place.next_sequence

    def __iter__(self) -> TransactionWatch:
        return self

    def __next__(self) -> Transaction:
        while not self._closed:
            row = self._place.row()
            if row is not None:
                return row
            self._read()
        raise StopIteration

    def begin(self) -> TransactionWatch:
        """Waits until the server has said where the watch begins, as the first row would. Returns it. Of a
        watch that was closed nothing begins.
        """
        while not self._closed and (self._place.next_sequence == 0 or self._stream is None):
            self._read()
        return self

    def _read(self) -> None:
        """Takes a message, of another stream if the one before has ended; nothing of a closed watch."""
        try:
            stream = self._stream
            if stream is None:
                # How often it is tried is decided here.
                self._stream = stream = self._credits.watch_transactions(
                    from_sequence=self._place.next_sequence, user_ids=self._place.user_ids
                )
            if self._closed:
                # By another thread, which saw no stream yet.
                stream.close()
            message = next(stream, None)
            if message is not None:
                self._place.take(message)
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

    def __enter__(self) -> TransactionWatch:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
