// The engine's answers about credit: balances, the ledger, holds and plans.
//
// Owner: any thread.

public import TallyCore
internal import TallySQLite

extension SQLiteEngine {
  public func cachedBalance(userId: String) -> Snapshot<Balance>? {
    guard let view = committed.account(userId: userId) else { return nil }
    let nowMicros = time.nowMicros
    if view.account.needsReader(atMicros: nowMicros) { return nil }
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
      return (account, try reader.balance(of: account, zones: zones, nowMicros: nowMicros))
    }
    if read.value.0.id != 0 { committed.offer([read.value.0], commitSequence: read.commitSequence) }
    return Snapshot(read.value.1, commitSequence: read.commitSequence)
  }

  public func balance(userId: String, atMicros: Int64) throws(Refusal) -> Snapshot<Balance> {
    try Rules.requirePast(atMicros, nowMicros: time.nowMicros)
    return try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.account(userId: userId) else {
        return Balance(userId: userId)
      }
      return try reader.pastBalance(of: account, zones: zones, atMicros: atMicros)
    }
  }

  public func cachedSpending(userId: String) -> Snapshot<Spending>? {
    guard let view = committed.account(userId: userId), !view.account.mayHaveObjection,
      view.account.ownCapCount == 0, !committed.hasCappedPlans
    else { return nil }
    let nowMicros = time.nowMicros
    if view.account.needsReader(atMicros: nowMicros) { return nil }
    let balance = Rules.balance(of: view.account, expiredHolds: [], at: nowMicros)
    return Snapshot(Spending(balance: balance), commitSequence: view.commitSequence)
  }

  public func spending(userId: String, ask: CapAsk) throws(Refusal) -> Snapshot<Spending> {
    if let cached = cachedSpending(userId: userId) { return cached }
    return try read { (reader, _) throws(SQLiteError) in
      let account = try reader.tables.accounts.account(userId: userId) ?? Account(userId: userId)
      return try reader.spending(of: account, ask, zones: zones, nowMicros: time.nowMicros)
    }
  }

  public func balances(userIds: [String]) throws(Refusal) -> Snapshot<[Balance]> {
    if let cached = committed.accounts(userIds: userIds) {
      let nowMicros = time.nowMicros
      if !cached.accounts.contains(where: { $0.needsReader(atMicros: nowMicros) }) {
        return Snapshot(
          cached.accounts.map { Rules.balance(of: $0, expiredHolds: [], at: nowMicros) },
          commitSequence: cached.commitSequence)
      }
    }
    let read = try read { (reader, _) throws(SQLiteError) in
      let nowMicros = time.nowMicros
      let accounts = try reader.tables.accounts.accounts(userIds: userIds)
      let expired = try reader.tables.holds.expired(userIds: userIds, nowMicros: nowMicros)
      let dues = try reader.dueGrants.dueGrants(of: accounts, zones: zones, nowMicros: nowMicros)
      return (accounts, Dictionary(grouping: expired) { ExactText($0.userId) }, dues, nowMicros)
    }
    let (accounts, expired, dues, nowMicros) = read.value
    committed.offer(accounts, commitSequence: read.commitSequence)
    let known = Dictionary(
      accounts.map { (ExactText($0.userId), $0) }, uniquingKeysWith: { first, _ in first })
    let balances = userIds.map { userId in
      guard let account = known[ExactText(userId)] else { return Balance(userId: userId) }
      return Rules.balance(
        of: account, expiredHolds: expired[ExactText(userId)] ?? [], at: nowMicros, dueGrant: dues[account.id]
      )
    }
    return Snapshot(balances, commitSequence: read.commitSequence)
  }

  public func transaction(sequence: Int64, actingUserId: String?) throws(Refusal) -> Snapshot<Entry> {
    let read = try read { (reader, _) throws(SQLiteError) in
      guard let entry = try reader.tables.ledger.entry(sequence: sequence) else { return Entry?.none }
      return try reader.tables.ledger.name([entry]).first
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
      var page = try reader.history.page(account: account.id, filter)
      page.rows = try reader.tables.ledger.name(page.rows)
      return page
    }
  }

  public func ledger(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<LedgerSlice> {
    try read { (reader, head) throws(SQLiteError) in
      let rows = try reader.tables.ledger.name(try reader.stretches.rows(filter))
      return LedgerSlice(rows: rows, filter, lastSequence: head.ledgerSequence)
    }
  }

  public func named(_ rows: [Entry]) throws(Refusal) -> [Entry] {
    try read { (reader, _) throws(SQLiteError) in try reader.tables.ledger.name(rows) }.value
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

  public func prices(_ filter: PriceFilter) throws(Refusal) -> Snapshot<PricePage> {
    try read { (reader, _) throws(SQLiteError) in try reader.tables.prices.book().page(filter) }
  }

  public func plans(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<[Plan]> {
    try read { (reader, _) throws(SQLiteError) in
      try reader.tables.plans.plans(afterId: afterId, limit: limit)
    }
  }
}

extension Reader {
  /// One statement, and three more only when something of a subscription is due.
  func balance(of account: Account, zones: ZoneStore, nowMicros: Int64) throws(SQLiteError) -> Balance {
    let expired = try tables.holds.expired(account: account.id, nowMicros: nowMicros)
    let dues = try dueGrants.dueGrants(of: [account], zones: zones, nowMicros: nowMicros)
    return Rules.balance(of: account, expiredHolds: expired, at: nowMicros, dueGrant: dues[account.id])
  }

  /// At most five statements.
  func pastBalance(
    of account: Account, zones: ZoneStore, atMicros: Int64
  ) throws(SQLiteError) -> Balance {
    let sequence = try history.lastSequence(beforeMicros: atMicros + 1)
    let rows = try pastBalances.rows(account: account.id, writtenBy: sequence, atMicros: atMicros)
    if rows.last?.sequence ?? 0 == account.head {
      var balance = try balance(of: account, zones: zones, nowMicros: atMicros)
      balance.version = rows.version
      return balance
    }
    let pending = try rows.last.map { (last) throws(SQLiteError) in
      try pastBalances.pending(account: account.id, after: last)
    }
    return rows.balance(userId: account.userId, pending: pending ?? [])
  }

  /// As `balance`, two statements more, and of a user who has caps what these need.
  func spending(
    of account: Account, _ ask: CapAsk, zones: ZoneStore, nowMicros: Int64
  ) throws(SQLiteError) -> Spending {
    let balance = try balance(of: account, zones: zones, nowMicros: nowMicros)
    let planId = try tables.settings.planId(account: account.id)
    let plan = try tables.plans.plans(ids: [planId])[planId]
    var spending = Spending(
      balance: balance,
      objection: Spending.objection(
        isSuspended: account.isSuspended, owedMicros: balance.owedMicros,
        blocksOwing: plan?.onShort == .block))
    guard plan?.hasCaps ?? false || account.ownCapCount > 0 else { return spending }
    switch caps(of: account, plan: plan, zones: zones, nowMicros: nowMicros) {
    case .failure(let refusal): spending.capRefusal = refusal
    case .success(let reading): spending.capRefusal = try reading.refusal(of: ask)
    }
    return spending
  }
}

extension Account {
  func hasExpiredHolds(atMicros micros: Int64) -> Bool {
    guard let nextHoldExpiryMicros else { return false }
    return nextHoldExpiryMicros <= micros
  }

  /// Whether its balance is made from more than the account.
  func needsReader(atMicros micros: Int64) -> Bool {
    hasExpiredHolds(atMicros: micros) || grantDueMicros(atMicros: micros) != nil
  }
}
