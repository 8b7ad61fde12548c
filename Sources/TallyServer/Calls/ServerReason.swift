// The reasons for failures that are decided above the engine, each with its status code.
//
// Invariants:
// 1. Every reason has exactly one code, in a switch without a default.
// 2. Raw values are the names in proto/tallystick/v1/errors.proto.

internal import TTRPC

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
  case lagged = "LAGGED"
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
    case .lagged: .outOfRange
    case .serviceNotFound: .notFound
    case .internalError: .internalError
    }
  }
}
