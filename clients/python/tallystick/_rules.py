"""What holds for every call, whatever carries its bytes: threads and asyncio share all of it.

- A request has its idempotency key before its first attempt, and every attempt has the same bytes.
- An attempt that may have been applied is repeated only where that is harmless (`Method.repeatable`).
- A call ends at its deadline, whatever the server does.
- Once an attempt may have been applied, no later attempt's error says that the call was not, unless it tells.
"""

from __future__ import annotations

import abc
import itertools
import os
import random
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Optional, TypeVar, Union

from google.protobuf.message import DecodeError, Message

from . import _keys, _wire
from .errors import Code, ConnectionLost, DeadlineExceeded, MessageTooLarge, TallyError, from_status

Q = TypeVar("Q", bound=Message)
M = TypeVar("M", bound=Message)

ACTING_USER = "tally-acting-user"
CANCEL_TOKEN = "tally-cancel-token"

#: The pauses between attempts: doubling from the first to the longest, less up to a half by chance.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 0.5
#: How much longer than the deadline the client waits, for the server's own word on it: the server
#: knows whether the call was applied.
DEADLINE_GRACE_SECONDS = 0.05
#: A request leaves this much of the longest frame to its envelope. A server has a lower limit of its own
#: and answers that itself.
LONGEST_REQUEST = _wire.LONGEST_PAYLOAD - (64 << 10)
#: How long a call may be given: what the waits of every system can count.
LONGEST_TIMEOUT_SECONDS = 24 * 86_400
#: A send that makes no progress for this long ends the connection.
SEND_STALL_SECONDS = 30
RECEIVE_BYTES = 1 << 16
#: What may wait to be sent, in bytes, before calls and messages of streams wait for room.
LONGEST_UNSENT_BYTES = 256 << 10
#: Errors of these codes say nothing of earlier attempts. Any other comes from looking at the call, its key
#: included.
_TELLS_NOTHING = frozenset(
    {
        Code.CANCELLED,
        Code.UNKNOWN,
        Code.DEADLINE_EXCEEDED,
        Code.RESOURCE_EXHAUSTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
    }
)


class Closed(ValueError):
    """Nothing was sent, since the client is closed."""

    def __init__(self) -> None:
        super().__init__("the client is closed")


class NoRoom(Exception):
    """Nothing was sent, since too much waits to be sent and the time was over before that changed."""


class Method(Generic[Q, M]):
    """A method of a service: the stubs have one of each."""

    __slots__ = ("_key", "head", "name", "repeatable", "request", "response", "service")

    def __init__(
        self,
        service: str,
        name: str,
        request: type[Q],
        response: type[M],
        *,
        repeatable: Union[bool, str] = False,
        key: str = "",
    ) -> None:
        """`key` is the field for idempotency keys: `idempotency_key`, or one whose messages have it."""
        self.service = service
        self.name = name
        self.request = request
        self.response = response
        #: Whether a call that may have been applied may be sent again: it reads, it carries a key, or it
        #: sets what it names. A text: if the request's field of that name is not empty.
        self.repeatable = repeatable
        #: How each of its Requests begins.
        self.head = _wire.encode_head(service, name)
        self._key = key

    def made(self, **fields: Any) -> Q:
        """The request of these fields. Protobuf's error of a value does not say whose: this one does."""
        try:
            return self.request(**fields)
        except (TypeError, ValueError):
            for field, value in fields.items():
                self._try(field, value)
            raise

    def _try(self, field: str, value: object) -> None:
        try:
            self.request(**{field: value})
        except TypeError as problem:
            kind = type(value).__name__
            raise TypeError(f"{field} of {self.name} is of the wrong type, {kind}: {problem}") from None
        except UnicodeError:
            # It shows the text.
            raise
        except ValueError as problem:
            raise ValueError(f"{field} of {self.name}: {problem}") from None

    def serialize(self, request: Message) -> bytes:
        """A message of a stream, as it is sent."""
        payload = request.SerializeToString()
        if len(payload) > LONGEST_REQUEST:
            limit = {"limit": str(LONGEST_REQUEST)}
            raise MessageTooLarge(
                Code.RESOURCE_EXHAUSTED, "the request is too large", "MESSAGE_TOO_LARGE", limit
            )
        return payload

    def checked(self, message: Message) -> Message:
        if not isinstance(message, self.request):
            raise TypeError(f"{self.name} takes {self.request.__name__}, not {type(message).__name__}")
        return message

    def prepare(self, request: Q) -> bytes:
        """The request as every attempt sends it, with its keys."""
        if self._key:
            _keys.fill(request, self._key)
        return self.serialize(request)

    def parse(self, payload: bytes) -> M:
        try:
            return self.response.FromString(payload)
        except DecodeError as problem:
            raise _senseless(f"the reply of {self.name} does not parse: {problem}") from problem

    def may_repeat(self, error: TallyError, request: Q) -> bool:
        """Whether the call may be sent again after this error."""
        if error.code != Code.UNAVAILABLE and error.reason != "OUTCOME_UNKNOWN":
            return False
        if not error.maybe_applied:
            return True
        if isinstance(self.repeatable, str):
            return bool(getattr(request, self.repeatable))
        return self.repeatable

    def unsent(self) -> DeadlineExceeded:
        return DeadlineExceeded(Code.DEADLINE_EXCEEDED, f"{self.name} was not sent in time")

    def late(self) -> DeadlineExceeded:
        error = DeadlineExceeded(Code.DEADLINE_EXCEEDED, f"{self.name} was not answered in time")
        error.maybe_applied = True
        return error


def closed(doubt: bool) -> ConnectionLost:
    """Why a call is tried no more whose client was closed meanwhile."""
    return ConnectionLost("the client was closed", maybe_applied=doubt)


def keep_doubt(error: TallyError, doubt: bool) -> bool:
    """Whether the call may have been applied by now, when it was in doubt before this attempt's error, which
    says so as well from here on.
    """
    if doubt and error.code in _TELLS_NOTHING:
        error.maybe_applied = True
    return error.maybe_applied


def broke_off(error: BaseException) -> None:
    """A stream of requests ended so: what was sent before may have been applied, whatever the error says."""
    if isinstance(error, TallyError):
        error.maybe_applied = True


class Terms:
    """What a client's calls have in common."""

    __slots__ = ("_metadata", "_tail", "retry_seconds", "timeout")

    def __init__(self, timeout: float, retry_seconds: float, metadata: tuple[tuple[str, str], ...]) -> None:
        self.timeout = timeout
        self.retry_seconds = retry_seconds
        self._metadata = metadata
        # Of a call that has the client's own time-out all of before it.
        self._tail = self.tail(timeout)

    def with_metadata(self, metadata: Mapping[str, str]) -> Terms:
        """The same, with these entries instead of earlier ones of their names."""
        merged = dict(self._metadata)
        for key, value in metadata.items():
            if not isinstance(value, str):
                raise TypeError(f"the metadata {key} is a str, not {type(value).__name__}")
            merged[key.lower()] = value
        return Terms(self.timeout, self.retry_seconds, tuple(merged.items()))

    def once(self) -> Terms:
        """The same, for calls that are tried again by whoever makes them."""
        return Terms(self.timeout, 0.0, self._metadata)

    def tail(self, timeout: Optional[float]) -> bytes:
        """The end of a Request. ValueError for a time-out beyond the limit."""
        # What is no number fails so as well.
        if timeout is not None and not timeout <= LONGEST_TIMEOUT_SECONDS:
            raise ValueError(f"timeout is at most {LONGEST_TIMEOUT_SECONDS} seconds, not {timeout}")
        nanos = 0 if timeout is None else max(1, int(timeout * 1e9))
        return _wire.encode_tail(nanos, self._metadata)

    def request(self, method: Method[Any, Any], payload: bytes, timeout: Optional[float]) -> bytes:
        """A Request envelope; its time-out is the client's own unless it has another."""
        tail = self._tail if timeout is None else self.tail(timeout)
        return _wire.encode_request(method.head, payload, tail)


def texts(values: Iterable[str]) -> Iterable[str]:
    """What goes into a field of several texts: one text would be taken for its characters."""
    if isinstance(values, str):
        raise TypeError(f"a list of texts was expected, not one text: {values!r}")
    return values


def answered(data: bytes) -> bytes:
    """The reply inside of a Response; raises what the call failed with."""
    payload = _wire.decode_success(data)
    if payload is not None:
        return payload
    try:
        response = _wire.decode_response(data)
        failure = from_status(response.code, response.message, response.details) if response.code else None
    except (_wire.ProtocolError, DecodeError) as problem:
        raise _senseless(f"the answer does not parse: {problem}") from problem
    if failure is not None:
        raise failure
    return response.payload


def _senseless(message: str) -> TallyError:
    error = TallyError(Code.INTERNAL, message)
    error.maybe_applied = True
    return error


class Answer(abc.ABC):
    """One attempt's answer, until somebody takes it. `wake` is called once, when it is there."""

    __slots__ = ("_data", "_error", "ended")

    ONE_REPLY = True

    def __init__(self) -> None:
        self._data = b""
        self._error: Optional[TallyError] = None
        self.ended = False

    @abc.abstractmethod
    def wake(self) -> None:
        """It is there."""

    def reply(self) -> bytes:
        """The reply; raises what the call failed with. Only once it has ended."""
        if self._error is not None:
            raise self._error
        return answered(self._data)

    def respond(self, data: bytes) -> None:
        self._data = data
        self.ended = True
        self.wake()

    def data(self, payload: bytes) -> None:
        self._astray()

    def end(self) -> None:
        self._astray()

    def _astray(self) -> None:
        """A frame that only a stream has. To wait on would be to wait for what the server does not owe."""
        if not self.ended:
            self.failed(_senseless("the server answered a call of one reply like a stream"))

    def failed(self, error: TallyError) -> None:
        self._error = error
        self.ended = True
        self.wake()


class Ignored(Answer):
    """The answer to what nobody waits for."""

    __slots__ = ()

    def wake(self) -> None:
        pass


def pauses(until: float) -> Iterator[float]:
    """The seconds to wait before each further attempt, as long as there is time for one."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        seconds = pause * random.uniform(0.5, 1)
        if time.monotonic() + seconds >= until:
            return
        yield seconds
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class _Tokens:
    """Cancel tokens, of which no two calls of this machine have the same."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._prefix = uuid.uuid4().hex[:16]
        self._numbers = itertools.count()
        # The metadata entry up to the number, which has 16 digits.
        entry = _wire.encode_tail(0, [(CANCEL_TOKEN, f"{self._prefix}{0:016x}")])
        self._entry = entry[:-16].replace(b"%", b"%%") + b"%016x"

    def next(self) -> tuple[str, bytes]:
        """A token, and its entry among a request's metadata."""
        number = next(self._numbers)
        return f"{self._prefix}{number:016x}", self._entry % number


tokens = _Tokens()
os.register_at_fork(after_in_child=tokens.renew)

_CANCEL_HEAD = _wire.encode_head("tallystick.v1.Control", "Cancel")


def cancel_request(token: str) -> bytes:
    """A Request that ends a call, which ttrpc has no frame for."""
    # CancelRequest{token = 1}.
    payload = bytes([0x0A, len(token)]) + token.encode()
    return _wire.encode_request(_CANCEL_HEAD, payload, b"")


def lost(path: str, problem: OSError) -> ConnectionLost:
    """Why there is no connection to be had, and where to look."""
    advice = next((text for kind, text in _ADVICE.items() if isinstance(problem, kind)), "")
    return ConnectionLost(f"cannot connect to {path}: {problem}{advice}", maybe_applied=False)


_ADVICE = {
    FileNotFoundError: "; does `tally serve` run, with this socket?",
    ConnectionRefusedError: "; does `tally serve` run, with this socket?",
    PermissionError: "; may this user write to the socket?",
}
