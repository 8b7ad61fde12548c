// The engine's answers about credit: balances, the ledger, holds and plans.
//
// Owner: any thread.

public import TallyCore
internal import TallySQLite

extension SQLiteEngine {
  public func cachedBalance(userId: String) -> Snapshot<Balance>? {
    guard let view = committed.account(userId: userId) else { return nil }
    let nowMicros = time.nowMicros
    if let next = view.account.nextHoldExpiryMicros, next <= nowMicros { return nil }
    return Snapshot(
      Rules.balance(of: view.account, expiredHolds: [], at: nowMicros), commitSequence: view.commitSequence)
  }

  public func balance(userId: String) throws(Refusal) -> Snapshot<Balance> {
    if let cached = cachedBalance(userId: userId) { return cached }
    let read = try read { (reader, _) throws(SQLiteError) in
      let nowMicros = time.nowMicros
      guard let account = try reader.tables.accounts.account(userId: userId) else {
        return (Account(userId: userId), Balance(userId: userId))
      }
      let expired = try reader.tables.holds.expired(account: account.id, nowMicros: nowMicros)
      return (account, Rules.balance(of: account, expiredHolds: expired, at: nowMicros))
    }
    if read.value.0.id != 0 { committed.offer([read.value.0], commitSequence: read.commitSequence) }
    return Snapshot(read.value.1, commitSequence: read.commitSequence)
  }

  public func balances(userIds: [String]) throws(Refusal) -> Snapshot<[Balance]> {
    if let cached = committed.accounts(userIds: userIds) {
      let nowMicros = time.nowMicros
      if !cached.accounts.contains(where: { $0.hasExpiredHolds(atMicros: nowMicros) }) {
        return Snapshot(
          cached.accounts.map { Rules.balance(of: $0, expiredHolds: [], at: nowMicros) },
          commitSequence: cached.commitSequence)
      }
    }
    let read = try read { (reader, _) throws(SQLiteError) in
      let nowMicros = time.nowMicros
      let accounts = try reader.tables.accounts.accounts(userIds: userIds)
      let expired = try reader.tables.holds.expired(userIds: userIds, nowMicros: nowMicros)
      return (accounts, Dictionary(grouping: expired) { ExactText($0.userId) }, nowMicros)
    }
    let (accounts, expired, nowMicros) = read.value
    committed.offer(accounts, commitSequence: read.commitSequence)
    let known = Dictionary(
      accounts.map { (ExactText($0.userId), $0) }, uniquingKeysWith: { first, _ in first })
    let balances = userIds.map { userId in
      guard let account = known[ExactText(userId)] else { return Balance(userId: userId) }
      return Rules.balance(of: account, expiredHolds: expired[ExactText(userId)] ?? [], at: nowMicros)
    }
    return Snapshot(balances, commitSequence: read.commitSequence)
  }

  public func transaction(sequence: Int64, actingUserId: String?) throws(Refusal) -> Snapshot<Entry> {
    let read = try read { (reader, _) throws(SQLiteError) in
      try reader.tables.ledger.entry(sequence: sequence)
    }
    guard let entry = read.value, actingUserId?.isExactly(entry.userId) ?? true else {
      throw Refusal(
        .transactionNotFound, "there is no such transaction",
        details: ["transaction_id": Identifiers.transaction(sequence)])
    }
    return Snapshot(entry, commitSequence: read.commitSequence)
  }

  public func transactions(_ filter: TransactionFilter) throws(Refusal) -> Snapshot<Page<Entry>> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.account(userId: filter.userId) else {
        return Page(rows: [], nextBefore: nil)
      }
      return try reader.history.page(account: account.id, filter)
    }
  }

  public func ledger(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<LedgerSlice> {
    try read { (reader, head) throws(SQLiteError) in
      LedgerSlice(
        rows: try reader.stretches.rows(filter), filter, lastSequence: head.ledgerSequence)
    }
  }

  public func holds(_ filter: HoldFilter) throws(Refusal) -> Snapshot<Page<Hold>> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.account(userId: filter.userId) else {
        return Page(rows: [], nextBefore: nil)
      }
      return try reader.holdHistory.page(
        account: account, filter, nowMicros: time.nowMicros)
    }
  }

  public func plans(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<[Plan]> {
    try read { (reader, _) throws(SQLiteError) in
      try reader.tables.plans.plans(afterId: afterId, limit: limit)
    }
  }
}

extension Account {
  func hasExpiredHolds(atMicros micros: Int64) -> Bool {
    guard let nextHoldExpiryMicros else { return false }
    return nextHoldExpiryMicros <= micros
  }
}
