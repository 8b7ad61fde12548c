// Why a command was not carried out.
//
// Invariants:
// 1. The order of the cases is the order of precedence: when several apply, the first is the answer.
// 2. Every reason says that nothing was applied, but for `outcomeUnknown`.

/// A reason on the wire is this case's name in upper snake case. Whether a retry is safe stands with
/// each reason in proto/tallystick/v1/errors.proto.
public enum Reason: String, Sendable, CaseIterable {
  case deadlineExceeded = "DEADLINE_EXCEEDED"
  case cancelled = "CANCELLED"
  case shuttingDown = "SHUTTING_DOWN"
  case queueFull = "QUEUE_FULL"
  case messageTooLarge = "MESSAGE_TOO_LARGE"
  case invalidAmount = "INVALID_AMOUNT"
  case invalidField = "INVALID_FIELD"
  case invalidCursor = "INVALID_CURSOR"
  case batchTooLarge = "BATCH_TOO_LARGE"
  case duplicateSection = "DUPLICATE_SECTION"
  case eventTooOld = "EVENT_TOO_OLD"
  case eventInFuture = "EVENT_IN_FUTURE"
  case userNotFound = "USER_NOT_FOUND"
  case transactionNotFound = "TRANSACTION_NOT_FOUND"
  case holdNotFound = "HOLD_NOT_FOUND"
  case grantNotFound = "GRANT_NOT_FOUND"
  case runNotFound = "RUN_NOT_FOUND"
  case pageNotFound = "PAGE_NOT_FOUND"
  case mediaNotFound = "MEDIA_NOT_FOUND"
  case versionNotFound = "VERSION_NOT_FOUND"
  case idempotencyMismatch = "IDEMPOTENCY_MISMATCH"
  case grantConflict = "GRANT_CONFLICT"
  case paymentConflict = "PAYMENT_CONFLICT"
  case runConflict = "RUN_CONFLICT"
  case holdExpired = "HOLD_EXPIRED"
  case holdSettled = "HOLD_SETTLED"
  case captureExceedsHold = "CAPTURE_EXCEEDS_HOLD"
  case versionConflict = "VERSION_CONFLICT"
  case mediaInUse = "MEDIA_IN_USE"
  case holdLimit = "HOLD_LIMIT"
  case lotLimit = "LOT_LIMIT"
  case amountOverflow = "AMOUNT_OVERFLOW"
  case quotaExceeded = "QUOTA_EXCEEDED"
  case insufficientCredits = "INSUFFICIENT_CREDITS"
  case diskFull = "DISK_FULL"
  case readOnly = "READ_ONLY"
  case corrupt = "CORRUPT"
  case outcomeUnknown = "OUTCOME_UNKNOWN"
}
