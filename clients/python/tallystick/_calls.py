"""Calls: deadlines, metadata, and another try when the first one did not get through.

- A request has its idempotency key before its first attempt, and every attempt has the same bytes.
- An attempt that may have been applied is repeated only where that is harmless (`Method.repeatable`).
- A call ends at its deadline, whatever the server does.
"""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Optional, TypeVar

from google.protobuf.message import Message

from . import _keys, _wire
from ._connection import Answers, Connection
from ._stream import Duplex, Stream
from .errors import Code, ConnectionLost, DeadlineExceeded, MessageTooLarge, TallyError, from_status

M = TypeVar("M", bound=Message)
S = TypeVar("S", bound=Message)

ACTING_USER = "tally-acting-user"
CANCEL_TOKEN = "tally-cancel-token"

#: The pauses between attempts: doubling from the first to the longest, less up to a half by chance.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 0.5
#: How much longer than the deadline the client waits, for the server's own word on it: the server
#: knows whether the call was applied.
DEADLINE_GRACE_SECONDS = 0.05


@dataclass(frozen=True)
class Method(Generic[M]):
    service: str
    name: str
    response: type[M]
    #: Whether a call that may have been applied may be sent again: it reads, it carries a key, or it
    #: sets what it names.
    repeatable: bool


class Channel:
    """The connection to a socket, made when it is needed and again when it was lost."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: Optional[Connection] = None
        self._closed = False
        _channels.add(self)

    def connection(self, timeout: float) -> Connection:
        """Raises ConnectionLost when there is none to be had."""
        with self._lock:
            if self._closed:
                raise ValueError("the client is closed")
            if self._connection is None or self._connection.closed:
                self._connection = Connection(self._path, timeout)
            return self._connection

    def close(self) -> None:
        connection = self._end()
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        # Does not wait for the reader thread: it may be this one, and at exit it is stopped for good.
        connection = self._end()
        if connection is not None:
            connection.end("the client was dropped")

    def _end(self) -> Optional[Connection]:
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
        return connection

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()


_channels: weakref.WeakSet[Channel] = weakref.WeakSet()


def _after_fork() -> None:
    for channel in list(_channels):
        channel.after_fork()


os.register_at_fork(after_in_child=_after_fork)


class _Unary:
    """One attempt's answer, waited for by one thread."""

    __slots__ = ("_ready", "error", "response")

    def __init__(self) -> None:
        self._ready = threading.Lock()
        self._ready.acquire()
        self.response: Optional[_wire.Response] = None
        self.error: Optional[TallyError] = None

    @property
    def ended(self) -> bool:
        return self.response is not None or self.error is not None

    def wait(self, seconds: Optional[float]) -> bool:
        return self._ready.acquire(timeout=-1 if seconds is None else max(0.0, seconds))

    def result(self) -> _wire.Response:
        """What was answered; raises what the call failed with. Only after a wait that was not in vain."""
        if self.error is not None:
            raise self.error
        assert self.response is not None
        if self.response.code:
            raise from_status(self.response.code, self.response.message, self.response.details)
        return self.response

    def respond(self, response: _wire.Response) -> None:
        self.response = response
        self._ready.release()

    def data(self, payload: bytes) -> None:
        """Nothing a unary call knows of."""

    def end(self) -> None:
        error = TallyError(Code.INTERNAL, "the server ended a unary call like a stream")
        error.maybe_applied = True
        self.failed(error)

    def failed(self, error: TallyError) -> None:
        self.error = error
        self._ready.release()


class Caller:
    """What the service stubs call through."""

    def __init__(
        self,
        channel: Channel,
        timeout: float,
        retry_seconds: float,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._channel = channel
        self._timeout = timeout
        self._retry_seconds = retry_seconds
        self._metadata = metadata

    def with_metadata(self, metadata: Mapping[str, str]) -> Caller:
        """The same, with these entries instead of earlier ones of their names."""
        merged = dict(self._metadata)
        merged.update({key.lower(): value for key, value in metadata.items()})
        return Caller(self._channel, self._timeout, self._retry_seconds, tuple(merged.items()))

    def unary(self, method: Method[M], request: Message, timeout: Optional[float]) -> M:
        _keys.fill(request)
        payload = _serialize(request)
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        attempts = _Attempts(min(deadline, time.monotonic() + self._retry_seconds))
        while True:
            try:
                response = self._attempt(method, payload, deadline)
                return method.response.FromString(response.payload)
            except TallyError as error:
                if not _may_repeat(error, method) or not attempts.pause():
                    raise

    def _attempt(self, method: Method[M], payload: bytes, deadline: float) -> _wire.Response:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise DeadlineExceeded(Code.DEADLINE_EXCEEDED, f"{method.name} was not sent in time")
        connection = self._channel.connection(remaining)
        call = _Unary()
        nanos = int(remaining * 1e9)
        request = _wire.encode_request(method.service, method.name, payload, nanos, self._metadata)
        stream_id = connection.start(request, 0, call)
        if not call.wait(deadline - time.monotonic() + DEADLINE_GRACE_SECONDS):
            connection.forget(stream_id)
            raise _late(method)
        return call.result()

    def server_stream(self, method: Method[M], request: Message, timeout: Optional[float]) -> Stream[M]:
        """A stream has no deadline unless it is given one. Only connecting is tried again."""
        stream = Stream(method.response, _deadline(timeout))
        opened = self._open(method, stream, _serialize(request), _wire.REMOTE_CLOSED, timeout)
        stream.on_close(opened.cancel)
        return stream

    def client_stream(self, method: Method[M], requests: Iterable[Message], timeout: Optional[float]) -> M:
        """Sends the requests as they come and waits for the one answer. It has no deadline unless it is
        given one. Only connecting is tried again: the requests come once.
        """
        call = _Unary()
        until = None if timeout is None else time.monotonic() + timeout + DEADLINE_GRACE_SECONDS
        opened = self._open(method, call, b"", _wire.REMOTE_OPEN, timeout)
        try:
            for request in requests:
                # The server may answer before it has heard everything, and then hears no more.
                if call.ended:
                    break
                if until is not None and time.monotonic() > until:
                    raise _late(method)
                opened.send(_serialize(request))
            else:
                opened.finish()
            if not call.wait(None if until is None else until - time.monotonic()):
                raise _late(method)
        except BaseException:
            opened.cancel()
            raise
        return method.response.FromString(call.result().payload)

    def bidirectional(
        self,
        method: Method[M],
        request: type[S],
        timeout: Optional[float],
    ) -> Duplex[S, M]:
        """As `server_stream`, with a half that sends messages of the type `request`."""
        stream: Duplex[S, M] = Duplex(method.response, _deadline(timeout))
        opened = self._open(method, stream, b"", _wire.REMOTE_OPEN, timeout)

        def send(message: S) -> None:
            if not isinstance(message, request):
                raise TypeError(f"{method.name} takes {request.__name__}, not {type(message).__name__}")
            opened.send(_serialize(message))

        stream.on_close(opened.cancel)
        stream.on_send(send, opened.finish)
        return stream

    def _open(
        self, method: Method[M], answers: Answers, payload: bytes, flags: int, timeout: Optional[float]
    ) -> _Opened:
        """Sends the Request of a stream, whose answers go to `answers`. Only connecting is tried again."""
        attempts = _Attempts(time.monotonic() + self._retry_seconds)
        token = uuid.uuid4().hex
        metadata = (*self._metadata, (CANCEL_TOKEN, token))
        nanos = 0 if timeout is None else max(1, int(timeout * 1e9))
        encoded = _wire.encode_request(method.service, method.name, payload, nanos, metadata)
        while True:
            try:
                connection = self._channel.connection(self._timeout if timeout is None else timeout)
                return _Opened(connection, connection.start(encoded, flags, answers), token)
            except ConnectionLost:
                if not attempts.pause():
                    raise


@dataclass(frozen=True)
class _Opened:
    """A stream that was begun."""

    connection: Connection
    stream_id: int
    token: str

    def send(self, payload: bytes) -> None:
        self.connection.send(self.stream_id, 0, payload)

    def finish(self) -> None:
        self.connection.send(self.stream_id, _wire.REMOTE_CLOSED | _wire.NO_DATA, b"")

    def cancel(self) -> None:
        _cancel(self.connection, self.stream_id, self.token)


def _late(method: Method[M]) -> DeadlineExceeded:
    error = DeadlineExceeded(Code.DEADLINE_EXCEEDED, f"{method.name} was not answered in time")
    error.maybe_applied = True
    return error


def _deadline(timeout: Optional[float]) -> Optional[float]:
    return None if timeout is None else time.monotonic() + timeout


def _serialize(request: Message) -> bytes:
    payload = request.SerializeToString()
    # Leaves room for the envelope. A server has a lower limit of its own and answers that itself.
    most = _wire.LONGEST_PAYLOAD - (64 << 10)
    if len(payload) > most:
        raise MessageTooLarge(
            Code.RESOURCE_EXHAUSTED, "the request is too large", "MESSAGE_TOO_LARGE", {"limit": str(most)}
        )
    return payload


def _cancel(connection: Connection, stream_id: int, token: str) -> None:
    """Asks the server to end a stream, which ttrpc has no frame for. Nobody waits for the answer."""
    connection.forget(stream_id)
    # CancelRequest{token = 1}.
    payload = bytes([0x0A, len(token)]) + token.encode()
    request = _wire.encode_request("tallystick.v1.Control", "Cancel", payload, 0, ())
    try:
        connection.start(request, 0, _Unary())
    except ConnectionLost:
        # Then the stream has ended as well.
        return


def _may_repeat(error: TallyError, method: Method[M]) -> bool:
    if error.code == Code.UNAVAILABLE or error.reason == "OUTCOME_UNKNOWN":
        return method.repeatable or not error.maybe_applied
    return False


class _Attempts:
    """The pauses between attempts, until a time is over."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._pause = FIRST_PAUSE_SECONDS

    def pause(self) -> bool:
        """Waits; false when there is no time for another attempt."""
        seconds = self._pause * random.uniform(0.5, 1)
        if time.monotonic() + seconds >= self._until:
            return False
        time.sleep(seconds)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return True
