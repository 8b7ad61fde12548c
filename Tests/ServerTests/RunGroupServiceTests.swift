// GetStats by spender and by tag, and lists of users by an amount, over a real socket.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Statistics by spender and by tag") struct RunGroupServiceTests {
  private static func declare(_ live: LiveServer, _ keys: [String]?) async throws -> TallystickV1.Plan? {
    var plan = TallystickV1.Plan()
    (plan.planId, plan.monthlyCreditMicros, plan.grantExpiry, plan.isDefault) = ("p", 1, .never, true)
    if let keys {
      var tags = TallystickV1.PlanTags()
      tags.keys = keys
      plan.tags = tags
    }
    return try await live.call(Usages.putPlan) { $0.plan = plan }.plan
  }

  private static func record(
    _ live: LiveServer, _ run: String, spender: String, tags: [String: String], cost: Int64 = 10,
    provider: Int64 = 0
  ) async throws -> TallystickV1.Run? {
    try await live.call(Usages.recordRun) {
      ($0.userId, $0.runId, $0.model, $0.type, $0.status) = ("a", run, "m", "text", .succeeded)
      ($0.spender, $0.tags, $0.costMicros, $0.providerCostMicros) = (spender, tags, cost, provider)
      ($0.inputTokens, $0.outputTokens) = (3, 4)
      var unit = TallystickV1.UnitCount()
      (unit.unitClass, unit.count) = (.reasoning, 5)
      $0.units = [unit]
    }.run
  }

  private static func named(_ groups: [TallystickV1.RunGroup]) -> [String] {
    groups.map { "\($0.name) \($0.totals?.count ?? 0) \($0.totals?.costMicros ?? 0)" }
  }

  @Test("runs are counted by spender and by the values of a tag, with their classes, costs and margin")
  func groups() async throws {
    try await LiveServer.run { (live) async throws in
      #expect(try await Self.declare(live, ["team", "feature"])?.tags?.keys == ["feature", "team"])
      let run = try await Self.record(
        live, "r1", spender: "m1", tags: ["feature": "chat", "other": "x"], provider: 4)
      #expect(run?.tags == ["feature": "chat", "other": "x"])
      _ = try await Self.record(live, "r2", spender: "m2", tags: ["feature": "draw"], cost: 7)
      _ = try await Self.record(live, "r3", spender: "", tags: ["feature": "chat"])
      let stats = try await live.call(Usages.getStats) {
        ($0.userId, $0.bySpender, $0.tag) = ("a", true, "feature")
      }
      #expect(Self.named(stats.bySpender) == ["m1 1 10", "m2 1 7"])
      #expect(Self.named(stats.byTag) == ["chat 2 20", "draw 1 7"])
      let totals = try #require(stats.totals)
      #expect(totals.providerCostMicros == 4 && totals.marginMicros == 23)
      #expect(totals.units.map(\.unitClass) == [.input, .output, .reasoning])
      #expect(totals.units.map(\.count) == [9, 12, 15])
      let plain = try await live.call(Usages.getStats) { $0.userId = "a" }
      #expect(plain.bySpender.isEmpty && plain.byTag.isEmpty)
      let ofAll = try await live.call(Usages.getStats) { $0.tag = "feature" }
      #expect(Self.named(ofAll.byTag) == ["chat 2 20", "draw 1 7"])
      #expect(try await live.call(Usages.getStats) { $0.tag = "other" }.byTag.isEmpty)
      #expect(try await live.call(Usages.getUsage) { $0.userId = "a" }.usage?.costMicros == 27)
    }
  }

  @Test("more than a hundred groups are summed with the values that had no line of their own")
  func rest() async throws {
    try await LiveServer.run { (live) async throws in
      _ = try await Self.declare(live, ["feature"])
      for number in 100..<203 {
        _ = try await Self.record(live, "r\(number)", spender: "m\(number)", tags: ["feature": "v\(number)"])
      }
      let stats = try await live.call(Usages.getStats) {
        ($0.userId, $0.bySpender, $0.tag) = ("a", true, "feature")
      }
      for groups in [Self.named(stats.bySpender), Self.named(stats.byTag)] {
        #expect(groups.count == 101 && groups.last == " 3 30")
      }
    }
  }

  @Test("a plan keeps its tags when none are given, and they are within their limits")
  func plans() async throws {
    try await LiveServer.run { (live) async throws in
      let keys = (0..<RunLimits.tagCount).map { "k\($0)" }
      #expect(try await Self.declare(live, keys)?.tags?.keys == keys)
      #expect(try await Self.declare(live, nil)?.tags?.keys == keys)
      func field(_ keys: [String]) async throws -> String? {
        try await live.planField {
          var tags = TallystickV1.PlanTags()
          tags.keys = keys
          $0.tags = tags
        }
      }
      #expect(try await field(keys + ["k"]) == "plan.tags.keys")
      #expect(try await field(["a", ""]) == "plan.tags.keys[1]")
      #expect(try await field(["a", "a"]) == "plan.tags.keys[1]")
      let long = String(repeating: "k", count: Limits.tagKeyByteCount)
      #expect(try await field([long]) == nil)
      #expect(try await field([long + "k"]) == "plan.tags.keys[0]")
      #expect(try await Self.declare(live, [])?.tags == nil)
    }
  }

  @Test("tags and groups beyond their limits are refused, at them they are not")
  func fields() async throws {
    try await LiveServer.run { (live) async throws in
      func begin(_ run: String, _ tags: [String: String]) async throws -> String? {
        try await live.reason(Usages.beginRun) {
          ($0.userId, $0.runId, $0.model, $0.type, $0.tags) = ("a", run, "m", "text", tags)
        }
      }
      let long = String(repeating: "v", count: Limits.tagValueByteCount)
      let key = String(repeating: "k", count: Limits.tagKeyByteCount)
      var many: [String: String] = [:]
      for number in 0..<RunLimits.tagCount { many["k\(number)"] = long }
      #expect(try await begin("r1", many) == nil)
      #expect(try await begin("r1", many) == nil)
      many["k0"] = "other"
      #expect(try await begin("r1", many) == "RUN_CONFLICT")
      many["more"] = "v"
      #expect(try await begin("r2", many) == "INVALID_FIELD")
      #expect(try await begin("r2", ["k": long + "v"]) == "INVALID_FIELD")
      #expect(try await begin("r2", ["k": ""]) == "INVALID_FIELD")
      #expect(try await begin("r2", ["": "v"]) == "INVALID_FIELD")
      #expect(try await begin("r2", [key + "k": "v"]) == "INVALID_FIELD")
      #expect(try await begin("r2", [key: "v"]) == nil)
      let nobody = try await live.failure(Usages.getStats) { $0.bySpender = true }
      #expect(nobody?.reason == "INVALID_FIELD" && nobody?.details["field"] == "by_spender")
      #expect(try await live.reason(Usages.getStats) { $0.tag = key + "k" } == "INVALID_FIELD")
      #expect(try await live.reason(Usages.getStats) { $0.tag = key } == nil)
    }
  }

  @Test("users are listed by what runs cost in a month, page by page")
  func listed() async throws {
    try await LiveServer.run { (live) async throws in
      for (user, cost) in [("a", 5), ("b", 9), ("c", 0), ("d", 9)] as [(String, Int64)] {
        _ = try await live.call(Usages.recordRun) {
          ($0.userId, $0.runId, $0.model, $0.type, $0.status) = (user, "r\(user)", "m", "text", .failed)
          $0.costMicros = cost
        }
      }
      var users: [String] = []
      var cursor = ""
      repeat {
        let page = try await live.call(TallystickV1.AdminService.listUsers) {
          ($0.sort, $0.limit, $0.cursor) = (.mostSpent, 1, cursor)
        }
        users += page.users.map { "\($0.settings?.userId ?? "") \($0.usage?.costMicros ?? 0)" }
        cursor = page.nextCursor
      } while !cursor.isEmpty
      #expect(users == ["d 9", "b 9", "a 5"])
      #expect(
        try await live.call(TallystickV1.AdminService.listUsers) { $0.sort = .mostOwed }.users.isEmpty)
    }
  }

  @Test("users are listed by what they owe, page by page, with a cursor of that order only")
  func owing() async throws {
    try await LiveServer.run { (live) async throws in
      for user in ["a", "b", "c", "d"] { try await live.subscribe(user) { $0.onShort = .collect } }
      for (user, cost) in [("a", 5), ("b", 9), ("d", 9)] as [(String, Int64)] {
        try await live.begin("r\(user)", 0, user: user)
        try await live.finish("r\(user)", cost: cost)
      }
      func page(
        _ sort: TallystickV1.UserSort, _ cursor: String = "",
        _ fill: (inout TallystickV1.ListUsersRequest) -> Void = { _ in }
      ) async throws -> TallystickV1.ListUsersResponse {
        try await live.call(TallystickV1.AdminService.listUsers) {
          ($0.sort, $0.limit, $0.cursor) = (sort, 1, cursor)
          fill(&$0)
        }
      }
      var users: [String] = []
      var cursor = ""
      repeat {
        let next = try await page(.mostOwed, cursor)
        users += next.users.map { "\($0.settings?.userId ?? "") \($0.balance?.owedMicros ?? 0)" }
        cursor = next.nextCursor
      } while !cursor.isEmpty
      #expect(users == ["d 9", "b 9", "a 5"])
      let first = try await page(.mostOwed)
      for other in [TallystickV1.UserSort.mostSpent, .newestFirst, .userId] {
        let failed = try await live.failure { _ = try await page(other, first.nextCursor) }
        #expect(failed?.reason == "INVALID_CURSOR", "\(other)")
      }
      for sort in [TallystickV1.UserSort.mostOwed, .mostSpent] {
        let failed = try await live.failure { _ = try await page(sort) { $0.userIdPrefix = "a" } }
        #expect(failed?.details["field"] == "user_id_prefix")
        #expect(try await page(sort) { $0.planId = "pro" }.users.first?.settings?.userId == "d")
        #expect(try await page(sort) { $0.role = .admin }.users.isEmpty)
      }
      // Who has paid owes nothing, and what a run cost stays.
      try await live.purchase("d", 9, payment: "p", key: "k")
      #expect(try await page(.mostOwed).users.first?.settings?.userId == "b")
      #expect(try await page(.mostSpent).users.first?.settings?.userId == "d")
    }
  }
}
