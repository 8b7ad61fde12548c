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

/// Counters that one command made, with what the batch has decided before it.
struct MadeCapCounters {
  /// As it was when they were made.
  var account: Account
  var counters: [CapKey: CapCounters] = [:]

  /// Of so many facts, counters are kept when their command is refused. Those of fewer are as quickly made
  /// again, and whoever may name any spender would fill the table with them.
  static let leastFactCount = 64
}

extension ReadSet {
  /// Takes note of counters that were made for the command that is being decided.
  /// The first ones of an account stand: what a copy has decided since may be dropped.
  func note(_ counters: CapCounters, of account: Account, spender: String, factCount: Int) {
    guard factCount >= MadeCapCounters.leastFactCount, account.id != 0 else { return }
    var made = madeCapCounters.last { $0.account.id == account.id } ?? MadeCapCounters(account: account)
    guard made.account.version == account.version else { return }
    made.counters[CapKey(account: account.id, spender: spender)] = counters
    madeCapCounters.removeAll { $0.account.id == account.id }
    madeCapCounters.append(made)
  }

  /// Keeps the counters that a command has made which was refused. Where the account has changed since, they
  /// are those of a command that was dropped.
  func keepMadeCapCounters() {
    for made in madeCapCounters {
      guard let account = try? account(userId: made.account.userId), account.version == made.account.version
      else { continue }
      writes.keep(made.counters, of: account)
    }
    madeCapCounters = []
  }

  /// Those that the user was given, beside the plan's.
  /// - Parameter spender: empty for the account itself.
  func ownCaps(of account: Account, spender: String) throws(Refusal) -> [Cap] {
    if account.ownCapCount == 0 { return [] }
    let key = CapKey(account: account.id, spender: spender)
    if let caps = writes.caps[key] { return caps }
    if let known = loadedCaps[key] { return known }
    let stored = try load { (it) throws(StorageFailure) in try it.caps(key) }
    loadedCaps[key] = stored
    return stored
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

  /// What runs under way that have not expired count. Those that are stored are looked for once a batch:
  /// there may be any number of them.
  func underWay(of account: Account) throws(Refusal) -> [CapFact] {
    if account.id == 0 { return [] }
    var facts = try storedUnderWay(of: account)
    for row in writes.runs.values where row.run.account == account.id {
      let run = row.run.run
      let wasOpen = !row.isNew && run.wasOpen(nowMicros: nowMicros)
      let isOpen = run.isOpen(nowMicros: nowMicros)
      if wasOpen == isOpen { continue }
      var fact = CapFact(generation: run)
      if wasOpen { fact.generations = -1 }
      facts.append(fact)
    }
    return facts
  }

  private func storedUnderWay(of account: Account) throws(Refusal) -> [CapFact] {
    if let known = loadedUnderWay[account.id] { return known }
    let stored = try load { (it) throws(StorageFailure) in
      try it.underWay(account: account.id, nowMicros: nowMicros)
    }
    loadedUnderWay[account.id] = stored.facts
    return stored.facts
  }
}
