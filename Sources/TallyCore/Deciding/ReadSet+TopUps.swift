// Top-ups, as the batch has changed them, else as they are committed.
//
// Owner: the writer's queue.

extension ReadSet {
  func topUp(account: Int64) throws(Refusal) -> TopUp? {
    if let topUp = writes.topUps[account] { return topUp }
    return try load { (it) throws(StorageFailure) in try it.topUp(account: account) }
  }

  func topUpIntent(id: Int64) throws(Refusal) -> TopUpIntent? {
    if let intent = writes.topUpIntents[id] { return intent }
    return try load { (it) throws(StorageFailure) in try it.topUpIntent(id: id) }
  }

  /// The one that a purchase has closed.
  func topUpIntent(closedBy purchase: Int64) throws(Refusal) -> TopUpIntent? {
    if let intent = writes.topUpIntents.values.first(where: { $0.purchase == purchase }) { return intent }
    return try load { (it) throws(StorageFailure) in try it.topUpIntent(closedBy: purchase) }
  }

  /// The one that can be taken and has been due for longest.
  func dueTopUpIntent() throws(Refusal) -> TopUpIntent? {
    try first(where: { $0.state == .open && $0.dueAtMicros <= nowMicros }) {
      (it, limit) throws(StorageFailure) in
      try it.dueTopUpIntents(nowMicros: nowMicros, limit: limit)
    }
  }

  /// The one that is leased to a worker.
  func leasedTopUpIntent(worker: String) throws(Refusal) -> TopUpIntent? {
    try first(where: { $0.isLeased(atMicros: nowMicros) && $0.worker.isExactly(worker) }) {
      (it, limit) throws(StorageFailure) in
      try it.leasedTopUpIntents(worker: worker, nowMicros: nowMicros, limit: limit)
    }
  }

  /// - Parameter stored: the first ones that are so, in the order in which they are due.
  private func first(
    where isSo: (TopUpIntent) -> Bool,
    _ stored: (any RecordSource, Int) throws(StorageFailure) -> [TopUpIntent]
  ) throws(Refusal) -> TopUpIntent? {
    // Those that the batch has changed stand in the write set.
    let limit = writes.topUpIntents.count + 1
    let found = try load { (it) throws(StorageFailure) in try stored(it, limit) }
    let candidates = found.filter { writes.topUpIntents[$0.id] == nil }.prefix(1)
    return (candidates + writes.topUpIntents.values.filter(isSo))
      .min { ($0.dueAtMicros, $0.id) < ($1.dueAtMicros, $1.id) }
  }
}
