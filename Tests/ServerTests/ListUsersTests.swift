// ListUsers: filters, orders, pages that stay whole under writes, and the number of statements.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("List of users") struct ListUsersTests {
  @Test("a user is told with settings, balance and the month's usage") func whole() async throws {
    try await LiveServer.run { live in
      try await live.putPlan("pro")
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      _ = try await live.putSettings("u1") {
        $0.email = "u1@example.org"
        $0.planId = "pro"
      }
      _ = try await live.call(Credits.reserve) {
        $0.userId = "u1"
        $0.amountMicros = 100
        $0.ttlMillis = 3_600_000
        $0.idempotencyKey = "h1"
      }
      _ = try await live.call(TallystickV1.UsageService.recordRun) {
        $0.userId = "u1"
        $0.runId = "r1"
        $0.model = "m"
        $0.type = "text"
        $0.status = .succeeded
        $0.costMicros = 0
      }
      func first() async throws -> TallystickV1.User {
        try #require(try await live.call(Admin.listUsers) { _ in }.users.first)
      }
      let user = try await first()
      #expect(user.settings == (try await live.settings("u1")))
      #expect(user.balance == (try await live.call(Credits.getBalance) { $0.userId = "u1" }.balance))
      #expect(user.balance?.heldMicros == 100 && user.balance?.availableMicros == 900)
      let usage = try await live.call(TallystickV1.UsageService.getUsage) { $0.userId = "u1" }.usage
      #expect(user.usage == usage && usage?.generations == 1 && usage?.planId == "pro")
      // A hold that is over is held no more, before any write says so.
      _ = try await live.call(TallystickTestingV1.TestControl.advanceClock) { $0.millis = 3_600_000 }
      #expect(try await first().balance?.heldMicros == 0)
      // The usage of another month, in a zone.
      let past = try await live.call(Admin.listUsers) {
        $0.month = "2001-02"
        $0.timeZone = "UTC"
      }
      #expect(past.users.first?.usage?.month == "2001-02" && past.users.first?.usage?.generations == 0)
    }
  }

  @Test("users are listed in each order, and narrowed by each filter") func filters() async throws {
    try await LiveServer.run { live in
      try await live.putPlan("pro")
      try await live.putPlan("free")
      _ = try await live.putSettings("b2") { $0.role = .admin }
      // Without settings: what the defaults say.
      try await live.purchase("a1", 1, payment: "p1", key: "k1")
      _ = try await live.putSettings("b1") {
        $0.planId = "pro"
        $0.approval = .approved
      }
      _ = try await live.putSettings("a2") {
        $0.role = .admin
        $0.planId = "pro"
        $0.approval = .rejected
      }
      _ = try await live.putSettings("c1") { $0.planId = "free" }
      let made = ["b2", "a1", "b1", "a2", "c1"]
      #expect(try await live.users { _ in } == made.reversed())
      #expect(try await live.users { $0.sort = .newestFirst } == made.reversed())
      #expect(try await live.users { $0.sort = .oldestFirst } == made)
      #expect(try await live.users { $0.sort = .userId } == made.sorted())
      for sort in [TallystickV1.UserSort.oldestFirst, .newestFirst, .userId] {
        func listed(_ fill: (inout TallystickV1.ListUsersRequest) -> Void) async throws -> [String] {
          try await live.users {
            $0.sort = sort
            fill(&$0)
          }.sorted()
        }
        #expect(try await listed { $0.role = .admin } == ["a2", "b2"])
        #expect(try await listed { $0.role = .user } == ["a1", "b1", "c1"])
        #expect(try await listed { $0.approval = .pending } == ["a1", "b2", "c1"])
        #expect(try await listed { $0.approval = .approved } == ["b1"])
        #expect(try await listed { $0.approval = .rejected } == ["a2"])
        #expect(try await listed { $0.planId = "pro" } == ["a2", "b1"])
        #expect(try await listed { $0.planId = "none" } == [])
        let all = try await listed {
          $0.planId = "pro"
          $0.role = .user
          $0.approval = .approved
        }
        #expect(all == ["b1"])
      }
      func prefixed(_ prefix: String) async throws -> [String] {
        try await live.users {
          $0.sort = .userId
          $0.userIdPrefix = prefix
        }
      }
      #expect(try await prefixed("b") == ["b1", "b2"])
      #expect(try await prefixed("b1") == ["b1"])
      #expect(try await prefixed("bb") == [])
      #expect(try await prefixed("z") == [])
    }
  }

  @Test("an order by user id goes by bytes, and a prefix is one of bytes") func bytes() async throws {
    try await LiveServer.run { live in
      let ids = ["Z", "a", "cafe\u{301}", "caf\u{e9}", "\u{e9}", "\u{1F600}"]
      for id in ids { _ = try await live.putSettings(id) { _ in } }
      let listed = try await live.users { $0.sort = .userId }
      #expect(listed.map { Array($0.utf8) } == ids.map { Array($0.utf8) })
      let prefixed = try await live.users {
        $0.sort = .userId
        $0.userIdPrefix = "caf\u{e9}"
      }
      #expect(prefixed.map { Array($0.utf8) } == [Array("caf\u{e9}".utf8)])
    }
  }

  @Test(
    "pages are whole and stay so while users are made",
    arguments: [TallystickV1.UserSort.newestFirst, .oldestFirst, .userId])
  func pages(sort: TallystickV1.UserSort) async throws {
    try await LiveServer.run { live in
      let before = (0..<23).map { "m\(100 + $0)" }
      for id in before { _ = try await live.putSettings(id) { _ in } }
      var seen: [String] = []
      var cursor = ""
      var pages = 0
      repeat {
        let page = try await live.call(Admin.listUsers) {
          $0.sort = sort
          $0.limit = 5
          $0.cursor = cursor
        }
        #expect(page.users.count <= 5)
        seen += page.users.compactMap { $0.settings?.userId }
        cursor = page.nextCursor
        pages += 1
        // One on each side of where the walk is.
        _ = try await live.putSettings("a\(pages)") { _ in }
        _ = try await live.putSettings("z\(pages)") { _ in }
      } while !cursor.isEmpty && pages < 100
      #expect(seen.filter { $0.hasPrefix("m") }.sorted() == before)
      #expect(Set(seen).count == seen.count)
      #expect(sort == .newestFirst ? pages == 5 : pages < 100)
    }
  }

  @Test("a page that would outgrow a message is cut, and goes on") func cut() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 8_192 }) { live in
      for index in 0..<40 { _ = try await live.putSettings("u\(100 + index)") { _ in } }
      var seen = 0
      var cursor = ""
      var pages = 0
      repeat {
        let page = try await live.call(Admin.listUsers) {
          $0.limit = 1_000
          $0.cursor = cursor
        }
        seen += page.users.count
        cursor = page.nextCursor
        pages += 1
      } while !cursor.isEmpty && pages < 100
      #expect(seen == 40 && pages > 1)
    }
  }

  @Test("fields are checked, each up to its limit") func fields() async throws {
    try await LiveServer.run { live in
      func refused(_ fill: (inout TallystickV1.ListUsersRequest) -> Void) async throws -> String? {
        do {
          _ = try await live.call(Admin.listUsers, fill)
          return nil
        } catch let failed as Failed { return failed.details["field"] ?? failed.reason }
      }
      #expect(try await refused { $0.role = .unrecognized(3) } == "role")
      #expect(try await refused { $0.approval = .unrecognized(-1) } == "approval")
      #expect(try await refused { $0.sort = .unrecognized(9) } == "sort")
      #expect(try await refused { $0.userIdPrefix = "a" } == "user_id_prefix")
      let long = String(repeating: "u", count: 256)
      let tooLong = try await refused {
        $0.sort = .userId
        $0.userIdPrefix = long
      }
      #expect(tooLong == "user_id_prefix")
      let longest = try await refused {
        $0.sort = .userId
        $0.userIdPrefix = String(long.dropLast())
      }
      #expect(longest == nil)
      #expect(try await refused { $0.planId = String(repeating: "p", count: 129) } == "plan_id")
      #expect(try await refused { $0.month = "2001-13" } == "month")
      #expect(try await refused { $0.timeZone = "Nowhere/Else" } == "time_zone")
      #expect(try await refused { $0.limit = 1_001 } == "limit")
      #expect(try await refused { $0.limit = -1 } == "limit")
      #expect(try await refused { $0.limit = 1_000 } == nil)
      #expect(try await refused { $0.cursor = "x" } == "INVALID_CURSOR")
      // A cursor is of its query.
      for index in 0..<3 { _ = try await live.putSettings("u\(index)") { _ in } }
      let cursor = try await live.call(Admin.listUsers) { $0.limit = 1 }.nextCursor
      #expect(try await refused { $0.cursor = cursor } == nil)
      let other = try await refused {
        $0.sort = .oldestFirst
        $0.cursor = cursor
      }
      #expect(other == "INVALID_CURSOR")
    }
  }

  @Test("many users take the statements that few take") func statements() async throws {
    try await LiveServer.run { live in
      try await live.putPlan("pro")
      for user in 0..<1_100 {
        try await live.purchase("u\(user)", 1_000, payment: "p\(user)", key: "k")
        if user % 2 == 0 { _ = try await live.putSettings("u\(user)") { $0.planId = "pro" } }
      }
      // Holds that are over take no statement more.
      _ = try await live.call(Credits.reserve) {
        $0.userId = "u1099"
        $0.amountMicros = 1
        $0.ttlMillis = 1
        $0.idempotencyKey = "h"
      }
      try await live.freeze()
      try await live.advance(millis: 1)
      func list(_ limit: Int32) async throws {
        let page = try await live.call(Admin.listUsers) { $0.limit = limit }
        #expect(page.users.count == Int(limit))
      }
      let few = try await live.statements { try await list(10) }
      let many = try await live.statements { try await list(1_000) }
      #expect(few == many)
      #expect(few.values.reduce(0, +) <= 9)
    }
  }
}

extension LiveServer {
  /// Ids in the order of the list.
  fileprivate func users(_ fill: (inout TallystickV1.ListUsersRequest) -> Void) async throws -> [String] {
    try await call(Admin.listUsers, fill).users.compactMap { $0.settings?.userId }
  }
}
