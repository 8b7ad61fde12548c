// An engine of the whole product that keeps everything in memory, for tests: the writer of every engine on a
// store of dictionaries, and reads over the same dictionaries. It decides nothing, so what it answers is what
// `TallyCore` decides.
//
// Invariants:
// 1. Reads are written plainly, over all rows, and from the rows themselves: they prove those of an engine
//    that keeps indexes, counters and caches.
// 2. A read that begins after a completion ran sees its commit, and is one copy of the tables.
//
// Owner: its parts have their own.

package import TallyCore
internal import TallyLocking
package import TallyMeasuring

package final class MemoryEngine: ServedEngine {
  private let disk: MemoryDisk
  private let writer: Writer
  private let committed: CommittedState
  private let caches: Caches
  private let metrics: StoreMetrics
  private let time: EffectiveTime
  package let zones: ZoneStore
  package let statements = StatementStatistics(slowNanoseconds: nil) { _ in }
  package let libraryVersion = "memory"
  package let readerCount = 1

  /// - Parameters:
  ///   - disk: what the engine before has left.
  ///   - isAcrossWire: its writer finds a record only after it was loaded.
  package init(
    _ disk: MemoryDisk, _ configuration: EngineConfiguration, isAcrossWire: Bool = false
  ) throws(StoreError) {
    self.disk = disk
    let store = MemoryStore(disk, isAcrossWire: isAcrossWire)
    let head = disk.tables.books.head
    committed = CommittedState(head: head, onModeChange: configuration.onModeChange)
    caches = Caches(observer: configuration.observer)
    metrics = StoreMetrics()
    time = EffectiveTime(clock: configuration.clock, lastMicros: head.latestMicros)
    zones = configuration.zones
    do {
      let committer = try Committer(
        store: store, state: committed, caches: caches, metrics: metrics, time: time,
        configuration: configuration)
      if head.commitSequence > 0 { try committer.commitNothing() }
      writer = Writer(
        committer: committer, state: committed, metrics: metrics, configuration: configuration)
    } catch {
      throw StoreError(error)
    }
  }

  // MARK: life

  private static let drainNanoseconds: UInt64 = 10_000_000_000

  package func close() throws(StoreError) {
    writer.stop(deadlineNanoseconds: MonotonicClock.nanoseconds + Self.drainNanoseconds)
    try writer.close()
  }

  package func report() -> StoreReport {
    var report = metrics.report
    (report.queuedItems, report.queuedBytes) = writer.pending
    report.readers = readerCount
    report.caches = [committed.statistics] + caches.statistics
    return report
  }

  package func verify(
    enums: VerifyEnums?, report: (VerifyProgress) -> Void
  ) throws(StoreError) -> Bool {
    let tables = disk.tables
    let findings = tables.findings()
    report(
      VerifyProgress(
        check: 1, title: "tables", isDone: true, examined: tables.books.head.ledgerSequence, total: 0,
        violations: Int64(findings.count), findings: findings, elapsedMicros: 0))
    return findings.isEmpty
  }

  /// Writes off everything that has expired and removes all that was purged.
  package func sweep() throws(StoreError) {
    try writer.perform { (committer) throws(StorageFailure) in try committer.sweepAll() }
  }

  package func retryDisk() throws(StoreError) {
    try writer.perform { (committer) throws(StorageFailure) in committer.retryFullDisk() }
  }

  package func driveTime(setClock: () -> Void) {
    time.drive(ledgerMicros: committed.head.lastAtMicros, setClock)
  }

  // MARK: for test harnesses

  private struct Copy: StoreCopy {
    var tables: MemoryTables
    var byteCount: Int { 0 }
    var commitSequence: Int64 { tables.books.head.commitSequence }
  }

  package func reset(setClock: () -> Void) throws(StoreError) -> Int64 {
    try replace(by: MemoryTables(), setClock)
  }

  package func saveCopy(limitByteCount: Int, note: () -> Void) throws(StoreError) -> (any StoreCopy)? {
    try writer.perform { (_) throws(StorageFailure) in
      note()
      return Copy(tables: disk.tables)
    }
  }

  package func restore(_ copy: any StoreCopy, setClock: () -> Void) throws(StoreError) -> Int64 {
    guard let copy = copy as? Copy else { throw StoreError(.corrupt, "the copy is another engine's") }
    return try replace(by: copy.tables, setClock)
  }

  private func replace(by tables: MemoryTables, _ setClock: () -> Void) throws(StoreError) -> Int64 {
    try writer.perform { (committer) throws(StorageFailure) in
      guard let store = committer.store as? MemoryStore else {
        throw StorageFailure(.defect, "the writer's store is another engine's")
      }
      return try committer.replace(setClock) { (commitSequence) throws(StorageFailure) in
        store.replace(by: tables, as: commitSequence)
      }
    }
  }

  // MARK: writes

  package func submit(_ work: Work) { writer.submit(work) }

  package func admission() -> Refusal? { writer.admission() }
  package func admission(of sharer: () -> String) -> Refusal? { writer.admission(of: sharer) }

  // MARK: reads

  /// All of a call's reads are of one copy of the tables.
  func read<Value: Sendable>(
    _ body: (MemoryTables) throws(Refusal) -> Value
  ) throws(Refusal) -> Snapshot<Value> {
    let tables = disk.tables
    let commitSequence = tables.books.head.commitSequence
    guard committed.isPublished(commitSequence: commitSequence) else { throw Writer.drainingRefusal }
    return Snapshot(try body(tables), commitSequence: commitSequence)
  }

  package func nowMicros() -> Int64 { time.nowMicros }

  package func state() -> EngineState {
    let (head, mode) = committed.headAndMode
    return EngineState(
      mode: mode, commitSequence: head.commitSequence, ledgerSequence: head.ledgerSequence, schemaVersion: 1,
      lastTimeMicros: head.lastAtMicros)
  }

  /// Nothing is kept that was read.
  package func cachedBalance(userId: String) -> Snapshot<Balance>? { nil }

  package func balance(userId: String) throws(Refusal) -> Snapshot<Balance> {
    try read { $0.balance(userId, at: nowMicros(), zones) }
  }

  package func balance(userId: String, atMicros: Int64) throws(Refusal) -> Snapshot<Balance> {
    try Rules.requirePast(atMicros, nowMicros: nowMicros())
    return try read { $0.pastBalance(userId, at: atMicros, zones) }
  }

  package func cachedSpending(userId: String) -> Snapshot<Spending>? { nil }

  package func spending(userId: String, ask: CapAsk) throws(Refusal) -> Snapshot<Spending> {
    try read { (tables) throws(Refusal) in
      let nowMicros = nowMicros()
      var spending = tables.spending(userId, at: nowMicros, zones)
      let account = tables.accounts[ExactText(userId)]?.account ?? Account(userId: userId)
      spending.capRefusal = try tables.caps(of: account, at: nowMicros, zones).refusal(of: ask)
      return spending
    }
  }

  package func balances(userIds: [String]) throws(Refusal) -> Snapshot<[Balance]> {
    try read { tables in
      let nowMicros = nowMicros()
      return userIds.map { tables.balance($0, at: nowMicros, zones) }
    }
  }

  package func transaction(sequence: Int64, actingUserId: String?) throws(Refusal) -> Snapshot<Entry> {
    try read { (tables) throws(Refusal) in
      guard let entry = tables.entry(sequence), actingUserId?.isExactly(entry.userId) ?? true else {
        throw Refusal(
          .transactionNotFound, "no such transaction",
          details: ["transaction_id": Identifiers.transaction(sequence)])
      }
      return tables.named(entry)
    }
  }

  package func transactions(_ filter: TransactionFilter) throws(Refusal) -> Snapshot<Page<Entry>> {
    try read { tables in
      let rows = tables.ledger.map(\.entry).reversed().filter { entry in
        entry.userId.isExactly(filter.userId) && entry.sequence < filter.beforeSequence ?? Int64.max
          && (filter.types.isEmpty || filter.types.contains(entry.type))
          && entry.atMicros >= filter.fromMicros ?? Int64.min
          && entry.atMicros < filter.toMicros ?? Int64.max
          && (filter.spender.isEmpty || entry.spender.isExactly(filter.spender))
          && filter.metadata.allSatisfy { wanted in
            entry.text.metadata.contains {
              $0.key.isExactly(wanted.key) && $0.value.isExactly(wanted.value)
            }
          }
      }
      return Page(rows.map { tables.named($0) }, limit: filter.limit, number: \.sequence)
    }
  }

  package func ledger(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<LedgerSlice> {
    try read { tables in
      let userIds = Set(filter.userIds.map(ExactText.init))
      let rows = tables.ledger.lazy.map(\.entry).filter { entry in
        entry.sequence >= filter.fromSequence && entry.sequence < filter.beforeSequence
          && (userIds.isEmpty || userIds.contains(ExactText(entry.userId)))
      }
      return LedgerSlice(
        rows: rows.prefix(filter.limit).map(tables.named), filter,
        lastSequence: tables.books.head.ledgerSequence)
    }
  }

  package func named(_ rows: [Entry]) throws(Refusal) -> [Entry] {
    try read { rows.map($0.named) }.value
  }

  package func holds(_ filter: HoldFilter) throws(Refusal) -> Snapshot<Page<Hold>> {
    try read { tables in
      guard let account = tables.accounts[ExactText(filter.userId)]?.account else {
        return Page(rows: [], nextBefore: nil)
      }
      let nowMicros = nowMicros()
      let holds = tables.holds.values.filter { $0.account == account.id }
        .map { Rules.hold($0.hold, of: account, at: nowMicros) }
        .filter { filter.states.isEmpty || filter.states.contains($0.state) }
        .filter { $0.id < filter.beforeId ?? Int64.max }
        .sorted { $0.id > $1.id }
      return Page(holds, limit: filter.limit, number: \.id)
    }
  }

  package func prices(_ filter: PriceFilter) throws(Refusal) -> Snapshot<PricePage> {
    try read { $0.books.prices.page(filter) }
  }

  package func plans(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<[Plan]> {
    try read { tables in
      let after = tables.plans.filter { plan in afterId.map { plan.key > ExactText($0) } ?? true }
      return after.sorted { $0.key < $1.key }.prefix(limit).map(\.value)
    }
  }
}

extension MemoryTables {
  func spending(_ userId: String, at nowMicros: Int64, _ zones: ZoneStore) -> Spending {
    let balance = balance(userId, at: nowMicros, zones)
    guard let account = accounts[ExactText(userId)]?.account else { return Spending(balance: balance) }
    return Spending(
      balance: balance,
      objection: Spending.objection(
        isSuspended: account.isSuspended, owedMicros: balance.owedMicros,
        blocksOwing: plan(account: account.id)?.onShort == .block))
  }

  /// With the names of the row that it refers to.
  fileprivate func named(_ row: Entry) -> Entry { row.naming(row.refersTo.flatMap { entry($0) }) }

  func balance(_ userId: String, at nowMicros: Int64, _ zones: ZoneStore) -> Balance {
    guard let account = accounts[ExactText(userId)]?.account else { return Balance(userId: userId) }
    let expired = expiredHolds(account: account.id, nowMicros: nowMicros)
    return Rules.balance(
      of: account, expiredHolds: expired, at: nowMicros, dueGrant: dueGrant(of: account, at: nowMicros, zones)
    )
  }

  func pastBalance(_ userId: String, at micros: Int64, _ zones: ZoneStore) -> Balance {
    guard let account = accounts[ExactText(userId)]?.account else { return Balance(userId: userId) }
    let rows = ledger.filter { $0.account == account.id }.map(\.entry)
    var past = PastRows(atMicros: micros)
    let counted = rows.prefix { past.take($0) }
    guard counted.count < rows.count else {
      var balance = balance(userId, at: micros, zones)
      balance.version = past.version
      return balance
    }
    let pending = counted.filter { $0.effectiveAtMicros > max($0.atMicros, past.last?.toldAtMicros ?? 0) }
    return past.balance(
      userId: userId,
      pending: pending.map { row in
        let voids = counted.filter { $0.type == .void && $0.refersTo == row.sequence }
        return PendingCredit(
          effectiveAtMicros: row.effectiveAtMicros, expiresAtMicros: row.expiresAtMicros,
          remainingMicros: voids.reduce(row.amountMicros) { $0 + $1.amountMicros })
      })
  }

  private func dueGrant(of account: Account, at nowMicros: Int64, _ zones: ZoneStore) -> DueGrant? {
    guard let dueMicros = account.grantDueMicros(atMicros: nowMicros),
      let subscription = settings[account.id]?.automaticSubscription,
      let plan = plans[ExactText(subscription.planId)], let zone = try? zones.zone(named: plan.timeZone)
    else { return nil }
    let calendar = GrantCalendar(subscription, plan, zone)
    let granted = calendar.period(at: nowMicros).flatMap {
      lastGrant(account: account.id, planId: plan.id, beforeDay: $0.days.upperBound)
    }
    return calendar.due(sinceMicros: dueMicros, granted: granted, nowMicros: nowMicros)
  }
}

extension Page {
  /// The first rows of all that are wanted.
  init(_ all: [Row], limit: Int, number: (Row) -> Int64) {
    let rows = Array(all.prefix(limit))
    self.init(rows: rows, nextBefore: all.count > limit ? rows.last.map(number) : nil)
  }
}
