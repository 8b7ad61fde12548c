from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
REASON_ACTING_USER: Reason
REASON_AMOUNT_OVERFLOW: Reason
REASON_BATCH_ABORTED: Reason
REASON_BATCH_TOO_LARGE: Reason
REASON_CANCELLED: Reason
REASON_CAPTURE_EXCEEDS_HOLD: Reason
REASON_CAP_EXCEEDED: Reason
REASON_CORRUPT: Reason
REASON_DEADLINE_EXCEEDED: Reason
REASON_DISK_FULL: Reason
REASON_DUPLICATE_SECTION: Reason
REASON_EVENT_CONFLICT: Reason
REASON_EVENT_IN_FUTURE: Reason
REASON_EVENT_TOO_OLD: Reason
REASON_GRANT_CONFLICT: Reason
REASON_GRANT_NOT_FOUND: Reason
REASON_GRANT_OVERLAPS: Reason
REASON_HOLD_EXPIRED: Reason
REASON_HOLD_LIMIT: Reason
REASON_HOLD_NOT_FOUND: Reason
REASON_HOLD_SETTLED: Reason
REASON_IDEMPOTENCY_MISMATCH: Reason
REASON_INSUFFICIENT_CREDITS: Reason
REASON_INTERNAL: Reason
REASON_INVALID_AMOUNT: Reason
REASON_INVALID_CURSOR: Reason
REASON_INVALID_FIELD: Reason
REASON_LAGGED: Reason
REASON_LOT_LIMIT: Reason
REASON_MALFORMED_REQUEST: Reason
REASON_MEDIA_IN_USE: Reason
REASON_MEDIA_NOT_FOUND: Reason
REASON_MESSAGE_TOO_LARGE: Reason
REASON_OUTCOME_UNKNOWN: Reason
REASON_PAGE_NOT_FOUND: Reason
REASON_PAYMENT_CONFLICT: Reason
REASON_PAYMENT_DUE: Reason
REASON_PAYMENT_NOT_FOUND: Reason
REASON_PEER_NOT_ALLOWED: Reason
REASON_QUEUE_FULL: Reason
REASON_QUOTA_EXCEEDED: Reason
REASON_RATE_LIMITED: Reason
REASON_READ_ONLY: Reason
REASON_REFUND_EXCEEDS: Reason
REASON_REVERSAL_EXCEEDS: Reason
REASON_REVERSAL_SHORT: Reason
REASON_ROLE_REQUIRED: Reason
REASON_RUN_CONFLICT: Reason
REASON_RUN_NOT_FOUND: Reason
REASON_SERVICE_NOT_FOUND: Reason
REASON_SHUTTING_DOWN: Reason
REASON_SLUG_TAKEN: Reason
REASON_STREAM_ENDED: Reason
REASON_STREAM_NOT_TAKEN: Reason
REASON_TOO_MANY_BYTES: Reason
REASON_TOO_MANY_IN_FLIGHT: Reason
REASON_TOP_UP_INTENT_ENDED: Reason
REASON_TOP_UP_INTENT_NOT_FOUND: Reason
REASON_TOP_UP_INTENT_NOT_LEASED: Reason
REASON_TRANSACTION_NOT_FOUND: Reason
REASON_TRANSACTION_NOT_REFUNDABLE: Reason
REASON_UNIMPLEMENTED: Reason
REASON_UNSPECIFIED: Reason
REASON_USER_NOT_FOUND: Reason
REASON_USER_SUSPENDED: Reason
REASON_VERSION_CONFLICT: Reason
REASON_VERSION_NOT_FOUND: Reason
REASON_VOID_SHORT: Reason

class ErrorInfo(_message.Message):
    __slots__ = ["domain", "metadata", "reason"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    domain: str
    metadata: _containers.ScalarMap[str, str]
    reason: str
    def __init__(self, reason: _Optional[str] = ..., domain: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ItemError(_message.Message):
    __slots__ = ["code", "info", "message"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    info: ErrorInfo
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., info: _Optional[_Union[ErrorInfo, _Mapping]] = ...) -> None: ...

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
