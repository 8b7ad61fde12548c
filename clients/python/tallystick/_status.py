"""The error that a call ends with: a gRPC code, a reason, and the reason's details."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Optional


class Code(enum.IntEnum):
    """gRPC's status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class TallyError(Exception):
    """A call failed. Branch on the class or on `reason`, never on the message's text.

    An error means that nothing was applied, unless `maybe_applied` is true: then only the same call
    with the same idempotency key tells. `code` is gRPC's, `reason` the name of one in errors.proto or empty,
    `details` what a client needs to act, by name; a reason's class has those as properties as well.
    """

    #: Whether the call may have been applied all the same.
    maybe_applied = False

    def __init__(
        self,
        code: Code,
        message: str,
        reason: str = "",
        details: Optional[Mapping[str, str]] = None,
    ) -> None:
        super().__init__(code, message, reason, details)
        #: The gRPC status code.
        self.code = code
        #: For people.
        self.message = message
        #: The name of a reason in errors.proto, such as `INSUFFICIENT_CREDITS`; empty when there is none.
        self.reason = reason
        #: What a client needs to act, by name.
        self.details: Mapping[str, str] = MappingProxyType(dict(details or {}))

    def __reduce__(self) -> tuple[object, ...]:
        state = (self.code, self.message, self.reason, dict(self.details))
        return _restore, (type(self), state, self.maybe_applied)

    def __str__(self) -> str:
        details = "".join(f" {name}={value}" for name, value in sorted(self.details.items()))
        return f"{self.reason or self.code.name}: {self.message}{details}"

    def _text(self, detail: str) -> str:
        try:
            return self.details[detail]
        except KeyError:
            raise AttributeError(f"the server sent no {detail}") from None

    def _number(self, detail: str) -> int:
        return int(self._text(detail))


def _restore(
    kind: type[TallyError], state: tuple[Code, str, str, dict[str, str]], maybe_applied: bool
) -> TallyError:
    error = kind.__new__(kind)
    TallyError.__init__(error, *state)
    error.maybe_applied = maybe_applied
    return error
