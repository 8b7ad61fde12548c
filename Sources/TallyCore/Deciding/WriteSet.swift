// What a batch has decided so far: rows to append, rows to put, amounts to add. The next commands of the
// batch see it through the read set. Then the store writes it, and it is what the commit has changed.
//
// Invariants:
// 1. A record stands here as the last command that changed it has left it.
// 2. A refused command adds nothing, so there is nothing to undo. What it has found out on its way may be
//    kept: counters of caps, which say the same as the rows that they were made of.
// 3. Every decision has a place of its own in one total order: `CommitPoint`. What is decided before the
//    first write still belongs to the commit before it.
// 4. It holds `maximumByteCount` of page contents, and its batch's replies have `maximumReplyByteCount` of
//    them; in both cases beside what one call more adds.
//
// Owner: the writer's queue.

package struct WriteSet {
  /// Of the contents of pages. What comes after it waits for the next batch.
  static let maximumByteCount = 16 << 20
  /// Of the pages in a batch's replies, which all wait in memory for its commit. What comes after it waits
  /// for the next batch.
  static let maximumReplyByteCount = 1 << 20
  /// Decisions that may follow a commit without rows of their own; then an empty commit starts afresh.
  static let maximumTrailing: Int32 = 1 << 30

  package struct AccountRow {
    package var account: Account
    /// `nextDueMicros` as it is stored.
    package var storedDueMicros: Int64?
    package var isNew = false
    package var isChanged = false

    fileprivate mutating func change(to account: Account) {
      self.account = account
      isChanged = true
    }
  }

  package struct LedgerRow {
    package var entry: Entry
    package var account: Int64
    package var hash: [UInt8]
    /// nil for a row without free text.
    package var textDigest: [UInt8]?
  }

  package struct KeyName: Hashable {
    package var account: Int64
    var key: ExactText
  }

  package struct GrantKey: Hashable {
    package var account: Int64
    var planId: ExactText
  }

  package let nowMicros: Int64
  /// As of the last commit.
  package let committed: Books
  package var books: Books

  /// Loaded ones too: what was looked at is published with the commit.
  package private(set) var accounts: [ExactText: AccountRow] = [:]
  package private(set) var ledger: [LedgerRow] = []
  package private(set) var holds: [Int64: HoldRow] = [:]
  private var keys: [KeyName: Int64] = [:]
  /// By every id that a payment has at its provider, new ids of older purchases too.
  package private(set) var purchases: [ExactText: Int64] = [:]
  package private(set) var events: [ExactText: Int64] = [:]
  package private(set) var grants: [GrantKey: [GrantedPeriod]] = [:]
  /// Sums over the rows of this batch that refer to a row.
  package private(set) var referred: [Int64: ReferredSums] = [:]
  package private(set) var plans: [ExactText: Plan] = [:]
  /// In order.
  package private(set) var prices: [Price] = []
  package private(set) var runs: [RunName: RunRow] = [:]
  /// Of runs that have begun an attempt in this batch.
  package private(set) var newestAttempts: [ExactText: Int32] = [:]
  /// Runs under way that count against a quota, by account: how many more than are stored.
  package private(set) var openRuns: [Int64: Int64] = [:]
  package private(set) var labels: [RunLabel: Int64] = [:]
  package private(set) var rollups = RollupDeltas<RollupKey>()
  package private(set) var groups = RollupDeltas<GroupKey>()
  /// By tag and day: values that have no line yet.
  private(set) var newTagValues: [GroupKey: Int64] = [:]
  package private(set) var months: [MonthKey: MonthCounters] = [:]
  package private(set) var pageCounts: [Int64: Int64] = [:]
  /// By account.
  package private(set) var settings: [Int64: UserSettings] = [:]
  /// In order.
  package private(set) var rateLimits: [RateLimitEffect] = []
  /// nil: taken away.
  package private(set) var rateLimitStates: [RateLimitKey: StoredRateLimit?] = [:]
  /// In order.
  package private(set) var alertRules: [AlertRuleEffect] = []
  /// Users' own ones. Empty: there is no list any more.
  package private(set) var caps: [CapKey: [Cap]] = [:]
  /// Accounts all of whose counters of caps are dropped, before any of `capCounters`.
  package private(set) var uncounted: Set<Int64> = []
  /// Empty: they are dropped.
  package private(set) var capCounters: [CapKey: CapCounters] = [:]
  /// In the order of their ids.
  package private(set) var accountEvents: [EventRow] = []
  /// Settings, by account.
  package private(set) var topUps: [Int64: TopUp] = [:]
  /// By id.
  package private(set) var topUpIntents: [Int64: TopUpIntent] = [:]
  package private(set) var pages: [ExactText: PageRow] = [:]
  /// In the order of their numbers.
  package private(set) var pageUpdates: [PageUpdateRow] = []
  package private(set) var pageIds: [Int64: ExactText] = [:]
  package private(set) var versions: [VersionKey: StoredVersion] = [:]
  /// Versions that are no autosaves any more.
  package private(set) var keptVersions: Set<VersionKey> = []
  /// Versions that are removed.
  package private(set) var thinned: Set<VersionKey> = []
  package private(set) var purgedPages: [StoredPage] = []
  package private(set) var media: [ExactText: MediaRow] = [:]
  /// What caches have to forget when this commits.
  package private(set) var touched = Touched()
  /// What whoever runs the server is told once this commits.
  private(set) var notices: [GrantNotice] = []
  private var byteCount = 0
  private var replyByteCount = 0

  package private(set) var hasWritten: Bool
  /// The next place in this commit, and in the one before.
  package private(set) var position: Int32 = 0
  package private(set) var trailing: Int32

  init(nowMicros: Int64, books: Books, trailing: Int32) {
    self.nowMicros = nowMicros
    committed = books
    self.books = books
    self.trailing = trailing
    hasWritten = trailing >= Self.maximumTrailing
  }

  /// Nothing more is decided in this batch: a page was purged, whose id may be given to another one, or what
  /// is to be written or answered is large.
  var isFull: Bool {
    !purgedPages.isEmpty || byteCount >= Self.maximumByteCount
      || replyByteCount >= Self.maximumReplyByteCount
  }
  /// What was handled has filled the store's caches far beyond their size: they are emptied afterwards.
  var freesMemory: Bool { !purgedPages.isEmpty || byteCount >= Self.maximumByteCount }

  /// Takes note of a page that a reply of the batch shows.
  mutating func note(replyByteCount: Int) { self.replyByteCount += replyByteCount }

  /// Whether something of pages or media is to be written.
  package var changesPages: Bool { !pages.isEmpty || !media.isEmpty || !purgedPages.isEmpty }
  /// Whether something is to be counted: runs, uploads or pages.
  package var countsUsage: Bool { !rollups.byKey.isEmpty || !months.isEmpty || !pageCounts.isEmpty }

  // MARK: places

  /// The place of a decision that writes.
  var writingPlace: CommitPoint {
    CommitPoint(sequence: books.head.commitSequence + 1, position: position)
  }

  /// The place of a decision that writes nothing.
  var restingPlace: CommitPoint {
    hasWritten ? writingPlace : CommitPoint(sequence: books.head.commitSequence, position: trailing)
  }

  /// The next decision has another place.
  mutating func passRestingPlace() { if hasWritten { position += 1 } else { trailing += 1 } }

  /// Makes a commit of it, whether or not anything is changed.
  mutating func touch() { hasWritten = true }

  // MARK: adding

  /// Takes note of an account that is looked at.
  mutating func keep(loaded account: Account) {
    accounts[ExactText(account.userId)] = AccountRow(
      account: account, storedDueMicros: account.nextDueMicros)
  }

  /// Counters of caps that were made of what is there.
  mutating func keep(_ counters: [CapKey: CapCounters], of account: Account) {
    var counted = account
    counted.isCapCounted = true
    accounts[ExactText(account.userId), default: AccountRow(account: account)].change(to: counted)
    capCounters.merge(counters) { $1 }
    hasWritten = true
  }

  /// Whether something was added since a moment.
  /// - Parameter earlier: what it was then.
  func hasWritten(since earlier: WriteSet) -> Bool { position != earlier.position }

  /// Adds what one command changes.
  mutating func add(_ effects: consuming Effects) {
    if let whole = effects.products?.whole {
      self = whole
      return
    }
    if let account = effects.newAccount { make(account) }
    if let change = effects.change { add(change) }
    if let system = effects.system { books.system = system }
    if let products = effects.products { add(products) }
    hasWritten = true
    position += 1
  }

  private mutating func add(_ effects: ProductEffects) {
    if let effect = effects.run { add(effect) }
    if let run = effects.extendedRun { extend(run) }
    if let count = effects.count { add(count) }
    for plan in effects.plans { add(plan) }
    for price in effects.prices {
      prices.append(price)
      books.prices.append(price)
    }
    if let account = effects.changedAccount {
      accounts[ExactText(account.userId), default: AccountRow(account: account)].change(to: account)
    }
    for ref in effects.paymentRefs { purchases[ExactText(ref.id)] = ref.purchase }
    if let effect = effects.settings {
      settings[effect.account] = effect.settings
      touched.settings.insert(ExactText(effect.settings.userId))
    }
    if let effect = effects.rateLimit { add(effect) }
    if let effect = effects.alertRule {
      alertRules.append(effect)
      books.alerts = AlertBook.changing(books.alerts, effect.id, to: effect.rule)
      books.expiries.follow(books.alerts?.expiryWindows ?? [], nowMicros: nowMicros)
    }
    if let effect = effects.caps { caps[effect.key] = effect.caps }
    if let account = effects.uncounted {
      uncounted.insert(account)
      for key in capCounters.keys where key.account == account { capCounters[key] = nil }
    }
    capCounters.merge(effects.capCounters) { $1 }
    for event in effects.events { append(event) }
    if let effect = effects.topUp { add(effect) }
    for effect in effects.pages { add(effect) }
    if let media = effects.media { add(media) }
    if let page = effects.purgedPage {
      purgedPages.append(page)
      append(.purged, of: page, facts: nil)
      touched.pages.insert(ExactText(page.facts.pageId))
    }
    for pageId in effects.touchedPageIds { touched.pages.insert(ExactText(pageId)) }
    if effects.touchesAllPages { touched.allPages = true }
  }

  private mutating func add(_ effect: TopUpEffect) {
    if let topUp = effect.topUp { topUps[topUp.account] = topUp }
    for intent in effect.intents {
      topUpIntents[intent.id] = intent
      books.lastIntentId = max(books.lastIntentId, intent.id)
    }
    for event in effect.events { append(event) }
  }

  private mutating func add(_ plan: Plan) {
    plans[ExactText(plan.id)] = plan
    touched.plans.insert(ExactText(plan.id))
    if plan.hasCaps {
      books.cappedPlans.insert(ExactText(plan.id))
    } else {
      books.cappedPlans.remove(ExactText(plan.id))
    }
    if plan.isDefault {
      books.defaultPlanId = plan.id
    } else if books.defaultPlanId?.isExactly(plan.id) ?? false {
      books.defaultPlanId = nil
    }
  }

  private mutating func make(_ account: Account) {
    books.lastAccountId = max(books.lastAccountId, account.id)
    accounts[ExactText(account.userId)] = AccountRow(account: account, storedDueMicros: nil, isNew: true)
  }

  private mutating func add(_ change: Change) {
    let id = change.account.id
    notices += change.notices
    for entry in change.entries { append(entry, account: id) }
    for hold in change.holds { holds[hold.id] = HoldRow(hold: hold, account: id) }
    let userId = ExactText(change.account.userId)
    accounts[userId, default: AccountRow(account: change.account)].change(to: change.account)
  }

  private mutating func append(_ entry: Entry, account: Int64) {
    let textDigest = Chain.textDigest(of: entry)
    books.head.hash = Chain.hash(of: entry, previous: books.head.hash, textDigest: textDigest)
    books.head.ledgerSequence = entry.sequence
    books.head.lastAtMicros = entry.atMicros
    ledger.append(
      LedgerRow(entry: entry, account: account, hash: books.head.hash, textDigest: textDigest))
    if !keys.isEmpty { note(keyOf: ledger.count - 1) }
    if !books.expiries.isEmpty, let place = entry.openedPlace {
      books.expiries.note(opened: place, nowMicros: nowMicros)
    }
    if let paymentId = entry.paymentId { purchases[ExactText(paymentId)] = entry.sequence }
    if let eventId = entry.eventId { events[ExactText(eventId)] = entry.sequence }
    if let refersTo = entry.refersTo { referred[refersTo, default: ReferredSums()].add(entry) }
    if let planId = entry.planId, let period = GrantedPeriod(entry) {
      grants[GrantKey(account: account, planId: ExactText(planId)), default: []].append(period)
    }
  }

  private mutating func append(_ row: EventRow) {
    books.lastEventId += 1
    var row = row
    row.event.id = books.lastEventId
    row.event.commit = writingPlace
    accountEvents.append(row)
  }

  /// The row of this batch that has a key. Keys are collected once one is asked for: most batches need none.
  mutating func sequence(ofKey key: String, account: Int64) -> Int64? {
    if keys.isEmpty { for index in ledger.indices { note(keyOf: index) } }
    return keys[KeyName(account: account, key: ExactText(key))]
  }

  private mutating func note(keyOf index: Int) {
    let row = ledger[index]
    guard let key = row.entry.idempotency?.key else { return }
    keys[KeyName(account: row.account, key: ExactText(key))] = row.entry.sequence
  }

  private mutating func add(_ effect: RunEffect) {
    let id = effect.run.run.name
    let isOpen = effect.run.run.isOpen(nowMicros: nowMicros)
    if effect.isNew {
      books.lastRunId = max(books.lastRunId, effect.run.run.id)
      runs[id] = RunRow(run: effect.run, isNew: true, isFinished: false)
      newestAttempts[id.runId] = id.attempt
      if isOpen { openRuns[effect.run.account, default: 0] += 1 }
    } else {
      let isNew = runs[id]?.isNew ?? false
      runs[id] = RunRow(run: effect.run, isNew: isNew, isFinished: true)
      if effect.run.run.wasOpen(nowMicros: nowMicros) { openRuns[effect.run.account, default: 0] -= 1 }
    }
    touchStats(of: effect.run.run.userId)
  }

  private mutating func extend(_ run: StoredRun) {
    let id = run.run.name
    if runs[id] == nil { runs[id] = RunRow(run: run, isNew: false, isFinished: false) }
    runs[id]?.run = run
    touchStats(of: run.run.userId)
  }

  /// Answers about runs are stale: those of this user and those of all.
  private mutating func touchStats(of userId: String) {
    touched.stats.insert(ExactText(userId))
    touched.stats.insert(ExactText(""))
  }

  private mutating func add(_ count: UsageCount) {
    for account in count.accounts {
      for label in count.labels {
        let key = RollupKey(day: count.day, account: account, label: label)
        // It is part of the sums over all runs, which were found to fit.
        precondition(rollups.add(count.cell, quarter: count.quarter, to: key), "a part exceeds the whole")
      }
    }
    for key in count.groups {
      precondition(groups.add(count.cell, quarter: count.quarter, to: key), "a part exceeds the whole")
    }
    for key in count.newTagValues { newTagValues[key.ofAllValues, default: 0] += 1 }
    if let new = count.newLabel {
      labels[new.label] = new.id
      books.lastLabelId = max(books.lastLabelId, new.id)
    }
    if count.month != MonthCounters() {
      let key = MonthKey(month: Civil(dayNumber: count.day).monthNumber, account: count.account)
      months[key, default: MonthCounters()].add(count.month)
    }
    if let total = count.runTotal { books.runTotal = total }
  }

  private mutating func add(_ effect: RateLimitEffect) {
    rateLimits.append(effect)
    let state: StoredRateLimit? =
      effect.action == .remove
      ? nil : StoredRateLimit(perSecond: effect.limit.perSecond, burst: effect.limit.burst)
    rateLimitStates[effect.key] = .some(state)
  }

  private mutating func add(_ effect: PageEffect) {
    let id = ExactText(effect.page.facts.pageId)
    var row = pages[id] ?? PageRow(page: effect.page, isNew: effect.isNew)
    row.page = effect.page
    if effect.changesSlug { row.changesSlug = true }
    if effect.changesSearch { row.changesSearch = true }
    if let version = effect.version {
      if !row.hasSections { row.storedSections = effect.replacedSections }
      row.hasSections = true
      row.sections = version.content.sections
      row.media = effect.media
      versions[VersionKey(page: effect.page.id, version: version.version)] = version
      byteCount += version.content.byteCount
    }
    if let version = effect.keptVersion {
      let key = VersionKey(page: effect.page.id, version: version)
      keptVersions.insert(key)
      versions[key]?.isAutosave = false
    }
    for version in effect.thinnedVersions {
      thinned.insert(VersionKey(page: effect.page.id, version: version))
    }
    if let kind = effect.kind { append(kind, of: effect.page, facts: effect.page.facts) }
    pages[id] = row
    pageIds[effect.page.id] = id
    books.lastPageId = max(books.lastPageId, effect.page.id)
    if effect.countedPages != 0 { pageCounts[effect.page.account, default: 0] += effect.countedPages }
    touched.pages.insert(id)
  }

  private mutating func append(_ kind: PageUpdateKind, of page: StoredPage, facts: PageFacts?) {
    books.lastPageUpdate += 1
    var update = PageUpdate(
      kind: kind, pageId: page.facts.pageId, userId: page.facts.userId, facts: facts, atMicros: nowMicros)
    (update.number, update.commit) = (books.lastPageUpdate, writingPlace)
    pageUpdates.append(PageUpdateRow(update: update, account: page.account))
  }

  private mutating func add(_ stored: StoredMedia) {
    let id = ExactText(stored.media.mediaId)
    let isNew = media[id]?.isNew ?? (stored.id > books.lastMediaId)
    media[id] = MediaRow(media: stored, isNew: isNew)
    books.lastMediaId = max(books.lastMediaId, stored.id)
  }

  // MARK: the end

  /// The last step before it is written.
  package mutating func close() {
    guard hasWritten else { return }
    books.head.commitSequence += 1
    books.head.committedAtMicros = nowMicros
  }
}

extension Run {
  /// Whether it counts against a quota.
  func isOpen(nowMicros: Int64) -> Bool { status == .running && wasOpen(nowMicros: nowMicros) }

  /// Whether a stored run that this batch ends, or lets go on, has counted until now.
  func wasOpen(nowMicros: Int64) -> Bool { (expiresAtMicros ?? 0) > nowMicros }
}
