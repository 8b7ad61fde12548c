// What the writer needs of an engine: committed records, one transaction at a time, and upkeep.
//
// Invariants:
// 1. Between `begin` and `commit` or `rollback` nobody else writes.
// 2. A failure before `commit` has applied nothing once `rollback` returns. A failure of `commit` leaves open
//    what was applied, unless it is `full`.
//
// Owner: the writer's queue.

package protocol WriterStore: RecordSource {
  // MARK: a transaction

  /// What the last commit has left.
  func books() throws(StorageFailure) -> Books
  /// Another database stands in the place of what it knew.
  func reload() throws(StorageFailure)
  func begin() throws(StorageFailure)
  /// Writes a closed write set, each table's rows in the order of their keys.
  func write(_ set: WriteSet) throws(StorageFailure)
  func commit() throws(StorageFailure)
  /// Whether `write` fails with `constraint` for a key that is in use. Else keys are looked for before
  /// anything is decided.
  var refusesUsedKeys: Bool { get }
  /// Ends the transaction, if a failure has not done so already.
  func rollback() throws(StorageFailure)
  /// Gives back memory that a large transaction has taken.
  func freeMemory()
  /// A lock was not given back: nothing can be written any more.
  var isLockedOut: Bool { get }

  // MARK: upkeep

  /// The first time at which something of anybody's expires that is not written off; nil for never.
  func earliestDue() throws(StorageFailure) -> Int64?
  /// Users of whom something has expired that is not written off, the longest overdue first.
  func dueUsers(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String]
  /// Lots that expire by a time, after one of them, in the order of their ends; spent ones too.
  func expiringLots(
    after place: LotPlace, throughMicros: Int64, limit: Int
  ) throws(StorageFailure) -> [ExpiringLot]
  /// Ids of pages whose schedule is due, the longest overdue first.
  func duePages(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String]
  /// Ids of pages of which autosaves may have to go, the longest overdue first.
  func pagesToThin(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [String]
  /// Ids of deleted media that are yet to be taken out of pages, in the order in which they were made.
  func mediaToDetach(limit: Int) throws(StorageFailure) -> [String]
  /// Whether something of a page that was purged is left to remove.
  func hasPurged() throws(StorageFailure) -> Bool
  /// Removes the next slice of it, in the open transaction.
  func removePurgedSlice() throws(StorageFailure)
  /// All there are.
  func rateLimits() throws(StorageFailure) -> [RateLimit]
  /// Whether so many keys wait for their index that an idle writer writes some of them.
  /// - Parameter sequence: the last row of the ledger.
  func isKeySliceDue(through sequence: Int64) -> Bool
  /// Whether the next start would have to look for keys that are not in their index.
  func hasWaitingKeys(through sequence: Int64) -> Bool
  /// Writes a slice of what waits, in the open transaction.
  func writeKeys(through sequence: Int64) throws(StorageFailure)

  // MARK: the log

  /// The log has reached its limit: nothing may be written.
  var isLogFull: Bool { get }
  var isCheckpointDue: Bool { get }
  /// `checkpoint` is to be called again, soon.
  var isCheckpointPausing: Bool { get }
  /// - Throws: `failedSync` only; other failures are tried again.
  func checkpoint(isIdle: Bool) throws(StorageFailure)
  /// The last checkpoint, before the store is closed.
  func truncate() throws(StorageFailure)
  /// Tells how large the log is.
  func noteLog()
}

/// A store whose index of keys never lags behind.
extension WriterStore {
  package func reload() throws(StorageFailure) {}
  package func isKeySliceDue(through sequence: Int64) -> Bool { false }
  package func hasWaitingKeys(through sequence: Int64) -> Bool { false }
  package func writeKeys(through sequence: Int64) throws(StorageFailure) {}
}
