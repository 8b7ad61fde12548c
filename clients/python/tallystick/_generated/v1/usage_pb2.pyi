from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
GRANT_EXPIRY_AFTER: GrantExpiry
GRANT_EXPIRY_NEVER: GrantExpiry
GRANT_EXPIRY_PERIOD_END: GrantExpiry
GRANT_EXPIRY_UNSPECIFIED: GrantExpiry

class ListPlansRequest(_message.Message):
    __slots__ = ["cursor", "limit"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    def __init__(self, limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListPlansResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "plans"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    PLANS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    plans: _containers.RepeatedCompositeFieldContainer[Plan]
    def __init__(self, plans: _Optional[_Iterable[_Union[Plan, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class Plan(_message.Message):
    __slots__ = ["display_name", "expires_after_millis", "grant_expiry", "monthly_credit_micros", "plan_id", "priority", "updated_at_micros"]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AFTER_MILLIS_FIELD_NUMBER: _ClassVar[int]
    GRANT_EXPIRY_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_CREDIT_MICROS_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    expires_after_millis: int
    grant_expiry: GrantExpiry
    monthly_credit_micros: int
    plan_id: str
    priority: int
    updated_at_micros: int
    def __init__(self, plan_id: _Optional[str] = ..., display_name: _Optional[str] = ..., monthly_credit_micros: _Optional[int] = ..., grant_expiry: _Optional[_Union[GrantExpiry, str]] = ..., expires_after_millis: _Optional[int] = ..., priority: _Optional[int] = ..., updated_at_micros: _Optional[int] = ...) -> None: ...

class PutPlanRequest(_message.Message):
    __slots__ = ["plan"]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    plan: Plan
    def __init__(self, plan: _Optional[_Union[Plan, _Mapping]] = ...) -> None: ...

class PutPlanResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "plan", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    plan: Plan
    unchanged: bool
    def __init__(self, plan: _Optional[_Union[Plan, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class GrantExpiry(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
