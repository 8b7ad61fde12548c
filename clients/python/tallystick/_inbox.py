"""The messages of one stream between the connection that brings them and the loop that reads them."""

from __future__ import annotations

import abc
from collections import deque
from contextlib import AbstractContextManager
from typing import Any, Callable, Generic, Optional, TypeVar

from google.protobuf.message import Message

from ._rules import Method, answered
from .errors import Code, DeadlineExceeded, StreamOverflow, TallyError

M = TypeVar("M", bound=Message)

#: What may wait to be read, in bytes of messages. ttrpc cannot slow a sender down, so a reader that falls
#: further behind loses its stream instead of the process its memory.
LONGEST_BACKLOG_BYTES = 16 << 20
#: What a message counts for beside its bytes, so that empty ones are bounded as well.
MESSAGE_OVERHEAD_BYTES = 64


class Inbox(Generic[M], abc.ABC):
    """Told by the connection; `wake` tells the reader that there is something to take, under the lock."""

    ONE_REPLY = False
    #: Whether what the call has sent may have been applied when its time is over.
    SENDS = False

    def __init__(self, method: Method[Any, M], lock: AbstractContextManager[Any]) -> None:
        self._method = method
        self._cancel: Callable[[], None] = lambda: None
        self._lock = lock
        # Guarded by the lock.
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._ended = False
        self._error: Optional[TallyError] = None

    @abc.abstractmethod
    def wake(self) -> None:
        """There is something to take. Under the lock."""

    def on_close(self, cancel: Callable[[], None]) -> None:
        """What ends the call on the server when the reader leaves early."""
        self._cancel = cancel

    @property
    def ready(self) -> bool:
        """Whether `take` has something to say. Under the lock."""
        return bool(self._waiting) or self._ended

    def take(self) -> Optional[M]:
        """The next message, or nothing after the last; raises what the call failed with. Under the lock,
        when `ready`.
        """
        if self._waiting:
            payload = self._waiting.popleft()
            self._waiting_bytes -= len(payload) + MESSAGE_OVERHEAD_BYTES
            return self._method.parse(payload)
        if self._error is not None:
            raise self._error
        return None

    def late(self) -> DeadlineExceeded:
        """What a reader gets whose time is over."""
        error = self._method.late()
        error.maybe_applied = self.SENDS
        return error

    def leave(self) -> None:
        """Ends the stream; what was not read is dropped."""
        with self._lock:
            ended, self._ended = self._ended, True
            self._waiting.clear()
            self._waiting_bytes = 0
            self.wake()
        if not ended:
            self._cancel()

    # From the connection.

    def respond(self, data: bytes) -> None:
        try:
            payload = answered(data)
        except TallyError as error:
            self._finish(error)
            return
        # Some servers end a stream so. Only one that says something is a message.
        if payload:
            self.data(payload)
        self._finish(None)

    def data(self, payload: bytes) -> None:
        with self._lock:
            if self._ended:
                return
            cost = len(payload) + MESSAGE_OVERHEAD_BYTES
            if not self._waiting or self._waiting_bytes + cost <= LONGEST_BACKLOG_BYTES:
                self._waiting.append(payload)
                self._waiting_bytes += cost
                self.wake()
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
        with self._lock:
            if not self._ended:
                self._ended, self._error = True, error
                self.wake()
