// What a client receives for a reason: a status code, a message and an ErrorInfo.
//
// Invariants:
// 1. Every reason has exactly one code, in a switch without a default.
// 2. The ErrorInfo names the reason as proto/tallystick/v1/errors.proto spells it.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension ServerFailure.Kind {
  /// The reason for a failure that the connection layer decides.
  var reason: String {
    switch self {
    case .evenStreamId, .malformedRequest, .unknownStream: ServerReason.malformedRequest.rawValue
    case .malformedMessage: Reason.invalidField.rawValue
    case .unknownService, .unknownMethod: ServerReason.unimplemented.rawValue
    case .unknownHealthService: ServerReason.serviceNotFound.rawValue
    case .shuttingDown: Reason.shuttingDown.rawValue
    case .tooManyInFlight: ServerReason.tooManyInFlight.rawValue
    case .tooManyBytes: ServerReason.tooManyBytes.rawValue
    case .requestTooLarge, .replyTooLarge: Reason.messageTooLarge.rawValue
    case .streamOverflow: ServerReason.streamNotTaken.rawValue
    case .deadlineExceeded: Reason.deadlineExceeded.rawValue
    case .cancelled, .connectionLost: Reason.cancelled.rawValue
    case .streamLifetime, .streamDisplaced: ServerReason.streamEnded.rawValue
    case .internalError: ServerReason.internalError.rawValue
    }
  }
}

extension Reason {
  var code: StatusCode {
    switch self {
    case .deadlineExceeded: .deadlineExceeded
    case .cancelled: .cancelled
    case .invalidAmount, .invalidField, .invalidCursor, .batchTooLarge, .duplicateSection, .eventTooOld,
      .eventInFuture:
      .invalidArgument
    case .userNotFound, .paymentNotFound, .transactionNotFound, .holdNotFound, .grantNotFound, .runNotFound,
      .pageNotFound,
      .mediaNotFound, .versionNotFound, .topUpIntentNotFound:
      .notFound
    case .idempotencyMismatch, .grantConflict, .grantOverlaps, .paymentConflict, .eventConflict, .runConflict,
      .slugTaken:
      .alreadyExists
    case .holdExpired, .holdSettled, .captureExceedsHold, .transactionNotRefundable, .refundExceeds,
      .reversalExceeds, .reversalShort, .voidShort, .topUpIntentEnded, .topUpIntentNotLeased, .mediaInUse,
      .userSuspended, .paymentDue, .holdLimit,
      .lotLimit, .insufficientCredits:
      .failedPrecondition
    case .versionConflict, .batchAborted: .aborted
    case .queueFull, .messageTooLarge, .quotaExceeded, .capExceeded, .diskFull: .resourceExhausted
    case .amountOverflow: .outOfRange
    case .shuttingDown, .readOnly: .unavailable
    case .corrupt: .dataLoss
    case .outcomeUnknown: .unknown
    }
  }
}

extension Status {
  static let errorDomain = "tallystick"
  static let errorInfoTypeURL = "type.googleapis.com/tallystick.v1.ErrorInfo"

  init(_ reason: ServerReason, _ message: String, details: [String: String] = [:]) {
    self.init(code: reason.code, message: message, info: Status.info(reason.rawValue, details))
  }

  init(_ refusal: Refusal) {
    self.init(code: refusal.reason.code, message: refusal.message, info: Status.info(refusal))
  }

  private static let queueFull = Status(Refusal.queueFull)

  /// Why a call is refused before its fields are looked at. The one of which there may be very many is made
  /// only once.
  static func whole(_ refusal: Refusal) -> Status {
    refusal.reason == .queueFull ? queueFull : Status(refusal)
  }

  /// A status of a code and a reason that are given by the caller.
  init(code: StatusCode, _ message: String, reason: String, details: [String: String]) {
    self.init(code: code, message: message, info: Status.info(reason, details))
  }

  /// The status's ErrorInfo; nil when it has none.
  var info: TallystickV1.ErrorInfo? {
    let detail = details.first { $0.typeURL == Status.errorInfoTypeURL }
    return detail.flatMap { try? TallystickV1.ErrorInfo.decode($0.value) }
  }

  private init(code: StatusCode, message: String, info: TallystickV1.ErrorInfo) {
    self.init(
      code, message,
      details: [StatusDetail(typeURL: Status.errorInfoTypeURL, value: info.encode())])
  }

  private static func info(_ reason: String, _ details: [String: String]) -> TallystickV1.ErrorInfo {
    var info = TallystickV1.ErrorInfo()
    info.reason = reason
    info.domain = errorDomain
    info.metadata = details
    return info
  }

  fileprivate static func info(_ refusal: Refusal) -> TallystickV1.ErrorInfo {
    var details = refusal.details
    if let commit = refusal.commit {
      details["commit_sequence"] = String(commit.sequence)
      details["commit_position"] = String(commit.position)
    }
    return info(refusal.reason.rawValue, details)
  }
}

extension TallystickV1.ItemError {
  /// A refusal as one item of a batch reply carries it.
  init(_ refusal: Refusal) {
    self.init()
    code = refusal.reason.code.rawValue
    message = refusal.message
    info = Status.info(refusal)
  }
}
