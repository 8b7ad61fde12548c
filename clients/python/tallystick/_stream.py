"""A stream from the server, read by a loop; and one with a sending half."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Optional, TypeVar

from google.protobuf.message import Message

from . import _wire
from .errors import Code, DeadlineExceeded, StreamOverflow, TallyError, from_status

M = TypeVar("M", bound=Message)
S = TypeVar("S", bound=Message)

#: What may wait to be read, in bytes of messages. ttrpc cannot slow a sender down, so a reader that falls
#: further behind loses its stream instead of the process its memory.
LONGEST_BACKLOG_BYTES = 16 << 20


class Stream(Generic[M], Iterator[M]):
    """The messages of one call, in order. Iterate it; leave early by `close()` or a `with` block.

    Raises what the call failed with, where it failed.
    """

    def __init__(self, kind: type[M], deadline: Optional[float]) -> None:
        self._kind = kind
        self._deadline = deadline
        self._cancel: Callable[[], None] = lambda: None
        # Guards what follows.
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._ended = False
        self._error: Optional[TallyError] = None

    def on_close(self, cancel: Callable[[], None]) -> None:
        """What ends the call on the server when the reader leaves early."""
        self._cancel = cancel

    def __iter__(self) -> Stream[M]:
        return self

    def __next__(self) -> M:
        with self._changed:
            while not self._waiting and not self._ended:
                if not self._changed.wait(self._remaining()):
                    break
            if self._waiting:
                payload = self._waiting.popleft()
                self._waiting_bytes -= len(payload)
                return self._kind.FromString(payload)
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopIteration
        self.close()
        raise DeadlineExceeded(Code.DEADLINE_EXCEEDED, "the stream's time is over")

    def close(self) -> None:
        """Ends the stream; what was not read is dropped."""
        with self._changed:
            ended, self._ended = self._ended, True
            self._waiting.clear()
            self._waiting_bytes = 0
        if not ended:
            self._cancel()

    def __enter__(self) -> Stream[M]:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _remaining(self) -> Optional[float]:
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic())

    # From the connection's reader thread.

    def respond(self, response: _wire.Response) -> None:
        if response.code:
            self._finish(from_status(response.code, response.message, response.details))
            return
        # Some servers end a stream so. Only one that says something is a message.
        if response.payload:
            self.data(response.payload)
        self._finish(None)

    def data(self, payload: bytes) -> None:
        with self._changed:
            if self._ended:
                return
            if self._waiting_bytes + len(payload) <= LONGEST_BACKLOG_BYTES:
                self._waiting.append(payload)
                self._waiting_bytes += len(payload)
                self._changed.notify_all()
                return
        self._finish(
            StreamOverflow(Code.RESOURCE_EXHAUSTED, f"{LONGEST_BACKLOG_BYTES} bytes wait to be read")
        )
        self._cancel()

    def end(self) -> None:
        self._finish(None)

    def failed(self, error: TallyError) -> None:
        self._finish(error)

    def _finish(self, error: Optional[TallyError]) -> None:
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                self._changed.notify_all()


class Duplex(Stream[M], Generic[S, M]):
    """A stream both ways: `send` messages, `finish` when there are no more, iterate what comes back."""

    def __init__(self, kind: type[M], deadline: Optional[float]) -> None:
        super().__init__(kind, deadline)
        self._send: Callable[[S], None] = lambda message: None
        self._finish_sending: Callable[[], None] = lambda: None
        self._sent_all = False

    def on_send(self, send: Callable[[S], None], finish: Callable[[], None]) -> None:
        """How messages, and their end, get to the server."""
        self._send = send
        self._finish_sending = finish

    def __enter__(self) -> Duplex[S, M]:
        return self

    def send(self, message: S) -> None:
        """Sends a message. What is sent after the server has ended the call reaches nobody."""
        if self._sent_all:
            raise ValueError("the sending half was finished")
        if not self._ended:
            self._send(message)

    def finish(self) -> None:
        """No more messages come."""
        if not self._sent_all and not self._ended:
            self._finish_sending()
        self._sent_all = True
