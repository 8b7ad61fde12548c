// What an engine in memory stores: a dictionary or an array for each table, and how a write set gets into
// them.
//
// Invariants:
// 1. Nothing is counted or summed here: counts are reckoned from the rows whenever somebody asks (see
//    MemoryTables+Usage.swift), so that they prove those that another engine keeps up.
// 2. A write set that breaks a rule of the tables throws `constraint`, as a unique index or a CHECK would.
//    The tables are of no use then; whoever owns them has a copy of how they were.

internal import TallyCore

package struct MemoryTables {
  struct AccountRow {
    var account: Account
    var createdAtMicros: Int64
  }

  struct KeyName: Hashable {
    var account: Int64
    var key: ExactText
  }

  struct RateLimitRow {
    var id: Int64
    var key: RateLimitKey
    var limit: RateLimit
  }

  var books = Books()
  var accounts: [ExactText: AccountRow] = [:]
  /// Row n is at n - 1.
  var ledger: [WriteSet.LedgerRow] = []
  var keys: [KeyName: Int64] = [:]
  var purchases: [ExactText: Int64] = [:]
  var events: [ExactText: Int64] = [:]
  var referred: [Int64: ReferredSums] = [:]
  var holds: [Int64: WriteSet.HoldRow] = [:]
  var plans: [ExactText: Plan] = [:]
  /// By account.
  var settings: [Int64: UserSettings] = [:]
  /// In the order in which they were first set.
  var rateLimits: [RateLimitRow] = []
  var alertRules: [ExactText: AlertRule] = [:]
  var caps: [CapKey: [Cap]] = [:]
  var capCounters: [CapKey: CapCounters] = [:]
  /// Event n is at n - 1.
  var accountEvents: [WriteSet.EventRow] = []
  /// By account.
  var topUps: [Int64: TopUp] = [:]
  /// Intent n is at n - 1.
  var topUpIntents: [TopUpIntent] = []
  var runs: [RunName: StoredRun] = [:]
  var labels: [RunLabel: Int64] = [:]
  var pages: [ExactText: StoredPage] = [:]
  /// By page; version n is at n - 1, nil when it was thinned.
  var versions: [Int64: [StoredVersion?]] = [:]
  /// Versions that are left of pages that were purged, by page, oldest first.
  var purged: [Int64: [Int64]] = [:]
  var media: [ExactText: StoredMedia] = [:]
  /// All changes of pages there have been; change n is at n - 1.
  var pageUpdates: [WriteSet.PageUpdateRow] = []

  package init() {}

  // MARK: writing

  mutating func apply(_ set: WriteSet) throws(StorageFailure) {
    for row in set.accounts.values where row.isNew || row.isChanged {
      try put(row.account, isNew: row.isNew, nowMicros: set.nowMicros)
    }
    for row in set.ledger { try append(row) }
    holds.merge(set.holds) { $1 }
    plans.merge(set.plans) { $1 }
    try require(plans.values.filter(\.isDefault).count <= 1, "one plan is the default")
    for (id, sequence) in set.purchases {
      try require(
        (purchases.updateValue(sequence, forKey: id) ?? sequence) == sequence,
        "a payment id is of one purchase")
    }
    settings.merge(set.settings) { $1 }
    for effect in set.rateLimits { put(effect) }
    for account in set.uncounted { capCounters = capCounters.filter { $0.key.account != account } }
    for (key, counters) in set.capCounters { capCounters[key] = counters.isEmpty ? nil : counters }
    for (key, list) in set.caps { caps[key] = list.isEmpty ? nil : list }
    for effect in set.alertRules { alertRules[ExactText(effect.id)] = effect.rule }
    topUps.merge(set.topUps) { $1 }
    for intent in set.topUpIntents.values.sorted(by: { $0.id < $1.id }) { try put(intent) }
    let open = topUpIntents.filter { $0.state == .open }.map(\.account)
    try require(Set(open).count == open.count, "a user has one open intent")
    for row in set.accountEvents {
      try require(row.event.id == Int64(accountEvents.count) + 1, "events have no gap")
      accountEvents.append(row)
    }
    try applyRuns(set)
    try applyPages(set)
    books = set.books
  }

  private func require(_ isKept: Bool, _ rule: String) throws(StorageFailure) {
    if !isKept { throw StorageFailure(.constraint, rule, operation: "write") }
  }

  private mutating func put(_ account: Account, isNew: Bool, nowMicros: Int64) throws(StorageFailure) {
    let userId = ExactText(account.userId)
    let before = accounts[userId]
    try require(isNew == (before == nil), "a user has one account")
    try require(before.map { $0.account.id == account.id } ?? true, "an account keeps its number")
    try require(account.postedMicros >= 0, "no balance is negative")
    accounts[userId] = AccountRow(account: account, createdAtMicros: before?.createdAtMicros ?? nowMicros)
  }

  private mutating func append(_ row: WriteSet.LedgerRow) throws(StorageFailure) {
    let entry = row.entry
    try require(entry.sequence == Int64(ledger.count) + 1, "the ledger's sequence has no gap")
    if let key = entry.idempotency?.key {
      let before = keys.updateValue(
        entry.sequence, forKey: KeyName(account: row.account, key: ExactText(key)))
      try require(before == nil, "a key is used once")
    }
    if let eventId = entry.eventId {
      try require(
        events.updateValue(entry.sequence, forKey: ExactText(eventId)) == nil, "an event is booked once")
    }
    if let planId = entry.planId, let days = entry.periodDays, entry.type == .planGrant {
      let before = lastGrant(account: row.account, planId: planId, beforeDay: days.upperBound)
      try require(before.map { !$0.days.overlaps(days) } ?? true, "a plan's periods do not overlap")
    }
    if let refersTo = entry.refersTo { referred[refersTo, default: ReferredSums()].add(entry) }
    ledger.append(row)
  }

  private mutating func put(_ intent: TopUpIntent) throws(StorageFailure) {
    if intent.id <= Int64(topUpIntents.count) {
      topUpIntents[Int(intent.id) - 1] = intent
    } else {
      try require(intent.id == Int64(topUpIntents.count) + 1, "intents have no gap")
      topUpIntents.append(intent)
    }
  }

  private mutating func put(_ effect: RateLimitEffect) {
    let index = rateLimits.firstIndex { $0.key == effect.key }
    switch (effect.action, index) {
    case (.remove, let index?): rateLimits.remove(at: index)
    case (.remove, nil): break
    case (.add, let index?), (.change, let index?): rateLimits[index].limit = effect.limit
    case (.add, nil), (.change, nil):
      let id = (rateLimits.last?.id ?? 0) + 1
      rateLimits.append(RateLimitRow(id: id, key: effect.key, limit: effect.limit))
    }
  }

  private mutating func applyRuns(_ set: WriteSet) throws(StorageFailure) {
    labels.merge(set.labels) { $1 }
    for (id, row) in set.runs {
      try require(row.isNew == (runs[id] == nil), "a run is made once")
      runs[id] = row.run
    }
  }

  private mutating func applyPages(_ set: WriteSet) throws(StorageFailure) {
    for (id, row) in set.media {
      try require(row.isNew == (media[id] == nil), "a medium is made once")
      media[id] = row.media
    }
    for (id, row) in set.pages {
      try require(row.isNew == (pages[id] == nil), "a page is made once")
      pages[id] = row.page
      guard let slug = row.page.facts.slug else { continue }
      let others = pages.values.filter { $0.account == row.page.account && $0.id != row.page.id }
      // One that gives it up in the same batch does so before it is asked.
      let hasIt = others.contains { other in
        (set.pages[ExactText(other.facts.pageId)]?.page ?? other).facts.slug == slug
      }
      try require(!hasIt, "a slug is of one page")
    }
    for (key, version) in set.versions.sorted(by: { $0.key.version < $1.key.version }) {
      try require(version.version == Int64(versions[key.page]?.count ?? 0) + 1, "versions have no gap")
      versions[key.page, default: []].append(version)
    }
    for key in set.keptVersions { versions[key.page]?[Int(key.version) - 1]?.isAutosave = false }
    for key in set.thinned {
      let version = version(page: key.page, key.version)
      try require(version?.isAutosave == true, "only autosaves are thinned")
      versions[key.page]?[Int(key.version) - 1] = nil
    }
    for row in set.pageUpdates {
      try require(row.update.number == Int64(pageUpdates.count) + 1, "changes of pages have no gap")
      pageUpdates.append(row)
    }
    for page in set.purgedPages {
      pages[ExactText(page.facts.pageId)] = nil
      let numbers = allVersions(page: page.id).map(\.version)
      // What may be too much for one transaction goes in slices.
      if versions.removeValue(forKey: page.id)?.count ?? 0 > PageLimits.purgedVersionCount {
        purged[page.id] = numbers
      }
    }
  }

  /// Removes the next versions of a page that was purged, and at last what is known of it.
  mutating func removePurgedSlice() {
    guard let (page, numbers) = purged.min(by: { $0.key < $1.key }) else { return }
    purged[page] = numbers.first.map { lowest in
      numbers.filter { $0 >= lowest + Int64(PageLimits.purgedVersionCount) }
    }
  }

  /// The same tables with what was due of pages until a time.
  func settled(nowMicros: Int64) -> MemoryTables {
    guard pages.values.contains(where: { $0.facts.schedule != nil }) else { return self }
    var tables = self
    tables.pages = pages.mapValues { $0.settled(nowMicros: nowMicros) }
    return tables
  }

  // MARK: looking up

  func entry(_ sequence: Int64) -> Entry? {
    sequence > 0 && sequence <= Int64(ledger.count) ? ledger[Int(sequence) - 1].entry : nil
  }

  func account(id: Int64) -> AccountRow? { accounts.values.first { $0.account.id == id } }

  func openHolds(account: Int64) -> [Hold] {
    holds.values.filter { $0.account == account && $0.hold.state == .open }.map(\.hold)
      .sorted { ($0.expiresAtMicros, $0.id) < ($1.expiresAtMicros, $1.id) }
  }

  func expiredHolds(account: Int64, nowMicros: Int64) -> [Hold] {
    openHolds(account: account).filter { $0.expiresAtMicros <= nowMicros }
  }

  func lastGrant(account: Int64, planId: String, beforeDay: Int64) -> GrantedPeriod? {
    ledger.lazy.filter { row in
      row.account == account && row.entry.type == .planGrant && row.entry.planId?.isExactly(planId) ?? false
    }.compactMap { row in
      guard let days = row.entry.periodDays, days.lowerBound < beforeDay,
        let startMicros = row.entry.periodStartMicros
      else { return nil }
      return GrantedPeriod(sequence: row.entry.sequence, days: days, startMicros: startMicros)
    }.max { $0.days.lowerBound < $1.days.lowerBound }
  }

  /// In the order in which they are due.
  func openIntents(_ isWanted: (TopUpIntent) -> Bool) -> [TopUpIntent] {
    topUpIntents.filter { $0.state == .open && isWanted($0) }
      .sorted { ($0.dueAtMicros, $0.id) < ($1.dueAtMicros, $1.id) }
  }

  /// nil: there is no such account.
  func settings(of row: AccountRow?) -> UserSettings? {
    guard let row else { return nil }
    if let settings = settings[row.account.id] { return settings }
    var settings = UserSettings(userId: row.account.userId)
    settings.createdAtMicros = row.createdAtMicros
    return settings
  }

  func version(page: Int64, _ version: Int64) -> StoredVersion? {
    guard let versions = versions[page], version > 0, version <= Int64(versions.count) else { return nil }
    return versions[Int(version) - 1]
  }

  /// Those that are left, oldest first.
  func allVersions(page: Int64) -> [StoredVersion] { (versions[page] ?? []).compactMap { $0 } }

  /// Those that are live, by id.
  func liveMedia(_ ids: Set<ExactText>, account: Int64) -> [ExactText: Media] {
    var live: [ExactText: Media] = [:]
    for id in ids {
      guard let stored = media[id], stored.account == account, stored.media.deletedAtMicros == nil else {
        continue
      }
      live[id] = stored.media
    }
    return live
  }
}
