// Runs, pages, settings and usage of a server, held to what the callers know.
//
// Invariants:
// 1. `checkUsage` and `checkEverything` want no call unknown.
//
// Owner: the run.

import TallyClient
import TallyMessages

extension Oracle {
  /// A page to save from its newest known version. Half of the time it is one of the first few.
  func page(using random: inout SeededRandom) -> PageBase? {
    let place = random.next()
    let isHot = random.next() % 2 == 0
    return state.withLock { state in
      let count = min(state.books.pageNumbers.count, isHot ? 8 : .max)
      guard count > 0 else { return nil }
      let number = state.books.pageNumbers[Int(place % UInt64(count))]
      guard let book = state.books.pages[number] else { return nil }
      return PageBase(number: number, account: book.account, version: book.newest)
    }
  }

  // MARK: single calls

  /// What became of an unknown save that is now refused because others saved after it: whether the version
  /// that it would have made is its own.
  func stored(_ call: Call, after error: TallyError, _ client: TallyClient) async throws -> Reply? {
    guard call.action == .savePage, error.reason == "VERSION_CONFLICT" else { return nil }
    do {
      let page = try await Self.version(call.pageVersion, ofPage: call.pageNumber, client)
      guard PageText(number: call.number).isShown(by: page) else { return nil }
    } catch {
      // Then what it was made from is not there either, and the refusal is the violation.
      if error.reason == "VERSION_NOT_FOUND" { return nil }
      throw error
    }
    var reply = Reply()
    reply.page = PageRow(version: call.pageVersion, number: call.number, place: nil)
    return reply
  }

  /// Reads what an acknowledged call has made.
  func checkStored(_ call: Call, _ reply: Reply, _ client: TallyClient) async throws {
    for row in reply.runs { try await checkRun(RunKey(row.run), client) }
    if reply.settings != nil { try await checkSettings(of: call.parts[0].account, client) }
    guard let page = reply.page else { return }
    var request = TallystickV1.GetPageRequest()
    request.pageId = Call.page(call.pageNumber)
    let current = try await client.call(TallystickV1.PageService.getPage, request).page
    if current?.version ?? 0 < page.version {
      violate("\(call.key) made version \(page.version), now it is \(String(describing: current))")
    }
    try await checkVersion(page, ofPage: call.pageNumber, client)
  }

  private func checkRun(_ id: RunKey, _ client: TallyClient) async throws {
    guard var known = state.withLock({ $0.books.runs[id] }) else { return violate("run \(id) is not known") }
    var request = TallystickV1.GetRunRequest()
    (request.runId, request.attempt) = (id.runId, id.attempt)
    let found = try await client.call(TallystickV1.UsageService.getRun, request).run ?? .init()
    // When it was recorded was not told.
    if known.recorded && found.finishedAtMicros > 0 { known.finishedAtMicros = found.finishedAtMicros }
    if found != known { violate("run \(id) is known as \(known), is \(found)") }
  }

  private func checkSettings(of account: Int, _ client: TallyClient) async throws {
    let known = state.withLock { $0.books.settings[account]?.call }
    var request = TallystickV1.GetUserSettingsRequest()
    request.userId = Call.user(account)
    let found = try await client.call(TallystickV1.AdminService.getUserSettings, request).settings
    if known?.isShown(by: found ?? .init()) != true {
      violate("account \(account): \(known?.key ?? "") put settings, they are \(String(describing: found))")
    }
  }

  private func checkVersion(_ row: PageRow, ofPage number: Int, _ client: TallyClient) async throws {
    let found = try await Self.version(row.version, ofPage: number, client)
    if found.version != row.version || !PageText(number: row.number).isShown(by: found) {
      violate("version \(row.version) of page \(number) was made by call \(row.number), is \(found)")
    }
  }

  private static func version(
    _ version: Int64, ofPage number: Int, _ client: TallyClient
  ) async throws(TallyError) -> TallystickV1.Page {
    var request = TallystickV1.GetVersionRequest()
    request.pageId = Call.page(number)
    request.version = version
    return try await client.call(TallystickV1.PageService.getVersion, request).page ?? .init()
  }

  // MARK: all of it

  /// Compares what every account has used, and the sums over all runs.
  func checkUsage(_ client: TallyClient) async throws {
    let books = state.withLock { $0.books }
    let accounts = 0..<min(accountCount, Workload.busyAccountCount)
    // Without a run that succeeded, the current one.
    for month in books.months.isEmpty ? [""] : books.months {
      for start in stride(from: 0, to: accounts.count, by: 1_000) {
        let some = start..<min(start + 1_000, accounts.count)
        var request = TallystickV1.BatchGetUsageRequest()
        request.userIds = some.map { Call.user($0) }
        request.month = month
        let response = try await client.call(TallystickV1.UsageService.batchGetUsage, request)
        if response.usages.count != some.count { violate("usage of \(response.usages.count) accounts") }
        for (account, found) in zip(some, response.usages) { check(found, of: account, month, books) }
      }
    }
    try await checkTotals(books, client)
  }

  private func check(_ found: TallystickV1.Usage, of account: Int, _ month: String, _ books: Books) {
    let known = books.usage[account] ?? .init()
    let isLimited = books.isLimited(account)
    if found.userId != Call.user(account) || found.generations != known.generations[month] ?? 0
      || found.running != known.running || found.pages != known.pages || found.uploads != 0
      || found.planId != books.planId(of: account)
      || (isLimited && found.limits != Workload.limits)
    {
      violate("account \(account) has used \(known), the server says \(found)")
    }
  }

  private func checkTotals(_ books: Books, _ client: TallyClient) async throws {
    var request = TallystickV1.GetStatsRequest()
    request.days = 3
    let found = try await client.call(TallystickV1.UsageService.getStats, request).totals ?? .init()
    var known = books.totals
    known.errorRatePpm = found.errorRatePpm
    known.marginMicros = known.costMicros - known.providerCostMicros
    known.units = books.unitCounts.sorted { $0.key < $1.key }.filter { $0.value > 0 }.map { number, count in
      var unit = TallystickV1.UnitCount()
      (unit.unitClass, unit.count) = (TallystickV1.UnitClass(rawValue: number), count)
      return unit
    }
    if found != known { violate("all runs: known are \(known), the server says \(found)") }
  }

  /// Reads every run, every version of every page, and all settings.
  func checkEverything(_ daemon: Daemon) async throws {
    let books = state.withLock { $0.books }
    let runs = Array(books.runs.keys)
    let clients = (0..<8).map { _ in daemon.client() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (reader, client) in clients.enumerated() {
        group.addTask {
          for index in stride(from: reader, to: runs.count, by: clients.count) {
            try await self.checkRun(runs[index], client)
          }
          for index in stride(from: reader, to: books.pageNumbers.count, by: clients.count) {
            try await self.checkPage(books.pageNumbers[index], books, client)
          }
          for account in books.settings.keys where account % clients.count == reader {
            try await self.checkSettings(of: account, client)
          }
        }
      }
      try await group.waitForAll()
    }
    for client in clients { client.close() }
  }

  private func checkPage(_ number: Int, _ books: Books, _ client: TallyClient) async throws {
    guard let book = books.pages[number] else { return }
    var request = TallystickV1.GetPageRequest()
    request.pageId = Call.page(number)
    let found = try await client.call(TallystickV1.PageService.getPage, request).page ?? .init()
    if found.version != book.newest || found.userId != Call.user(book.account) {
      violate("page \(number) is at version \(book.newest), found \(found)")
    }
    for row in book.versions.values { try await checkVersion(row, ofPage: number, client) }
  }
}
