// Keys that wait for their index are written to it while nobody else writes.
//
// Invariants:
// 1. It changes nothing that anybody reads: a key is found before and afterwards. So it is no commit of the
//    ledger's, and nothing is published.
//
// Owner: the writer's queue.

extension Committer {
  /// Writes a slice of them, when there are many.
  /// - Returns: whether there may be more.
  func writeKeySlice() throws(StorageFailure) -> Bool {
    guard !isDead, store.isKeySliceDue else { return false }
    try commitKeys()
    return !isDead && store.isKeySliceDue
  }

  /// Writes all of them, so that the next start, or whoever takes a copy of the database up, need not look
  /// for them in the ledger. What fails is left to that.
  package func writeKeys() {
    do {
      while !isDead, store.hasWaitingKeys(through: books.head.ledgerSequence) { try commitKeys() }
    } catch {
      do { try store.rollback() } catch { return die([], error) }
      if error.kind == .failedSync { die([], error) }
    }
  }

  private func commitKeys() throws(StorageFailure) {
    try store.begin()
    try store.writeKeys(through: books.head.ledgerSequence)
    do {
      try store.commit()
    } catch {
      if error.kind == .full { throw error }
      die([], error)
    }
  }
}
