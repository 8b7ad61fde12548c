"""A stream from the server, read by an `async for`; and one with a sending half."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Generic, Optional, Protocol, TypeVar

from google.protobuf.message import Message

from ._inbox import Inbox
from ._rules import DEADLINE_GRACE_SECONDS, Method
from .errors import DeadlineExceeded, TallyError

M = TypeVar("M", bound=Message)
S = TypeVar("S", bound=Message)


class AsyncStream(Inbox[M], AsyncIterator[M]):
    """The messages of one call, in order. Iterate it; leave early by `aclose()` or an `async with` block.

    Raises what the call failed with, where it failed.
    """

    def __init__(self, method: Method[Any, M], timeout: Optional[float]) -> None:
        super().__init__(method, nullcontext())
        self._loop = asyncio.get_running_loop()
        self._deadline = None if timeout is None else time.monotonic() + timeout + DEADLINE_GRACE_SECONDS
        self._reader: Optional[asyncio.Future[None]] = None

    def wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __aiter__(self) -> AsyncStream[M]:
        return self

    async def __anext__(self) -> M:
        if not self.ready:
            await self._wait()
        message = self.take()
        if message is None:
            raise StopAsyncIteration
        return message

    async def _wait(self) -> None:
        if self._reader is not None:
            raise RuntimeError("another task reads this stream")
        self._reader = self._loop.create_future()
        timer = None
        if self._deadline is not None:
            timer = self._loop.call_later(max(0.0, self._deadline - time.monotonic()), self.wake)
        try:
            await self._reader
        finally:
            self._reader = None
            if timer is not None:
                timer.cancel()
        if not self.ready:
            self.leave()
            raise self.late()

    async def aclose(self) -> None:
        """Ends the stream; what was not read is dropped."""
        self.leave()

    async def __aenter__(self) -> AsyncStream[M]:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()


async def within(until: Optional[float], error: TallyError, work: Coroutine[Any, Any, None]) -> None:
    """Does it, or raises the error when the time is over before."""
    if until is None:
        await work
        return
    try:
        await asyncio.wait_for(work, until - time.monotonic())
    except asyncio.TimeoutError:
        # One that is the work's own is not this one.
        if time.monotonic() < until:
            raise
        raise error from None


class Sender(Protocol):
    """The sending half of a call."""

    def send(self, payload: bytes) -> Coroutine[Any, Any, None]: ...

    async def finish(self) -> None: ...


class AsyncDuplex(AsyncStream[M], Generic[S, M]):
    """A stream both ways: `send` messages, `finish` when there are no more, iterate what comes back."""

    SENDS = True

    def __init__(self, method: Method[S, M], timeout: Optional[float]) -> None:
        super().__init__(method, timeout)
        self._sender: Optional[Sender] = None
        self._sent_all = False

    def on_send(self, sender: Sender) -> None:
        """How messages, and their end, get to the server."""
        self._sender = sender

    async def __aenter__(self) -> AsyncDuplex[S, M]:
        return self

    async def send(self, message: S) -> None:
        """Sends a message; waits while too much is unsent, until the deadline at the latest. What is sent
        after the server has ended the call reaches nobody.
        """
        if self._sent_all:
            raise ValueError("the sending half was finished")
        payload = self._method.serialize(self._method.checked(message))
        if not self._ended and self._sender is not None:
            late = self.late()
            try:
                await within(self._deadline, late, self._sender.send(payload))
            except DeadlineExceeded as error:
                if error is late:
                    self.leave()
                raise

    async def finish(self) -> None:
        """No more messages come."""
        if not self._sent_all and not self._ended and self._sender is not None:
            await self._sender.finish()
        self._sent_all = True
