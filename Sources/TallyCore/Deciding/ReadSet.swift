// The records that a batch's decisions stand on: as the batch has changed them, else as they are committed.
//
// Invariants:
// 1. All of it is of one moment and one commit, with what the batch has decided so far.
// 2. A lookup that fails throws a refusal. When that is not the command's own fault (`gap`), nobody is told:
//    the batch is decided again, or given up.
//
// Owner: the writer's queue.

@usableFromInline
package final class ReadSet {
  let source: any RecordSource
  private let cache: any RecordCache
  let zones: ZoneStore
  /// Whether keys are looked for before anything is decided. Most keys are new: where the store refuses a
  /// used one by itself, and looking costs much, it is left to that while replays are rare.
  let looksForKeys: Bool
  /// Whether its decisions may be dropped.
  private let isCopy: Bool
  /// Pages that one commit takes a medium out of, at most.
  let detachedPages: Int
  package var writes: WriteSet
  /// What a batch asks for more than once, as it is committed.
  private var loadedPlanIds: [Int64: String?] = [:]
  var loadedCaps: [CapKey: [Cap]] = [:]
  var loadedCapCounters: [CapKey: CapCounters?] = [:]
  var loadedUnderWay: [Int64: [CapFact]] = [:]
  var loadedOpenRunCounts: [Int64: Int64] = [:]
  /// What one command asks for more than once, with what the batch has decided before it.
  var capFacts: FoundCapFacts?
  /// By the command that is being decided; one for each account.
  var madeCapCounters: [MadeCapCounters] = []
  /// Why a lookup failed that concerns more than its command.
  private(set) var gap: StorageFailure?

  init(
    source: any RecordSource, cache: any RecordCache, zones: ZoneStore, looksForKeys: Bool,
    detachedPages: Int = PageLimits.detachedPageCount, writes: WriteSet, isCopy: Bool = false
  ) {
    self.source = source
    self.cache = cache
    self.zones = zones
    self.looksForKeys = looksForKeys
    self.isCopy = isCopy
    self.detachedPages = detachedPages
    self.writes = writes
  }

  var nowMicros: Int64 { writes.nowMicros }

  /// The same records, for decisions that are not to be seen here. Keys are looked for: the store is not
  /// asked to write what is dropped, so it does not say that a key was in use.
  func copy() -> ReadSet {
    ReadSet(
      source: source, cache: cache, zones: zones, looksForKeys: true, detachedPages: detachedPages,
      writes: writes, isCopy: true)
  }

  /// - Throws: when a lookup of a copy has failed for more than its command.
  func take(gapOf copy: ReadSet) throws(Refusal) {
    madeCapCounters = copy.madeCapCounters
    guard let gap = copy.gap else { return }
    if self.gap == nil || isMissingRecords { self.gap = gap }
    throw gap.refusal
  }

  /// - Throws: a refusal that nobody is told when `gap` is set; else `corrupt`.
  func load<Value>(
    _ body: (any RecordSource) throws(StorageFailure) -> Value
  ) throws(Refusal) -> Value {
    do { return try body(source) } catch {
      // What has failed comes before what is only missing.
      if error.endsBatch, gap == nil || isMissingRecords { gap = error }
      throw error.refusal
    }
  }

  /// Whether some lookup has failed only since the store has to load its record. All that are missing are
  /// asked for before anything is loaded.
  var isMissingRecords: Bool { gap?.kind == .notLoaded }

  /// Looks up several records. When some are not loaded, the others are asked for too before it gives up.
  func all<Element, Value>(
    _ elements: some Sequence<Element>, _ lookUp: (Element) throws(Refusal) -> Value
  ) throws(Refusal) -> [Value] {
    var found: [Value] = []
    var missing: Refusal?
    for element in elements {
      do { found.append(try lookUp(element)) } catch {
        guard isMissingRecords else { throw error }
        missing = error
      }
    }
    if let missing { throw missing }
    return found
  }

  /// The same, of upkeep, which leaves out what is damaged.
  func allReadable<Element, Value>(
    _ elements: some Sequence<Element>, _ lookUp: (Element) throws(Refusal) -> Value
  ) throws(Refusal) -> [Value] {
    var found: [Value] = []
    for element in elements {
      do { found.append(try lookUp(element)) } catch {
        // What is only missing is loaded, and then all of it is asked for again.
        if gap != nil && !isMissingRecords { throw error }
      }
    }
    return found
  }

  // MARK: what was decided

  /// Adds what one command changes to the write set.
  /// - Parameters:
  ///   - effects: nil for none; taken out.
  ///   - pageByteCount: of the page that its reply shows.
  /// - Returns: whether there were any effects.
  @usableFromInline
  package func add(_ effects: inout Effects?, isReplay: Bool, pageByteCount: Int) -> Bool {
    writes.note(replyByteCount: pageByteCount)
    guard let taken = effects.take() else {
      if !isCopy { keepMadeCapCounters() }
      if !isReplay { writes.passRestingPlace() }
      return false
    }
    if !isCopy { madeCapCounters = [] }
    writes.add(taken)
    return true
  }

  /// A refusal with the place at which it was decided.
  @usableFromInline
  package func placed(_ refusal: Refusal) -> Refusal {
    keepMadeCapCounters()
    defer { writes.passRestingPlace() }
    return refusal.placed(at: writes.restingPlace)
  }

  /// What is only missing is asked for by the whole batch.
  /// - Throws: why a record could not be read, when that concerns more than its command.
  @usableFromInline
  package func endIfUnreadable() throws(StorageFailure) {
    if let gap, !isMissingRecords { throw gap }
  }

  // MARK: accounts

  /// An empty one for a user that is not known.
  func account(userId: String) throws(Refusal) -> Account {
    if let row = writes.accounts[ExactText(userId)] { return row.account }
    let stored: Account
    if let cached = cache.account(userId: userId) {
      stored = cached
    } else if let loaded = try load({ (it) throws(StorageFailure) in try it.account(userId: userId) }) {
      stored = loaded
    } else {
      return Account(userId: userId)
    }
    guard stored.isSound else { throw StorageFailure.malformed("account \(stored.id)").refusal }
    writes.keep(loaded: stored)
    return stored
  }

  /// The account, numbered when it is new: whatever a user owns refers to it.
  func numbered(_ account: Account) -> (account: Account, isNew: Bool) {
    if account.id != 0 { return (account, false) }
    var account = account
    account.id = writes.books.lastAccountId + 1
    return (account, true)
  }

  // MARK: holds

  func hold(id: Int64) throws(Refusal) -> Hold? {
    if let row = writes.holds[id] { return row.hold }
    return try load { (it) throws(StorageFailure) in try it.hold(id: id) }
  }

  /// Open holds of an account whose time is over, the earliest first.
  func expiredHolds(of account: Account, limit: Int? = nil) throws(Refusal) -> [Hold] {
    guard let next = account.nextHoldExpiryMicros, next <= nowMicros else { return [] }
    // Those that the batch has settled are no longer open.
    let number = limit.map { $0 + writes.holds.count }
    let stored = try load { (it) throws(StorageFailure) in
      try it.expiredHolds(account: account.id, nowMicros: nowMicros, limit: number)
    }
    let open = writes.holds.isEmpty ? stored : stored.filter { writes.holds[$0.id] == nil }
    return limit.map { Array(open.prefix($0)) } ?? open
  }

  /// The earliest expiry among an account's open holds, once a change is applied.
  /// - Parameter before: the account before it.
  func nextHoldExpiry(after change: Change, before: Account) throws(Refusal) -> Int64? {
    if change.account.heldMicros == 0 { return nil }
    let kept = change.holds.filter { $0.state == .open }.map(\.expiresAtMicros).min()
    guard let next = before.nextHoldExpiryMicros else { return kept }
    let firstNew = change.entries.first?.sequence ?? nextSequence
    let previous = try all(change.holds.lazy.map(\.id).filter { $0 < firstNew }) { (id) throws(Refusal) in
      try hold(id: id)
    }
    let isFirst = previous.contains { $0?.expiresAtMicros == next }
    if !isFirst { return min(next, kept ?? next) }
    return [kept, try nextHoldExpiry(of: change.account, but: Set(change.holds.map(\.id)))].compactMap(\.self)
      .min()
  }

  /// Among the open holds that are not named.
  private func nextHoldExpiry(of account: Account, but changed: Set<Int64>) throws(Refusal) -> Int64? {
    var earliest: Int64?
    var gone = changed.count
    for row in writes.holds.values where row.account == account.id {
      gone += 1
      guard row.hold.state == .open, !changed.contains(row.hold.id) else { continue }
      earliest = min(earliest ?? row.hold.expiresAtMicros, row.hold.expiresAtMicros)
    }
    let stored = try load { (it) throws(StorageFailure) in
      try it.openHoldExpiries(account: account.id, limit: gone + 1)
    }
    let first = stored.first { !changed.contains($0.holdId) && writes.holds[$0.holdId] == nil }
    return [earliest, first?.atMicros].compactMap(\.self).min()
  }

  // MARK: the ledger

  var nextSequence: Int64 { writes.books.head.ledgerSequence + 1 }

  func key(_ key: String, of account: Account) throws(Refusal) -> KeyMatch? {
    if account.id == 0 { return nil }
    if !writes.ledger.isEmpty, let sequence = writes.sequence(ofKey: key, account: account.id),
      let idempotency = try entry(sequence).idempotency
    {
      return KeyMatch(sequence: sequence, digest: idempotency.digest)
    }
    return try load { (it) throws(StorageFailure) in try it.key(key, account: account.id) }
  }

  func purchase(paymentId: String) throws(Refusal) -> Int64? {
    if let sequence = writes.purchases[ExactText(paymentId)] { return sequence }
    return try load { (it) throws(StorageFailure) in try it.purchase(paymentId: paymentId) }
  }

  func event(eventId: String) throws(Refusal) -> Int64? {
    if let sequence = writes.events[ExactText(eventId)] { return sequence }
    return try load { (it) throws(StorageFailure) in try it.event(eventId: eventId) }
  }

  /// Sums over the rows that refer to one.
  func referred(to row: Entry) throws(Refusal) -> ReferredSums {
    let sums = try referred(to: row.sequence)
    try sums.requireSound(of: row)
    return sums
  }

  /// The same, when that row is not at hand.
  func referred(to sequence: Int64) throws(Refusal) -> ReferredSums {
    let isStored = sequence <= writes.committed.head.ledgerSequence
    var sums =
      isStored ? try load { (it) throws(StorageFailure) in try it.referred(to: sequence) } : ReferredSums()
    if let more = writes.referred[sequence] { sums.add(more) }
    guard sums.hasSoundSigns else {
      throw StorageFailure.malformed("rows that refer to ledger row \(sequence)").refusal
    }
    return sums
  }

  /// Of a plan's granted periods, the one that begins last among those that begin before a day.
  func lastGrant(of account: Account, planId: String, beforeDay: Int64) throws(Refusal) -> GrantedPeriod? {
    if account.id == 0 { return nil }
    let key = WriteSet.GrantKey(account: account.id, planId: ExactText(planId))
    let new = (writes.grants[key] ?? []).filter { $0.days.lowerBound < beforeDay }
      .max { $0.days.lowerBound < $1.days.lowerBound }
    let stored = try load { (it) throws(StorageFailure) in
      try it.lastGrant(account: account.id, planId: planId, beforeDay: beforeDay)
    }
    return [new, stored].compactMap(\.self).max { $0.days.lowerBound < $1.days.lowerBound }
  }

  /// A row that a caller names; nil when there is none.
  func row(_ sequence: Int64) throws(Refusal) -> Entry? {
    sequence > 0 && sequence < nextSequence ? try entry(sequence) : nil
  }

  func entry(_ sequence: Int64) throws(Refusal) -> Entry {
    let first = writes.committed.head.ledgerSequence + 1
    if sequence >= first, sequence - first < writes.ledger.count {
      return writes.ledger[Int(sequence - first)].entry
    }
    return try load { (it) throws(StorageFailure) in
      guard let entry = try it.entry(sequence: sequence) else {
        throw .malformed("index of the ledger: no row \(sequence)")
      }
      guard entry.isSound else { throw .malformed("ledger row \(sequence)") }
      return entry
    }
  }

  // MARK: plans and users

  func plan(id: String) throws(Refusal) -> Plan? {
    if let plan = writes.plans[ExactText(id)] { return plan }
    if let cached = cache.plan(id: id) { return cached }
    let loaded = try load { (it) throws(StorageFailure) in try it.plan(id: id) }
    if let loaded { cache.keep(loaded, commitSequence: writes.committed.head.commitSequence) }
    return loaded
  }

  /// Of the plan of a user's settings, else of the default one; nil without either.
  func effectivePlanId(of account: Account) throws(Refusal) -> String? {
    try planId(of: account) ?? writes.books.defaultPlanId
  }

  /// The plan of a user's settings, else the default one; nil without either.
  func plan(of account: Account) throws(Refusal) -> Plan? {
    guard let planId = try effectivePlanId(of: account) else { return nil }
    guard let plan = try plan(id: planId) else {
      throw StorageFailure.malformed("settings: no plan \(planId)").refusal
    }
    return plan
  }

  /// Of a user's settings.
  private func planId(of account: Account) throws(Refusal) -> String? {
    if account.id == 0 { return nil }
    if let settings = writes.settings[account.id] { return settings.planId }
    if let known = loadedPlanIds[account.id] { return known }
    let planId = try load { (it) throws(StorageFailure) in try it.planId(account: account.id) }
    loadedPlanIds[account.id] = .some(planId)
    return planId
  }

  /// What follows for a user when there is less credit than something costs.
  func onShort(of account: Account) throws(Refusal) -> OnShort { try plan(of: account)?.onShort ?? .forgive }

  /// Those of a user that is known; defaults, with no time of change, when none were ever put.
  func settings(of account: Account) throws(Refusal) -> UserSettings? {
    if let settings = writes.settings[account.id] { return settings }
    if writes.accounts[ExactText(account.userId)]?.isNew == true {
      var settings = UserSettings(userId: account.userId)
      settings.createdAtMicros = nowMicros
      return settings
    }
    return try load { (it) throws(StorageFailure) in try it.settings(account: account.id) }
  }

  func rateLimit(_ key: RateLimitKey) throws(Refusal) -> StoredRateLimit? {
    if let state = writes.rateLimitStates[key] { return state }
    return try load { (it) throws(StorageFailure) in try it.rateLimit(key) }
  }

  func rateLimitCount(_ kind: RateLimitKind) throws(Refusal) -> Int {
    let stored = try load { (it) throws(StorageFailure) in try it.rateLimitCount(kind) }
    return writes.rateLimits.reduce(stored) { count, effect in
      guard effect.key.kind == kind else { return count }
      switch effect.action {
      case .add: return count + 1
      case .remove: return count - 1
      case .change: return count
      }
    }
  }
}
