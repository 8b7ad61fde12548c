"""Calls of threads: connecting, attempts and deadlines. What is a rule is in `_rules`."""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional, TypeVar

from google.protobuf.message import Message

from . import _rules, _wire
from ._connection import Connection, Unary
from ._rules import DEADLINE_GRACE_SECONDS, Method, Terms
from ._stream import Duplex, Stream
from ._streams import Answers
from .errors import ConnectionLost, TallyError

Q = TypeVar("Q", bound=Message)
M = TypeVar("M", bound=Message)
A = TypeVar("A", bound=Answers)


class Channel:
    """The connection to a socket, made when it is needed and again when it was lost."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: Optional[Connection] = None
        self._closed = False
        _channels.add(self)

    def start(self, request: bytes, flags: int, answers: Answers, until: float) -> tuple[Connection, int]:
        """Sends a Request; returns where, and as what. Raises ConnectionLost and NoRoom when nothing was
        sent.
        """
        connection = self._connection
        if connection is not None:
            try:
                return connection, connection.start(request, flags, answers, until)
            except ConnectionLost:
                # It may have ended long ago, which nobody noticed who did not use it.
                pass
        connection = self.connection(until - time.monotonic())
        return connection, connection.start(request, flags, answers, until)

    def connection(self, timeout: float) -> Connection:
        """Raises ConnectionLost when there is none to be had in that time."""
        # Another thread may be connecting, with more time.
        if not self._lock.acquire(timeout=min(max(0.0, timeout), _rules.LONGEST_TIMEOUT_SECONDS)):
            raise ConnectionLost(f"cannot connect to {self._path} in time", maybe_applied=False)
        try:
            if self._closed:
                raise _rules.Closed
            if self._connection is None or self._connection.closed:
                self._connection = Connection(self._path, timeout)
            return self._connection
        finally:
            self._lock.release()

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


class Caller:
    """What the service stubs call through."""

    def __init__(self, channel: Channel, terms: Terms) -> None:
        self._channel = channel
        self._terms = terms

    @property
    def retry_seconds(self) -> float:
        """How long a call that did not get through is tried again."""
        return self._terms.retry_seconds

    def with_metadata(self, metadata: Mapping[str, str]) -> Caller:
        """The same, with these entries instead of earlier ones of their names."""
        return Caller(self._channel, self._terms.with_metadata(metadata))

    def once(self) -> Caller:
        """The same, for calls that are tried again by whoever makes them."""
        return Caller(self._channel, self._terms.once())

    def unary(self, method: Method[Q, M], request: Q, timeout: Optional[float]) -> M:
        payload = method.prepare(request)
        start = time.monotonic()
        deadline = start + (self._terms.timeout if timeout is None else timeout)
        encoded = self._terms.request(method, payload, timeout)
        pauses, doubt = None, False
        while True:
            try:
                return method.parse(self._attempt(method, encoded, deadline))
            except _rules.Closed:
                if pauses is None:
                    raise
                raise _rules.closed(doubt) from None
            except TallyError as error:
                doubt = _rules.keep_doubt(error, doubt)
                if not method.may_repeat(error, request):
                    raise
                if pauses is None:
                    pauses = _rules.pauses(min(deadline, start + self._terms.retry_seconds))
                seconds = next(pauses, None)
                if seconds is None:
                    raise
                time.sleep(seconds)
                encoded = self._terms.request(method, payload, deadline - time.monotonic())

    def _attempt(self, method: Method[Q, M], encoded: bytes, deadline: float) -> bytes:
        if deadline <= time.monotonic():
            raise method.unsent()
        call = Unary()
        try:
            connection, stream_id = self._channel.start(encoded, 0, call, deadline)
        except _rules.NoRoom:
            raise method.unsent() from None
        if not connection.wait(call, deadline + DEADLINE_GRACE_SECONDS):
            connection.forget(stream_id)
            raise method.late()
        return call.reply()

    def server_stream(self, method: Method[Q, M], request: Q, timeout: Optional[float]) -> Stream[M]:
        """A stream has no deadline unless it is given one. Only connecting is tried again."""

        def answers() -> Stream[M]:
            return Stream(method, timeout)

        opened, stream = self._open(method, answers, method.prepare(request), _wire.REMOTE_CLOSED, timeout)
        stream.on_close(opened.cancel)
        return stream

    def client_stream(self, method: Method[Q, M], requests: Iterable[Q], timeout: Optional[float]) -> M:
        """Sends the requests as they come and waits for the one answer. It has no deadline unless it is
        given one. Only connecting is tried again: the requests come once.
        """
        until = None if timeout is None else time.monotonic() + timeout + DEADLINE_GRACE_SECONDS
        opened, call = self._open(method, Unary, b"", _wire.REMOTE_OPEN, timeout)
        try:
            for request in requests:
                # The server may answer before it has heard everything, and then hears no more.
                if call.ended:
                    break
                if until is not None and time.monotonic() > until:
                    raise method.late()
                try:
                    opened.send(method.serialize(method.checked(request)))
                except _rules.NoRoom:
                    raise method.late() from None
            else:
                opened.finish()
            if not call.wait(None if until is None else until - time.monotonic()):
                raise method.late()
            return method.parse(call.reply())
        except BaseException as error:
            _rules.broke_off(error)
            if not call.ended:
                opened.cancel()
            raise

    def bidirectional(self, method: Method[Q, M], timeout: Optional[float]) -> Duplex[Q, M]:
        """As `server_stream`, with a half that sends messages."""

        def answers() -> Duplex[Q, M]:
            return Duplex(method, timeout)

        opened, duplex = self._open(method, answers, b"", _wire.REMOTE_OPEN, timeout)

        def send(message: Q) -> None:
            payload = method.serialize(method.checked(message))
            try:
                opened.send(payload)
            except _rules.NoRoom:
                duplex.close()
                raise duplex.late() from None

        duplex.on_close(opened.cancel)
        duplex.on_send(send, opened.finish)
        return duplex

    def _open(
        self,
        method: Method[Any, Any],
        answers: Callable[[], A],
        payload: bytes,
        flags: int,
        timeout: Optional[float],
    ) -> tuple[_Opened, A]:
        """Sends the Request of a stream, with what its answers go to. Only connecting is tried again."""
        start = time.monotonic()
        until = math.inf if timeout is None else start + timeout
        pauses = _rules.pauses(min(until, start + self._terms.retry_seconds))
        # For ever is too long for connecting.
        begin_until = start + self._terms.timeout if timeout is None else until
        token, entry = _rules.tokens.next()
        encoded = _wire.encode_request(method.head, payload, self._terms.tail(timeout) + entry)
        while True:
            made = answers()
            try:
                connection, stream_id = self._channel.start(encoded, flags, made, begin_until)
            except _rules.NoRoom:
                raise method.unsent() from None
            except ConnectionLost:
                seconds = next(pauses, None)
                if seconds is None:
                    raise
                time.sleep(seconds)
            else:
                connection.read_along()
                return _Opened(connection, stream_id, token, until + DEADLINE_GRACE_SECONDS), made


@dataclass(frozen=True)
class _Opened:
    """A stream that was begun."""

    connection: Connection
    stream_id: int
    token: str
    #: When its time is over.
    until: float

    def send(self, payload: bytes) -> None:
        """Raises NoRoom when its time is over before there is room."""
        self.connection.send(self.stream_id, 0, payload, self.until)

    def finish(self) -> None:
        self.connection.send(self.stream_id, _wire.REMOTE_CLOSED | _wire.NO_DATA, b"", None)

    def cancel(self) -> None:
        """Asks the server to end the stream. Nobody waits for the answer."""
        self.connection.cancel(self.stream_id, self.token)
