// How a call failed, as a program needs to know it.
//
// Invariants:
// 1. `outcome` is `.unknown` only where the call may have been applied: a lost connection, a deadline or
//    cancellation in this process, or the server's OUTCOME_UNKNOWN. Everything else was not applied.

public import TTRPC
internal import TallyMessages

/// A failed call. Branch on `reason`, never on `message`.
public struct TallyError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Outcome: Sendable, Equatable {
    /// Nothing was applied.
    case notApplied
    /// It may have been applied. Send the same request with the same key again to find out.
    case unknown
  }

  public var code: StatusCode
  /// The name of a value of `TallystickV1.Reason`, such as `INSUFFICIENT_CREDITS`, or one that this client
  /// decides itself: `CONNECTION_LOST`, `NOT_CONNECTED`, `DEADLINE_EXCEEDED` or `CANCELLED`. Empty when there
  /// is none.
  public var reason: String
  public var message: String
  /// What a program needs to act: `available_micros`, `field`, `limit`, ...
  public var details: [String: String]
  public var outcome: Outcome

  public init(
    _ code: StatusCode, reason: String, _ message: String, details: [String: String] = [:],
    outcome: Outcome = .notApplied
  ) {
    self.code = code
    self.reason = reason
    self.message = message
    self.details = details
    self.outcome = outcome
  }

  /// The same request with the same key may be sent again, and may then succeed.
  public var isRetrySafe: Bool {
    switch reason {
    case "CONNECTION_LOST", "NOT_CONNECTED", "DEADLINE_EXCEEDED", "OUTCOME_UNKNOWN", "QUEUE_FULL",
      "TOO_MANY_IN_FLIGHT", "TOO_MANY_BYTES", "RATE_LIMITED", "DISK_FULL":
      true
    default: code == .unavailable
    }
  }

  /// The same error for a call some of whose requests may have been applied.
  var inDoubt: TallyError {
    var told = self
    told.outcome = .unknown
    return told
  }

  public var description: String {
    reason.isEmpty ? "\(code): \(message)" : "\(reason): \(message)"
  }

  static let errorInfoTypeURL = "type.googleapis.com/tallystick.v1.ErrorInfo"

  /// A failure of the protocol's own client, read for its reason.
  public init(_ error: CallError) {
    self.init(
      error.status.code, reason: "", error.status.message,
      outcome: error.outcomeIsUnknown ? .unknown : .notApplied)
    if let info = Self.info(error.status) {
      reason = info.reason
      details = info.metadata
    } else if error.status.code == .unavailable, error.outcomeIsUnknown {
      reason = "CONNECTION_LOST"
    } else if error.status.code == .deadlineExceeded {
      reason = "DEADLINE_EXCEEDED"
    } else if error.status.code == .cancelled {
      reason = "CANCELLED"
    }
    if reason == "OUTCOME_UNKNOWN" { outcome = .unknown }
  }

  /// The first ErrorInfo among the details; one that does not parse counts as none.
  private static func info(_ status: Status) -> TallystickV1.ErrorInfo? {
    for detail in status.details where detail.typeURL == errorInfoTypeURL {
      if let info = try? TallystickV1.ErrorInfo.decode(detail.value) { return info }
    }
    return nil
  }

  /// A reply that this client cannot read; the call itself was carried out.
  static func unreadable(_ error: DecodeError) -> TallyError {
    TallyError(.internalError, reason: "", "the reply cannot be read: \(error)", outcome: .unknown)
  }
}
