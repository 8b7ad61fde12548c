"""Calls of asyncio: connecting, attempts, deadlines and cancellation. What is a rule is in `_rules`."""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional, TypeVar, Union

from google.protobuf.message import Message

from . import _rules, _wire
from ._async_connection import AsyncConnection, AsyncUnary
from ._async_stream import AsyncDuplex, AsyncStream, within
from ._rules import DEADLINE_GRACE_SECONDS, Method, Terms
from ._streams import Answers
from .errors import ConnectionLost, TallyError

Q = TypeVar("Q", bound=Message)
M = TypeVar("M", bound=Message)


class AsyncChannel:
    """The connection of the running loop to a socket, made when it is needed and again when it was lost.

    Made without a loop. A call from another loop than the last one's has a connection made for that loop.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: Optional[AsyncConnection] = None
        self._closed = False
        _channels.add(self)

    def connection(self, loop: asyncio.AbstractEventLoop) -> AsyncConnection:
        """Raises ConnectionLost when there is none to be had."""
        connection = self._connection
        if connection is not None and not connection.closed and connection.loop is loop:
            return connection
        if self._closed:
            raise _rules.Closed
        self._drop()
        self._connection = AsyncConnection(self._path, loop)
        return self._connection

    def close(self) -> None:
        self._closed = True
        connection = self._connection
        if connection is not None and connection.loop is _running_loop():
            connection.end("the client was closed")
        self._drop()

    def __del__(self) -> None:
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()

    def after_fork(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.let_go()


_channels: weakref.WeakSet[AsyncChannel] = weakref.WeakSet()


def _after_fork() -> None:
    for channel in list(_channels):
        channel.after_fork()


os.register_at_fork(after_in_child=_after_fork)


def _running_loop() -> Optional[asyncio.AbstractEventLoop]:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class AsyncCaller:
    """What the service stubs call through."""

    def __init__(self, channel: AsyncChannel, terms: Terms) -> None:
        self._channel = channel
        self._terms = terms

    @property
    def retry_seconds(self) -> float:
        """How long a call that did not get through is tried again."""
        return self._terms.retry_seconds

    def with_metadata(self, metadata: Mapping[str, str]) -> AsyncCaller:
        """The same, with these entries instead of earlier ones of their names."""
        return AsyncCaller(self._channel, self._terms.with_metadata(metadata))

    def once(self) -> AsyncCaller:
        """The same, for calls that are tried again by whoever makes them."""
        return AsyncCaller(self._channel, self._terms.once())

    async def unary(self, method: Method[Q, M], request: Q, timeout: Optional[float]) -> M:
        payload = method.prepare(request)
        start = time.monotonic()
        deadline = start + (self._terms.timeout if timeout is None else timeout)
        encoded = self._terms.request(method, payload, timeout)
        pauses, doubt = None, False
        while True:
            try:
                return method.parse(await self._attempt(method, encoded, deadline))
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
                await asyncio.sleep(seconds)
                encoded = self._terms.request(method, payload, deadline - time.monotonic())

    async def _attempt(self, method: Method[Any, Any], encoded: bytes, deadline: float) -> bytes:
        connection = self._channel.connection(asyncio.get_running_loop())
        while connection.is_full:
            # Whoever comes first fills it again.
            await within(deadline, method.unsent(), connection.room())
        if deadline <= time.monotonic():
            raise method.unsent()
        call = AsyncUnary(connection.loop)
        token, entry = _rules.tokens.next()
        # An entry of metadata may follow whatever a Request ends with.
        stream_id = connection.start(encoded + entry, 0, call)
        connection.expire(call, deadline + DEADLINE_GRACE_SECONDS)
        try:
            await call.future
        except BaseException:
            connection.cancel(stream_id, token)
            raise
        if not call.ended:
            connection.forget(stream_id)
            raise method.late()
        return call.reply()

    def server_stream(self, method: Method[Q, M], request: Q, timeout: Optional[float]) -> AsyncStream[M]:
        """A stream has no deadline unless it is given one. Only connecting is tried again."""
        stream = AsyncStream(method, timeout)
        opening = self._opening(method, stream, method.prepare(request), _wire.REMOTE_CLOSED, timeout)
        stream.on_close(opening.cancel)
        opening.begin()
        return stream

    def bidirectional(self, method: Method[Q, M], timeout: Optional[float]) -> AsyncDuplex[Q, M]:
        """As `server_stream`, with a half that sends messages."""
        duplex = AsyncDuplex(method, timeout)
        opening = self._opening(method, duplex, b"", _wire.REMOTE_OPEN, timeout)
        duplex.on_close(opening.cancel)
        duplex.on_send(opening)
        opening.begin()
        return duplex

    async def client_stream(
        self,
        method: Method[Q, M],
        requests: Union[AsyncIterable[Q], Iterable[Q]],
        timeout: Optional[float],
    ) -> M:
        """Sends the requests as they come and waits for the one answer. It has no deadline unless it is
        given one. Only connecting is tried again: the requests come once.
        """
        until = None if timeout is None else time.monotonic() + timeout + DEADLINE_GRACE_SECONDS
        call = AsyncUnary(asyncio.get_running_loop())
        opening = self._opening(method, call, b"", _wire.REMOTE_OPEN, timeout)
        opening.begin()
        try:
            await within(until, method.late(), _send_all(method, requests, opening, call))
            if until is not None and opening.connection is not None:
                opening.connection.expire(call, until)
            await call.future
            if not call.ended:
                raise method.late()
            return method.parse(call.reply())
        except BaseException as error:
            if opening.connection is not None:
                _rules.broke_off(error)
            opening.cancel()
            raise

    def _opening(
        self,
        method: Method[Any, Any],
        answers: Answers,
        payload: bytes,
        flags: int,
        timeout: Optional[float],
    ) -> _Opening:
        token, entry = _rules.tokens.next()
        request = _wire.encode_request(method.head, payload, self._terms.tail(timeout) + entry)
        until = time.monotonic() + self._terms.retry_seconds
        return _Opening(self._channel, answers, request, flags, token, until)


@dataclass
class _Opening:
    """A stream that is to begin, or that was begun."""

    channel: AsyncChannel
    answers: Answers
    request: bytes
    flags: int
    token: str
    until: float
    connection: Optional[AsyncConnection] = None
    stream_id: int = 0
    # Until there is a connection.
    trying: Optional[asyncio.Task[None]] = None

    def begin(self) -> None:
        """Sends the Request at once, or as soon as there is a connection. Without one, in the end, the call
        fails.
        """
        try:
            self._attempt()
        except ConnectionLost as error:
            self.trying = asyncio.get_running_loop().create_task(self._persist(error))

    def _attempt(self) -> None:
        connection = self.channel.connection(asyncio.get_running_loop())
        self.stream_id = connection.start(self.request, self.flags, self.answers)
        self.connection = connection

    async def _persist(self, error: ConnectionLost) -> None:
        for seconds in _rules.pauses(self.until):
            await asyncio.sleep(seconds)
            try:
                self._attempt()
            except ConnectionLost as again:
                error = again
            except _rules.Closed:
                break
            else:
                return
        self.answers.failed(error)

    async def send(self, payload: bytes) -> None:
        await self._send(0, payload)

    async def finish(self) -> None:
        await self._send(_wire.REMOTE_CLOSED | _wire.NO_DATA, b"")

    async def _send(self, flags: int, payload: bytes) -> None:
        if self.trying is not None and not self.trying.done():
            await asyncio.wait({self.trying})
        if self.connection is not None:
            self.connection.send(self.stream_id, flags, payload)
            while self.connection.is_full and self.connection.is_under_way(self.stream_id):
                await self.connection.room()

    def cancel(self) -> None:
        """Asks the server to end the stream. Nobody waits for the answer."""
        if self.trying is not None:
            self.trying.cancel()
        if self.connection is not None:
            self.connection.cancel(self.stream_id, self.token)


async def _send_all(
    method: Method[Q, Any],
    requests: Union[AsyncIterable[Q], Iterable[Q]],
    opening: _Opening,
    call: AsyncUnary,
) -> None:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            # The server may answer before it has heard everything, and then hears no more.
            if call.ended:
                return
            await opening.send(method.serialize(method.checked(request)))
    else:
        for request in requests:
            if call.ended:
                return
            await opening.send(method.serialize(method.checked(request)))
    await opening.finish()
