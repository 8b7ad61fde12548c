"""Every way a call can fail, as an exception.

`TallyError` is the base. A failure with a reason of errors.proto has that reason's class, such as
`InsufficientCredits`; the few without one have a class of their code, below.
"""

from __future__ import annotations

from collections.abc import Iterable

from ._generated import errors as _reasons
from ._generated.errors import *  # noqa: F403
from ._generated.v1.errors_pb2 import ErrorInfo
from ._status import Code, TallyError

#: How the detail is named in a status; what stands before the slash is free.
ERROR_INFO = "/tallystick.v1.ErrorInfo"


class Unavailable(TallyError):
    """The server cannot answer now. Nothing was applied, unless `maybe_applied`."""


class ConnectionLost(Unavailable):
    """There is no connection, or it ended before the answer. The client has tried again already."""

    def __init__(self, message: str, *, maybe_applied: bool) -> None:
        super().__init__(Code.UNAVAILABLE, message)
        self.maybe_applied = maybe_applied


class DeadlineExceeded(TallyError):
    """The call's time is over. `maybe_applied` is true when it was the client that stopped waiting."""


class Cancelled(TallyError):
    """The call was cancelled."""


class Unimplemented(TallyError):
    """The server has no such method: it is older than this client, or does not serve it here."""


class StreamOverflow(TallyError):
    """A stream's messages were not read as fast as they came, and the client's buffer is full."""


_BY_CODE: dict[Code, type[TallyError]] = {
    Code.UNAVAILABLE: Unavailable,
    Code.DEADLINE_EXCEEDED: DeadlineExceeded,
    Code.CANCELLED: Cancelled,
    Code.UNIMPLEMENTED: Unimplemented,
}

_MAYBE_APPLIED = {"OUTCOME_UNKNOWN"}


def from_status(code: int, message: str, details: Iterable[tuple[str, bytes]] = ()) -> TallyError:
    """The exception for a status; `details` are pairs of type URL and serialized message."""
    known = Code(code) if code in Code.__members__.values() else Code.UNKNOWN
    for type_url, value in details:
        if type_url.endswith(ERROR_INFO):
            info = ErrorInfo.FromString(value)
            return from_info(known, message, info)
    return _BY_CODE.get(known, TallyError)(known, message)


def from_info(code: Code, message: str, info: ErrorInfo) -> TallyError:
    """The exception for a reason; also for one item's `ItemError` in a batch."""
    kind = _reasons.BY_REASON.get(info.reason) or _BY_CODE.get(code, TallyError)
    error = kind(code, message, info.reason, dict(info.metadata))
    error.maybe_applied = info.reason in _MAYBE_APPLIED
    return error


__all__ = [
    "Cancelled",
    "Code",
    "ConnectionLost",
    "DeadlineExceeded",
    "StreamOverflow",
    "TallyError",
    "Unavailable",
    "Unimplemented",
    "from_info",
    "from_status",
]
__all__ += _reasons.__all__
