// Another database in the place of this one, for test harnesses.
//
// Owner: the writer's queue.

extension Committer {
  /// Puts another database in the place of this one. For test harnesses.
  /// - Parameters:
  ///   - setClock: called before anybody sees the new database.
  ///   - replace: one transaction, handed the number of its commit; nothing has changed when it throws `full`
  ///     or `busy`.
  /// - Returns: the commit that did it.
  package func replace(
    _ setClock: () -> Void, by replace: (_ commitSequence: Int64) throws(StorageFailure) -> Void
  ) throws(StorageFailure) -> Int64 {
    if isDead || state.isLost { throw StorageFailure(.failedSync, "disk I/O error", operation: "replace") }
    // Before and after: whoever began to read between, or read on over either, has read two databases.
    state.countReplacement()
    defer { state.countReplacement() }
    ledgerObserver?.willReplace()
    eventObserver?.willReplace()
    pageObserver?.willReplace()
    defer {
      ledgerObserver?.begin(after: books.head.ledgerSequence)
      eventObserver?.begin(after: books.lastEventId)
      pageObserver?.begin(after: books.lastPageUpdate)
    }
    do { try replace(books.head.commitSequence + 1) } catch {
      // Only then is it known that the commit is not in the log.
      if error.kind == .full || error.kind == .busy { throw error }
      throw dying(error)
    }
    // What is in memory is not what is in the file.
    do { try adopt(setClock) } catch { throw dying(error) }
    // The disk has taken it.
    becomeWritable()
    checkpoint(isIdle: false)
    store.noteLog()
    return books.head.commitSequence
  }

  /// The caller is not told that nothing has changed.
  private func dying(_ error: StorageFailure) -> StorageFailure {
    die([], error)
    return StorageFailure(.failedSync, error.message, operation: error.operation)
  }

  private func adopt(_ setClock: () -> Void) throws(StorageFailure) {
    try store.reload()
    books = try store.books()
    earliestDueMicros = Int64.min
    (damagedUsers, damagedMedia) = ([:], [:])
    trailing = 0
    time.drive(ledgerMicros: books.head.lastAtMicros, setClock)
    // In this order: whoever has seen the new head must not find an old value in a cache.
    caches.clear(commitSequence: books.head.commitSequence)
    onRateLimits(.all(try store.rateLimits()))
    state.clear(books)
  }
}
