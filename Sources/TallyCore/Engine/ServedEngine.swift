// An engine as a server runs it: the product's reads and writes, its life, what it counts, and what test
// harnesses ask of it.
//
// Owner: the engine's own queues.

public import TallyMeasuring

/// A copy of the whole store, for test harnesses.
public protocol StoreCopy: Sendable {
  var byteCount: Int { get }
  /// The commit that it is of.
  var commitSequence: Int64 { get }
}

public protocol ServedEngine: ProductEngine, PageStore {
  /// Of the library that keeps the store, as GetServerInfo and the metrics tell it.
  var libraryVersion: String { get }
  /// Reads that may be under way at once.
  var readerCount: Int { get }
  var statements: StatementStatistics { get }
  /// What the store has done since its start, and what it holds now.
  func report() -> StoreReport
  /// Proves the ledger's invariants while the engine runs.
  /// - Parameter report: called as checks go on and end, on the calling thread.
  /// - Returns: whether there was no violation.
  /// - Throws: `replaced` when a harness has put another store in the place of this one.
  func verify(enums: VerifyEnums?, report: (VerifyProgress) -> Void) throws(StoreError) -> Bool
  /// Lets nothing in any more, answers what is queued, and closes the store.
  func close() throws(StoreError)

  // MARK: for test harnesses

  /// Empties the store, but for the count of commits.
  /// - Parameter setClock: called while nothing is decided.
  /// - Returns: the commit that did it.
  func reset(setClock: () -> Void) throws(StoreError) -> Int64
  /// Copies the store.
  /// - Parameter note: called while nothing is decided.
  /// - Returns: nil when it has more bytes than the limit.
  func saveCopy(limitByteCount: Int, note: () -> Void) throws(StoreError) -> (any StoreCopy)?
  /// Puts the store back to a copy of it, but for the count of commits.
  /// - Returns: the commit that did it.
  func restore(_ copy: any StoreCopy, setClock: () -> Void) throws(StoreError) -> Int64
  /// Sets the clock, and lets time go on from there; the ledger's last row is the earliest that it goes back
  /// to.
  func driveTime(setClock: () -> Void)
  /// Tries a full disk again, as each tick does.
  func retryDisk() throws(StoreError)
}
