// What the callers know of runs, pages and settings, and what follows from it for usage.
//
// Invariants:
// 1. With no call unknown, the server has exactly these runs and versions, and counts what is counted here.
// 2. A run is as its last acknowledged reply showed it; a page has every version up to its newest.
//
// Values, owned by the oracle.

import Glibc
import TallyClient
import TallyMessages

enum Clock {
  static var nowMicros: Int64 {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
  }

  /// `YYYY-MM`, in UTC.
  static func month(ofMicros micros: Int64) -> String { String(date(ofMicros: micros).prefix(7)) }

  /// `YYYY-MM-DD`, in UTC.
  static func date(ofMicros micros: Int64) -> String {
    var seconds = time_t(micros / 1_000_000)
    var parts = unsafe tm()
    _ = unsafe gmtime_r(&seconds, &parts)
    let numbers = unsafe [parts.tm_year + 1_900, parts.tm_mon + 1, parts.tm_mday]
    return numbers.map { "\($0 < 10 ? "0" : "")\($0)" }.joined(separator: "-")
  }
}

/// A page, version by version.
struct PageBook: Sendable {
  var account: Int
  var versions: [Int64: PageRow] = [:]
  var newest: Int64 = 0
}

/// What an account has used.
struct UsageCount: Sendable {
  /// Succeeded runs, by the month in which they started.
  var generations: [String: Int64] = [:]
  var running: Int64 = 0
  var pages: Int64 = 0
}

struct Books: Sendable {
  private(set) var runs: [RunKey: TallystickV1.Run] = [:]
  var openRuns: [OpenRun] = []
  /// Ended, and may be tried again.
  var failedRuns: [OpenRun] = []
  private(set) var pages: [Int: PageBook] = [:]
  /// In the order in which they became known.
  private(set) var pageNumbers: [Int] = []
  private(set) var versionCount = 0
  /// The last settings of an account, where they were put, and the call that did.
  private(set) var settings: [Int: (place: Place, call: Call)] = [:]
  private(set) var usage: [Int: UsageCount] = [:]
  private(set) var months: Set<String> = []
  /// Over runs that have ended.
  private(set) var totals = TallystickV1.RunTotals()
  /// By class.
  private(set) var unitCounts: [Int32: Int64] = [:]
  private var quotaEvents: [QuotaEvent] = []

  private struct QuotaEvent: Sendable {
    enum Kind { case began, ended, recorded, refused(used: Int64, limit: Int64) }
    var place: Place
    var account: Int
    var kind: Kind
  }

  /// Whether an account was given the plan with limits.
  func isLimited(_ account: Int) -> Bool { planId(of: account) == Workload.Group.limited.planId }

  /// Of the account's settings; empty without any.
  func planId(of account: Int) -> String {
    settings[account] == nil ? "" : Workload.Group(account).planId
  }

  /// What the account's plan says of what is owed.
  func terms(of account: Int) -> AccountTerms {
    settings[account] == nil ? AccountTerms() : Workload.Group(account).terms
  }

  // MARK: taking down

  /// - Returns: what does not fit.
  mutating func acknowledge(_ call: Call, _ reply: Reply) -> [String] {
    var violations: [String] = []
    for (row, part) in zip(reply.runs, call.parts) {
      let before = runs[RunKey(row.run)]
      if call.action == .beginRun ? before != nil : call.action == .recordRuns && before != nil {
        violations.append("\(call.key) made run \(RunKey(row.run)) a second time")
      }
      if call.action == .finishRun && before?.status != .running {
        violations.append("\(call.key) finished a run that was \(String(describing: before))")
      }
      change(before, to: row, account: part.account)
      runs[RunKey(row.run)] = row.run
    }
    if call.action == .beginRun { openRuns.append(call.begun) }
    if call.action == .finishRun, let run = call.run, reply.runs.first?.run.status != .succeeded {
      failedRuns.append(run)
    }
    if let page = reply.page {
      if let other = pages[call.pageNumber]?.versions[page.version] {
        violations.append("version \(page.version) was acknowledged twice: \(other), \(page)")
      }
      note(page, of: call)
    }
    if let place = reply.settings {
      let account = call.parts[0].account
      if let known = settings[account], known.place > place { return violations }
      settings[account] = (place, call)
    }
    return violations
  }

  private mutating func change(_ before: TallystickV1.Run?, to row: RunRow, account: Int) {
    let run = row.run
    if before?.status == .running { usage[account, default: .init()].running -= 1 }
    if run.status == .running {
      usage[account, default: .init()].running += 1
      quotaEvents.append(QuotaEvent(place: row.place, account: account, kind: .began))
      return
    }
    totals.count += 1
    totals.costMicros += run.costMicros
    totals.inputTokens += run.inputTokens
    totals.outputTokens += run.outputTokens
    totals.images += run.images
    totals.providerCostMicros += run.providerCostMicros
    for unit in run.units { unitCounts[unit.unitClass.rawValue, default: 0] += unit.count }
    switch run.status {
    case .succeeded:
      let month = Clock.month(ofMicros: run.startedAtMicros)
      months.insert(month)
      usage[account, default: .init()].generations[month, default: 0] += 1
      totals.succeeded += 1
      if run.recorded {
        quotaEvents.append(QuotaEvent(place: row.place, account: account, kind: .recorded))
      }
      return
    case .failed: totals.failed += 1
    default: totals.cancelled += 1
    }
    // What was under way counts no more.
    if before != nil { quotaEvents.append(QuotaEvent(place: row.place, account: account, kind: .ended)) }
  }

  private mutating func note(_ page: PageRow, of call: Call) {
    let account = call.parts[0].account
    if pages[call.pageNumber] == nil {
      pageNumbers.append(call.pageNumber)
      usage[account, default: .init()].pages += 1
    }
    var book = pages[call.pageNumber] ?? PageBook(account: account)
    book.versions[page.version] = page
    book.newest = max(book.newest, page.version)
    pages[call.pageNumber] = book
    versionCount += 1
  }

  /// - Returns: whether the call may be refused so.
  mutating func refuse(_ call: Call, _ error: TallyError) -> Bool {
    let details = error.details
    func number(_ name: String) -> Int64 { details[name].flatMap { Int64($0) } ?? -1 }
    switch (call.action, error.reason) {
    case (.finishRun, "RUN_CONFLICT"): return details["run_id"] == Call.run(call.run?.number ?? 0)
    case (.savePage, "VERSION_CONFLICT"): return number("current_version") >= call.pageVersion
    case (.createPage, "QUOTA_EXCEEDED"):
      return details["quota"] == "PAGES" && number("used") == Workload.limits.pageCount
        && number("limit") == Workload.limits.pageCount
    case (.beginRun, "QUOTA_EXCEEDED"):
      guard let place = Place(details) else { return false }
      quotaEvents.append(
        QuotaEvent(
          place: place, account: call.parts[0].account,
          kind: .refused(used: number("used"), limit: number("limit"))))
      return details["quota"] == "GENERATIONS"
    default: return false
    }
  }

  // MARK: the order of the commits

  /// Replays what counts against the quota of generations, and the versions of every page.
  /// - Returns: what does not fit.
  func replay() -> [String] {
    var violations: [String] = []
    var used: [Int: Int64] = [:]
    let limit = Workload.limits.monthlyGenerations ?? 0
    for event in quotaEvents.sorted(by: { $0.place < $1.place }) {
      let before = used[event.account, default: 0]
      switch event.kind {
      case .began:
        if isLimited(event.account) && months.count < 2 && before >= limit {
          violations.append("begun with \(before) used: \(event)")
        }
        used[event.account] = before + 1
      case .recorded: used[event.account] = before + 1
      case .ended: used[event.account] = before - 1
      case .refused(let told, let limitTold):
        // Across the end of a month only those of the new one count.
        if limitTold != limit || told < limit || (months.count < 2 && told != before) {
          violations.append("refused with \(before) used: \(event)")
        }
      }
    }
    for (number, book) in pages {
      if book.versions.count != Int(book.newest) {
        violations.append("page \(number) has \(book.newest) versions, known are \(book.versions.count)")
      }
      let places = book.versions.values.sorted { $0.version < $1.version }.compactMap(\.place)
      if zip(places, places.dropFirst()).contains(where: { $0 >= $1 }) {
        violations.append("page \(number): versions are not in the order of the commits")
      }
    }
    for account in settings.keys where isLimited(account) {
      let pages = usage[account]?.pages ?? 0
      if pages > Workload.limits.pageCount ?? 0 { violations.append("account \(account) has \(pages) pages") }
    }
    return violations
  }
}
