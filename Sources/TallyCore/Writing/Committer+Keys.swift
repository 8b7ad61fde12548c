// Keys that wait for their index are written to it while nobody else writes.
//
// Invariants:
// 1. It changes nothing that anybody reads: a key is found before and afterwards. So it is no commit of the
//    ledger's, and nothing is published.
// 2. It may fail for want of room while others' writes still fit: then it rests, and nothing else is kept
//    from writing.
//
// Owner: the writer's queue.

internal import TallyLocking

extension Committer {
  /// How long it rests after the disk was full, in nanoseconds: a minute.
  private static let keyRestNanoseconds: UInt64 = 60_000_000_000
  /// What the end of the process waits for at most, in nanoseconds; the next start reads the rest from the
  /// ledger.
  private static let lastKeysNanoseconds: UInt64 = 500_000_000

  /// Writes a slice of them, when there are many.
  /// - Returns: whether there may be more.
  func writeKeySlice() throws(StorageFailure) -> Bool {
    guard !isDead, areKeysDue, MonotonicClock.nanoseconds >= keysRestUntilNanoseconds else { return false }
    do {
      try commitKeys()
    } catch {
      if isDead { return false }
      guard error.kind == .full else { throw error }
      keysRestUntilNanoseconds = MonotonicClock.nanoseconds &+ Self.keyRestNanoseconds
      try store.rollback()
      return false
    }
    return areKeysDue
  }

  private var areKeysDue: Bool { store.isKeySliceDue(through: books.head.ledgerSequence) }

  /// Writes what waits before the process ends, as far as there is time.
  func writeLastKeys() throws(StorageFailure) {
    try writeKeys(deadlineNanoseconds: MonotonicClock.nanoseconds &+ Self.lastKeysNanoseconds)
  }

  /// Writes what waits, so that whoever takes the database up need not look for it in the ledger. What cannot
  /// be written is left to that.
  /// - Throws: when nothing may be written any more.
  package func writeKeys(deadlineNanoseconds: UInt64 = UInt64.max) throws(StorageFailure) {
    guard !isDead, !state.isLost else { return }
    do {
      while store.hasWaitingKeys(through: books.head.ledgerSequence),
        MonotonicClock.nanoseconds < deadlineNanoseconds
      { try commitKeys() }
    } catch {
      guard !isDead, error.kind != .failedSync else { throw ended(by: error) }
      do { try store.rollback() } catch { throw ended(by: error) }
    }
  }

  private func ended(by error: StorageFailure) -> StorageFailure {
    if !isDead { die([], error) }
    return error
  }

  /// - Throws: also after a COMMIT of which nobody knows whether it was applied: nothing is written then any
  ///   more.
  private func commitKeys() throws(StorageFailure) {
    try store.begin()
    try store.writeKeys(through: books.head.ledgerSequence)
    do {
      try store.commit()
    } catch {
      if error.kind != .full { die([], error) }
      throw error
    }
  }
}
