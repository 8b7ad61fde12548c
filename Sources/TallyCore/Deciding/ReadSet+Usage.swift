// Runs and what is counted, as a batch's decisions see them.
//
// Owner: the writer's queue.

extension ReadSet {
  /// - Parameter attempt: nil for the newest.
  func run(runId: String, attempt: Int32?) throws(Refusal) -> StoredRun? {
    if let attempt = attempt ?? writes.newestAttempts[ExactText(runId)],
      let row = writes.runs[RunName(runId, attempt: attempt)]
    {
      return row.run
    }
    let stored = try load { (it) throws(StorageFailure) in try it.run(runId: runId, attempt: attempt) }
    // The newest that is stored may have been changed by the batch.
    return stored.flatMap { writes.runs[$0.run.name]?.run } ?? stored
  }

  /// Runs under way that count against a quota. Those that are stored are counted once a batch.
  func openRunCount(of account: Account) throws(Refusal) -> Int64 {
    let more = writes.openRuns[account.id] ?? 0
    if let known = loadedOpenRunCounts[account.id] { return known.addingSaturating(more) }
    let stored = try load { (it) throws(StorageFailure) in
      try it.openRunCount(account: account.id, nowMicros: nowMicros)
    }
    loadedOpenRunCounts[account.id] = stored
    return stored.addingSaturating(more)
  }

  /// The number of a model and a type.
  func label(_ label: RunLabel) throws(Refusal) -> (id: Int64, isNew: Bool) {
    if let id = writes.labels[label] { return (id, false) }
    if let id = try load({ (it) throws(StorageFailure) in try it.label(label) }) { return (id, false) }
    return (writes.books.lastLabelId + 1, true)
  }

  /// What a day has of a tag's values, and whether one of them is there.
  func tagValues(_ key: GroupKey) throws(Refusal) -> TagValues {
    var values = try load { (it) throws(StorageFailure) in try it.tagValues(key) }
    values.isKnown = values.isKnown || writes.groups.byKey[key] != nil
    values.count += writes.newTagValues[key.ofAllValues] ?? 0
    return values
  }

  /// Live pages.
  func pageCount(of account: Account) throws(Refusal) -> Int64 {
    let stored = try load { (it) throws(StorageFailure) in try it.pageCount(account: account.id) }
    return stored.addingSaturating(writes.pageCounts[account.id] ?? 0)
  }

  /// Of a month of some zone.
  func counters(in span: MonthSpan, of account: Account) throws(Refusal) -> MonthCounters {
    let key = MonthKey(month: span.month.number, account: account.id)
    var counters = try load { (it) throws(StorageFailure) in try it.counters(key) }
    if let more = writes.months[key] { counters.add(more) }
    for edge in span.edges {
      let cell = try cell(day: edge.day, of: account, quarters: edge.quarters)
      counters.add(MonthCounters(of: cell), sign: edge.sign)
    }
    return counters
  }

  /// Over some quarter hours of a UTC day.
  private func cell(
    day: Int64, of account: Account, quarters: Range<Int>
  ) throws(Refusal) -> RollupCell {
    var cell = try load { (it) throws(StorageFailure) in
      try it.cell(day: day, account: account.id, quarters: quarters)
    }
    let key = RollupKey(day: day, account: account.id, label: 0)
    for delta in writes.rollups[key] where quarters.contains(delta.quarter) {
      guard cell.takes(delta.cell) else {
        throw StorageFailure.malformed("rollup: a sum is out of range").refusal
      }
    }
    return cell
  }
}
