from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CAP_MEASURE_GENERATIONS: CapMeasure
CAP_MEASURE_MONEY: CapMeasure
CAP_MEASURE_UNSPECIFIED: CapMeasure
CAP_WINDOW_DAY: CapWindow
CAP_WINDOW_HOUR: CapWindow
CAP_WINDOW_LAST_HOURS: CapWindow
CAP_WINDOW_MONTH: CapWindow
CAP_WINDOW_UNSPECIFIED: CapWindow
CAP_WINDOW_WEEK: CapWindow
DESCRIPTOR: _descriptor.FileDescriptor

class Cap(_message.Message):
    __slots__ = ["cap_id", "hours", "limit_amount", "measure", "model", "type", "window"]
    CAP_ID_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    cap_id: str
    hours: int
    limit_amount: int
    measure: CapMeasure
    model: str
    type: str
    window: CapWindow
    def __init__(self, cap_id: _Optional[str] = ..., measure: _Optional[_Union[CapMeasure, str]] = ..., window: _Optional[_Union[CapWindow, str]] = ..., hours: _Optional[int] = ..., model: _Optional[str] = ..., type: _Optional[str] = ..., limit_amount: _Optional[int] = ...) -> None: ...

class CapList(_message.Message):
    __slots__ = ["caps"]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    caps: _containers.RepeatedCompositeFieldContainer[Cap]
    def __init__(self, caps: _Optional[_Iterable[_Union[Cap, _Mapping]]] = ...) -> None: ...

class CapUse(_message.Message):
    __slots__ = ["cap", "resets_at_micros", "spender", "used"]
    CAP_FIELD_NUMBER: _ClassVar[int]
    RESETS_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    cap: Cap
    resets_at_micros: int
    spender: str
    used: int
    def __init__(self, cap: _Optional[_Union[Cap, _Mapping]] = ..., spender: _Optional[str] = ..., used: _Optional[int] = ..., resets_at_micros: _Optional[int] = ...) -> None: ...

class ListCapsRequest(_message.Message):
    __slots__ = ["user_id"]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ...) -> None: ...

class ListCapsResponse(_message.Message):
    __slots__ = ["commit_sequence", "lists"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LISTS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    lists: _containers.RepeatedCompositeFieldContainer[SubjectCaps]
    def __init__(self, lists: _Optional[_Iterable[_Union[SubjectCaps, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class PutCapsRequest(_message.Message):
    __slots__ = ["caps", "spender", "user_id"]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    caps: _containers.RepeatedCompositeFieldContainer[Cap]
    spender: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., spender: _Optional[str] = ..., caps: _Optional[_Iterable[_Union[Cap, _Mapping]]] = ...) -> None: ...

class PutCapsResponse(_message.Message):
    __slots__ = ["caps", "commit_position", "commit_sequence", "unchanged"]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    caps: SubjectCaps
    commit_position: int
    commit_sequence: int
    unchanged: bool
    def __init__(self, caps: _Optional[_Union[SubjectCaps, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class SubjectCaps(_message.Message):
    __slots__ = ["caps", "spender"]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    caps: _containers.RepeatedCompositeFieldContainer[Cap]
    spender: str
    def __init__(self, spender: _Optional[str] = ..., caps: _Optional[_Iterable[_Union[Cap, _Mapping]]] = ...) -> None: ...

class CapMeasure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CapWindow(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
