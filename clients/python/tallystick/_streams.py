"""The calls under way on one connection, and whose frame is whose. No socket, no lock.

- A call is here from before its request is sent until its last frame came or it was forgotten.
- Each call is told its end once, also when the connection ends while a frame is handed out: whoever takes
  it out of the table tells it.
"""

from __future__ import annotations

from typing import Optional, Protocol

from . import _wire
from .errors import ConnectionLost, TallyError


class Answers(Protocol):
    """Where a call's frames go. Called by whoever reads the socket: must not block."""

    #: Whether one Response is all that may come: then Data ends the call.
    ONE_REPLY: bool

    def respond(self, data: bytes) -> None:
        """The call's end, by a Response."""

    def data(self, payload: bytes) -> None:
        """One message of a stream."""

    def end(self) -> None:
        """A stream's good end."""

    def failed(self, error: TallyError) -> None:
        """The connection ended before the call did."""


class Streams:
    def __init__(self) -> None:
        self.waiting: dict[int, Answers] = {}
        self._parser = _wire.FrameParser()
        self._next_id = 1

    def add(self, answers: Answers) -> int:
        """The new stream's id. One at a time."""
        stream_id = self._next_id
        while stream_id in self.waiting:
            stream_id = _following(stream_id)
        self._next_id = _following(stream_id)
        self.waiting[stream_id] = answers
        return stream_id

    def forget(self, stream_id: int) -> Optional[Answers]:
        """Drops whatever still comes for the call."""
        return self.waiting.pop(stream_id, None)

    def receive(self, data: bytes) -> None:
        """Hands out the frames that `data` completes. Raises ProtocolError."""
        for stream_id, kind, flags, payload in self._parser.feed(data):
            if kind == _wire.RESPONSE:
                answers = self.waiting.pop(stream_id, None)
                if answers is not None:
                    answers.respond(payload)
            elif kind == _wire.DATA:
                self._data(stream_id, flags, payload)

    def _data(self, stream_id: int, flags: int, payload: bytes) -> None:
        closes = flags & _wire.REMOTE_CLOSED
        answers = self.waiting.pop(stream_id, None) if closes else self.waiting.get(stream_id)
        if answers is None:
            return
        if answers.ONE_REPLY:
            self.waiting.pop(stream_id, None)
        if answers.ONE_REPLY or not flags & _wire.NO_DATA:
            answers.data(payload)
        if closes:
            answers.end()

    def fail(self, reason: str) -> None:
        """Tells every call that the connection has ended."""
        while self.waiting:
            try:
                _, answers = self.waiting.popitem()
            except KeyError:
                return
            answers.failed(ConnectionLost(reason, maybe_applied=True))


def _following(stream_id: int) -> int:
    return 1 if stream_id + 2 > _wire.LAST_STREAM_ID else stream_id + 2
