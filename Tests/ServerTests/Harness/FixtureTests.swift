// LoadFixtures: files in, the services' own methods behind it.

import Foundation
import Glibc
import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

typealias Control = TallystickTestingV1.TestControl
typealias Usages = TallystickV1.UsageService

@Suite("Fixtures") struct FixtureTests {
  /// Something of every section.
  static let everything = """
    {
      "plans": [
        {"plan_id": "pro", "monthlyCreditMicros": "20000000",
         "grant_expiry": "GRANT_EXPIRY_NEVER"},
        {"plan": {"planId": "free", "monthlyCreditMicros": 1, "grantExpiry": 1}}
      ],
      "users": [
        {"user_id": "alice", "email": "alice@example.org", "plan_id": "pro"},
        {"settings": {"userId": "bob", "role": "USER_ROLE_ADMIN"}}
      ],
      "purchases": [
        {"user_id": "alice", "payment_id": "p1", "amount_micros": 5000000},
        {"userId": "bob", "amountMicros": "1000000"}
      ],
      "plan_grants": [{"user_id": "alice", "plan_id": "pro", "period": "2026-11"}],
      "promos": [{"user_id": "alice", "amount_micros": "250000"}],
      "media": [{"user_id": "alice", "media_id": "m1", "url": "https://example.org/1.png", "source": 2}],
      "pages": [
        {"user_id": "alice", "page_id": "home", "title": "Home",
         "sections": [{"section_id": "s1", "kind": "hero", "content": "{}", "firstMediaId": "m1"}]},
        {"user_id": "alice", "title": "Second"}
      ],
      "runs": [
        {"user_id": "alice", "model": "m", "type": "text", "status": "RUN_STATUS_SUCCEEDED",
         "input_tokens": 10, "output_tokens": 20, "cost_micros": 30}
      ],
      "calls": [
        {"method": "CreditService/Consume", "request": {"userId": "alice", "amountMicros": "1000000"}},
        {"method": "tallystick.v1.CreditService/Reserve",
         "request": {"user_id": "bob", "amount_micros": "400000"}},
        {"method": "CreditService/BatchConsume",
         "request": {"items": [{"user_id": "alice", "amount_micros": 1},
                               {"user_id": "alice", "amount_micros": 1}]}}
      ]
    }
    """

  @Test("every section is applied, and the same file again changes nothing") func everySection() async throws
  {
    try await LiveServer.run { live in
      try await live.freeze()
      let first = try await live.load(Self.everything)
      #expect(first.applied == 15)
      #expect(try await live.available("alice") == 20_000_000 + 5_000_000 + 250_000 - 1_000_000 - 2)
      #expect(try await live.available("bob") == 600_000)
      #expect(try await live.call(Pages.listPages) { $0.userId = "alice" }.pages.count == 2)
      let runs = try await live.call(Usages.listRuns) { $0.userId = "alice" }.runs
      #expect(runs.count == 1)
      let settings = try await live.call(Admin.getUserSettings) { $0.userId = "bob" }.settings
      #expect(settings?.role == .admin)
      let before = try await live.ledger("alice")
      let again = try await live.load(Self.everything)
      #expect(again.applied == first.applied)
      #expect(again.commitSequence == first.commitSequence)
      #expect(try await live.ledger("alice") == before)
      #expect(try await live.call(Pages.listPages) { $0.userId = "alice" }.pages.count == 2)
    }
  }

  @Test("the file that docs/TESTING.md shows is loaded as it stands") func example() async throws {
    let root = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    let file = try String(
      contentsOf: root.appending(path: "proto/vectors/fixtures/shop.json"), encoding: .utf8)
    let page = try String(contentsOf: root.appending(path: "docs/TESTING.md"), encoding: .utf8)
    let shown = file.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
    #expect(page.contains(shown))
    try await LiveServer.run { live in
      let loaded = try await live.load(file)
      #expect(loaded.applied == 6)
      #expect(try await live.available("alice") == 4_000_000)
      #expect(try await live.available("bob") == 250_000)
    }
  }

  @Test("two files may have items at the same place") func otherFile() async throws {
    try await LiveServer.run { live in
      _ = try await live.load(#"{"promos": [{"user_id": "u", "amount_micros": 1}]}"#)
      _ = try await live.load(#"{"promos": [{"user_id": "u", "amount_micros": 2}]}"#)
      // Twice the same is meant twice, in one file.
      let twice = #"{"promos": [{"user_id": "v", "amount_micros": 1}, {"user_id": "v", "amount_micros": 1}]}"#
      _ = try await live.load(twice)
      #expect(try await live.available("u") == 3)
      #expect(try await live.available("v") == 2)
    }
  }

  @Test(
    "a file that cannot be read names the place, and nothing of it is applied",
    arguments: [
      ("[]", "json"), ("{", "json"), (#"{"purchase": []}"#, "json.purchase"),
      (#"{"purchases": {}}"#, "json.purchases"),
      (#"{"plan_grants": [], "planGrants": []}"#, "json.planGrants"),
      (#"{"promos": [7]}"#, "json.promos[0]"),
      (#"{"promos": [{}, {"amount": 1}]}"#, "json.promos[1].amount"),
      (#"{"promos": [{"amountMicros": 1.5}]}"#, "json.promos[0].amountMicros"),
      (#"{"plans": [{"name": 1}]}"#, "json.plans[0].name"),
      (#"{"calls": [{"method": "CreditService/Nothing"}]}"#, "json.calls[0].method"),
      (#"{"calls": [{"method": "TestControl/Reset"}]}"#, "json.calls[0].method"),
      (#"{"calls": [{"method": "UsageService/StreamRuns"}]}"#, "json.calls[0].method"),
      (#"{"calls": [{"request": {}}]}"#, "json.calls[0].method"),
      (#"{"calls": [{"method": "CreditService/Consume", "params": {}}]}"#, "json.calls[0].params"),
      (
        #"{"calls": [{"method": "CreditService/Consume", "request": {"user": 1}}]}"#,
        "json.calls[0].request.user"
      ),
    ])
  func malformed(json: String, field: String) async throws {
    try await LiveServer.run { live in
      // Something that could be applied stands before it.
      let file =
        json.hasPrefix("{\"") ? #"{"users": [{"user_id": "first"}], "# + json.dropFirst() : json
      let failed = try await live.failure { _ = try await live.load(file) }
      #expect(failed?.reason == "INVALID_FIELD")
      #expect(failed?.details["field"] == field)
      let known = try await live.reason(Admin.getUserSettings) { $0.userId = "first" }
      #expect(known == "USER_NOT_FOUND")
    }
  }

  @Test("a refused item ends it with its own reason, and what stood before it stays") func refused()
    async throws
  {
    try await LiveServer.run { live in
      let file = """
        {"purchases": [{"user_id": "a", "payment_id": "p", "amount_micros": 100},
                       {"user_id": "b", "payment_id": "p", "amount_micros": 100}],
         "promos": [{"user_id": "c", "amount_micros": 1}]}
        """
      let conflict = try await live.failure { _ = try await live.load(file) }
      #expect(conflict?.reason == "PAYMENT_CONFLICT")
      #expect(conflict?.code == .alreadyExists)
      #expect(conflict?.details["field"] == "json.purchases[1]")
      #expect(conflict?.details["applied"] == "1")
      #expect(conflict?.message.hasPrefix("json.purchases[1]: ") == true)
      #expect(try await live.available("a") == 100)
      #expect(try await live.available("c") == 0)
      let field = try await live.failure {
        _ = try await live.load(#"{"promos": [{"user_id": "a", "amount_micros": 0}]}"#)
      }
      #expect(field?.reason == "INVALID_AMOUNT")
      #expect(field?.details["field"] == "json.promos[0].amount_micros")
    }
  }

  @Test("items are the caller's calls: its role and its acting user count") func caller() async throws {
    let file = """
      {"promos": [{"user_id": "u1", "amount_micros": 1}],
       "calls": [{"method": "CreditService/Adjust",
                  "request": {"user_id": "u1", "amount_micros": 5, "actor": "me", "reason": "because"}}]}
      """
    try await LiveServer.run(configure: { $0.allowList = AllowList(only: [geteuid(): .service]) }) { live in
      let failed = try await live.failure { _ = try await live.load(file) }
      #expect(failed?.reason == "ROLE_REQUIRED")
      #expect(failed?.details["field"] == "json.calls[0]")
      #expect(try await live.available("u1") == 1)
      let acting = try await live.reason(Control.loadFixtures, actingUser: "u2") { $0.json = file }
      #expect(acting == "ACTING_USER")
    }
  }

  @Test("as many items as may be, and no more") func limit() async throws {
    try await LiveServer.run { live in
      let item = #"{"method": "CreditService/GetBalance", "request": {"user_id": "u"}}"#
      func file(_ count: Int) -> String {
        "{\"calls\": [\(Array(repeating: item, count: count).joined(separator: ","))]}"
      }
      #expect(try await live.load(file(Limits.fixtureItemCount)).applied == Limits.fixtureItemCount)
      let failed = try await live.failure {
        _ = try await live.load(file(Limits.fixtureItemCount + 1))
      }
      #expect(failed?.reason == "BATCH_TOO_LARGE")
      #expect(failed?.details["limit"] == String(Limits.fixtureItemCount))
    }
  }
}

extension LiveServer {
  func load(_ json: String) async throws -> TallystickTestingV1.LoadFixturesResponse {
    try await call(Control.loadFixtures) { $0.json = json }
  }

  /// Ids of a user's transactions.
  func ledger(_ userId: String) async throws -> [String] {
    try await call(Credits.listTransactions) { $0.userId = userId }.transactions.map(\.transactionId)
  }
}
