// The order of checks: when several answers apply, the first in product.md's list is given. One test for
// each neighbouring pair that a client can provoke.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Order of checks") struct PrecedenceTests {
  @Test("a deadline that has passed comes before the fields") func deadlineBeforeFields() async throws {
    try await LiveServer.run { live in
      do {
        _ = try await live.connection.unary(
          Credits.consume.service, Credits.consume.method, [], timeoutNanoseconds: 1)
        Issue.record("answered")
      } catch let error as CallError {
        #expect(error.status.code == .deadlineExceeded)
      }
    }
  }

  @Test("an engine that takes nothing comes before the fields") func admissionBeforeFields() async throws {
    try await LiveServer.run { live in
      try live.closeEngine()
      #expect(try await live.reason(Credits.consume) { $0.amountMicros = -1 } == "SHUTTING_DOWN")
    }
  }

  @Test("fields come before the role") func fieldsBeforeRole() async throws {
    try await LiveServer.run { live in
      let fill: (inout TallystickV1.AdjustRequest) -> Void = {
        $0.userId = "u1"
        $0.actor = "ops"
        $0.reason = "test"
        $0.idempotencyKey = "k"
      }
      #expect(try await live.reason(Credits.adjust, actingUser: "u2", fill) == "INVALID_AMOUNT")
      let role = try await live.reason(Credits.adjust, actingUser: "u2") {
        fill(&$0)
        $0.amountMicros = 1
      }
      #expect(role == "ROLE_REQUIRED")
    }
  }

  @Test("a query's fields come before the role, the acting user and existence") func queries() async throws {
    try await LiveServer.run { live in
      let users = try await live.reason(Admin.listUsers, actingUser: "u2") { $0.limit = -1 }
      #expect(users == "INVALID_FIELD")
      #expect(try await live.reason(Admin.listUsers, actingUser: "u2") { _ in } == "ROLE_REQUIRED")

      let check: (inout TallystickV1.CheckBalanceRequest) -> Void = { $0.userId = "u1" }
      let amount = try await live.reason(Credits.checkBalance, actingUser: "u2") {
        check(&$0)
        $0.estimateMicros = -1
      }
      #expect(amount == "INVALID_AMOUNT")
      #expect(try await live.reason(Credits.checkBalance, actingUser: "u2", check) == "ACTING_USER")

      let stats = try await live.reason(Runs.getStats, actingUser: "u2") {
        $0.userId = "u1"
        $0.days = -1
      }
      #expect(stats == "INVALID_FIELD")
      #expect(try await live.reason(Runs.getStats, actingUser: "u2") { $0.userId = "u1" } == "ACTING_USER")

      let version: (inout TallystickV1.GetVersionRequest) -> Void = { $0.pageId = "none" }
      #expect(try await live.reason(Pages.getVersion, version) == "INVALID_FIELD")
      let absent = try await live.reason(Pages.getVersion) {
        version(&$0)
        $0.version = 1
      }
      #expect(absent == "PAGE_NOT_FOUND")
      #expect(try await live.reason(Credits.getTransaction) { _ in } == "INVALID_FIELD")
      let none = try await live.reason(Credits.getTransaction) { $0.transactionId = "none" }
      #expect(none == "TRANSACTION_NOT_FOUND")
    }
  }

  @Test("the acting user comes before existence and replay") func actingUserBeforeExistence() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let mismatch: (inout TallystickV1.ConsumeRequest) -> Void = {
        $0.userId = "u1"
        $0.amountMicros = 5
        $0.idempotencyKey = "k1"
      }
      #expect(try await live.reason(Credits.consume, actingUser: "u2", mismatch) == "ACTING_USER")
      #expect(try await live.reason(Credits.consume, actingUser: "u1", mismatch) == "IDEMPOTENCY_MISMATCH")
    }
  }

  @Test("a hold that is not there comes before a key that was used") func existenceBeforeReplay() async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let reason = try await live.reason(Credits.capture) {
        $0.holdId = "hold-999"
        $0.idempotencyKey = "k1"
      }
      #expect(reason == "HOLD_NOT_FOUND")
      let grant = try await live.reason(Credits.grantPlan) {
        $0.userId = "u1"
        $0.planId = "none"
        $0.idempotencyKey = "k1"
      }
      #expect(grant == "GRANT_NOT_FOUND")
    }
  }

  @Test("fields come before a hold id that is none") func fieldsBeforeExistence() async throws {
    try await LiveServer.run { live in
      let amount = try await live.reason(Credits.capture) {
        $0.holdId = "none"
        $0.amountMicros = -1
        $0.idempotencyKey = "k"
      }
      #expect(amount == "INVALID_AMOUNT")
      #expect(try await live.reason(Credits.release) { $0.holdId = "none" } == "INVALID_FIELD")
      let absent = try await live.reason(Credits.release) {
        $0.holdId = "none"
        $0.idempotencyKey = "k"
      }
      #expect(absent == "HOLD_NOT_FOUND")
    }
  }

  @Test("a key that was used comes before a payment that is another's") func mismatchBeforeNaturalKey()
    async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      try await live.purchase("u2", 1_000, payment: "p2", key: "k2")
      let fill: (inout TallystickV1.AddPurchaseRequest) -> Void = {
        $0.userId = "u1"
        $0.amountMicros = 1_000
        $0.paymentId = "p2"
      }
      let used = try await live.reason(Credits.addPurchase) {
        fill(&$0)
        $0.idempotencyKey = "k1"
      }
      #expect(used == "IDEMPOTENCY_MISMATCH")
      let fresh = try await live.reason(Credits.addPurchase) {
        fill(&$0)
        $0.idempotencyKey = "k3"
      }
      #expect(fresh == "PAYMENT_CONFLICT")
    }
  }

  @Test("a payment conflict comes before the limit of lots, and that before the range of sums")
  func naturalKeyBeforeState() async throws {
    try await LiveServer.run { live in
      for index in 0..<1_024 { try await live.purchase("u1", 1_000, payment: "p\(index)", key: "k\(index)") }
      let conflict = try await live.reason(Credits.addPurchase) {
        $0.userId = "u1"
        $0.amountMicros = 2_000
        $0.paymentId = "p0"
        $0.idempotencyKey = "new"
      }
      #expect(conflict == "PAYMENT_CONFLICT")
      let limit = try await live.reason(Credits.addPurchase) {
        $0.userId = "u1"
        $0.amountMicros = Limits.amountMicros
        $0.paymentId = "new"
        $0.idempotencyKey = "new"
      }
      #expect(limit == "LOT_LIMIT")
    }
  }

  @Test("a used key comes before the state of a hold and the balance") func replayBeforeState() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let hold = try await live.call(Credits.reserve) {
        $0.userId = "u1"
        $0.amountMicros = 1_000
        $0.idempotencyKey = "h"
      }
      let capture: (inout TallystickV1.CaptureRequest) -> Void = {
        $0.holdId = hold.hold?.holdId ?? ""
        $0.idempotencyKey = "c"
      }
      #expect(try await live.call(Credits.capture, capture).balance?.postedMicros == 0)
      #expect(try await live.call(Credits.capture, capture).replayed)
      let settled = try await live.reason(Credits.capture) {
        capture(&$0)
        $0.idempotencyKey = "d"
      }
      #expect(settled == "HOLD_SETTLED")
      let broke = try await live.reason(Credits.consume) {
        $0.userId = "u1"
        $0.amountMicros = 1
        $0.idempotencyKey = "h"
      }
      #expect(broke == "IDEMPOTENCY_MISMATCH")
    }
  }
}

extension LiveServer {
  /// Leaves the socket open over an engine that takes nothing any more.
  fileprivate func closeEngine() throws {
    try server.engineForTesting.close()
  }
}
