// Committed records, looked up in the tables.
//
// Owner: the writer's queue.

package import TallyCore

extension MemoryStore {
  // MARK: credits

  package func account(userId: String) throws(StorageFailure) -> Account? {
    try find([], [userId]) { $0.accounts[ExactText(userId)]?.account }
  }

  package func hold(id: Int64) throws(StorageFailure) -> Hold? {
    try find([id]) { $0.holds[id]?.hold }
  }

  package func expiredHolds(account: Int64, nowMicros: Int64, limit: Int?) throws(StorageFailure) -> [Hold] {
    try find([account, nowMicros], length: limit ?? Int.max) { tables in
      Array(tables.expiredHolds(account: account, nowMicros: nowMicros).prefix(limit ?? Int.max))
    }
  }

  package func openHoldExpiries(account: Int64, limit: Int) throws(StorageFailure) -> [HoldExpiry] {
    try find([account], length: limit) { tables in
      tables.openHolds(account: account).prefix(limit).map {
        HoldExpiry(holdId: $0.id, atMicros: $0.expiresAtMicros)
      }
    }
  }

  package func key(_ key: String, account: Int64) throws(StorageFailure) -> KeyMatch? {
    try find([account], [key]) { tables in
      guard let sequence = tables.keys[.init(account: account, key: ExactText(key))],
        let digest = tables.entry(sequence)?.idempotency?.digest
      else { return nil }
      return KeyMatch(sequence: sequence, digest: digest)
    }
  }

  package func purchase(paymentId: String) throws(StorageFailure) -> Int64? {
    try find([], [paymentId]) { $0.purchases[ExactText(paymentId)] }
  }

  package func event(eventId: String) throws(StorageFailure) -> Int64? {
    try find([], [eventId]) { $0.events[ExactText(eventId)] }
  }

  package func referred(to sequence: Int64) throws(StorageFailure) -> ReferredSums {
    try find([sequence]) { $0.referred[sequence] ?? ReferredSums() }
  }

  package func lastGrant(
    account: Int64, planId: String, beforeDay: Int64
  ) throws(StorageFailure) -> GrantedPeriod? {
    try find([account, beforeDay], [planId]) {
      $0.lastGrant(account: account, planId: planId, beforeDay: beforeDay)
    }
  }

  package func entry(sequence: Int64) throws(StorageFailure) -> Entry? {
    try find([sequence]) { tables in
      tables.entry(sequence)
    }
  }

  package func plan(id: String) throws(StorageFailure) -> Plan? {
    try find([], [id]) { $0.plans[ExactText(id)] }
  }

  package func caps(_ key: CapKey) throws(StorageFailure) -> [Cap] {
    try find([key.account], [key.spender.text]) { $0.caps[key] ?? [] }
  }

  package func capCounters(_ key: CapKey) throws(StorageFailure) -> CapCounters? {
    try find([key.account], [key.spender.text]) { $0.capCounters[key] }
  }

  package func capFacts(_ query: CapFactQuery) throws(StorageFailure) -> StoredCapFacts {
    try find([query.account, query.fromMicros, query.hasRuns ? 1 : 0], [query.spender]) { $0.capFacts(query) }
  }

  package func underWay(account: Int64, nowMicros: Int64) throws(StorageFailure) -> UnderWay {
    try find([account, nowMicros]) { tables in
      tables.runsUnderWay(account: account, nowMicros: nowMicros).reduce(into: UnderWay()) {
        $0.add(spender: $1.spender, startedAtMicros: $1.startedAtMicros, model: $1.model, type: $1.type)
      }
    }
  }

  // MARK: top-ups

  package func topUp(account: Int64) throws(StorageFailure) -> TopUp? {
    try find([account]) { $0.topUps[account] }
  }

  package func topUpIntent(id: Int64) throws(StorageFailure) -> TopUpIntent? {
    try find([id]) { tables in tables.topUpIntents.first { $0.id == id } }
  }

  package func topUpIntent(closedBy purchase: Int64) throws(StorageFailure) -> TopUpIntent? {
    try find([purchase]) { tables in tables.topUpIntents.first { $0.purchase == purchase } }
  }

  package func dueTopUpIntents(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [TopUpIntent] {
    try find([nowMicros], length: limit) { tables in
      tables.openIntents { $0.dueAtMicros <= nowMicros }
    }
  }

  package func leasedTopUpIntents(
    worker: String, nowMicros: Int64, limit: Int
  ) throws(StorageFailure) -> [TopUpIntent] {
    try find([nowMicros], [worker], length: limit) { tables in
      tables.openIntents {
        $0.worker.isExactly(worker) && ($0.leasedUntilMicros ?? Int64.min) > nowMicros
      }
    }
  }

  // MARK: runs

  package func run(runId: String, attempt: Int32?) throws(StorageFailure) -> StoredRun? {
    try find([Int64(attempt ?? 0)], [runId]) { $0.run(runId, attempt: attempt) }
  }

  package func openRunCount(account: Int64, nowMicros: Int64) throws(StorageFailure) -> Int64 {
    try find([account, nowMicros]) { $0.openRunCount(account: account, nowMicros: nowMicros) }
  }

  package func label(_ label: RunLabel) throws(StorageFailure) -> Int64? {
    try find([], [label.model.text, label.type.text]) { $0.labels[label] }
  }

  package func counters(_ key: MonthKey) throws(StorageFailure) -> MonthCounters {
    try find([key.month, key.account]) { $0.counters(key) }
  }

  package func tagValues(_ key: GroupKey) throws(StorageFailure) -> TagValues {
    try find([key.day, key.account], [key.tag.text, key.value.text]) { $0.tagValues(key) }
  }

  package func cell(day: Int64, account: Int64, quarters: Range<Int>) throws(StorageFailure) -> RollupCell {
    try find([day, account, Int64(quarters.lowerBound), Int64(quarters.upperBound)]) {
      $0.cell(day: day, account: account, quarters: quarters)
    }
  }

  // MARK: users

  package func settings(account: Int64) throws(StorageFailure) -> UserSettings? {
    try find([account]) { $0.settings(of: $0.account(id: account)) }
  }

  package func planId(account: Int64) throws(StorageFailure) -> String? {
    try find([account]) { $0.settings[account]?.planId }
  }

  package func rateLimit(_ key: RateLimitKey) throws(StorageFailure) -> StoredRateLimit? {
    try find([key.kind.rawValue, key.id]) { tables in
      tables.rateLimits.first { $0.key == key }.map {
        StoredRateLimit(perSecond: $0.limit.perSecond, burst: $0.limit.burst)
      }
    }
  }

  package func rateLimitCount(_ kind: RateLimitKind) throws(StorageFailure) -> Int {
    try find([kind.rawValue]) { $0.rateLimits.filter { $0.key.kind == kind }.count }
  }

  // MARK: pages

  package func page(pageId: String) throws(StorageFailure) -> StoredPage? {
    try find([], [pageId]) { $0.pages[ExactText(pageId)] }
  }

  package func page(id: Int64) throws(StorageFailure) -> StoredPage? {
    try find([id]) { tables in tables.pages.values.first { $0.id == id } }
  }

  package func page(slug: String, account: Int64) throws(StorageFailure) -> String? {
    try find([account], [slug]) { tables in
      tables.pages.values.first { $0.account == account && $0.facts.slug == slug }?.facts.pageId
    }
  }

  package func pageCount(account: Int64) throws(StorageFailure) -> Int64 {
    try find([account]) { $0.pageCount(account: account) }
  }

  package func publishedPageIds(account: Int64) throws(StorageFailure) -> [String] {
    try find([account]) { tables in
      tables.pages.values.filter {
        $0.account == account && ($0.facts.publishedVersion != nil || $0.facts.schedule != nil)
      }.map(\.facts.pageId)
    }
  }

  package func pages(using mediaId: Int64, limit: Int) throws(StorageFailure) -> [Int64] {
    try find([mediaId], length: limit) { tables in
      guard let id = tables.media.first(where: { $0.value.id == mediaId })?.key else { return [] }
      let users = tables.pages.values.filter { page in
        tables.version(page: page.id, page.facts.currentVersion)?.content.mediaIds.contains(id) ?? false
      }
      return Array(users.map(\.id).sorted().prefix(limit))
    }
  }

  package func version(page: Int64, _ version: Int64) throws(StorageFailure) -> StoredVersion? {
    try find([page, version]) { $0.version(page: page, version) }
  }

  package func version(page: Int64, digest: Digest) throws(StorageFailure) -> Int64? {
    try find([page] + digest.bytes.map(Int64.init)) { tables in
      tables.allVersions(page: page).first { $0.digest == digest }?.version
    }
  }

  package func versionsWithoutDigest(
    page: Int64, after version: Int64, baseVersion: Int64
  ) throws(StorageFailure) -> [Int64] {
    try find([page, version, baseVersion]) { tables in
      tables.allVersions(page: page).reversed().filter {
        $0.digest == nil && $0.version > version && $0.baseVersion == baseVersion
      }.map(\.version)
    }
  }

  package func autosaves(page: Int64, limit: Int) throws(StorageFailure) -> [Autosave] {
    try find([page], length: limit) { tables in
      tables.allVersions(page: page).filter(\.isAutosave).prefix(limit).map {
        Autosave(version: $0.version, atMicros: $0.atMicros)
      }
    }
  }

  package func byteCount(of page: StoredPage) throws(StorageFailure) -> Int64 {
    try find([page.id, page.facts.currentVersion]) { tables in
      let content = tables.version(page: page.id, page.facts.currentVersion)?.content
      return Int64(content?.sections.reduce(0) { $0 + $1.content.utf8.count } ?? 0)
    }
  }

  package func media(mediaId: String) throws(StorageFailure) -> StoredMedia? {
    try find([], [mediaId]) { $0.media[ExactText(mediaId)] }
  }

  package func media(mediaIds: [String]) throws(StorageFailure) -> [StoredMedia] {
    var found: [StoredMedia] = []
    var failure: StorageFailure?
    for mediaId in mediaIds {
      // All that are missing are noted, and then loaded together.
      do { if let media = try media(mediaId: mediaId) { found.append(media) } } catch { failure = error }
    }
    if let failure { throw failure }
    return found
  }
}
