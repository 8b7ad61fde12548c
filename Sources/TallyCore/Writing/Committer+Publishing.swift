// Pages whose schedule is due, written so in slices. Reads show them published from their time on
// (`PageFacts.settle`), so this is never late for anybody.
//
// Owner: the writer's queue.

extension Committer {
  /// Pages that one transaction publishes.
  static let publishedPages = 256

  /// A slice of what is due.
  /// - Returns: whether there may be more.
  func publish() throws(StorageFailure) -> Bool {
    guard !isDead else { return false }
    let due = try store.duePages(nowMicros: time.nowMicros, limit: Self.publishedPages)
    if due.isEmpty { return false }
    try store.begin()
    let writes = try loading(looksForKeys: false) { (records) throws(StorageFailure) in
      for pageId in due { try publish(pageId, records) }
      if let gap = records.gap { throw gap }
      try write(records)
      return records.writes
    }
    let isDone = try commitUpkeep(writes)
    // Pages that cannot be read stay due: without any progress they are left to the next tick.
    return isDone && writes.hasWritten && due.count == Self.publishedPages
  }

  /// What is not loaded is left to the caller; a page that cannot be read to verification.
  private func publish(_ pageId: String, _ records: ReadSet) throws(StorageFailure) {
    do throws(Refusal) {
      if let effects = try Decider(records: records).publication(of: pageId) { records.writes.add(effects) }
    } catch {
      try records.endIfUnreadable()
    }
  }
}
