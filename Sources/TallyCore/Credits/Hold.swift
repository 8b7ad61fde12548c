// Credit that is set aside until it is captured, released or expired.

public enum HoldState: Int32, Sendable, CaseIterable {
  case open = 1
  case captured = 2
  case released = 3
  case expired = 4
}

/// Credit set aside. Leaves `open` exactly once; then captured + released + forfeited = amount.
public struct Hold: Sendable, Equatable {
  /// The sequence of the row that opened it.
  public var id: Int64
  public var userId: String
  public var state: HoldState
  public var amountMicros: Int64
  public var capturedMicros: Int64 = 0
  public var releasedMicros: Int64 = 0
  public var forfeitedMicros: Int64 = 0
  public var createdAtMicros: Int64
  public var expiresAtMicros: Int64
  public var settledAtMicros: Int64 = 0
  public var runId: String
  /// Of the run that BeginRun opened it for; zero for its first, and for a hold of Reserve.
  public var attempt: Int32
  /// Who spends it; empty for none.
  public var spender = ""
  /// What each lot pins, in burn order.
  public var pins: [LotAllocation]

  /// Open ones of one user.
  public static let maximumOpenHolds: Int64 = 1_024

  public init(
    id: Int64, userId: String, state: HoldState = .open, amountMicros: Int64, createdAtMicros: Int64,
    expiresAtMicros: Int64, runId: String, attempt: Int32 = 0, pins: [LotAllocation]
  ) {
    self.id = id
    self.userId = userId
    self.state = state
    self.amountMicros = amountMicros
    self.createdAtMicros = createdAtMicros
    self.expiresAtMicros = expiresAtMicros
    self.runId = runId
    self.attempt = attempt
    self.pins = pins
  }
}
