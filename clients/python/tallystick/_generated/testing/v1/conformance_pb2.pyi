from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CountRequest(_message.Message):
    __slots__ = ["body_size", "count", "fail"]
    BODY_SIZE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FAIL_FIELD_NUMBER: _ClassVar[int]
    body_size: int
    count: int
    fail: FailRequest
    def __init__(self, count: _Optional[int] = ..., body_size: _Optional[int] = ..., fail: _Optional[_Union[FailRequest, _Mapping]] = ...) -> None: ...

class EchoRequest(_message.Message):
    __slots__ = ["body", "number", "text"]
    BODY_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    number: int
    text: str
    def __init__(self, text: _Optional[str] = ..., number: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class EchoResponse(_message.Message):
    __slots__ = ["body", "number", "text"]
    BODY_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    number: int
    text: str
    def __init__(self, text: _Optional[str] = ..., number: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class FailRequest(_message.Message):
    __slots__ = ["code", "message"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class InspectResponse(_message.Message):
    __slots__ = ["gid", "metadata", "pid", "timeout_nanos", "uid"]
    GID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_NANOS_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    gid: int
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataPair]
    pid: int
    timeout_nanos: int
    uid: int
    def __init__(self, metadata: _Optional[_Iterable[_Union[MetadataPair, _Mapping]]] = ..., timeout_nanos: _Optional[int] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ..., pid: _Optional[int] = ...) -> None: ...

class MetadataPair(_message.Message):
    __slots__ = ["key", "value"]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class SleepRequest(_message.Message):
    __slots__ = ["millis"]
    MILLIS_FIELD_NUMBER: _ClassVar[int]
    millis: int
    def __init__(self, millis: _Optional[int] = ...) -> None: ...

class SumResponse(_message.Message):
    __slots__ = ["count", "sum"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    count: int
    sum: int
    def __init__(self, count: _Optional[int] = ..., sum: _Optional[int] = ...) -> None: ...
