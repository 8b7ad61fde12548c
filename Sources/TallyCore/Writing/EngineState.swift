// What an engine is doing, and how far its ledger has come.

public struct EngineState: Sendable, Equatable {
  public enum Mode: Sendable, Equatable {
    case serving, readOnly, draining
    /// The files of the database were removed or replaced while they were open.
    case lost
  }
  public var mode: Mode
  public var commitSequence: Int64
  public var ledgerSequence: Int64
  public var schemaVersion: Int32
  /// The time of the last commit that wrote a ledger row; zero before the first.
  public var lastTimeMicros: Int64

  public init(
    mode: Mode, commitSequence: Int64, ledgerSequence: Int64, schemaVersion: Int32, lastTimeMicros: Int64
  ) {
    self.mode = mode
    self.commitSequence = commitSequence
    self.ledgerSequence = ledgerSequence
    self.schemaVersion = schemaVersion
    self.lastTimeMicros = lastTimeMicros
  }
}
