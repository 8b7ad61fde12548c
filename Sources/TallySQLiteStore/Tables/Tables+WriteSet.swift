// A write set put into the tables.
//
// Invariants:
// 1. What is referred to is written first: accounts, then rows of the ledger, payments, holds, runs; plans,
//    then settings; media and pages, then versions and sections.
// 2. Each table's rows are written in the order of their keys, so that neighbours share a page.
//
// Owner: the writer's queue.

internal import TallyCore
internal import TallySQLite

extension Tables {
  func write(_ set: WriteSet) throws(SQLiteError) {
    let changed = set.accounts.values.filter { $0.isNew || $0.isChanged }.sorted {
      $0.account.id < $1.account.id
    }
    for row in changed where row.isNew {
      try accounts.make(id: row.account.id, userId: row.account.userId, nowMicros: set.nowMicros)
    }
    for row in set.ledger {
      try ledger.append(row.entry, account: row.account, hash: row.hash, textDigest: row.textDigest)
    }
    for (ref, sequence) in set.purchases.sorted(by: { $0.key < $1.key }) {
      try paymentRefs.add(ref.text, purchase: sequence)
    }
    for row in set.holds.values.sorted(by: { $0.hold.id < $1.hold.id }) {
      try holds.save(row.hold, account: row.account)
    }
    // One plan at most is the default: the one that was it first ceases to be.
    for plan in set.plans.values.sorted(by: { !$0.isDefault && $1.isDefault }) { try plans.save(plan) }
    for price in set.prices { try prices.append(price) }
    for (account, user) in set.settings { try settings.save(user, account: account) }
    for (key, list) in set.caps.sorted(by: { $0.key < $1.key }) { try caps.save(list, of: key) }
    for account in set.uncounted { try capCounters.removeAll(account: account) }
    for (key, counters) in set.capCounters.sorted(by: { $0.key < $1.key }) {
      try capCounters.save(counters, of: key)
    }
    for effect in set.rateLimits { try rateLimits.save(effect) }
    for effect in set.alertRules { try alertRules.save(effect) }
    if set.books.expiries != set.committed.expiries {
      try expiries.save(set.books.expiries, over: set.committed.expiries)
    }
    try writeTopUps(set)
    for row in set.accountEvents { try events.append(row.event, account: row.account) }
    if !set.runs.isEmpty { try writeRuns(set) }
    if set.countsUsage { try writeCounters(set) }
    if set.changesPages { try writePages(set) }
    for row in changed where row.isChanged {
      try accounts.save(row.account, storedDueMicros: row.storedDueMicros)
    }
    try systemAccounts.save(set.books.system, over: set.committed.system)
    try meta.save(set.books.head)
  }

  private func writeTopUps(_ set: WriteSet) throws(SQLiteError) {
    if set.topUps.isEmpty, set.topUpIntents.isEmpty { return }
    // A user has one open intent at most: the one before is ended first.
    let intents = set.topUpIntents.values.sorted { $0.id < $1.id }
    for intent in intents where intent.state != .open { try topUpIntents.save(intent) }
    for intent in intents where intent.state == .open { try topUpIntents.save(intent) }
    for topUp in set.topUps.values.sorted(by: { $0.account < $1.account }) { try topUps.save(topUp) }
  }

  private func writeRuns(_ set: WriteSet) throws(SQLiteError) {
    for row in set.runs.values.sorted(by: { $0.run.run.id < $1.run.run.id }) {
      if row.isNew {
        try runs.make(row.run)
      } else if row.isFinished, let end = row.run.finish {
        try runs.finish(row.run.run, end)
      } else {
        try runs.extend(row.run.run)
      }
    }
  }

  private func writeCounters(_ set: WriteSet) throws(SQLiteError) {
    for (label, id) in set.labels.sorted(by: { $0.value < $1.value }) { try runLabels.make(label, id: id) }
    for (key, deltas) in set.rollups.byKey.sorted(by: { $0.key < $1.key }) {
      try rollups.add(deltas, to: key)
    }
    for (key, deltas) in set.groups.byKey.sorted(by: { $0.key < $1.key }) {
      try groups.add(deltas, to: key)
    }
    for (key, counters) in set.months.sorted(by: { $0.key < $1.key }) {
      try usageMonths.add(counters, to: key)
    }
    for (account, delta) in set.pageCounts.sorted(by: { $0.key < $1.key }) where delta != 0 {
      try pageCounters.add(delta, account: account)
    }
    if set.books.runTotal != set.committed.runTotal { try runTotal.save(set.books.runTotal) }
  }

  private func writePages(_ set: WriteSet) throws(SQLiteError) {
    for row in set.media.values.sorted(by: { $0.media.id < $1.media.id }) {
      if row.isNew {
        try media.make(row.media)
      } else if let atMicros = row.media.media.deletedAtMicros {
        try media.delete(
          id: row.media.id, atMicros: atMicros, detachingAuthor: row.media.detachingAuthor)
      }
    }
    let changed = set.pages.values.sorted { $0.page.id < $1.page.id }
    for row in changed where row.changesSlug && !row.isNew { try pages.giveUpSlug(of: row.page) }
    for row in changed {
      if row.isNew { try pages.make(row.page) } else { try pages.save(row.page) }
    }
    let versions = set.versions.sorted { $0.key < $1.key }
    for (key, version) in versions { try pageVersions.make(version, page: key.page) }
    for key in set.keptVersions.sorted() where set.versions[key] == nil {
      try pageVersions.keep(key.version, page: key.page)
    }
    for key in set.thinned.sorted() { try pageVersions.remove(key.version, page: key.page) }
    for row in changed where row.hasSections {
      try sections.save(row.sections, over: row.storedSections, page: row.page.id, media: row.media)
    }
    for row in changed where row.changesSearch { try writeWords(of: row.page, set) }
    for page in set.purgedPages { try pages.remove(page) }
    for row in set.pageUpdates { try pageUpdates.save(row.update, account: row.account) }
  }

  private func writeWords(of page: StoredPage, _ set: WriteSet) throws(SQLiteError) {
    if page.facts.isDeleted { return try pageSearch.remove(page: page.id) }
    let number = page.facts.currentVersion
    // One that is brought back has its version from before.
    let known = set.versions[WriteSet.VersionKey(page: page.id, version: number)]
    guard let version = if let known { known } else { try pageVersions.version(page: page.id, number) } else {
      throw .malformed("page \(page.id): no version \(number)")
    }
    try pageSearch.put(version.content, of: page)
  }
}
