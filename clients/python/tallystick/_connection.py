"""One connection, shared by threads: each sends its frames, one reader thread hands the answers out.

- A call is in the table before its request is sent and until its last frame came or it was forgotten.
- Once `closed`, the table is empty and stays so; every call that was in it has failed.
- Nothing that a reader of answers does, or fails to do, holds up the reader thread.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Protocol

from . import _wire
from .errors import Code, ConnectionLost, TallyError

RECEIVE_BYTES = 1 << 18
#: A send that makes no progress for this long ends the connection.
SEND_STALL_SECONDS = 30


class Answers(Protocol):
    """Where a call's frames go. Called from the reader thread: must not block."""

    def respond(self, response: _wire.Response) -> None:
        """The call's end, by a Response."""

    def data(self, payload: bytes) -> None:
        """One message of a stream."""

    def end(self) -> None:
        """A stream's good end."""

    def failed(self, error: TallyError) -> None:
        """The connection ended before the call did, or the answer makes no sense."""


class Connection:
    def __init__(self, path: str, timeout: float) -> None:
        """Connects. Raises ConnectionLost, with nothing sent."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(path)
            self._socket.settimeout(None)
            stall = struct.pack("@ll", SEND_STALL_SECONDS, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, stall)
        except OSError as error:
            self._socket.close()
            raise ConnectionLost(f"cannot connect to {path}: {error}", maybe_applied=False) from error
        self._table: dict[int, Answers] = {}
        # Guards the table, the next id and `closed`.
        self._lock = threading.Lock()
        self._next_id = 1
        self.closed = False
        # Held while a frame is sent.
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="tallystick-reader", daemon=True)
        self._reader.start()

    def start(self, request: bytes, flags: int, answers: Answers) -> int:
        """Sends a Request; the answers come to `answers`. Returns the stream's id.

        Raises ConnectionLost when the connection had ended before anything was sent; an end later than
        that is told to `answers`.
        """
        with self._lock:
            if self.closed:
                raise ConnectionLost("the connection has ended", maybe_applied=False)
            stream_id = self._take_id()
            self._table[stream_id] = answers
        self._send(_wire.encode_frame(stream_id, _wire.REQUEST, flags, request))
        return stream_id

    def send(self, stream_id: int, flags: int, payload: bytes) -> None:
        """Sends a message of a stream, or its end. When the connection has ended, the call was told."""
        self._send(_wire.encode_frame(stream_id, _wire.DATA, flags, payload))

    def _send(self, frame: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(frame)
        except OSError as error:
            self.end(f"the connection was lost while sending: {error}")

    def forget(self, stream_id: int) -> None:
        """Drops whatever still comes for the call."""
        with self._lock:
            self._table.pop(stream_id, None)

    def close(self) -> None:
        """Ends the connection and waits until nothing of it is left."""
        self.end("the client was closed")
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def abandon(self) -> None:
        """Lets go of a connection that belongs to the process this one was forked from."""
        self.closed = True
        self._socket.close()

    def _take_id(self) -> int:
        stream_id = self._next_id
        while stream_id in self._table:
            stream_id = _following(stream_id)
        self._next_id = _following(stream_id)
        return stream_id

    def _read(self) -> None:
        parser = _wire.FrameParser()
        try:
            while data := self._socket.recv(RECEIVE_BYTES):
                for frame in parser.feed(data):
                    self._dispatch(frame)
            reason = "the server closed the connection"
        except (OSError, _wire.ProtocolError) as error:
            reason = f"the connection was lost: {error}"
        self.end(reason)
        # Nobody is inside a send then, whose descriptor could become another socket's.
        with self._sending:
            self._socket.close()

    def _dispatch(self, frame: _wire.Frame) -> None:
        if frame.type == _wire.RESPONSE:
            answers = self._pop(frame.stream_id)
            if answers is not None:
                _respond(answers, frame.payload)
        elif frame.type == _wire.DATA:
            closes = frame.flags & _wire.REMOTE_CLOSED
            answers = self._pop(frame.stream_id) if closes else self._table.get(frame.stream_id)
            if answers is None:
                return
            if not frame.flags & _wire.NO_DATA:
                answers.data(frame.payload)
            if closes:
                answers.end()

    def _pop(self, stream_id: int) -> Answers | None:
        with self._lock:
            return self._table.pop(stream_id, None)

    def end(self, reason: str) -> None:
        """Ends the connection and fails every call on it. Does not wait."""
        with self._lock:
            self.closed = True
            calls, self._table = self._table, {}
        # Wakes the reader thread, which closes the socket. One that has ended already says so.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for answers in calls.values():
            answers.failed(ConnectionLost(reason, maybe_applied=True))


def _respond(answers: Answers, payload: bytes) -> None:
    try:
        response = _wire.decode_response(payload)
    except _wire.ProtocolError as problem:
        error = TallyError(Code.INTERNAL, f"the answer does not parse: {problem}")
        error.maybe_applied = True
        answers.failed(error)
    else:
        answers.respond(response)


def _following(stream_id: int) -> int:
    return 1 if stream_id + 2 > _wire.LAST_STREAM_ID else stream_id + 2
