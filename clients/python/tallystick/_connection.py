"""One connection, shared by threads: each sends its frames, one of them at a time reads the answers.

1. Frames are sent in the order in which they came, and so are the ids of Requests, by one thread at a time,
   which takes along what the others have left meanwhile. No caller ever waits inside of a send: what the
   socket does not take is left to the writer thread, which there is only once that was needed.
2. Whenever calls are under way, somebody reads: a caller that waits for its own answer, while nobody else
   does, or else the reader thread, which there is only once a second call or a stream has needed it.
3. Who stops reading while calls are still under way wakes the reader thread.
4. Once `closed`, no call is under way and none begins; every one that was has failed.
5. While too much is unsent, calls and messages of streams wait for room, until their deadline or their
   stream's end at the latest.
6. The socket is closed by the last that was inside of a send or of a read.
"""

from __future__ import annotations

import contextlib
import math
import queue
import select
import socket
import struct
import threading
import time
from collections import deque
from typing import Optional, Union

from . import _wire
from ._rules import (
    LONGEST_UNSENT_BYTES,
    RECEIVE_BYTES,
    SEND_STALL_SECONDS,
    Answer,
    Ignored,
    NoRoom,
    cancel_request,
    lost,
)
from ._streams import Answers, Streams
from .errors import ConnectionLost


class Unary(Answer):
    """One attempt's answer, waited for by one thread."""

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        super().__init__()
        self._ready = threading.Lock()
        self._ready.acquire()

    def wake(self) -> None:
        self._ready.release()

    def wait(self, seconds: Optional[float]) -> bool:
        return self._ready.acquire(timeout=-1 if seconds is None else max(0.0, seconds))


class Connection:
    def __init__(self, path: str, timeout: float) -> None:
        """Connects. Raises ConnectionLost, with nothing sent."""
        self._socket = _connected(path, timeout)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._socket, select.POLLOUT)
        self._streams = Streams()
        # Guards the adding of calls and frames, the count of what is unsent, `closed`, and who makes threads.
        self._lock = threading.Lock()
        self.closed = False
        # Told when there is room again, if somebody waits for it.
        self._room = threading.Condition(self._lock)
        self._waiting_for_room = 0
        # Frames that whoever sends takes along.
        self._unsent: deque[bytes] = deque()
        # Whether the writer thread is at work; then, the bytes of those and of the rest.
        self._is_blocked = False
        self._unsent_bytes = 0
        # What the socket has not taken of frames that are no longer in `_unsent`; of who holds `_sending`.
        self._rest = memoryview(b"")
        # Held while frames are sent, and while the socket is read.
        self._sending = threading.Lock()
        self._reading = threading.Lock()
        self._reader: Optional[threading.Thread] = None
        # What the reader thread waits for: true to read, false to end.
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._writer: Optional[threading.Thread] = None
        # What the writer thread waits for: true to write, false to end.
        self._blocked: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def __del__(self) -> None:
        # Two that let go of it in the same moment may have left it to each other; nobody is inside of it now.
        opened: Optional[socket.socket] = getattr(self, "_socket", None)
        if opened is not None:
            opened.close()

    def start(self, request: bytes, flags: int, answers: Answers, until: Optional[float]) -> int:
        """Sends a Request; the answers come to `answers`. Returns the stream's id. Waits for room until then;
        without a time it does without.

        Raises ConnectionLost when the connection had ended before anything was sent, and NoRoom; an end later
        than that is told to `answers`.
        """
        with self._lock:
            if self._is_blocked:
                self._wait_for_room(until)
            if self.closed:
                raise ConnectionLost("the connection has ended", maybe_applied=False)
            # With the frame under one lock: some servers refuse an id below an earlier one.
            stream_id = self._streams.add(answers)
            frame = _wire.encode_frame(stream_id, _wire.REQUEST, flags, request)
            self._add(frame)
        problem = self._send(frame)
        if problem is not None:
            unsent = self._streams.forget(stream_id)
            self.end(problem)
            # Else another thread has found the connection's end first, and told the call.
            if unsent is not None:
                raise ConnectionLost(problem, maybe_applied=False)
        return stream_id

    def send(self, stream_id: int, flags: int, payload: bytes, until: Optional[float]) -> None:
        """Sends a message of a stream, or its end. Waits for room as `start` does. When the stream or the
        connection has ended, nothing is sent: the call was told.
        """
        frame = _wire.encode_frame(stream_id, _wire.DATA, flags, payload)
        with self._lock:
            if self._is_blocked:
                self._wait_for_room(until, stream_id)
            if self.closed or stream_id not in self._streams.waiting:
                return
            self._add(frame)
        problem = self._send(frame)
        if problem is not None:
            self.end(problem)

    def _add(self, frame: bytes) -> None:
        """Under the lock."""
        self._unsent.append(frame)
        if self._is_blocked:
            self._unsent_bytes += len(frame)

    def _wait_for_room(self, until: Optional[float], stream_id: Optional[int] = None) -> None:
        """Under the lock. Ends with the stream as well. Raises NoRoom when the time is over before."""
        # First: whoever ends a stream looks for those that wait when it has ended.
        self._waiting_for_room += 1
        try:
            while until is not None and self._unsent_bytes >= LONGEST_UNSENT_BYTES and not self.closed:
                if stream_id is not None and stream_id not in self._streams.waiting:
                    return
                seconds = until - time.monotonic()
                if seconds <= 0 or not self._room.wait(None if seconds == math.inf else seconds):
                    raise NoRoom
        finally:
            self._waiting_for_room -= 1

    def _stream_ended(self) -> None:
        """One that waits for room for it need not any longer."""
        if self._waiting_for_room:
            with self._lock:
                self._room.notify_all()

    def _send(self, own: bytes) -> Optional[str]:
        """Sends what waits, or leaves it to who is sending just then. Returns why nothing was sent of the
        caller's own frame, if so.
        """
        try:
            while self._unsent and self._sending.acquire(blocking=False):
                problem, unsent = self._send_all(own)
                if problem and not unsent:
                    self.end(problem)
                elif self.closed:
                    self._close_socket()
                if problem:
                    return problem if unsent else None
        except BaseException:
            # A signal's handler has raised, who knows where.
            self.end("sending was interrupted")
            raise
        return None

    def _send_all(self, own: bytes) -> tuple[str, bool]:
        """Sends what waits; `_sending` is held, and given back or handed to the writer thread. Returns what
        went wrong, and whether nothing was sent of the caller's own frame, which went alone.
        """
        frames: list[bytes] = []
        handed_on = False
        try:
            while self._unsent:
                frames.append(self._unsent.popleft())
            data = frames[0] if len(frames) == 1 else b"".join(frames)
            sent = self._offer(data)
            if sent < len(data):
                self._rest = memoryview(data)[sent:]
                handed_on = self._write_along()
        except OSError as error:
            return f"the connection was lost while sending: {error}", frames == [own]
        finally:
            if not handed_on:
                self._sending.release()
        return "", False

    def _offer(self, data: Union[bytes, memoryview]) -> int:
        """Sends what the socket takes; returns how much that was."""
        try:
            return self._socket.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _write_along(self) -> bool:
        """Has the writer thread send the rest, which then holds `_sending`. False when the connection has
        ended: the thread would be told to end before it was told to write, and never give `_sending` back.
        """
        with self._lock:
            if self.closed:
                return False
            self._is_blocked = True
            self._unsent_bytes = len(self._rest) + sum(map(len, self._unsent))
            if self._writer is None:
                run = self._run_writer
                self._writer = threading.Thread(target=run, name="tallystick-writer", daemon=True)
                self._writer.start()
            self._blocked.put(True)
        return True

    def _run_writer(self) -> None:
        try:
            while self._blocked.get():
                self._write()
        except BaseException:
            self.end("sending failed")
            raise

    def _write(self) -> None:
        """Sends the rest, as the socket takes it; `_sending` is held, and given back."""
        problem = None
        try:
            while self._has_more():
                if not self._writable.poll(SEND_STALL_SECONDS * 1000):
                    raise TimeoutError(f"the server took nothing for {SEND_STALL_SECONDS} s")
                sent = self._offer(self._rest)
                self._rest = self._rest[sent:]
                with self._lock:
                    self._unsent_bytes -= sent
                    if self._waiting_for_room and self._unsent_bytes < LONGEST_UNSENT_BYTES:
                        self._room.notify_all()
        except OSError as error:
            problem = f"the connection was lost while sending: {error}"
        finally:
            self._sending.release()
        if problem is not None:
            self.end(problem)
        elif self.closed:
            self._close_socket()
        else:
            # What has come since there was nothing more.
            self._send(b"")

    def _has_more(self) -> bool:
        """Whether there is a rest, or frames to become one; else callers send for themselves again."""
        if self._rest:
            return True
        with self._lock:
            if self._unsent:
                self._rest = memoryview(b"".join(self._unsent))
                self._unsent.clear()
                return True
            self._is_blocked = False
            self._unsent_bytes = 0
            self._room.notify_all()
            return False

    def wait(self, call: Unary, until: float) -> bool:
        """Waits for a call's answer; false when the time was over before."""
        try:
            leads = self._reading.acquire(blocking=False)
            if leads:
                self._read(call, until)
        except BaseException:
            # A signal's handler has raised: perhaps between the acquiring and the reading, or when an answer
            # had been read and not yet handed out.
            self.end("reading was interrupted")
            raise
        return call.ended if leads else call.wait(until - time.monotonic())

    def read_along(self) -> None:
        """Has the reader thread read: for a stream, which nobody may be waiting at."""
        with self._lock:
            if self._reader is None and not self.closed:
                self._reader = threading.Thread(target=self._run, name="tallystick-reader", daemon=True)
                self._reader.start()
        self._wanted.put(True)

    def _run(self) -> None:
        try:
            while self._wanted.get():
                self._reading.acquire()
                self._read(None, None)
        except BaseException:
            # Out of memory, say: without a reader nobody would get an answer.
            self.end("reading failed")
            raise

    def _read(self, call: Optional[Unary], until: Optional[float]) -> None:
        """Hands out answers until the call's own is there, or for no call in particular until nothing is
        under way. `_reading` is held, and given back.
        """
        reason = ""
        streams = self._streams
        try:
            while not call.ended if call is not None else streams.waiting:
                if until is not None and not self._poll.poll(_millis(until)):
                    break
                data = self._socket.recv(RECEIVE_BYTES)
                if not data:
                    reason = "the server closed the connection"
                    break
                streams.receive(data)
                self._stream_ended()
        except (OSError, _wire.ProtocolError) as error:
            reason = f"the connection was lost: {error}"
        finally:
            self._reading.release()
            if reason:
                self.end(reason)
            elif self.closed:
                self._close_socket()
            elif streams.waiting:
                self.read_along()

    def forget(self, stream_id: int) -> None:
        """Drops whatever still comes for the call."""
        self._streams.forget(stream_id)
        self._stream_ended()

    def cancel(self, stream_id: int, token: str) -> None:
        """Forgets a call and asks the server to end it. Nobody waits for the answer."""
        self.forget(stream_id)
        # Without a connection the call has ended as well.
        with contextlib.suppress(ConnectionLost):
            self.start(cancel_request(token), 0, Ignored(), None)
            self.read_along()

    def close(self) -> None:
        """Ends the connection and waits until nothing of it is left."""
        self.end("the client was closed")
        for thread in (self._reader, self._writer):
            if thread is not None and threading.current_thread() is not thread:
                thread.join()

    def abandon(self) -> None:
        """Lets go of a connection that belongs to the process this one was forked from."""
        self.closed = True
        self._socket.close()

    def end(self, reason: str) -> None:
        """Ends the connection and fails every call on it. Does not wait."""
        with self._lock:
            self.closed = True
            self._room.notify_all()
        # First, so that a reader that is woken has no other reason to give.
        self._streams.fail(reason)
        # Wakes whoever reads or sends. One that has ended already says so.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._wanted.put(False)
        self._blocked.put(False)
        self._close_socket()

    def _close_socket(self) -> None:
        """Unless somebody is inside of it, whose descriptor could become another socket's."""
        while self._reading.acquire(blocking=False):
            free = self._sending.acquire(blocking=False)
            if free:
                self._socket.close()
                self._sending.release()
            self._reading.release()
            # Who was sending may have tried meanwhile, and found it held here.
            if free or self._sending.locked():
                return


def _connected(path: str, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A socket's send time-out bounds its connecting too.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout))
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise lost(path, error) from error
    return connection


def _timeval(seconds: float) -> bytes:
    # All zero would be for ever.
    micros = max(1, int(seconds * 1_000_000))
    return struct.pack("@ll", *divmod(micros, 1_000_000))


def _millis(until: float) -> float:
    return max(0.0, (until - time.monotonic()) * 1000)
