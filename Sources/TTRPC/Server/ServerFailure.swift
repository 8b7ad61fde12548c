// The failures that a server itself decides, as opposed to its handlers.
//
// Invariants:
// 1. Every failure that the connection layer answers with passes through here, so that a service can give it
//    the details that its clients branch on.

/// Why the server itself fails a call.
public struct ServerFailure: Sendable, Equatable {
  public enum Kind: Sendable, Equatable, CaseIterable {
    /// A request on an even stream id.
    case evenStreamId
    /// An envelope that does not parse, or names that are no text.
    case malformedRequest
    /// A message that does not parse, of a service that is part of this library.
    case malformedMessage
    /// Somebody asked for the health of a service that `HealthService` does not know.
    case unknownHealthService
    /// Data for a stream that is not in use.
    case unknownStream
    case unknownService
    case unknownMethod
    /// The server drains.
    case shuttingDown
    /// The connection has its limit of calls under way.
    case tooManyInFlight
    /// The bytes of requests held, by the connection, by its peer or in all, leave no room.
    case tooManyBytes
    /// A request or a message of a stream is over the limit.
    case requestTooLarge
    /// A reply or a message of a stream is over the limit.
    case replyTooLarge
    /// A stream's handler has not taken its messages in time.
    case streamOverflow
    /// The deadline passed before the answer.
    case deadlineExceeded
    /// The call was cancelled by its token, or its peer ended its side mid-stream.
    case cancelled
    /// The connection is gone: told to the handler only.
    case connectionLost
    /// The stream reached its maximum lifetime.
    case streamLifetime
    /// The stream was silent for long and made room for a new call.
    case streamDisplaced
    /// The handler failed with something that is no status, or will never answer.
    case internalError
  }

  public var kind: Kind
  /// What a program needs to act, such as `limit`; keys in snake case.
  public var facts: [String: String]

  public init(_ kind: Kind, facts: [String: String] = [:]) {
    self.kind = kind
    self.facts = facts
  }
}

extension CallHooks {
  /// The status that a failure leaves as.
  func status(_ kind: ServerFailure.Kind, _ status: Status, _ facts: [String: String] = [:]) -> Status {
    dress?(ServerFailure(kind, facts: facts), status) ?? status
  }
}

extension Outbox {
  func status(
    _ kind: ServerFailure.Kind, _ code: StatusCode, _ message: String, _ facts: [String: String] = [:]
  ) -> Status {
    let status = Status(code, message)
    return shared?.status(kind, status, facts) ?? status
  }

  var deadlinePassed: Status { status(.deadlineExceeded, .deadlineExceeded, "the deadline passed") }
  var connectionLost: Status { status(.connectionLost, .cancelled, "the connection is closed") }
}
