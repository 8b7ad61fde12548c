from tallystick._generated.v1 import caps_pb2 as _caps_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
EVENT_KIND_BALANCE_BELOW: EventKind
EVENT_KIND_CAP_AT: EventKind
EVENT_KIND_CREDIT_EXPIRES: EventKind
EVENT_KIND_GRANT_SKIPPED: EventKind
EVENT_KIND_OWED: EventKind
EVENT_KIND_QUOTA_AT: EventKind
EVENT_KIND_TOP_UP_INTENT: EventKind
EVENT_KIND_UNSPECIFIED: EventKind
SKIP_CAUSE_EXPIRED: SkipCause
SKIP_CAUSE_OVERLAPS: SkipCause
SKIP_CAUSE_PASSED: SkipCause
SKIP_CAUSE_UNSPECIFIED: SkipCause
TOP_UP_INTENT_STATE_CANCELLED: TopUpIntentState
TOP_UP_INTENT_STATE_CLOSED: TopUpIntentState
TOP_UP_INTENT_STATE_FAILED: TopUpIntentState
TOP_UP_INTENT_STATE_OPEN: TopUpIntentState
TOP_UP_INTENT_STATE_UNSPECIFIED: TopUpIntentState

class AlertRule(_message.Message):
    __slots__ = ["balance_below_micros", "cap_at_percent", "credit_expires_within_millis", "every_user", "generations_at_percent", "owed_above_micros", "pages_at_percent", "plan_id", "rule_id", "updated_at_micros", "uploads_at_percent", "user_id"]
    BALANCE_BELOW_MICROS_FIELD_NUMBER: _ClassVar[int]
    CAP_AT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_EXPIRES_WITHIN_MILLIS_FIELD_NUMBER: _ClassVar[int]
    EVERY_USER_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_AT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    OWED_ABOVE_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAGES_AT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    UPLOADS_AT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    balance_below_micros: int
    cap_at_percent: int
    credit_expires_within_millis: int
    every_user: bool
    generations_at_percent: int
    owed_above_micros: int
    pages_at_percent: int
    plan_id: str
    rule_id: str
    updated_at_micros: int
    uploads_at_percent: int
    user_id: str
    def __init__(self, rule_id: _Optional[str] = ..., every_user: bool = ..., plan_id: _Optional[str] = ..., user_id: _Optional[str] = ..., balance_below_micros: _Optional[int] = ..., owed_above_micros: _Optional[int] = ..., generations_at_percent: _Optional[int] = ..., uploads_at_percent: _Optional[int] = ..., pages_at_percent: _Optional[int] = ..., cap_at_percent: _Optional[int] = ..., credit_expires_within_millis: _Optional[int] = ..., updated_at_micros: _Optional[int] = ...) -> None: ...

class CancelTopUpIntentRequest(_message.Message):
    __slots__ = ["intent_id"]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    intent_id: str
    def __init__(self, intent_id: _Optional[str] = ...) -> None: ...

class CancelTopUpIntentResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "intent", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    intent: TopUpIntent
    unchanged: bool
    def __init__(self, intent: _Optional[_Union[TopUpIntent, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class CapStep(_message.Message):
    __slots__ = ["cap", "limit", "percent", "resets_at_micros", "spender", "used"]
    CAP_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    RESETS_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    cap: _caps_pb2.Cap
    limit: int
    percent: int
    resets_at_micros: int
    spender: str
    used: int
    def __init__(self, cap: _Optional[_Union[_caps_pb2.Cap, _Mapping]] = ..., spender: _Optional[str] = ..., percent: _Optional[int] = ..., used: _Optional[int] = ..., limit: _Optional[int] = ..., resets_at_micros: _Optional[int] = ...) -> None: ...

class DeleteAlertRuleRequest(_message.Message):
    __slots__ = ["rule_id"]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    def __init__(self, rule_id: _Optional[str] = ...) -> None: ...

class DeleteAlertRuleResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    unchanged: bool
    def __init__(self, unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ["after_micros", "before_micros", "cap", "commit_position", "commit_sequence", "created_at_micros", "effective_at_micros", "event_id", "expiring_credit", "kind", "quota", "rule_id", "skipped_grant", "threshold_micros", "top_up", "transaction_id", "user_id"]
    AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    BEFORE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRING_CREDIT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_GRANT_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    after_micros: int
    before_micros: int
    cap: CapStep
    commit_position: int
    commit_sequence: int
    created_at_micros: int
    effective_at_micros: int
    event_id: int
    expiring_credit: ExpiringCredit
    kind: EventKind
    quota: QuotaStep
    rule_id: str
    skipped_grant: SkippedGrant
    threshold_micros: int
    top_up: TopUpStep
    transaction_id: str
    user_id: str
    def __init__(self, event_id: _Optional[int] = ..., user_id: _Optional[str] = ..., kind: _Optional[_Union[EventKind, str]] = ..., created_at_micros: _Optional[int] = ..., effective_at_micros: _Optional[int] = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ..., rule_id: _Optional[str] = ..., threshold_micros: _Optional[int] = ..., before_micros: _Optional[int] = ..., after_micros: _Optional[int] = ..., transaction_id: _Optional[str] = ..., skipped_grant: _Optional[_Union[SkippedGrant, _Mapping]] = ..., top_up: _Optional[_Union[TopUpStep, _Mapping]] = ..., quota: _Optional[_Union[QuotaStep, _Mapping]] = ..., cap: _Optional[_Union[CapStep, _Mapping]] = ..., expiring_credit: _Optional[_Union[ExpiringCredit, _Mapping]] = ...) -> None: ...

class ExpiringCredit(_message.Message):
    __slots__ = ["amount_micros", "expires_at_micros", "transaction_id", "within_millis"]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    WITHIN_MILLIS_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    expires_at_micros: int
    transaction_id: str
    within_millis: int
    def __init__(self, transaction_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., expires_at_micros: _Optional[int] = ..., within_millis: _Optional[int] = ...) -> None: ...

class FailTopUpIntentRequest(_message.Message):
    __slots__ = ["intent_id", "message", "worker"]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    intent_id: str
    message: str
    worker: str
    def __init__(self, intent_id: _Optional[str] = ..., worker: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class FailTopUpIntentResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "intent", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    intent: TopUpIntent
    unchanged: bool
    def __init__(self, intent: _Optional[_Union[TopUpIntent, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class GetTopUpRequest(_message.Message):
    __slots__ = ["user_id"]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ...) -> None: ...

class GetTopUpResponse(_message.Message):
    __slots__ = ["commit_sequence", "top_up"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    top_up: TopUp
    def __init__(self, top_up: _Optional[_Union[TopUp, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListAlertRulesRequest(_message.Message):
    __slots__ = ["cursor", "limit"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    def __init__(self, limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListAlertRulesResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "rules"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    rules: _containers.RepeatedCompositeFieldContainer[AlertRule]
    def __init__(self, rules: _Optional[_Iterable[_Union[AlertRule, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ["cursor", "from_micros", "kinds", "limit", "user_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    from_micros: int
    kinds: _containers.RepeatedScalarFieldContainer[EventKind]
    limit: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., kinds: _Optional[_Iterable[_Union[EventKind, str]]] = ..., from_micros: _Optional[int] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ["commit_sequence", "events", "next_cursor"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    events: _containers.RepeatedCompositeFieldContainer[Event]
    next_cursor: str
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListTopUpIntentsRequest(_message.Message):
    __slots__ = ["cursor", "limit", "states", "user_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    states: _containers.RepeatedScalarFieldContainer[TopUpIntentState]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., states: _Optional[_Iterable[_Union[TopUpIntentState, str]]] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListTopUpIntentsResponse(_message.Message):
    __slots__ = ["commit_sequence", "intents", "next_cursor"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INTENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    intents: _containers.RepeatedCompositeFieldContainer[TopUpIntent]
    next_cursor: str
    def __init__(self, intents: _Optional[_Iterable[_Union[TopUpIntent, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class PutAlertRuleRequest(_message.Message):
    __slots__ = ["rule"]
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: AlertRule
    def __init__(self, rule: _Optional[_Union[AlertRule, _Mapping]] = ...) -> None: ...

class PutAlertRuleResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "rule", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    rule: AlertRule
    unchanged: bool
    def __init__(self, rule: _Optional[_Union[AlertRule, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class PutTopUpRequest(_message.Message):
    __slots__ = ["top_up"]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    top_up: TopUp
    def __init__(self, top_up: _Optional[_Union[TopUp, _Mapping]] = ...) -> None: ...

class PutTopUpResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "top_up", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    top_up: TopUp
    unchanged: bool
    def __init__(self, top_up: _Optional[_Union[TopUp, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class QuotaStep(_message.Message):
    __slots__ = ["limit", "percent", "quota", "used"]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    limit: int
    percent: int
    quota: str
    used: int
    def __init__(self, quota: _Optional[str] = ..., percent: _Optional[int] = ..., used: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class SkippedGrant(_message.Message):
    __slots__ = ["cause", "other_period_start", "period_start", "plan_id"]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    OTHER_PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    cause: SkipCause
    other_period_start: str
    period_start: str
    plan_id: str
    def __init__(self, cause: _Optional[_Union[SkipCause, str]] = ..., plan_id: _Optional[str] = ..., period_start: _Optional[str] = ..., other_period_start: _Optional[str] = ...) -> None: ...

class TakeTopUpIntentRequest(_message.Message):
    __slots__ = ["lease_millis", "worker"]
    LEASE_MILLIS_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    lease_millis: int
    worker: str
    def __init__(self, worker: _Optional[str] = ..., lease_millis: _Optional[int] = ...) -> None: ...

class TakeTopUpIntentResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "intent", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    intent: TopUpIntent
    unchanged: bool
    def __init__(self, intent: _Optional[_Union[TopUpIntent, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class TopUp(_message.Message):
    __slots__ = ["cooldown_millis", "enabled", "month", "month_count", "month_micros", "monthly_cap_count", "monthly_cap_micros", "open_intent_id", "target_micros", "threshold_micros", "updated_at_micros", "user_id"]
    COOLDOWN_MILLIS_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_CAP_COUNT_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_CAP_MICROS_FIELD_NUMBER: _ClassVar[int]
    MONTH_COUNT_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    MONTH_MICROS_FIELD_NUMBER: _ClassVar[int]
    OPEN_INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_MICROS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_MICROS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cooldown_millis: int
    enabled: bool
    month: str
    month_count: int
    month_micros: int
    monthly_cap_count: int
    monthly_cap_micros: int
    open_intent_id: str
    target_micros: int
    threshold_micros: int
    updated_at_micros: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., threshold_micros: _Optional[int] = ..., target_micros: _Optional[int] = ..., monthly_cap_micros: _Optional[int] = ..., monthly_cap_count: _Optional[int] = ..., cooldown_millis: _Optional[int] = ..., enabled: bool = ..., month: _Optional[str] = ..., month_micros: _Optional[int] = ..., month_count: _Optional[int] = ..., open_intent_id: _Optional[str] = ..., updated_at_micros: _Optional[int] = ...) -> None: ...

class TopUpIntent(_message.Message):
    __slots__ = ["amount_micros", "available_micros", "due_at_micros", "ended_at_micros", "failures", "intent_id", "leased_until_micros", "message", "opened_at_micros", "owed_micros", "state", "transaction_id", "user_id", "worker"]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_MICROS_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    LEASED_UNTIL_MICROS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    OWED_MICROS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    available_micros: int
    due_at_micros: int
    ended_at_micros: int
    failures: int
    intent_id: str
    leased_until_micros: int
    message: str
    opened_at_micros: int
    owed_micros: int
    state: TopUpIntentState
    transaction_id: str
    user_id: str
    worker: str
    def __init__(self, intent_id: _Optional[str] = ..., user_id: _Optional[str] = ..., state: _Optional[_Union[TopUpIntentState, str]] = ..., amount_micros: _Optional[int] = ..., available_micros: _Optional[int] = ..., owed_micros: _Optional[int] = ..., opened_at_micros: _Optional[int] = ..., due_at_micros: _Optional[int] = ..., worker: _Optional[str] = ..., leased_until_micros: _Optional[int] = ..., failures: _Optional[int] = ..., message: _Optional[str] = ..., ended_at_micros: _Optional[int] = ..., transaction_id: _Optional[str] = ...) -> None: ...

class TopUpStep(_message.Message):
    __slots__ = ["amount_micros", "intent_id", "state"]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    intent_id: str
    state: TopUpIntentState
    def __init__(self, intent_id: _Optional[str] = ..., state: _Optional[_Union[TopUpIntentState, str]] = ..., amount_micros: _Optional[int] = ...) -> None: ...

class WatchEventsRequest(_message.Message):
    __slots__ = ["from_event_id", "user_ids"]
    FROM_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    from_event_id: int
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, from_event_id: _Optional[int] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchEventsResponse(_message.Message):
    __slots__ = ["events", "next_event_id"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    next_event_id: int
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., next_event_id: _Optional[int] = ...) -> None: ...

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SkipCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class TopUpIntentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
