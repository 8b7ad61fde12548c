"""A stream from the server, read by a loop; and one with a sending half."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar

from google.protobuf.message import Message

from ._inbox import Inbox
from ._rules import DEADLINE_GRACE_SECONDS, Method

M = TypeVar("M", bound=Message)
S = TypeVar("S", bound=Message)


class Stream(Inbox[M], Iterator[M]):
    """The messages of one call, in order. Iterate it; leave early by `close()` or a `with` block.

    Raises what the call failed with, where it failed.
    """

    def __init__(self, method: Method[Any, M], timeout: Optional[float]) -> None:
        self._changed = threading.Condition()
        super().__init__(method, self._changed)
        self._deadline = None if timeout is None else time.monotonic() + timeout + DEADLINE_GRACE_SECONDS

    def wake(self) -> None:
        self._changed.notify_all()

    def __iter__(self) -> Stream[M]:
        return self

    def __next__(self) -> M:
        with self._changed:
            while not self.ready:
                if not self._changed.wait(self._remaining()):
                    break
            if self.ready:
                message = self.take()
                if message is None:
                    raise StopIteration
                return message
        self.close()
        raise self.late()

    def close(self) -> None:
        """Ends the stream; what was not read is dropped."""
        self.leave()

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


class Duplex(Stream[M], Generic[S, M]):
    """A stream both ways: `send` messages, `finish` when there are no more, iterate what comes back."""

    SENDS = True

    def __init__(self, method: Method[S, M], timeout: Optional[float]) -> None:
        super().__init__(method, timeout)
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
