// Reads take as many statements for a thousand rows as for ten.

import TallyMessages
import Testing

@testable import TallyServer

@Suite("Statement counts")
struct StatementCountTests {
  /// Rows of the small and of the large case; `few` and `many` are the users who have them.
  private static let counts: [(user: String, count: Int)] = [("few", 10), ("many", 1_000)]

  /// Compares what `body` runs for few rows and for many.
  private func expectSame(
    _ live: LiveServer, atMost limit: Int64, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (_ user: String, _ count: Int) async throws -> Int
  ) async throws {
    var statements: [[String: Int64]] = []
    for (user, count) in Self.counts {
      let run = try await live.statements {
        let rows = try await body(user, count)
        #expect(rows == count, sourceLocation: sourceLocation)
      }
      statements.append(run)
    }
    #expect(statements[0] == statements[1], sourceLocation: sourceLocation)
    #expect(!statements[0].isEmpty && statements[0].total <= limit, sourceLocation: sourceLocation)
  }

  @Test("of the ledger: transactions, holds and past balances") func ledger() async throws {
    try await LiveServer.run { live in
      var holdIds: [String] = []
      for (user, count) in Self.counts {
        try await live.purchase(user, Int64(count), payment: user, key: "p")
        for index in 0..<count - 1 {
          let reserved = try await live.call(Credits.reserve) {
            $0.userId = user
            $0.amountMicros = 1
            $0.idempotencyKey = "r\(index)"
          }
          holdIds.append(reserved.hold?.holdId ?? "")
        }
      }
      try await expectSame(live, atMost: 6) { user, _ in
        let page = try await live.call(Credits.listTransactions) {
          $0.userId = user
          $0.limit = 1_000
        }
        return page.transactions.count
      }
      try await expectSame(live, atMost: 6) { user, _ in
        let page = try await live.call(Credits.listHolds) {
          $0.userId = user
          $0.limit = 1_000
        }
        return page.holds.count + 1
      }
      let last = try await live.call(Credits.listHolds) { ($0.userId, $0.limit) = ("many", 1) }
      let atMicros = last.holds.first?.createdAtMicros ?? 0
      for holdId in holdIds {
        _ = try await live.call(Credits.release) { ($0.holdId, $0.idempotencyKey) = (holdId, holdId) }
      }
      try await expectSame(live, atMost: 7) { user, _ in
        let reply = try await live.call(Credits.getBalance) { ($0.userId, $0.atMicros) = (user, atMicros) }
        return Int(reply.balance?.heldMicros ?? 0) + 1
      }
    }
  }

  @Test("of runs: lists, dashboards and the usage of many users") func runs() async throws {
    try await LiveServer.run { live in
      let now = try await live.freeze()
      for (user, count) in Self.counts {
        _ = try await live.call(Runs.recordRuns) { request in
          request.runs = (0..<count).map { index in
            var run = TallystickV1.RecordRunRequest.sample("\(user) \(index)", user: user)
            run.model = "model \(index % 7)"
            run.startedAtMicros = now - Int64(index) * 2_000_000_000
            return run
          }
        }
      }
      try await expectSame(live, atMost: 6) { user, _ in
        let page = try await live.call(Runs.listRuns) {
          $0.userId = user
          $0.limit = 1_000
        }
        return page.runs.count
      }
      try await expectSame(live, atMost: 12) { user, _ in
        let stats = try await live.call(Runs.getStats) {
          $0.userId = user
          $0.days = 40
          $0.timeZone = "Asia/Kathmandu"
          $0.recentLimit = 10
        }
        return Int(stats.totals?.count ?? 0)
      }
      try await expectSame(live, atMost: 12) { _, count in
        let usages = try await live.call(Runs.batchGetUsage) { request in
          request.userIds = (0..<count).map { $0 % 2 == 0 ? "few" : "many \($0)" }
          request.timeZone = "America/New_York"
        }
        return usages.usages.count
      }
    }
  }

  @Test("of pages: a page's sections, a user's pages, a page's versions, a user's media") func pages()
    async throws
  {
    try await LiveServer.run { live in
      for (user, count) in Self.counts {
        for index in 0..<count {
          _ = try await live.call(Pages.createPage) {
            $0.userId = user
            $0.pageId = "\(user) \(index)"
            $0.title = "title"
          }
          _ = try await live.call(Pages.createMedia) {
            $0.userId = user
            $0.mediaId = "\(user) \(index)"
            $0.url = "https://example.org/\(index)"
            $0.source = .generated
          }
        }
        for version in 1..<Int64(count) {
          _ = try await live.call(Pages.savePage) {
            $0.pageId = "\(user) 0"
            $0.expectedVersion = version
            $0.title = "title \(version)"
          }
        }
      }
      try await expectSame(live, atMost: 6) { user, _ in
        try await live.call(Pages.listPages) {
          $0.userId = user
          $0.limit = 1_000
        }.pages.count
      }
      try await expectSame(live, atMost: 6) { user, _ in
        try await live.call(Pages.listVersions) {
          $0.pageId = "\(user) 0"
          $0.limit = 1_000
        }.versions.count
      }
      try await expectSame(live, atMost: 6) { user, _ in
        try await live.call(Pages.listMedia) {
          $0.userId = user
          $0.limit = 1_000
        }.media.count
      }
    }
  }

  @Test("of one page: ten sections or two hundred, with both images each") func sections() async throws {
    try await LiveServer.run { live in
      _ = try await live.call(Pages.createMedia) {
        $0.userId = "u"
        $0.mediaId = "image"
        $0.url = "https://example.org/"
        $0.source = .generated
      }
      var statements: [[String: Int64]] = []
      for count in [10, 200] {
        _ = try await live.call(Pages.createPage) { request in
          request.userId = "u"
          request.pageId = "page \(count)"
          request.sections = (0..<count).map { _ in
            var section = TallystickV1.SectionInput()
            section.kind = "hero"
            section.firstMediaId = "image"
            section.secondMediaId = "image"
            return section
          }
        }
        let run = try await live.statements {
          let page = try await live.call(Pages.getPage) { $0.pageId = "page \(count)" }.page
          #expect(page?.sections.count == count && page?.sections.last?.secondImage?.mediaId == "image")
        }
        statements.append(run)
      }
      #expect(statements[0] == statements[1])
      #expect(!statements[0].isEmpty && statements[0].total <= 6)
      let hot = try await live.statements { _ = try await live.call(Pages.getPage) { $0.pageId = "page 10" } }
      #expect(hot.isEmpty)
    }
  }
}
