from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class AdvanceClockRequest(_message.Message):
    __slots__ = ["millis"]
    MILLIS_FIELD_NUMBER: _ClassVar[int]
    millis: int
    def __init__(self, millis: _Optional[int] = ...) -> None: ...

class AdvanceClockResponse(_message.Message):
    __slots__ = ["now_micros"]
    NOW_MICROS_FIELD_NUMBER: _ClassVar[int]
    now_micros: int
    def __init__(self, now_micros: _Optional[int] = ...) -> None: ...

class GetClockRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetClockResponse(_message.Message):
    __slots__ = ["frozen", "now_micros"]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    NOW_MICROS_FIELD_NUMBER: _ClassVar[int]
    frozen: bool
    now_micros: int
    def __init__(self, now_micros: _Optional[int] = ..., frozen: bool = ...) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ResetResponse(_message.Message):
    __slots__ = ["commit_sequence"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    def __init__(self, commit_sequence: _Optional[int] = ...) -> None: ...

class SetClockRequest(_message.Message):
    __slots__ = ["now_micros"]
    NOW_MICROS_FIELD_NUMBER: _ClassVar[int]
    now_micros: int
    def __init__(self, now_micros: _Optional[int] = ...) -> None: ...

class SetClockResponse(_message.Message):
    __slots__ = ["now_micros"]
    NOW_MICROS_FIELD_NUMBER: _ClassVar[int]
    now_micros: int
    def __init__(self, now_micros: _Optional[int] = ...) -> None: ...
