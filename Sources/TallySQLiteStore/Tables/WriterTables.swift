// All statements of the writer, and a write set put into the tables.
//
// Invariants:
// 1. What is referred to is written first: accounts, then rows of the ledger, holds, runs; plans, then
//    settings; media and pages, then versions and sections.
// 2. Each table's rows are written in the order of their keys, so that neighbours share a page.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

final class WriterTables {
  let keys: KeyIndex
  let rows: LedgerReader
  let accountLoader: AccountLoader
  let accountSaver: AccountSaver
  let holdReader: HoldReader
  let planReader: PlanReader
  let settingsReader: SettingsReader
  let runReader: RunReader
  let runSaver: RunSaver
  let runTotal: RunTotalReader
  let rateLimitReader: RateLimitReader
  let usageReader: UsageReader
  let labels: LabelTable
  let pageReaders: PageReaders
  let pageSavers: PageSavers
  let headReader: HeadReader
  let headSaver: HeadSaver
  private let holdSaver: HoldSaver
  private let planSaver: PlanSaver
  private let settingsSaver: SettingsSaver
  private let rateLimitSaver: RateLimitSaver
  private let appender: LedgerAppender
  private let rollupSaver: RollupSaver

  init(_ connection: Connection) throws(SQLiteError) {
    keys = try KeyIndex(connection)
    rows = try LedgerReader(connection)
    accountLoader = try AccountLoader(connection)
    accountSaver = try AccountSaver(connection)
    holdReader = try HoldReader(connection)
    holdSaver = try HoldSaver(connection)
    planReader = try PlanReader(connection)
    planSaver = try PlanSaver(connection)
    settingsReader = try SettingsReader(connection)
    settingsSaver = try SettingsSaver(connection)
    runReader = try RunReader(connection)
    runSaver = try RunSaver(connection)
    runTotal = try RunTotalReader(connection)
    rateLimitReader = try RateLimitReader(connection)
    rateLimitSaver = try RateLimitSaver(connection)
    appender = try LedgerAppender(connection)
    rollupSaver = try RollupSaver(connection)
    usageReader = try UsageReader(connection)
    labels = try LabelTable(connection)
    pageReaders = try PageReaders(connection)
    pageSavers = try PageSavers(connection)
    headReader = try HeadReader(connection)
    headSaver = try HeadSaver(connection)
  }

  func write(_ set: WriteSet) throws(SQLiteError) {
    let accounts = set.accounts.values.filter { $0.isNew || $0.isChanged }.sorted {
      $0.account.id < $1.account.id
    }
    for row in accounts where row.isNew {
      try accountSaver.make(id: row.account.id, userId: row.account.userId, nowMicros: set.nowMicros)
    }
    for row in set.ledger {
      try appender.append(row.entry, account: row.account, hash: row.hash, textDigest: row.textDigest)
    }
    for row in set.holds.values.sorted(by: { $0.hold.id < $1.hold.id }) {
      try holdSaver.save(row.hold, account: row.account)
    }
    for plan in set.plans.values { try planSaver.save(plan) }
    for (account, settings) in set.settings { try settingsSaver.save(settings, account: account) }
    for effect in set.rateLimits { try rateLimitSaver.save(effect) }
    try writeRuns(set)
    try writePages(set)
    for row in accounts where row.isChanged {
      try accountSaver.save(row.account, storedDueMicros: row.storedDueMicros)
    }
    try headSaver.save(set.books.system, over: set.committed.system)
    try headSaver.save(set.books.head)
  }

  private func writeRuns(_ set: WriteSet) throws(SQLiteError) {
    for (label, id) in set.labels.sorted(by: { $0.value < $1.value }) { try labels.make(label, id: id) }
    for row in set.runs.values.sorted(by: { $0.run.run.id < $1.run.run.id }) {
      if row.isNew {
        try runSaver.make(row.run)
      } else if row.isFinished, let end = row.run.finish {
        try runSaver.finish(row.run.run, end)
      } else {
        try runSaver.extend(row.run.run)
      }
    }
    for (key, deltas) in set.rollups.byKey.sorted(by: { $0.key < $1.key }) {
      try rollupSaver.add(deltas, to: key)
    }
    for (key, counters) in set.months.sorted(by: { $0.key < $1.key }) {
      try rollupSaver.add(counters, to: key)
    }
    for (account, delta) in set.pageCounts.sorted(by: { $0.key < $1.key }) where delta != 0 {
      try rollupSaver.addPages(delta, account: account)
    }
    if set.books.runTotal != set.committed.runTotal { try rollupSaver.save(set.books.runTotal) }
  }

  private func writePages(_ set: WriteSet) throws(SQLiteError) {
    if set.pages.isEmpty && set.media.isEmpty && set.purgedPages.isEmpty { return }
    for row in set.media.values.sorted(by: { $0.media.id < $1.media.id }) {
      if row.isNew { try pageSavers.media.make(row.media) }
      if let atMicros = row.media.media.deletedAtMicros {
        try pageSavers.media.delete(id: row.media.id, atMicros: atMicros)
      }
    }
    let pages = set.pages.values.sorted { $0.page.id < $1.page.id }
    for row in pages {
      if row.isNew { try pageSavers.pages.make(row.page) }
      if !row.isNew || row.page.hasChangedSinceMade { try pageSavers.pages.save(row.page) }
    }
    let versions = set.versions.sorted { ($0.key.page, $0.key.version) < ($1.key.page, $1.key.version) }
    for (key, version) in versions { try pageSavers.versions.make(version, page: key.page) }
    for row in pages where row.hasSections {
      try pageSavers.sections.save(
        row.sections, over: row.storedSections, page: row.page.id, media: row.media)
    }
    for page in set.purgedPages { try pageSavers.pages.remove(page) }
  }
}

extension StoredPage {
  /// Whether its row says more than that of a page that was just made.
  fileprivate var hasChangedSinceMade: Bool {
    facts.currentVersion > 1 || facts.publishedVersion != nil || facts.deletedAtMicros != nil
  }
}
