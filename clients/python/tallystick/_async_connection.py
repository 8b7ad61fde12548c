"""One connection of an event loop, whose calls are pipelined. It lives and ends on that loop.

1. What could not be sent at once waits here, and the loop sends it when there is room; frames stay in order.
2. Frames of one turn of the loop go down together: the first at once, the others when the turn is over.
3. Once `closed`, no call is under way and none begins; every one that was has failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from typing import Optional, Union

from . import _wire
from ._rules import (
    LONGEST_UNSENT_BYTES,
    RECEIVE_BYTES,
    SEND_STALL_SECONDS,
    Answer,
    Ignored,
    cancel_request,
    lost,
)
from ._streams import Answers, Streams
from .errors import ConnectionLost


class AsyncUnary(Answer):
    """One attempt's answer, or its time's end, awaited by one task."""

    __slots__ = ("future", "until")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.future: asyncio.Future[None] = loop.create_future()
        #: When it is woken without an answer.
        self.until = math.inf

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class AsyncConnection:
    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        """Connects, at once or not at all. Raises ConnectionLost, with nothing sent."""
        self.loop = loop
        self.closed = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise lost(path, error) from error
        self._streams = Streams()
        self._unsent = bytearray()
        # Whether the turn's end, or room in the socket, will send what is unsent.
        self._corked = self._blocked = False
        self._stall: Optional[asyncio.TimerHandle] = None
        self._room: Optional[asyncio.Future[None]] = None
        # At the earliest deadline, or before: a timer for each call would cost more than the call.
        self._timer: Optional[asyncio.TimerHandle] = None
        self._timer_at = math.inf
        loop.add_reader(self._socket.fileno(), self._readable)

    def start(self, request: bytes, flags: int, answers: Answers) -> int:
        """Sends a Request; the answers come to `answers`. Returns the stream's id.

        Raises ConnectionLost when the connection had ended before anything was sent; an end later than
        that is told to `answers`.
        """
        if self.closed:
            raise ConnectionLost("the connection has ended", maybe_applied=False)
        stream_id = self._streams.add(answers)
        problem = self._send(_wire.encode_frame(stream_id, _wire.REQUEST, flags, request))
        if problem is not None:
            self._streams.forget(stream_id)
            self.end(problem)
            raise ConnectionLost(problem, maybe_applied=False)
        return stream_id

    def send(self, stream_id: int, flags: int, payload: bytes) -> None:
        """Sends a message of a stream, or its end. When the connection has ended, the call was told."""
        if not self.closed:
            problem = self._send(_wire.encode_frame(stream_id, _wire.DATA, flags, payload))
            if problem is not None:
                self.end(problem)

    def expire(self, call: AsyncUnary, until: float) -> None:
        """Wakes the call then, if it has not ended before."""
        call.until = until
        if until < self._timer_at:
            self._set_timer(until)

    def _set_timer(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = until
        if until != math.inf:
            self._timer = self.loop.call_later(max(0.0, until - time.monotonic()), self._expire)

    def _expire(self) -> None:
        now, earliest = time.monotonic(), math.inf
        for call in self._streams.waiting.values():
            if isinstance(call, AsyncUnary):
                if call.until <= now:
                    # Its task takes it out of the table.
                    call.wake()
                else:
                    earliest = min(earliest, call.until)
        self._set_timer(earliest)

    @property
    def is_full(self) -> bool:
        return len(self._unsent) >= LONGEST_UNSENT_BYTES

    def is_under_way(self, stream_id: int) -> bool:
        return stream_id in self._streams.waiting

    async def room(self) -> None:
        """Waits until something else was sent, or some call or the connection has ended."""
        if self._room is None:
            self._room = self.loop.create_future()
        # Shared by all that wait: one that is cancelled must not end it.
        await asyncio.shield(self._room)

    def _send(self, frame: bytes) -> Optional[str]:
        """Returns why nothing of the frame was sent, if that is known already."""
        if self._corked or self._blocked:
            self._unsent += frame
            return None
        self._corked = True
        self.loop.call_soon(self._uncork)
        return self._send_now(frame)

    def _uncork(self) -> None:
        self._corked = False
        if self._unsent and not self._blocked and not self.closed:
            self._flush()

    def _flush(self) -> None:
        frames, self._unsent = self._unsent, bytearray()
        problem = self._send_now(frames)
        if problem is not None:
            self.end(problem)
        elif not self.is_full:
            self._wake_senders()

    def _send_now(self, data: Union[bytes, bytearray]) -> Optional[str]:
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            return f"the connection was lost while sending: {error}"
        if sent < len(data):
            self._unsent[:0] = memoryview(data)[sent:]
            self._block()
        return None

    def _block(self) -> None:
        self._blocked = True
        self.loop.add_writer(self._socket.fileno(), self._writable)
        self._stall = self.loop.call_later(SEND_STALL_SECONDS, self.end, "a send made no progress")

    def _writable(self) -> None:
        self._unblock()
        self._flush()

    def _unblock(self) -> None:
        if self._blocked:
            self._blocked = False
            self.loop.remove_writer(self._socket.fileno())
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _wake_senders(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    def _readable(self) -> None:
        try:
            data = self._socket.recv(RECEIVE_BYTES)
            if data:
                self._streams.receive(data)
                # The stream of one that waits for room may have ended.
                self._wake_senders()
                return
            reason = "the server closed the connection"
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, _wire.ProtocolError) as error:
            reason = f"the connection was lost: {error}"
        self.end(reason)

    def forget(self, stream_id: int) -> None:
        """Drops whatever still comes for the call."""
        self._streams.forget(stream_id)
        self._wake_senders()

    def cancel(self, stream_id: int, token: str) -> None:
        """Forgets a call and asks the server to end it. Nobody waits for the answer."""
        if self._streams.forget(stream_id) is not None:
            self._wake_senders()
            # Without a connection the call has ended as well.
            with contextlib.suppress(ConnectionLost):
                self.start(cancel_request(token), 0, Ignored())

    def end(self, reason: str) -> None:
        """Ends the connection and fails every call on it."""
        if self.closed:
            return
        self.closed = True
        self._unblock()
        self._set_timer(math.inf)
        self.loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._unsent.clear()
        self._wake_senders()
        self._streams.fail(reason)

    def abandon(self) -> None:
        """Ends a connection whose loop is not the one that runs here, and may never run again."""
        if self.closed:
            return
        reason = "the client went on in another loop"
        if self.loop.is_closed():
            self.let_go()
        elif self.loop.is_running():
            # In another thread, which may end the loop before it has heard of this.
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.end, reason)
        else:
            self.end(reason)

    def let_go(self) -> None:
        """Closes the socket and tells nobody: the loop is closed, or was the parent's of a fork."""
        self.closed = True
        self._socket.close()
