from tallystick._generated.v1 import credits_pb2 as _credits_pb2
from tallystick._generated.v1 import usage_pb2 as _usage_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
GRANT_MODE_AUTOMATIC: GrantMode
GRANT_MODE_MANUAL: GrantMode
GRANT_MODE_UNSPECIFIED: GrantMode
METRIC_KIND_COUNTER: MetricKind
METRIC_KIND_GAUGE: MetricKind
METRIC_KIND_HISTOGRAM: MetricKind
METRIC_KIND_UNSPECIFIED: MetricKind
SERVER_STATE_DRAINING: ServerState
SERVER_STATE_READ_ONLY: ServerState
SERVER_STATE_SERVING: ServerState
SERVER_STATE_UNSPECIFIED: ServerState
USER_APPROVAL_APPROVED: UserApproval
USER_APPROVAL_PENDING: UserApproval
USER_APPROVAL_REJECTED: UserApproval
USER_APPROVAL_UNSPECIFIED: UserApproval
USER_ROLE_ADMIN: UserRole
USER_ROLE_UNSPECIFIED: UserRole
USER_ROLE_USER: UserRole
USER_SORT_MOST_OWED: UserSort
USER_SORT_MOST_SPENT: UserSort
USER_SORT_NEWEST_FIRST: UserSort
USER_SORT_OLDEST_FIRST: UserSort
USER_SORT_UNSPECIFIED: UserSort
USER_SORT_USER_ID: UserSort
USER_STATE_ACTIVE: UserState
USER_STATE_SUSPENDED: UserState
USER_STATE_UNSPECIFIED: UserState

class CacheStats(_message.Message):
    __slots__ = ["bytes", "entries", "evictions", "hits", "invalidations", "limit_bytes", "misses", "name"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    EVICTIONS_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    INVALIDATIONS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MISSES_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    entries: int
    evictions: int
    hits: int
    invalidations: int
    limit_bytes: int
    misses: int
    name: str
    def __init__(self, name: _Optional[str] = ..., entries: _Optional[int] = ..., bytes: _Optional[int] = ..., limit_bytes: _Optional[int] = ..., hits: _Optional[int] = ..., misses: _Optional[int] = ..., invalidations: _Optional[int] = ..., evictions: _Optional[int] = ...) -> None: ...

class Distribution(_message.Message):
    __slots__ = ["bucket_counts", "bucket_ends", "count", "max", "p50", "p90", "p99", "p999", "sum"]
    BUCKET_COUNTS_FIELD_NUMBER: _ClassVar[int]
    BUCKET_ENDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P90_FIELD_NUMBER: _ClassVar[int]
    P999_FIELD_NUMBER: _ClassVar[int]
    P99_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    bucket_counts: _containers.RepeatedScalarFieldContainer[int]
    bucket_ends: _containers.RepeatedScalarFieldContainer[int]
    count: int
    max: int
    p50: int
    p90: int
    p99: int
    p999: int
    sum: int
    def __init__(self, count: _Optional[int] = ..., sum: _Optional[int] = ..., p50: _Optional[int] = ..., p90: _Optional[int] = ..., p99: _Optional[int] = ..., p999: _Optional[int] = ..., max: _Optional[int] = ..., bucket_ends: _Optional[_Iterable[int]] = ..., bucket_counts: _Optional[_Iterable[int]] = ...) -> None: ...

class GetCacheStatsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetCacheStatsResponse(_message.Message):
    __slots__ = ["caches"]
    CACHES_FIELD_NUMBER: _ClassVar[int]
    caches: _containers.RepeatedCompositeFieldContainer[CacheStats]
    def __init__(self, caches: _Optional[_Iterable[_Union[CacheStats, _Mapping]]] = ...) -> None: ...

class GetMetricsRequest(_message.Message):
    __slots__ = ["prometheus"]
    PROMETHEUS_FIELD_NUMBER: _ClassVar[int]
    prometheus: bool
    def __init__(self, prometheus: bool = ...) -> None: ...

class GetMetricsResponse(_message.Message):
    __slots__ = ["metrics", "prometheus_text"]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    PROMETHEUS_TEXT_FIELD_NUMBER: _ClassVar[int]
    metrics: _containers.RepeatedCompositeFieldContainer[Metric]
    prometheus_text: str
    def __init__(self, metrics: _Optional[_Iterable[_Union[Metric, _Mapping]]] = ..., prometheus_text: _Optional[str] = ...) -> None: ...

class GetQueryStatsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetQueryStatsResponse(_message.Message):
    __slots__ = ["queries", "slow_query_micros"]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    SLOW_QUERY_MICROS_FIELD_NUMBER: _ClassVar[int]
    queries: _containers.RepeatedCompositeFieldContainer[QueryStats]
    slow_query_micros: int
    def __init__(self, queries: _Optional[_Iterable[_Union[QueryStats, _Mapping]]] = ..., slow_query_micros: _Optional[int] = ...) -> None: ...

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

class GetUserSettingsRequest(_message.Message):
    __slots__ = ["user_id"]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ...) -> None: ...

class GetUserSettingsResponse(_message.Message):
    __slots__ = ["commit_sequence", "settings"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    settings: UserSettings
    def __init__(self, settings: _Optional[_Union[UserSettings, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class Limit(_message.Message):
    __slots__ = ["name", "unit", "value"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    value: int
    def __init__(self, name: _Optional[str] = ..., value: _Optional[int] = ..., unit: _Optional[str] = ...) -> None: ...

class ListRateLimitsRequest(_message.Message):
    __slots__ = ["cursor", "limit"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    def __init__(self, limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListRateLimitsResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "rate_limits"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMITS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    rate_limits: _containers.RepeatedCompositeFieldContainer[RateLimit]
    def __init__(self, rate_limits: _Optional[_Iterable[_Union[RateLimit, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListUsersRequest(_message.Message):
    __slots__ = ["approval", "cursor", "limit", "month", "plan_id", "role", "sort", "time_zone", "user_id_prefix"]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SORT_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_PREFIX_FIELD_NUMBER: _ClassVar[int]
    approval: UserApproval
    cursor: str
    limit: int
    month: str
    plan_id: str
    role: UserRole
    sort: UserSort
    time_zone: str
    user_id_prefix: str
    def __init__(self, role: _Optional[_Union[UserRole, str]] = ..., approval: _Optional[_Union[UserApproval, str]] = ..., plan_id: _Optional[str] = ..., user_id_prefix: _Optional[str] = ..., sort: _Optional[_Union[UserSort, str]] = ..., month: _Optional[str] = ..., time_zone: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListUsersResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "users"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    users: _containers.RepeatedCompositeFieldContainer[User]
    def __init__(self, users: _Optional[_Iterable[_Union[User, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ["help", "kind", "name", "samples"]
    HELP_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    help: str
    kind: MetricKind
    name: str
    samples: _containers.RepeatedCompositeFieldContainer[MetricSample]
    def __init__(self, name: _Optional[str] = ..., help: _Optional[str] = ..., kind: _Optional[_Union[MetricKind, str]] = ..., samples: _Optional[_Iterable[_Union[MetricSample, _Mapping]]] = ...) -> None: ...

class MetricLabel(_message.Message):
    __slots__ = ["name", "value"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class MetricSample(_message.Message):
    __slots__ = ["distribution", "labels", "value"]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    distribution: Distribution
    labels: _containers.RepeatedCompositeFieldContainer[MetricLabel]
    value: int
    def __init__(self, labels: _Optional[_Iterable[_Union[MetricLabel, _Mapping]]] = ..., value: _Optional[int] = ..., distribution: _Optional[_Union[Distribution, _Mapping]] = ...) -> None: ...

class PutUserSettingsRequest(_message.Message):
    __slots__ = ["settings"]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    settings: UserSettings
    def __init__(self, settings: _Optional[_Union[UserSettings, _Mapping]] = ...) -> None: ...

class PutUserSettingsResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "settings", "unchanged"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    settings: UserSettings
    unchanged: bool
    def __init__(self, settings: _Optional[_Union[UserSettings, _Mapping]] = ..., unchanged: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class QueryStats(_message.Message):
    __slots__ = ["errors", "latency", "plan", "rows", "slow", "sql"]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SLOW_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    errors: int
    latency: Distribution
    plan: _containers.RepeatedScalarFieldContainer[str]
    rows: int
    slow: int
    sql: str
    def __init__(self, sql: _Optional[str] = ..., latency: _Optional[_Union[Distribution, _Mapping]] = ..., rows: _Optional[int] = ..., errors: _Optional[int] = ..., slow: _Optional[int] = ..., plan: _Optional[_Iterable[str]] = ...) -> None: ...

class RateLimit(_message.Message):
    __slots__ = ["burst", "every_uid", "every_user", "per_second", "uid", "user_id"]
    BURST_FIELD_NUMBER: _ClassVar[int]
    EVERY_UID_FIELD_NUMBER: _ClassVar[int]
    EVERY_USER_FIELD_NUMBER: _ClassVar[int]
    PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    burst: int
    every_uid: bool
    every_user: bool
    per_second: int
    uid: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., uid: _Optional[int] = ..., every_user: bool = ..., every_uid: bool = ..., per_second: _Optional[int] = ..., burst: _Optional[int] = ...) -> None: ...

class SetRateLimitRequest(_message.Message):
    __slots__ = ["rate_limit"]
    RATE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    rate_limit: RateLimit
    def __init__(self, rate_limit: _Optional[_Union[RateLimit, _Mapping]] = ...) -> None: ...

class SetRateLimitResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "rate_limit"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    rate_limit: RateLimit
    def __init__(self, rate_limit: _Optional[_Union[RateLimit, _Mapping]] = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class Subscription(_message.Message):
    __slots__ = ["grants", "plan_id", "start"]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    grants: GrantMode
    plan_id: str
    start: str
    def __init__(self, plan_id: _Optional[str] = ..., start: _Optional[str] = ..., grants: _Optional[_Union[GrantMode, str]] = ...) -> None: ...

class User(_message.Message):
    __slots__ = ["balance", "settings", "usage"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    balance: _credits_pb2.Balance
    settings: UserSettings
    usage: _usage_pb2.Usage
    def __init__(self, settings: _Optional[_Union[UserSettings, _Mapping]] = ..., balance: _Optional[_Union[_credits_pb2.Balance, _Mapping]] = ..., usage: _Optional[_Union[_usage_pb2.Usage, _Mapping]] = ...) -> None: ...

class UserSettings(_message.Message):
    __slots__ = ["approval", "created_at_micros", "email", "plan_id", "role", "state", "subscription", "updated_at_micros", "user_id"]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    approval: UserApproval
    created_at_micros: int
    email: str
    plan_id: str
    role: UserRole
    state: UserState
    subscription: Subscription
    updated_at_micros: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., email: _Optional[str] = ..., role: _Optional[_Union[UserRole, str]] = ..., plan_id: _Optional[str] = ..., approval: _Optional[_Union[UserApproval, str]] = ..., updated_at_micros: _Optional[int] = ..., created_at_micros: _Optional[int] = ..., state: _Optional[_Union[UserState, str]] = ..., subscription: _Optional[_Union[Subscription, _Mapping]] = ...) -> None: ...

class VerifyRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class VerifyResponse(_message.Message):
    __slots__ = ["check", "done", "elapsed_micros", "examined", "exempt", "findings", "title", "total", "violations"]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXAMINED_FIELD_NUMBER: _ClassVar[int]
    EXEMPT_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    check: int
    done: bool
    elapsed_micros: int
    examined: int
    exempt: int
    findings: _containers.RepeatedScalarFieldContainer[str]
    title: str
    total: int
    violations: int
    def __init__(self, check: _Optional[int] = ..., title: _Optional[str] = ..., done: bool = ..., examined: _Optional[int] = ..., total: _Optional[int] = ..., violations: _Optional[int] = ..., findings: _Optional[_Iterable[str]] = ..., elapsed_micros: _Optional[int] = ..., exempt: _Optional[int] = ...) -> None: ...

class ServerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UserRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UserApproval(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UserState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class GrantMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UserSort(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class MetricKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
