// How far an index of keys may lag behind the ledger.

public struct KeyIndexLimits: Sendable {
  /// In so many rows all that waits in memory is written once. The keys of an eighth more may wait; they are
  /// read again at a start after a kill.
  public var roundRows = 524_288
  /// The index may lag so many rows behind while the writer is idle.
  public var idleRows = 4_096
  /// What one transaction of an idle writer writes, or of one that stops: some 10 ms if the index is cached.
  public var slicePairs = 4_096

  public static let standard = KeyIndexLimits()

  public init() {}

  public init(roundRows: Int, idleRows: Int, slicePairs: Int) {
    self.roundRows = roundRows
    self.idleRows = idleRows
    self.slicePairs = slicePairs
  }
}
