// Upkeep of pages, in slices: what is due of schedules is written, and autosaves are thinned.
//
// Invariants:
// 1. Reads show a page published from its time on (`PageFacts.settle`), so this is never late for anybody.
//
// Owner: the writer's queue.

extension Committer {
  /// Pages that one transaction publishes, or looks at for autosaves.
  static let upkeptPages = 256

  /// Publishes a slice of what is due.
  /// - Returns: whether there may be more.
  func publish() throws(StorageFailure) -> Bool {
    guard !isDead else { return false }
    let due = try store.duePages(nowMicros: time.nowMicros, limit: Self.upkeptPages)
    let writes = try change(due) { (pageId, decider) throws(Refusal) in try decider.publication(of: pageId) }
    return writes != nil && due.count == Self.upkeptPages
  }

  /// Removes a slice of the autosaves that are not kept any more.
  /// - Returns: whether there may be more.
  func thin() throws(StorageFailure) -> Bool {
    guard !isDead else { return false }
    let due = try store.pagesToThin(nowMicros: time.nowMicros, limit: Self.upkeptPages)
    let writes = try change(due) { (pageId, decider) throws(Refusal) in try decider.thinning(of: pageId) }
    guard let writes else { return false }
    store.freeMemory()
    return due.count == Self.upkeptPages || writes.thinned.count >= PageLimits.thinnedVersionCount
  }

  /// Changes pages in one transaction. Those that cannot be read stay as they are, for verification to name.
  /// - Returns: what was written; nil when nothing was, or nobody knows.
  private func change(
    _ pageIds: [String], _ decide: (String, Decider) throws(Refusal) -> Effects?
  ) throws(StorageFailure) -> WriteSet? {
    if pageIds.isEmpty { return nil }
    try store.begin()
    let writes = try loading(looksForKeys: false) { (records) throws(StorageFailure) in
      for pageId in pageIds { try change(pageId, records, decide) }
      if let gap = records.gap { throw gap }
      try write(records)
      return records.writes
    }
    return try commitUpkeep(writes) && writes.hasWritten ? writes : nil
  }

  /// What is not loaded is left to the caller.
  private func change(
    _ pageId: String, _ records: ReadSet, _ decide: (String, Decider) throws(Refusal) -> Effects?
  ) throws(StorageFailure) {
    do throws(Refusal) {
      if let effects = try decide(pageId, Decider(records: records)) { records.writes.add(effects) }
    } catch {
      try records.endIfUnreadable()
    }
  }
}
