from tallystick._generated.v1 import caps_pb2 as _caps_pb2
from tallystick._generated.v1 import credits_pb2 as _credits_pb2
from tallystick._generated.v1 import errors_pb2 as _errors_pb2
from tallystick._generated.v1 import events_pb2 as _events_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CANCELLED_COST_NOTHING: CancelledCost
CANCELLED_COST_REPORTED: CancelledCost
CANCELLED_COST_UNSPECIFIED: CancelledCost
DESCRIPTOR: _descriptor.FileDescriptor
GRANT_EXPIRY_AFTER: GrantExpiry
GRANT_EXPIRY_NEVER: GrantExpiry
GRANT_EXPIRY_PERIOD_END: GrantExpiry
GRANT_EXPIRY_UNSPECIFIED: GrantExpiry
ON_SHORT_BLOCK: OnShort
ON_SHORT_COLLECT: OnShort
ON_SHORT_FORGIVE: OnShort
ON_SHORT_UNSPECIFIED: OnShort
QUOTA_KIND_GENERATIONS: QuotaKind
QUOTA_KIND_PAGES: QuotaKind
QUOTA_KIND_UNSPECIFIED: QuotaKind
QUOTA_KIND_UPLOADS: QuotaKind
RUN_STATUS_CANCELLED: RunStatus
RUN_STATUS_FAILED: RunStatus
RUN_STATUS_RUNNING: RunStatus
RUN_STATUS_SUCCEEDED: RunStatus
RUN_STATUS_UNSPECIFIED: RunStatus
UNIT_CLASS_AUDIO_INPUT: UnitClass
UNIT_CLASS_AUDIO_OUTPUT: UnitClass
UNIT_CLASS_CACHE_READ: UnitClass
UNIT_CLASS_CACHE_WRITE: UnitClass
UNIT_CLASS_CACHE_WRITE_LONG: UnitClass
UNIT_CLASS_IMAGE: UnitClass
UNIT_CLASS_INPUT: UnitClass
UNIT_CLASS_OUTPUT: UnitClass
UNIT_CLASS_REASONING: UnitClass
UNIT_CLASS_REQUEST: UnitClass
UNIT_CLASS_SECOND: UnitClass
UNIT_CLASS_UNSPECIFIED: UnitClass

class BatchGetUsageRequest(_message.Message):
    __slots__ = ["month", "time_zone", "user_ids"]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    month: str
    time_zone: str
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_ids: _Optional[_Iterable[str]] = ..., month: _Optional[str] = ..., time_zone: _Optional[str] = ...) -> None: ...

class BatchGetUsageResponse(_message.Message):
    __slots__ = ["commit_sequence", "usages"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    USAGES_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    usages: _containers.RepeatedCompositeFieldContainer[Usage]
    def __init__(self, usages: _Optional[_Iterable[_Union[Usage, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class BeginRunRequest(_message.Message):
    __slots__ = ["attempt", "estimate_micros", "model", "run_id", "spender", "tags", "ttl_millis", "type", "user_id"]
    class TagsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TTL_MILLIS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    estimate_micros: int
    model: str
    run_id: str
    spender: str
    tags: _containers.ScalarMap[str, str]
    ttl_millis: int
    type: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., run_id: _Optional[str] = ..., model: _Optional[str] = ..., type: _Optional[str] = ..., estimate_micros: _Optional[int] = ..., ttl_millis: _Optional[int] = ..., attempt: _Optional[int] = ..., spender: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class BeginRunResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "hold", "replayed", "run", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: _credits_pb2.Balance
    commit_position: int
    commit_sequence: int
    hold: _credits_pb2.Hold
    replayed: bool
    run: Run
    transaction: _credits_pb2.Transaction
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., transaction: _Optional[_Union[_credits_pb2.Transaction, _Mapping]] = ..., balance: _Optional[_Union[_credits_pb2.Balance, _Mapping]] = ..., hold: _Optional[_Union[_credits_pb2.Hold, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class CheckQuotaRequest(_message.Message):
    __slots__ = ["kind", "model", "spender", "type", "user_id"]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    kind: QuotaKind
    model: str
    spender: str
    type: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., kind: _Optional[_Union[QuotaKind, str]] = ..., spender: _Optional[str] = ..., model: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class CheckQuotaResponse(_message.Message):
    __slots__ = ["allowed", "commit_sequence", "limit_count", "reason", "resets_at_micros", "used"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESETS_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    allowed: bool
    commit_sequence: int
    limit_count: int
    reason: str
    resets_at_micros: int
    used: int
    def __init__(self, allowed: bool = ..., limit_count: _Optional[int] = ..., used: _Optional[int] = ..., resets_at_micros: _Optional[int] = ..., commit_sequence: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class ClassCost(_message.Message):
    __slots__ = ["cost_micros", "unit_class"]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    UNIT_CLASS_FIELD_NUMBER: _ClassVar[int]
    cost_micros: int
    unit_class: UnitClass
    def __init__(self, unit_class: _Optional[_Union[UnitClass, str]] = ..., cost_micros: _Optional[int] = ...) -> None: ...

class FinishRunRequest(_message.Message):
    __slots__ = ["attempt", "completion_tokens", "cost_micros", "error", "images", "input_tokens", "output_tokens", "prompt_tokens", "provider_cost_micros", "run_id", "status", "units"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    completion_tokens: int
    cost_micros: int
    error: str
    images: int
    input_tokens: int
    output_tokens: int
    prompt_tokens: int
    provider_cost_micros: int
    run_id: str
    status: RunStatus
    units: _containers.RepeatedCompositeFieldContainer[UnitCount]
    def __init__(self, run_id: _Optional[str] = ..., status: _Optional[_Union[RunStatus, str]] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., images: _Optional[int] = ..., cost_micros: _Optional[int] = ..., error: _Optional[str] = ..., attempt: _Optional[int] = ..., provider_cost_micros: _Optional[int] = ..., units: _Optional[_Iterable[_Union[UnitCount, _Mapping]]] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ...) -> None: ...

class FinishRunResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "run", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: _credits_pb2.Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    run: Run
    transaction: _credits_pb2.Transaction
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., transaction: _Optional[_Union[_credits_pb2.Transaction, _Mapping]] = ..., balance: _Optional[_Union[_credits_pb2.Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ["attempt", "run_id"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    run_id: str
    def __init__(self, run_id: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ["commit_sequence", "run"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class GetStatsRequest(_message.Message):
    __slots__ = ["by_spender", "days", "from_micros", "recent_limit", "tag", "time_zone", "to_micros", "user_id"]
    BY_SPENDER_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    RECENT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    TO_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    by_spender: bool
    days: int
    from_micros: int
    recent_limit: int
    tag: str
    time_zone: str
    to_micros: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., from_micros: _Optional[int] = ..., to_micros: _Optional[int] = ..., days: _Optional[int] = ..., time_zone: _Optional[str] = ..., recent_limit: _Optional[int] = ..., by_spender: bool = ..., tag: _Optional[str] = ...) -> None: ...

class GetStatsResponse(_message.Message):
    __slots__ = ["by_model", "by_spender", "by_status", "by_tag", "by_type", "commit_sequence", "days", "from_micros", "recent", "time_zone", "to_micros", "totals"]
    BY_MODEL_FIELD_NUMBER: _ClassVar[int]
    BY_SPENDER_FIELD_NUMBER: _ClassVar[int]
    BY_STATUS_FIELD_NUMBER: _ClassVar[int]
    BY_TAG_FIELD_NUMBER: _ClassVar[int]
    BY_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    RECENT_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    TO_MICROS_FIELD_NUMBER: _ClassVar[int]
    by_model: _containers.RepeatedCompositeFieldContainer[RunGroup]
    by_spender: _containers.RepeatedCompositeFieldContainer[RunGroup]
    by_status: _containers.RepeatedCompositeFieldContainer[RunGroup]
    by_tag: _containers.RepeatedCompositeFieldContainer[RunGroup]
    by_type: _containers.RepeatedCompositeFieldContainer[RunGroup]
    commit_sequence: int
    days: _containers.RepeatedCompositeFieldContainer[RunDay]
    from_micros: int
    recent: _containers.RepeatedCompositeFieldContainer[Run]
    time_zone: str
    to_micros: int
    totals: RunTotals
    def __init__(self, totals: _Optional[_Union[RunTotals, _Mapping]] = ..., by_model: _Optional[_Iterable[_Union[RunGroup, _Mapping]]] = ..., by_type: _Optional[_Iterable[_Union[RunGroup, _Mapping]]] = ..., by_status: _Optional[_Iterable[_Union[RunGroup, _Mapping]]] = ..., days: _Optional[_Iterable[_Union[RunDay, _Mapping]]] = ..., recent: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., from_micros: _Optional[int] = ..., to_micros: _Optional[int] = ..., time_zone: _Optional[str] = ..., commit_sequence: _Optional[int] = ..., by_spender: _Optional[_Iterable[_Union[RunGroup, _Mapping]]] = ..., by_tag: _Optional[_Iterable[_Union[RunGroup, _Mapping]]] = ...) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ["month", "spender", "time_zone", "user_id"]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    month: str
    spender: str
    time_zone: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., month: _Optional[str] = ..., time_zone: _Optional[str] = ..., spender: _Optional[str] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ["caps", "commit_sequence", "usage"]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    caps: _containers.RepeatedCompositeFieldContainer[_caps_pb2.CapUse]
    commit_sequence: int
    usage: Usage
    def __init__(self, usage: _Optional[_Union[Usage, _Mapping]] = ..., commit_sequence: _Optional[int] = ..., caps: _Optional[_Iterable[_Union[_caps_pb2.CapUse, _Mapping]]] = ...) -> None: ...

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

class ListPricesRequest(_message.Message):
    __slots__ = ["at_micros", "cursor", "limit", "model", "plan_id"]
    AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    at_micros: int
    cursor: str
    limit: int
    model: str
    plan_id: str
    def __init__(self, plan_id: _Optional[str] = ..., model: _Optional[str] = ..., at_micros: _Optional[int] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListPricesResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "prices"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    def __init__(self, prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ["cursor", "from_micros", "limit", "model", "spender", "statuses", "to_micros", "type", "user_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    TO_MICROS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    from_micros: int
    limit: int
    model: str
    spender: str
    statuses: _containers.RepeatedScalarFieldContainer[RunStatus]
    to_micros: int
    type: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[RunStatus, str]]] = ..., model: _Optional[str] = ..., type: _Optional[str] = ..., from_micros: _Optional[int] = ..., to_micros: _Optional[int] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ..., spender: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "runs"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ModelPrice(_message.Message):
    __slots__ = ["image_micros", "input_micros_per_million", "model", "output_micros_per_million"]
    IMAGE_MICROS_FIELD_NUMBER: _ClassVar[int]
    INPUT_MICROS_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_MICROS_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    image_micros: int
    input_micros_per_million: int
    model: str
    output_micros_per_million: int
    def __init__(self, model: _Optional[str] = ..., input_micros_per_million: _Optional[int] = ..., output_micros_per_million: _Optional[int] = ..., image_micros: _Optional[int] = ...) -> None: ...

class Plan(_message.Message):
    __slots__ = ["cancelled_cost", "caps", "display_name", "expires_after_millis", "grant_expiry", "is_default", "limits", "monthly_credit_micros", "on_short", "plan_id", "price_multiplier_ppm", "prices", "priority", "rollover_cap_micros", "spender_caps", "tags", "time_zone", "updated_at_micros"]
    CANCELLED_COST_FIELD_NUMBER: _ClassVar[int]
    CAPS_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AFTER_MILLIS_FIELD_NUMBER: _ClassVar[int]
    GRANT_EXPIRY_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_CREDIT_MICROS_FIELD_NUMBER: _ClassVar[int]
    ON_SHORT_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    PRICE_MULTIPLIER_PPM_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ROLLOVER_CAP_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_CAPS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    cancelled_cost: CancelledCost
    caps: _caps_pb2.CapList
    display_name: str
    expires_after_millis: int
    grant_expiry: GrantExpiry
    is_default: bool
    limits: PlanLimits
    monthly_credit_micros: int
    on_short: OnShort
    plan_id: str
    price_multiplier_ppm: int
    prices: _containers.RepeatedCompositeFieldContainer[ModelPrice]
    priority: int
    rollover_cap_micros: int
    spender_caps: _caps_pb2.CapList
    tags: PlanTags
    time_zone: str
    updated_at_micros: int
    def __init__(self, plan_id: _Optional[str] = ..., display_name: _Optional[str] = ..., monthly_credit_micros: _Optional[int] = ..., grant_expiry: _Optional[_Union[GrantExpiry, str]] = ..., expires_after_millis: _Optional[int] = ..., priority: _Optional[int] = ..., updated_at_micros: _Optional[int] = ..., limits: _Optional[_Union[PlanLimits, _Mapping]] = ..., time_zone: _Optional[str] = ..., prices: _Optional[_Iterable[_Union[ModelPrice, _Mapping]]] = ..., on_short: _Optional[_Union[OnShort, str]] = ..., rollover_cap_micros: _Optional[int] = ..., is_default: bool = ..., cancelled_cost: _Optional[_Union[CancelledCost, str]] = ..., price_multiplier_ppm: _Optional[int] = ..., caps: _Optional[_Union[_caps_pb2.CapList, _Mapping]] = ..., spender_caps: _Optional[_Union[_caps_pb2.CapList, _Mapping]] = ..., tags: _Optional[_Union[PlanTags, _Mapping]] = ...) -> None: ...

class PlanLimits(_message.Message):
    __slots__ = ["monthly_generations", "monthly_uploads", "page_count"]
    MONTHLY_GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_UPLOADS_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    monthly_generations: int
    monthly_uploads: int
    page_count: int
    def __init__(self, monthly_generations: _Optional[int] = ..., monthly_uploads: _Optional[int] = ..., page_count: _Optional[int] = ...) -> None: ...

class PlanTags(_message.Message):
    __slots__ = ["keys"]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, keys: _Optional[_Iterable[str]] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ["effective_from_micros", "micros_per_million", "model", "multiplier_ppm", "plan_id", "price_id", "put_at_micros", "unit_class"]
    EFFECTIVE_FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    MICROS_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_PPM_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_ID_FIELD_NUMBER: _ClassVar[int]
    PUT_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    UNIT_CLASS_FIELD_NUMBER: _ClassVar[int]
    effective_from_micros: int
    micros_per_million: int
    model: str
    multiplier_ppm: int
    plan_id: str
    price_id: int
    put_at_micros: int
    unit_class: UnitClass
    def __init__(self, plan_id: _Optional[str] = ..., model: _Optional[str] = ..., unit_class: _Optional[_Union[UnitClass, str]] = ..., micros_per_million: _Optional[int] = ..., effective_from_micros: _Optional[int] = ..., price_id: _Optional[int] = ..., put_at_micros: _Optional[int] = ..., multiplier_ppm: _Optional[int] = ...) -> None: ...

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

class PutPricesRequest(_message.Message):
    __slots__ = ["prices"]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    def __init__(self, prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ...) -> None: ...

class PutPricesResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "prices", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    unchanged: bool
    def __init__(self, prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class RecordRunRequest(_message.Message):
    __slots__ = ["completion_tokens", "cost_micros", "error", "images", "input_tokens", "model", "output_tokens", "prompt_tokens", "provider_cost_micros", "run_id", "spender", "started_at_micros", "status", "tags", "type", "units", "user_id"]
    class TagsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    completion_tokens: int
    cost_micros: int
    error: str
    images: int
    input_tokens: int
    model: str
    output_tokens: int
    prompt_tokens: int
    provider_cost_micros: int
    run_id: str
    spender: str
    started_at_micros: int
    status: RunStatus
    tags: _containers.ScalarMap[str, str]
    type: str
    units: _containers.RepeatedCompositeFieldContainer[UnitCount]
    user_id: str
    def __init__(self, run_id: _Optional[str] = ..., user_id: _Optional[str] = ..., model: _Optional[str] = ..., type: _Optional[str] = ..., status: _Optional[_Union[RunStatus, str]] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., images: _Optional[int] = ..., cost_micros: _Optional[int] = ..., started_at_micros: _Optional[int] = ..., error: _Optional[str] = ..., provider_cost_micros: _Optional[int] = ..., units: _Optional[_Iterable[_Union[UnitCount, _Mapping]]] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., spender: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RecordRunResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "replayed", "run"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    replayed: bool
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class RecordRunResult(_message.Message):
    __slots__ = ["commit_position", "error", "replayed"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    error: _errors_pb2.ItemError
    replayed: bool
    def __init__(self, replayed: bool = ..., commit_position: _Optional[int] = ..., error: _Optional[_Union[_errors_pb2.ItemError, _Mapping]] = ...) -> None: ...

class RecordRunsRequest(_message.Message):
    __slots__ = ["runs"]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RecordRunRequest]
    def __init__(self, runs: _Optional[_Iterable[_Union[RecordRunRequest, _Mapping]]] = ...) -> None: ...

class RecordRunsResponse(_message.Message):
    __slots__ = ["commit_sequence", "results"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    results: _containers.RepeatedCompositeFieldContainer[RecordRunResult]
    def __init__(self, results: _Optional[_Iterable[_Union[RecordRunResult, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ["attempt", "breakdown", "charged_micros", "cost_micros", "error", "estimate_micros", "expires_at_micros", "finished_at_micros", "hold_id", "images", "input_tokens", "model", "output_tokens", "owed_micros", "plan_id", "price_version", "provider_cost_micros", "recorded", "run_id", "spender", "started_at_micros", "status", "tags", "type", "uncollected_micros", "units", "user_id"]
    class TagsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    BREAKDOWN_FIELD_NUMBER: _ClassVar[int]
    CHARGED_MICROS_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OWED_MICROS_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    UNCOLLECTED_MICROS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    breakdown: _containers.RepeatedCompositeFieldContainer[ClassCost]
    charged_micros: int
    cost_micros: int
    error: str
    estimate_micros: int
    expires_at_micros: int
    finished_at_micros: int
    hold_id: str
    images: int
    input_tokens: int
    model: str
    output_tokens: int
    owed_micros: int
    plan_id: str
    price_version: int
    provider_cost_micros: int
    recorded: bool
    run_id: str
    spender: str
    started_at_micros: int
    status: RunStatus
    tags: _containers.ScalarMap[str, str]
    type: str
    uncollected_micros: int
    units: _containers.RepeatedCompositeFieldContainer[UnitCount]
    user_id: str
    def __init__(self, run_id: _Optional[str] = ..., user_id: _Optional[str] = ..., model: _Optional[str] = ..., type: _Optional[str] = ..., status: _Optional[_Union[RunStatus, str]] = ..., estimate_micros: _Optional[int] = ..., hold_id: _Optional[str] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., images: _Optional[int] = ..., cost_micros: _Optional[int] = ..., charged_micros: _Optional[int] = ..., uncollected_micros: _Optional[int] = ..., started_at_micros: _Optional[int] = ..., finished_at_micros: _Optional[int] = ..., expires_at_micros: _Optional[int] = ..., error: _Optional[str] = ..., recorded: bool = ..., owed_micros: _Optional[int] = ..., attempt: _Optional[int] = ..., provider_cost_micros: _Optional[int] = ..., units: _Optional[_Iterable[_Union[UnitCount, _Mapping]]] = ..., breakdown: _Optional[_Iterable[_Union[ClassCost, _Mapping]]] = ..., price_version: _Optional[int] = ..., plan_id: _Optional[str] = ..., spender: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RunDay(_message.Message):
    __slots__ = ["date", "start_at_micros", "totals"]
    DATE_FIELD_NUMBER: _ClassVar[int]
    START_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    date: str
    start_at_micros: int
    totals: RunTotals
    def __init__(self, date: _Optional[str] = ..., start_at_micros: _Optional[int] = ..., totals: _Optional[_Union[RunTotals, _Mapping]] = ...) -> None: ...

class RunGroup(_message.Message):
    __slots__ = ["name", "totals"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    name: str
    totals: RunTotals
    def __init__(self, name: _Optional[str] = ..., totals: _Optional[_Union[RunTotals, _Mapping]] = ...) -> None: ...

class RunTotals(_message.Message):
    __slots__ = ["cancelled", "cost_micros", "count", "error_rate_ppm", "failed", "images", "input_tokens", "margin_micros", "output_tokens", "provider_cost_micros", "succeeded", "units"]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ERROR_RATE_PPM_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_MICROS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    cancelled: int
    cost_micros: int
    count: int
    error_rate_ppm: int
    failed: int
    images: int
    input_tokens: int
    margin_micros: int
    output_tokens: int
    provider_cost_micros: int
    succeeded: int
    units: _containers.RepeatedCompositeFieldContainer[UnitCount]
    def __init__(self, count: _Optional[int] = ..., succeeded: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., cost_micros: _Optional[int] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., images: _Optional[int] = ..., error_rate_ppm: _Optional[int] = ..., provider_cost_micros: _Optional[int] = ..., margin_micros: _Optional[int] = ..., units: _Optional[_Iterable[_Union[UnitCount, _Mapping]]] = ...) -> None: ...

class StreamRunsFailure(_message.Message):
    __slots__ = ["error", "index"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    error: _errors_pb2.ItemError
    index: int
    def __init__(self, index: _Optional[int] = ..., error: _Optional[_Union[_errors_pb2.ItemError, _Mapping]] = ...) -> None: ...

class StreamRunsResponse(_message.Message):
    __slots__ = ["commit_sequence", "failed", "failures", "received", "recorded", "replayed"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    failed: int
    failures: _containers.RepeatedCompositeFieldContainer[StreamRunsFailure]
    received: int
    recorded: int
    replayed: int
    def __init__(self, received: _Optional[int] = ..., recorded: _Optional[int] = ..., replayed: _Optional[int] = ..., failed: _Optional[int] = ..., failures: _Optional[_Iterable[_Union[StreamRunsFailure, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class UnitCount(_message.Message):
    __slots__ = ["count", "unit_class"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    UNIT_CLASS_FIELD_NUMBER: _ClassVar[int]
    count: int
    unit_class: UnitClass
    def __init__(self, unit_class: _Optional[_Union[UnitClass, str]] = ..., count: _Optional[int] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ["cost_micros", "generations", "limits", "month", "owed_micros", "pages", "plan_id", "resets_at_micros", "running", "time_zone", "uploads", "user_id"]
    COST_MICROS_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    OWED_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    RESETS_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    UPLOADS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cost_micros: int
    generations: int
    limits: PlanLimits
    month: str
    owed_micros: int
    pages: int
    plan_id: str
    resets_at_micros: int
    running: int
    time_zone: str
    uploads: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., month: _Optional[str] = ..., time_zone: _Optional[str] = ..., generations: _Optional[int] = ..., running: _Optional[int] = ..., uploads: _Optional[int] = ..., pages: _Optional[int] = ..., plan_id: _Optional[str] = ..., limits: _Optional[_Union[PlanLimits, _Mapping]] = ..., resets_at_micros: _Optional[int] = ..., owed_micros: _Optional[int] = ..., cost_micros: _Optional[int] = ...) -> None: ...

class RunStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UnitClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class QuotaKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class GrantExpiry(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CancelledCost(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class OnShort(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
