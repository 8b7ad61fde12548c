from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
SERVER_STATE_DRAINING: ServerState
SERVER_STATE_READ_ONLY: ServerState
SERVER_STATE_SERVING: ServerState
SERVER_STATE_UNSPECIFIED: ServerState

class GetServerInfoRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ["commit_sequence", "ephemeral", "ledger_sequence", "limits", "now_micros", "pid", "reader_pool_size", "role", "schema_version", "sqlite_version", "started_at_micros", "state", "testing", "version"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_FIELD_NUMBER: _ClassVar[int]
    LEDGER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NOW_MICROS_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    READER_POOL_SIZE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SQLITE_VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TESTING_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    ephemeral: bool
    ledger_sequence: int
    limits: _containers.RepeatedCompositeFieldContainer[Limit]
    now_micros: int
    pid: int
    reader_pool_size: int
    role: str
    schema_version: int
    sqlite_version: str
    started_at_micros: int
    state: ServerState
    testing: bool
    version: str
    def __init__(self, version: _Optional[str] = ..., pid: _Optional[int] = ..., started_at_micros: _Optional[int] = ..., now_micros: _Optional[int] = ..., state: _Optional[_Union[ServerState, str]] = ..., commit_sequence: _Optional[int] = ..., ledger_sequence: _Optional[int] = ..., schema_version: _Optional[int] = ..., sqlite_version: _Optional[str] = ..., reader_pool_size: _Optional[int] = ..., ephemeral: bool = ..., testing: bool = ..., limits: _Optional[_Iterable[_Union[Limit, _Mapping]]] = ..., role: _Optional[str] = ...) -> None: ...

class Limit(_message.Message):
    __slots__ = ["name", "unit", "value"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    value: int
    def __init__(self, name: _Optional[str] = ..., value: _Optional[int] = ..., unit: _Optional[str] = ...) -> None: ...

class VerifyRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class VerifyResponse(_message.Message):
    __slots__ = ["check", "done", "elapsed_micros", "examined", "findings", "title", "total", "violations"]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXAMINED_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    check: int
    done: bool
    elapsed_micros: int
    examined: int
    findings: _containers.RepeatedScalarFieldContainer[str]
    title: str
    total: int
    violations: int
    def __init__(self, check: _Optional[int] = ..., title: _Optional[str] = ..., done: bool = ..., examined: _Optional[int] = ..., total: _Optional[int] = ..., violations: _Optional[int] = ..., findings: _Optional[_Iterable[str]] = ..., elapsed_micros: _Optional[int] = ...) -> None: ...

class ServerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
