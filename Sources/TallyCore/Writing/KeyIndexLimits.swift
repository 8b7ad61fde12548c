// How far an index of keys may lag behind the ledger.

public struct KeyIndexLimits: Sendable {
  /// The keys of so many rows may wait in memory; they are read again at a start after a kill.
  public var roundRows = 524_288
  /// So many of them may wait while the writer is idle.
  public var idlePairs = 4_096
  /// What one transaction of an idle writer writes, some 10 ms, or of one that stops.
  public var slicePairs = 4_096

  public static let standard = KeyIndexLimits()

  public init() {}

  public init(roundRows: Int, idlePairs: Int, slicePairs: Int) {
    self.roundRows = roundRows
    self.idlePairs = idlePairs
    self.slicePairs = slicePairs
  }
}
