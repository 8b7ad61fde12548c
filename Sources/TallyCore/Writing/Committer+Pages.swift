// Upkeep of pages, in slices: what is due of schedules is written, deleted media are taken out of pages,
// autosaves are thinned, and versions of purged pages are removed.
//
// Invariants:
// 1. Reads show a page published from its time on (`PageFacts.settle`), and no deleted medium, whichever
//    version names it: so this is never late for anybody.
//
// Owner: the writer's queue.

extension Committer {
  /// Pages that one transaction publishes, or looks at for autosaves.
  static let upkeptPages = 256
  /// How long media are left alone of which only damaged pages are left.
  private static let damagedMediaMicros: Int64 = 3_600_000_000

  /// Publishes a slice of what is due.
  /// - Returns: whether there may be more.
  func publish() throws(StorageFailure) -> Bool {
    guard !isDead else { return false }
    let due = try store.duePages(nowMicros: time.nowMicros, limit: Self.upkeptPages)
    let writes = try change(due) { (pageId, decider) throws(Refusal) in try decider.publication(of: pageId) }
    return writes != nil && due.count == Self.upkeptPages
  }

  /// Takes a deleted medium out of a slice of the pages that name it.
  /// - Returns: whether there may be more, of this medium or of another.
  func detach() throws(StorageFailure) -> Bool {
    guard !isDead else { return false }
    let nowMicros = time.nowMicros
    let due = try store.mediaToDetach(limit: 1 + damagedMedia.count)
    let next = due.first { damagedMedia[ExactText($0)] ?? Int64.min <= nowMicros }
    guard let next else { return false }
    let writes = try change([next]) { (mediaId, decider) throws(Refusal) in
      try decider.detachment(of: mediaId)
    }
    if isDead { return false }
    // Else every page that is left of it is damaged.
    damagedMedia[ExactText(next)] =
      writes == nil ? nowMicros.addingSaturating(Self.damagedMediaMicros) : nil
    store.freeMemory()
    return true
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

  /// Removes a slice of a page that was purged.
  /// - Returns: whether there was one.
  func purge() throws(StorageFailure) -> Bool {
    guard !isDead, try store.hasPurged() else { return false }
    try store.begin()
    try store.removePurgedSlice()
    let records = readSet(looksForKeys: false)
    records.writes.touch()
    try write(records)
    let isDone = try commitUpkeep(records.writes)
    store.freeMemory()
    return isDone
  }

  /// Changes pages, or pages of media, in one transaction. Those that cannot be read stay as they are, for
  /// verification to name.
  /// - Returns: what was written; nil when nothing was, or nobody knows.
  private func change(
    _ ids: [String], _ decide: (String, Decider) throws(Refusal) -> Effects?
  ) throws(StorageFailure) -> WriteSet? {
    if ids.isEmpty { return nil }
    try store.begin()
    let writes = try loading(looksForKeys: false) { (records) throws(StorageFailure) in
      for id in ids { try change(id, records, decide) }
      if let gap = records.gap { throw gap }
      try write(records)
      return records.writes
    }
    return try commitUpkeep(writes) && writes.hasWritten ? writes : nil
  }

  /// What is not loaded is left to the caller.
  private func change(
    _ id: String, _ records: ReadSet, _ decide: (String, Decider) throws(Refusal) -> Effects?
  ) throws(StorageFailure) {
    do throws(Refusal) {
      if let effects = try decide(id, Decider(records: records)) { records.writes.add(effects) }
    } catch {
      try records.endIfUnreadable()
    }
  }
}
