from tallystick._generated.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
FAILURE_ACTION_DELAY: FailureAction
FAILURE_ACTION_DROP_AFTER: FailureAction
FAILURE_ACTION_DROP_BEFORE: FailureAction
FAILURE_ACTION_REFUSE: FailureAction
FAILURE_ACTION_REFUSE_CONNECTION: FailureAction
FAILURE_ACTION_STORE_DELAY: FailureAction
FAILURE_ACTION_STORE_FULL: FailureAction
FAILURE_ACTION_STORE_UNKNOWN: FailureAction
FAILURE_ACTION_UNSPECIFIED: FailureAction

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

class ClearFailuresRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ClearFailuresResponse(_message.Message):
    __slots__ = ["cleared"]
    CLEARED_FIELD_NUMBER: _ClassVar[int]
    cleared: int
    def __init__(self, cleared: _Optional[int] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ["action", "code", "count", "delay_millis", "details", "message", "method", "reason", "skip"]
    class DetailsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    DELAY_MILLIS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SKIP_FIELD_NUMBER: _ClassVar[int]
    action: FailureAction
    code: int
    count: int
    delay_millis: int
    details: _containers.ScalarMap[str, str]
    message: str
    method: str
    reason: _errors_pb2.Reason
    skip: int
    def __init__(self, action: _Optional[_Union[FailureAction, str]] = ..., method: _Optional[str] = ..., skip: _Optional[int] = ..., count: _Optional[int] = ..., code: _Optional[int] = ..., message: _Optional[str] = ..., reason: _Optional[_Union[_errors_pb2.Reason, str]] = ..., details: _Optional[_Mapping[str, str]] = ..., delay_millis: _Optional[int] = ...) -> None: ...

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

class InjectFailureRequest(_message.Message):
    __slots__ = ["failure"]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    failure: Failure
    def __init__(self, failure: _Optional[_Union[Failure, _Mapping]] = ...) -> None: ...

class InjectFailureResponse(_message.Message):
    __slots__ = ["failure_id"]
    FAILURE_ID_FIELD_NUMBER: _ClassVar[int]
    failure_id: int
    def __init__(self, failure_id: _Optional[int] = ...) -> None: ...

class InjectedFailure(_message.Message):
    __slots__ = ["failure", "failure_id", "happened"]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_ID_FIELD_NUMBER: _ClassVar[int]
    HAPPENED_FIELD_NUMBER: _ClassVar[int]
    failure: Failure
    failure_id: int
    happened: int
    def __init__(self, failure_id: _Optional[int] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., happened: _Optional[int] = ...) -> None: ...

class ListFailuresRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListFailuresResponse(_message.Message):
    __slots__ = ["failures"]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    failures: _containers.RepeatedCompositeFieldContainer[InjectedFailure]
    def __init__(self, failures: _Optional[_Iterable[_Union[InjectedFailure, _Mapping]]] = ...) -> None: ...

class LoadFixturesRequest(_message.Message):
    __slots__ = ["json"]
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: str
    def __init__(self, json: _Optional[str] = ...) -> None: ...

class LoadFixturesResponse(_message.Message):
    __slots__ = ["applied", "commit_sequence"]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    applied: int
    commit_sequence: int
    def __init__(self, applied: _Optional[int] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ResetResponse(_message.Message):
    __slots__ = ["commit_sequence"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    def __init__(self, commit_sequence: _Optional[int] = ...) -> None: ...

class RestoreSnapshotRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RestoreSnapshotResponse(_message.Message):
    __slots__ = ["commit_sequence"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    def __init__(self, commit_sequence: _Optional[int] = ...) -> None: ...

class SaveSnapshotRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class SaveSnapshotResponse(_message.Message):
    __slots__ = ["commit_sequence", "size_bytes"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    size_bytes: int
    def __init__(self, size_bytes: _Optional[int] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

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

class FailureAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
