// From a reason to what a client receives: one status code, one message, one ErrorInfo.
//
// Invariants:
// 1. Every reason has exactly one code, in a switch without a default.
// 2. A failure's detail names its reason as proto/tallystick/v1/errors.proto spells it.
//
// Values, owned by nobody.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

/// Reasons that are decided above the engine.
enum ServerReason: String, CaseIterable {
  case peerNotAllowed = "PEER_NOT_ALLOWED"
  case tooManyInFlight = "TOO_MANY_IN_FLIGHT"
  case rateLimited = "RATE_LIMITED"
  case unimplemented = "UNIMPLEMENTED"
  case malformedRequest = "MALFORMED_REQUEST"
  case tooManyBytes = "TOO_MANY_BYTES"
  case streamNotTaken = "STREAM_NOT_TAKEN"
  case streamEnded = "STREAM_ENDED"
  case serviceNotFound = "SERVICE_NOT_FOUND"
  case internalError = "INTERNAL"
  case roleRequired = "ROLE_REQUIRED"
  case actingUser = "ACTING_USER"

  var code: StatusCode {
    switch self {
    case .peerNotAllowed, .roleRequired, .actingUser: .permissionDenied
    case .tooManyInFlight, .rateLimited, .tooManyBytes, .streamNotTaken: .resourceExhausted
    case .unimplemented: .unimplemented
    case .malformedRequest: .invalidArgument
    case .streamEnded: .unavailable
    case .serviceNotFound: .notFound
    case .internalError: .internalError
    }
  }
}

extension ServerFailure.Kind {
  /// The reason of what the connection layer decides.
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
    case .userNotFound, .transactionNotFound, .holdNotFound, .grantNotFound, .runNotFound, .pageNotFound,
      .mediaNotFound, .versionNotFound:
      .notFound
    case .idempotencyMismatch, .grantConflict, .paymentConflict, .runConflict: .alreadyExists
    case .holdExpired, .holdSettled, .captureExceedsHold, .mediaInUse, .holdLimit, .lotLimit,
      .insufficientCredits:
      .failedPrecondition
    case .versionConflict: .aborted
    case .queueFull, .messageTooLarge, .quotaExceeded, .diskFull: .resourceExhausted
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

  /// A reason by its name, with any code.
  init(code: StatusCode, _ message: String, reason: String, details: [String: String]) {
    self.init(code: code, message: message, info: Status.info(reason, details))
  }

  /// What its detail says; nil for a status without a reason.
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

extension Refusal {
  /// Why a payload is not the method's message.
  init(_ error: DecodeError) {
    switch error {
    case .malformed:
      self.init(.invalidField, "the payload is not a message of this method", details: ["field": "payload"])
    case .budgetExceeded(let limit):
      self.init(
        .invalidField, "the payload takes more than \(limit) bytes of memory",
        details: ["field": "payload", "limit": String(limit)])
    case .duplicateField(let field): self = invalidField(field, "appears more than once")
    case .invalidUTF8(let field): self = invalidField(field, "is not UTF-8")
    case .containsNUL(let field): self = invalidField(field, "contains a NUL")
    }
  }
}

/// A request whose field cannot be taken.
func invalidField(_ field: String, _ problem: String, limit: Int64? = nil) -> Refusal {
  var details = ["field": field]
  if let limit { details["limit"] = String(limit) }
  return Refusal(.invalidField, "\(field) \(problem)", details: details)
}

func invalidAmount(_ field: String, _ problem: String) -> Refusal {
  Refusal(.invalidAmount, "\(field) \(problem)", details: ["field": field])
}
