// Where a read set finds the records that it does not have: what the last commit has stored.
//
// Invariants:
// 1. Everything that is found is of one commit, the last one, until the writer begins its next transaction.
// 2. An engine in the process finds a record at once. One across a wire throws `notLoaded` for a record that
//    it was not asked for before, and `loadMissing` loads all of these in one go; then the batch is decided
//    again. It loads more of a list than the limit that it was asked with: the next command of a batch may
//    ask for one row more than the one before.
// 3. A record that cannot be decoded throws `damaged`, which concerns only commands that need it.
//
// Owner: the writer's queue.

package protocol RecordSource: AnyObject {
  /// Loads whatever was not loaded when it was asked for.
  func loadMissing() throws(StorageFailure)

  // MARK: credits

  func account(userId: String) throws(StorageFailure) -> Account?
  func hold(id: Int64) throws(StorageFailure) -> Hold?
  /// Open holds of an account whose time is over, the earliest first; all of them without a limit.
  func expiredHolds(account: Int64, nowMicros: Int64, limit: Int?) throws(StorageFailure) -> [Hold]
  /// The open holds of an account that expire first.
  func openHoldExpiries(account: Int64, limit: Int) throws(StorageFailure) -> [HoldExpiry]
  func key(_ key: String, account: Int64) throws(StorageFailure) -> KeyMatch?
  /// The row of a purchase by any of its ids at the provider, whoever's it is.
  func purchase(paymentId: String) throws(StorageFailure) -> Int64?
  /// The row that carries a provider's event id, whoever's it is.
  func event(eventId: String) throws(StorageFailure) -> Int64?
  /// Sums over the rows that refer to an earlier row.
  func referred(to sequence: Int64) throws(StorageFailure) -> ReferredSums
  /// Of a plan's granted periods, the one that begins last among those that begin before a day.
  func lastGrant(account: Int64, planId: String, beforeDay: Int64) throws(StorageFailure) -> GrantedPeriod?
  func entry(sequence: Int64) throws(StorageFailure) -> Entry?
  func plan(id: String) throws(StorageFailure) -> Plan?
  /// A user's own; none when there is no list of them.
  func caps(_ key: CapKey) throws(StorageFailure) -> [Cap]
  func capCounters(_ key: CapKey) throws(StorageFailure) -> CapCounters?
  func capFacts(_ query: CapFactQuery) throws(StorageFailure) -> StoredCapFacts
  /// What runs under way that have not expired count.
  func underWay(account: Int64, nowMicros: Int64) throws(StorageFailure) -> UnderWay

  // MARK: top-ups

  func topUp(account: Int64) throws(StorageFailure) -> TopUp?
  func topUpIntent(id: Int64) throws(StorageFailure) -> TopUpIntent?
  /// By the row of the purchase.
  func topUpIntent(closedBy purchase: Int64) throws(StorageFailure) -> TopUpIntent?
  /// Open ones that can be taken, the longest due first.
  func dueTopUpIntents(nowMicros: Int64, limit: Int) throws(StorageFailure) -> [TopUpIntent]
  /// Those that are leased to a worker now, the first to end first.
  func leasedTopUpIntents(
    worker: String, nowMicros: Int64, limit: Int
  ) throws(StorageFailure) -> [TopUpIntent]

  // MARK: runs

  /// - Parameter attempt: nil for the newest.
  func run(runId: String, attempt: Int32?) throws(StorageFailure) -> StoredRun?
  /// Runs under way that count against a quota.
  func openRunCount(account: Int64, nowMicros: Int64) throws(StorageFailure) -> Int64
  func label(_ label: RunLabel) throws(StorageFailure) -> Int64?
  func counters(_ key: MonthKey) throws(StorageFailure) -> MonthCounters
  /// What a day has of a tag's values, and whether one of them is there.
  func tagValues(_ key: GroupKey) throws(StorageFailure) -> TagValues
  /// Of all models and types, over some quarter hours of a UTC day.
  func cell(day: Int64, account: Int64, quarters: Range<Int>) throws(StorageFailure) -> RollupCell

  // MARK: users

  /// nil: there is no such account.
  func settings(account: Int64) throws(StorageFailure) -> UserSettings?
  /// Of the account's settings.
  func planId(account: Int64) throws(StorageFailure) -> String?
  func rateLimit(_ key: RateLimitKey) throws(StorageFailure) -> StoredRateLimit?
  func rateLimitCount(_ kind: RateLimitKind) throws(StorageFailure) -> Int

  // MARK: pages

  func page(pageId: String) throws(StorageFailure) -> StoredPage?
  func page(id: Int64) throws(StorageFailure) -> StoredPage?
  /// The id of the account's page that has a slug, deleted or not.
  func page(slug: String, account: Int64) throws(StorageFailure) -> String?
  /// Live ones of an account.
  func pageCount(account: Int64) throws(StorageFailure) -> Int64
  /// Ids of an account's pages that are published or are going to be, deleted or not.
  func publishedPageIds(account: Int64) throws(StorageFailure) -> [String]
  /// Pages whose current version shows a medium, in order of their ids.
  func pages(using mediaId: Int64, limit: Int) throws(StorageFailure) -> [Int64]
  func version(page: Int64, _ version: Int64) throws(StorageFailure) -> StoredVersion?
  /// The number of the version that a patch has made.
  func version(page: Int64, digest: Digest) throws(StorageFailure) -> Int64?
  /// Numbers of the versions after one that were made from `baseVersion` and have no digest, newest first.
  func versionsWithoutDigest(
    page: Int64, after version: Int64, baseVersion: Int64
  ) throws(StorageFailure) -> [Int64]
  /// A page's oldest ones.
  func autosaves(page: Int64, limit: Int) throws(StorageFailure) -> [Autosave]
  /// Of the sections of a page's current version.
  func byteCount(of page: StoredPage) throws(StorageFailure) -> Int64
  func media(mediaId: String) throws(StorageFailure) -> StoredMedia?
  /// By id; those that are not there are left out.
  func media(mediaIds: [String]) throws(StorageFailure) -> [StoredMedia]
}

/// What the process keeps in memory of the last commit. It is looked at before the source.
package protocol RecordCache: Sendable {
  func account(userId: String) -> Account?
  func plan(id: String) -> Plan?
  /// Takes what was loaded.
  func keep(_ plan: Plan, commitSequence: Int64)
}

/// A ledger row that carries a key.
package struct KeyMatch {
  package var sequence: Int64
  package var digest: Digest

  package init(sequence: Int64, digest: Digest) {
    self.sequence = sequence
    self.digest = digest
  }
}

/// When an open hold expires.
package struct HoldExpiry {
  var holdId: Int64
  package var atMicros: Int64

  package init(holdId: Int64, atMicros: Int64) {
    self.holdId = holdId
    self.atMicros = atMicros
  }
}

/// Per second and at once.
package struct StoredRateLimit: Equatable {
  var perSecond: Int32
  var burst: Int32

  package init(perSecond: Int32, burst: Int32) {
    self.perSecond = perSecond
    self.burst = burst
  }
}
