// Committed records, found at once.
//
// Owner: the writer's queue.

internal import TallyCore
internal import TallySQLite

extension SQLiteWriterStore {
  func loadMissing() throws(StorageFailure) {}

  // MARK: credits

  func account(userId: String) throws(StorageFailure) -> Account? {
    try storing { () throws(SQLiteError) in try tables.accounts.account(userId: userId) }
  }

  func hold(id: Int64) throws(StorageFailure) -> Hold? {
    try storing { () throws(SQLiteError) in try tables.holds.hold(id: id) }
  }

  func expiredHolds(account: Int64, nowMicros: Int64, limit: Int?) throws(StorageFailure) -> [Hold] {
    try storing { () throws(SQLiteError) in
      try tables.holds.expired(account: account, nowMicros: nowMicros, limit: limit)
    }
  }

  func openHoldExpiries(account: Int64, limit: Int) throws(StorageFailure) -> [HoldExpiry] {
    try storing { () throws(SQLiteError) in
      try tables.holds.firstExpiries(account: account, limit: limit)
    }
  }

  func key(_ key: String, account: Int64) throws(StorageFailure) -> KeyMatch? {
    try storing { () throws(SQLiteError) in try keys.find(account: account, key: key) }
  }

  func purchase(paymentId: String) throws(StorageFailure) -> Int64? {
    try storing { () throws(SQLiteError) in try tables.paymentRefs.purchase(ref: paymentId) }
  }

  func event(eventId: String) throws(StorageFailure) -> Int64? {
    try storing { () throws(SQLiteError) in try tables.references.find(eventId: eventId) }
  }

  func referred(to sequence: Int64) throws(StorageFailure) -> ReferredSums {
    try storing { () throws(SQLiteError) in try tables.references.referred(to: sequence) }
  }

  func lastGrant(
    account: Int64, planId: String, beforeDay: Int64
  ) throws(StorageFailure) -> GrantedPeriod? {
    try storing { () throws(SQLiteError) in
      try tables.references.lastGrant(account: account, planId: planId, beforeDay: beforeDay)
    }
  }

  func entry(sequence: Int64) throws(StorageFailure) -> Entry? {
    try storing { () throws(SQLiteError) in try tables.ledger.entry(sequence: sequence) }
  }

  func plan(id: String) throws(StorageFailure) -> Plan? {
    try storing { () throws(SQLiteError) in try tables.plans.plan(id: id) }
  }

  func caps(_ key: CapKey) throws(StorageFailure) -> [Cap] {
    try storing { () throws(SQLiteError) in try tables.caps.caps(key) }
  }

  func capCounters(_ key: CapKey) throws(StorageFailure) -> CapCounters? {
    try storing { () throws(SQLiteError) in try tables.capCounters.counters(key) }
  }

  func capFacts(_ query: CapFactQuery) throws(StorageFailure) -> StoredCapFacts {
    try storing { () throws(SQLiteError) in try tables.capFacts.facts(query) }
  }

  func underWay(account: Int64, nowMicros: Int64) throws(StorageFailure) -> UnderWay {
    try storing { () throws(SQLiteError) in
      try tables.runs.underWay(account: account, nowMicros: nowMicros)
    }
  }

  // MARK: runs

  func run(runId: String, attempt: Int32?) throws(StorageFailure) -> StoredRun? {
    try storing { () throws(SQLiteError) in try tables.runs.run(runId: runId, attempt: attempt) }
  }

  func openRunCount(account: Int64, nowMicros: Int64) throws(StorageFailure) -> Int64 {
    try storing { () throws(SQLiteError) in
      try tables.runs.openCount(account: account, nowMicros: nowMicros)
    }
  }

  func label(_ label: RunLabel) throws(StorageFailure) -> Int64? {
    try storing { () throws(SQLiteError) in try tables.runLabels.id(label) }
  }

  func counters(_ key: MonthKey) throws(StorageFailure) -> MonthCounters {
    try storing { () throws(SQLiteError) in try tables.usageMonths.counters(key) }
  }

  func tagValues(_ key: GroupKey) throws(StorageFailure) -> TagValues {
    try storing { () throws(SQLiteError) in try tables.groups.values(key) }
  }

  func cell(day: Int64, account: Int64, quarters: Range<Int>) throws(StorageFailure) -> RollupCell {
    try storing { () throws(SQLiteError) in
      try tables.rollups.quarters(day: day, account: account).sum(quarters)
    }
  }

  // MARK: users

  func settings(account: Int64) throws(StorageFailure) -> UserSettings? {
    try storing { () throws(SQLiteError) in try tables.settings.settings(account: account) }
  }

  func planId(account: Int64) throws(StorageFailure) -> String? {
    try storing { () throws(SQLiteError) in try tables.settings.planId(account: account) }
  }

  func rateLimit(_ key: RateLimitKey) throws(StorageFailure) -> StoredRateLimit? {
    try storing { () throws(SQLiteError) in try tables.rateLimits.limit(key) }
  }

  func rateLimitCount(_ kind: RateLimitKind) throws(StorageFailure) -> Int {
    try storing { () throws(SQLiteError) in try tables.rateLimits.count(kind) }
  }

  // MARK: top-ups

  func topUp(account: Int64) throws(StorageFailure) -> TopUp? {
    try storing { () throws(SQLiteError) in try tables.topUps.topUp(account: account) }
  }

  func topUpIntent(id: Int64) throws(StorageFailure) -> TopUpIntent? {
    try storing { () throws(SQLiteError) in try tables.topUpIntents.intent(id: id) }
  }

  func topUpIntent(closedBy purchase: Int64) throws(StorageFailure) -> TopUpIntent? {
    try storing { () throws(SQLiteError) in try tables.topUpIntents.intent(closedBy: purchase) }
  }

  func dueTopUpIntents(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [TopUpIntent] {
    try storing { () throws(SQLiteError) in
      try tables.topUpIntents.due(nowMicros: nowMicros, limit: limit)
    }
  }

  func leasedTopUpIntents(
    worker: String, nowMicros: Int64, limit: Int
  ) throws(StorageFailure) -> [TopUpIntent] {
    try storing { () throws(SQLiteError) in
      try tables.topUpIntents.leased(worker: worker, nowMicros: nowMicros, limit: limit)
    }
  }

  // MARK: pages

  func page(pageId: String) throws(StorageFailure) -> StoredPage? {
    try storing { () throws(SQLiteError) in try tables.pages.page(pageId: pageId) }
  }

  func page(id: Int64) throws(StorageFailure) -> StoredPage? {
    try storing { () throws(SQLiteError) in try tables.pages.page(id: id) }
  }

  func page(slug: String, account: Int64) throws(StorageFailure) -> String? {
    try storing { () throws(SQLiteError) in
      try tables.pages.page(slug: slug, account: account)?.facts.pageId
    }
  }

  func pageCount(account: Int64) throws(StorageFailure) -> Int64 {
    try storing { () throws(SQLiteError) in try tables.pageCounters.count(account: account) }
  }

  func publishedPageIds(account: Int64) throws(StorageFailure) -> [String] {
    try storing { () throws(SQLiteError) in try tables.pages.published(account: account) }
  }

  func pages(using mediaId: Int64, limit: Int) throws(StorageFailure) -> [Int64] {
    try storing { () throws(SQLiteError) in
      try tables.sections.pages(using: mediaId, limit: limit)
    }
  }

  func version(page: Int64, _ version: Int64) throws(StorageFailure) -> StoredVersion? {
    try storing { () throws(SQLiteError) in try tables.pageVersions.version(page: page, version) }
  }

  func version(page: Int64, digest: Digest) throws(StorageFailure) -> Int64? {
    try storing { () throws(SQLiteError) in
      try tables.pageVersions.version(page: page, digest: digest)
    }
  }

  func versionsWithoutDigest(
    page: Int64, after version: Int64, baseVersion: Int64
  ) throws(StorageFailure) -> [Int64] {
    try storing { () throws(SQLiteError) in
      try tables.pageVersions.withoutDigest(page: page, after: version, baseVersion: baseVersion)
    }
  }

  func autosaves(page: Int64, limit: Int) throws(StorageFailure) -> [Autosave] {
    try storing { () throws(SQLiteError) in
      try tables.pageVersions.autosaves(page: page, limit: limit)
    }
  }

  func byteCount(of page: StoredPage) throws(StorageFailure) -> Int64 {
    try storing { () throws(SQLiteError) in try tables.pageVersions.byteCount(of: page) }
  }

  func media(mediaId: String) throws(StorageFailure) -> StoredMedia? {
    try storing { () throws(SQLiteError) in try tables.media.media(mediaId: mediaId) }
  }

  func media(mediaIds: [String]) throws(StorageFailure) -> [StoredMedia] {
    try storing { () throws(SQLiteError) in try tables.media.media(mediaIds: mediaIds) }
  }
}
