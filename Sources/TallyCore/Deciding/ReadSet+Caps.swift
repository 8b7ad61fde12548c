// Caps and what is counted for them, as a batch's decisions see them.
//
// Owner: the writer's queue.

/// What counts for an account's caps, while nothing more was decided.
struct FoundCapFacts {
  var query: CapFactQuery
  /// Of the write set.
  var position: Int32
  var facts: [CapFact]
}

extension ReadSet {
  /// Those that the user was given, beside the plan's.
  /// - Parameter spender: empty for the account itself.
  func ownCaps(of account: Account, spender: String) throws(Refusal) -> [Cap] {
    if account.ownCapCount == 0 { return [] }
    let key = CapKey(account: account.id, spender: spender)
    if let caps = writes.caps[key] { return caps }
    return try load { (it) throws(StorageFailure) in try it.caps(key) }
  }

  /// What is counted for them.
  func capCounters(of account: Account, spender: String) throws(Refusal) -> CapCounters? {
    guard account.isCapCounted else { return nil }
    let key = CapKey(account: account.id, spender: spender)
    if let counters = writes.capCounters[key] { return counters.isEmpty ? nil : counters }
    if writes.uncounted.contains(account.id) { return nil }
    if let known = loadedCapCounters[key] { return known }
    let stored = try load { (it) throws(StorageFailure) in try it.capCounters(key) }
    loadedCapCounters[key] = .some(stored)
    return stored
  }

  /// Runs under way that have not expired.
  func runsUnderWay(of account: Account) throws(Refusal) -> [Run] {
    if account.id == 0 { return [] }
    let stored = try load { (it) throws(StorageFailure) in
      try it.runsUnderWay(account: account.id, nowMicros: nowMicros)
    }
    let changed = writes.runs.values.filter { $0.run.account == account.id }.map(\.run.run)
    return stored.filter { writes.runs[$0.name] == nil } + changed.filter { $0.isOpen(nowMicros: nowMicros) }
  }
}
