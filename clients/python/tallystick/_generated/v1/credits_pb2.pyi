from tallystick._generated.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

BATCH_MODE_ATOMIC: BatchMode
BATCH_MODE_INDEPENDENT: BatchMode
BATCH_MODE_UNSPECIFIED: BatchMode
DESCRIPTOR: _descriptor.FileDescriptor
HOLD_STATE_CAPTURED: HoldState
HOLD_STATE_EXPIRED: HoldState
HOLD_STATE_OPEN: HoldState
HOLD_STATE_RELEASED: HoldState
HOLD_STATE_UNSPECIFIED: HoldState
ON_SHORTFALL_OWE: OnShortfall
ON_SHORTFALL_PARTIAL: OnShortfall
ON_SHORTFALL_REJECT: OnShortfall
ON_SHORTFALL_UNSPECIFIED: OnShortfall
OVERAGE_DRAW: Overage
OVERAGE_REJECT: Overage
OVERAGE_UNSPECIFIED: Overage
TRANSACTION_TYPE_ADJUSTMENT: TransactionType
TRANSACTION_TYPE_API_USAGE: TransactionType
TRANSACTION_TYPE_EXPIRY: TransactionType
TRANSACTION_TYPE_HOLD: TransactionType
TRANSACTION_TYPE_HOLD_EXTEND: TransactionType
TRANSACTION_TYPE_HOLD_RELEASE: TransactionType
TRANSACTION_TYPE_OPENING: TransactionType
TRANSACTION_TYPE_OWED: TransactionType
TRANSACTION_TYPE_OWED_FORGIVEN: TransactionType
TRANSACTION_TYPE_OWED_PAYMENT: TransactionType
TRANSACTION_TYPE_PLAN_GRANT: TransactionType
TRANSACTION_TYPE_PROMO_GRANT: TransactionType
TRANSACTION_TYPE_PURCHASE: TransactionType
TRANSACTION_TYPE_REFUND: TransactionType
TRANSACTION_TYPE_REINSTATEMENT: TransactionType
TRANSACTION_TYPE_REVERSAL: TransactionType
TRANSACTION_TYPE_ROLLOVER: TransactionType
TRANSACTION_TYPE_UNSPECIFIED: TransactionType
TRANSACTION_TYPE_VOID: TransactionType

class AddPurchaseRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "expires_at_micros", "external_refs", "idempotency_key", "intent_id", "metadata", "package", "payment_id", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REFS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    expires_at_micros: int
    external_refs: _containers.RepeatedScalarFieldContainer[str]
    idempotency_key: str
    intent_id: str
    metadata: _containers.ScalarMap[str, str]
    package: str
    payment_id: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., payment_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., package: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., expires_at_micros: _Optional[int] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., external_refs: _Optional[_Iterable[str]] = ..., intent_id: _Optional[str] = ...) -> None: ...

class AddPurchaseResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class AdjustRequest(_message.Message):
    __slots__ = ["actor", "amount_micros", "description", "idempotency_key", "metadata", "reason", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    actor: str
    amount_micros: int
    description: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    reason: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class AdjustResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ["available_micros", "held_micros", "next_expiry_at_micros", "next_expiry_micros", "owed_micros", "pending_micros", "posted_micros", "user_id", "version"]
    AVAILABLE_MICROS_FIELD_NUMBER: _ClassVar[int]
    HELD_MICROS_FIELD_NUMBER: _ClassVar[int]
    NEXT_EXPIRY_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    NEXT_EXPIRY_MICROS_FIELD_NUMBER: _ClassVar[int]
    OWED_MICROS_FIELD_NUMBER: _ClassVar[int]
    PENDING_MICROS_FIELD_NUMBER: _ClassVar[int]
    POSTED_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    available_micros: int
    held_micros: int
    next_expiry_at_micros: int
    next_expiry_micros: int
    owed_micros: int
    pending_micros: int
    posted_micros: int
    user_id: str
    version: int
    def __init__(self, user_id: _Optional[str] = ..., posted_micros: _Optional[int] = ..., held_micros: _Optional[int] = ..., available_micros: _Optional[int] = ..., version: _Optional[int] = ..., next_expiry_at_micros: _Optional[int] = ..., next_expiry_micros: _Optional[int] = ..., pending_micros: _Optional[int] = ..., owed_micros: _Optional[int] = ...) -> None: ...

class BatchConsumeRequest(_message.Message):
    __slots__ = ["items", "mode"]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ConsumeRequest]
    mode: BatchMode
    def __init__(self, items: _Optional[_Iterable[_Union[ConsumeRequest, _Mapping]]] = ..., mode: _Optional[_Union[BatchMode, str]] = ...) -> None: ...

class BatchConsumeResponse(_message.Message):
    __slots__ = ["commit_sequence", "results"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    results: _containers.RepeatedCompositeFieldContainer[ConsumeResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ConsumeResult, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class BatchGetBalancesRequest(_message.Message):
    __slots__ = ["user_ids"]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchGetBalancesResponse(_message.Message):
    __slots__ = ["balances", "commit_sequence"]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    balances: _containers.RepeatedCompositeFieldContainer[Balance]
    commit_sequence: int
    def __init__(self, balances: _Optional[_Iterable[_Union[Balance, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class BatchGrantPlanRequest(_message.Message):
    __slots__ = ["items"]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[GrantPlanRequest]
    def __init__(self, items: _Optional[_Iterable[_Union[GrantPlanRequest, _Mapping]]] = ...) -> None: ...

class BatchGrantPlanResponse(_message.Message):
    __slots__ = ["commit_sequence", "results"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    results: _containers.RepeatedCompositeFieldContainer[GrantPlanResult]
    def __init__(self, results: _Optional[_Iterable[_Union[GrantPlanResult, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class CaptureRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "hold_id", "idempotency_key", "metadata", "overage"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OVERAGE_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    hold_id: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    overage: Overage
    def __init__(self, hold_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., overage: _Optional[_Union[Overage, str]] = ...) -> None: ...

class CaptureResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "hold", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    hold: Hold
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ..., hold: _Optional[_Union[Hold, _Mapping]] = ...) -> None: ...

class CheckBalanceRequest(_message.Message):
    __slots__ = ["estimate_micros", "spender", "user_id"]
    ESTIMATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    estimate_micros: int
    spender: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., estimate_micros: _Optional[int] = ..., spender: _Optional[str] = ...) -> None: ...

class CheckBalanceResponse(_message.Message):
    __slots__ = ["allowed", "available_micros", "commit_sequence", "reason", "remaining_micros"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_MICROS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REMAINING_MICROS_FIELD_NUMBER: _ClassVar[int]
    allowed: bool
    available_micros: int
    commit_sequence: int
    reason: str
    remaining_micros: int
    def __init__(self, allowed: bool = ..., available_micros: _Optional[int] = ..., remaining_micros: _Optional[int] = ..., reason: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ConsumeRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "idempotency_key", "metadata", "run_id", "spender", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    run_id: str
    spender: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., run_id: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., spender: _Optional[str] = ...) -> None: ...

class ConsumeResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class ConsumeResult(_message.Message):
    __slots__ = ["applied", "error"]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    applied: ConsumeResponse
    error: _errors_pb2.ItemError
    def __init__(self, applied: _Optional[_Union[ConsumeResponse, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.ItemError, _Mapping]] = ...) -> None: ...

class ExtendRequest(_message.Message):
    __slots__ = ["hold_id", "idempotency_key", "ttl_millis"]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TTL_MILLIS_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    idempotency_key: str
    ttl_millis: int
    def __init__(self, hold_id: _Optional[str] = ..., ttl_millis: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ExtendResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "hold", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    hold: Hold
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ..., hold: _Optional[_Union[Hold, _Mapping]] = ...) -> None: ...

class ForgiveOwedRequest(_message.Message):
    __slots__ = ["actor", "amount_micros", "description", "idempotency_key", "metadata", "reason", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    actor: str
    amount_micros: int
    description: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    reason: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ForgiveOwedResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class GetBalanceRequest(_message.Message):
    __slots__ = ["at_micros", "user_id"]
    AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    at_micros: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., at_micros: _Optional[int] = ...) -> None: ...

class GetBalanceResponse(_message.Message):
    __slots__ = ["balance", "commit_sequence"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_sequence: int
    def __init__(self, balance: _Optional[_Union[Balance, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class GetTransactionRequest(_message.Message):
    __slots__ = ["transaction_id"]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    def __init__(self, transaction_id: _Optional[str] = ...) -> None: ...

class GetTransactionResponse(_message.Message):
    __slots__ = ["commit_sequence", "transaction"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class GrantPlanRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "effective_at_micros", "expires_at_micros", "idempotency_key", "metadata", "period", "period_index", "plan_id", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PERIOD_INDEX_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    effective_at_micros: int
    expires_at_micros: int
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    period: str
    period_index: int
    plan_id: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., plan_id: _Optional[str] = ..., period: _Optional[str] = ..., amount_micros: _Optional[int] = ..., expires_at_micros: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., period_index: _Optional[int] = ..., effective_at_micros: _Optional[int] = ...) -> None: ...

class GrantPlanResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class GrantPlanResult(_message.Message):
    __slots__ = ["applied", "error"]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    applied: GrantPlanResponse
    error: _errors_pb2.ItemError
    def __init__(self, applied: _Optional[_Union[GrantPlanResponse, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.ItemError, _Mapping]] = ...) -> None: ...

class GrantPromoRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "effective_at_micros", "expires_at_micros", "idempotency_key", "metadata", "priority", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    effective_at_micros: int
    expires_at_micros: int
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    priority: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., priority: _Optional[int] = ..., effective_at_micros: _Optional[int] = ..., expires_at_micros: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GrantPromoResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class Hold(_message.Message):
    __slots__ = ["amount_micros", "attempt", "captured_micros", "created_at_micros", "expires_at_micros", "forfeited_micros", "hold_id", "lots", "released_micros", "run_id", "settled_at_micros", "spender", "state", "user_id"]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_MICROS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    FORFEITED_MICROS_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    LOTS_FIELD_NUMBER: _ClassVar[int]
    RELEASED_MICROS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SETTLED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    attempt: int
    captured_micros: int
    created_at_micros: int
    expires_at_micros: int
    forfeited_micros: int
    hold_id: str
    lots: _containers.RepeatedCompositeFieldContainer[LotAllocation]
    released_micros: int
    run_id: str
    settled_at_micros: int
    spender: str
    state: HoldState
    user_id: str
    def __init__(self, hold_id: _Optional[str] = ..., user_id: _Optional[str] = ..., state: _Optional[_Union[HoldState, str]] = ..., amount_micros: _Optional[int] = ..., captured_micros: _Optional[int] = ..., released_micros: _Optional[int] = ..., forfeited_micros: _Optional[int] = ..., created_at_micros: _Optional[int] = ..., expires_at_micros: _Optional[int] = ..., settled_at_micros: _Optional[int] = ..., run_id: _Optional[str] = ..., lots: _Optional[_Iterable[_Union[LotAllocation, _Mapping]]] = ..., spender: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class ListHoldsRequest(_message.Message):
    __slots__ = ["cursor", "limit", "states", "user_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    states: _containers.RepeatedScalarFieldContainer[HoldState]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., states: _Optional[_Iterable[_Union[HoldState, str]]] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListHoldsResponse(_message.Message):
    __slots__ = ["commit_sequence", "holds", "next_cursor"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    holds: _containers.RepeatedCompositeFieldContainer[Hold]
    next_cursor: str
    def __init__(self, holds: _Optional[_Iterable[_Union[Hold, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListTransactionsRequest(_message.Message):
    __slots__ = ["cursor", "from_micros", "limit", "metadata", "spender", "to_micros", "types", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    FROM_MICROS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    TO_MICROS_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    from_micros: int
    limit: int
    metadata: _containers.ScalarMap[str, str]
    spender: str
    to_micros: int
    types: _containers.RepeatedScalarFieldContainer[TransactionType]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., types: _Optional[_Iterable[_Union[TransactionType, str]]] = ..., from_micros: _Optional[int] = ..., to_micros: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ..., spender: _Optional[str] = ...) -> None: ...

class ListTransactionsResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "transactions"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    transactions: _containers.RepeatedCompositeFieldContainer[Transaction]
    def __init__(self, transactions: _Optional[_Iterable[_Union[Transaction, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class LotAllocation(_message.Message):
    __slots__ = ["amount_micros", "lot_id"]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    lot_id: int
    def __init__(self, lot_id: _Optional[int] = ..., amount_micros: _Optional[int] = ...) -> None: ...

class RefundRequest(_message.Message):
    __slots__ = ["amount_micros", "attempt", "description", "idempotency_key", "metadata", "run_id", "transaction_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    attempt: int
    description: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    run_id: str
    transaction_id: str
    def __init__(self, transaction_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., run_id: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class RefundResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class ReinstatePurchaseRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "event_id", "idempotency_key", "metadata", "payment_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    event_id: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    payment_id: str
    def __init__(self, payment_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., event_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ReinstatePurchaseResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ["hold_id", "idempotency_key"]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    idempotency_key: str
    def __init__(self, hold_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "hold", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    hold: Hold
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ..., hold: _Optional[_Union[Hold, _Mapping]] = ...) -> None: ...

class ReserveRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "idempotency_key", "metadata", "run_id", "spender", "ttl_millis", "user_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    TTL_MILLIS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    run_id: str
    spender: str
    ttl_millis: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., ttl_millis: _Optional[int] = ..., run_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., spender: _Optional[str] = ...) -> None: ...

class ReserveResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "hold", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    hold: Hold
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ..., hold: _Optional[_Union[Hold, _Mapping]] = ...) -> None: ...

class ReversePurchaseRequest(_message.Message):
    __slots__ = ["amount_micros", "description", "event_id", "idempotency_key", "metadata", "on_shortfall", "payment_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    ON_SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    amount_micros: int
    description: str
    event_id: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    on_shortfall: OnShortfall
    payment_id: str
    def __init__(self, payment_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., event_id: _Optional[str] = ..., on_shortfall: _Optional[_Union[OnShortfall, str]] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ReversePurchaseResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class Transaction(_message.Message):
    __slots__ = ["actor", "amount_micros", "asked_micros", "attempt", "balance_after_micros", "commit_position", "commit_sequence", "created_at_micros", "description", "effective_at_micros", "event_id", "expires_at_micros", "held_after_micros", "hold_amount_micros", "hold_id", "idempotency_key", "intent_id", "lots", "metadata", "owed_after_micros", "owed_micros", "package", "payment_id", "pending_after_micros", "period_end_date", "period_start_at_micros", "period_start_date", "plan_id", "priority", "reason", "refers_to_transaction_id", "rollover_cap_micros", "run_id", "sequence", "short_micros", "spender", "transaction_id", "type", "user_id", "version"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    ASKED_MICROS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    HELD_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    HOLD_AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    INTENT_ID_FIELD_NUMBER: _ClassVar[int]
    LOTS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OWED_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    OWED_MICROS_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PENDING_AFTER_MICROS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_DATE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_DATE_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERS_TO_TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ROLLOVER_CAP_MICROS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SHORT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SPENDER_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    actor: str
    amount_micros: int
    asked_micros: int
    attempt: int
    balance_after_micros: int
    commit_position: int
    commit_sequence: int
    created_at_micros: int
    description: str
    effective_at_micros: int
    event_id: str
    expires_at_micros: int
    held_after_micros: int
    hold_amount_micros: int
    hold_id: str
    idempotency_key: str
    intent_id: str
    lots: _containers.RepeatedCompositeFieldContainer[LotAllocation]
    metadata: _containers.ScalarMap[str, str]
    owed_after_micros: int
    owed_micros: int
    package: str
    payment_id: str
    pending_after_micros: int
    period_end_date: str
    period_start_at_micros: int
    period_start_date: str
    plan_id: str
    priority: int
    reason: str
    refers_to_transaction_id: str
    rollover_cap_micros: int
    run_id: str
    sequence: int
    short_micros: int
    spender: str
    transaction_id: str
    type: TransactionType
    user_id: str
    version: int
    def __init__(self, sequence: _Optional[int] = ..., transaction_id: _Optional[str] = ..., user_id: _Optional[str] = ..., type: _Optional[_Union[TransactionType, str]] = ..., amount_micros: _Optional[int] = ..., balance_after_micros: _Optional[int] = ..., lots: _Optional[_Iterable[_Union[LotAllocation, _Mapping]]] = ..., created_at_micros: _Optional[int] = ..., effective_at_micros: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., held_after_micros: _Optional[int] = ..., version: _Optional[int] = ..., run_id: _Optional[str] = ..., payment_id: _Optional[str] = ..., plan_id: _Optional[str] = ..., period_start_at_micros: _Optional[int] = ..., hold_id: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., package: _Optional[str] = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ..., hold_amount_micros: _Optional[int] = ..., expires_at_micros: _Optional[int] = ..., priority: _Optional[int] = ..., pending_after_micros: _Optional[int] = ..., refers_to_transaction_id: _Optional[str] = ..., event_id: _Optional[str] = ..., asked_micros: _Optional[int] = ..., short_micros: _Optional[int] = ..., owed_micros: _Optional[int] = ..., owed_after_micros: _Optional[int] = ..., period_start_date: _Optional[str] = ..., period_end_date: _Optional[str] = ..., rollover_cap_micros: _Optional[int] = ..., spender: _Optional[str] = ..., intent_id: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class VoidGrantRequest(_message.Message):
    __slots__ = ["actor", "amount_micros", "description", "idempotency_key", "metadata", "reason", "transaction_id"]
    class MetadataEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    actor: str
    amount_micros: int
    description: str
    idempotency_key: str
    metadata: _containers.ScalarMap[str, str]
    reason: str
    transaction_id: str
    def __init__(self, transaction_id: _Optional[str] = ..., amount_micros: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class VoidGrantResponse(_message.Message):
    __slots__ = ["balance", "commit_position", "commit_sequence", "replayed", "transaction"]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    balance: Balance
    commit_position: int
    commit_sequence: int
    replayed: bool
    transaction: Transaction
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., balance: _Optional[_Union[Balance, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class WatchTransactionsRequest(_message.Message):
    __slots__ = ["from_sequence", "user_ids"]
    FROM_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    from_sequence: int
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, from_sequence: _Optional[int] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchTransactionsResponse(_message.Message):
    __slots__ = ["next_sequence", "transactions"]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    next_sequence: int
    transactions: _containers.RepeatedCompositeFieldContainer[Transaction]
    def __init__(self, transactions: _Optional[_Iterable[_Union[Transaction, _Mapping]]] = ..., next_sequence: _Optional[int] = ...) -> None: ...

class TransactionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class HoldState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class BatchMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Overage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class OnShortfall(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
