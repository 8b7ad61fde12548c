// Replies that do not fit into a message: nothing is applied then, and the error says so.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Replies that do not fit") struct ReplySizeTests {
  private typealias Usage = TallystickV1.UsageService

  /// The smallest that the program takes.
  private static let messageByteCount = 1_024

  /// A user whose credit lies in as many lots as a reply cannot name.
  private static func fill(_ live: LiveServer, _ userId: String) async throws {
    for number in 0..<250 {
      try await live.purchase(userId, 10, payment: "\(userId)-\(number)", key: "p\(number)")
    }
  }

  /// Holds over many lots, made by the engine itself, as by a server with a larger limit.
  private static func hold(_ live: LiveServer, _ userId: String, _ key: String) async throws -> Int64 {
    let command = CreditCommand.Reserve(
      userId: userId, amountMicros: 2_500, ttlMillis: 600_000,
      idempotency: Idempotency(key: key, digest: Digest(bytes: [UInt8](repeating: 7, count: 32))))
    let outcomes = await withCheckedContinuation { continuation in
      live.server.engineForTesting.submit(
        Work(submission: Submission(commands: [command], sharer: userId, byteCount: 100), group: nil) {
          continuation.resume(returning: $0)
        })
    }
    guard case .success(let receipt) = outcomes.first, let hold = receipt.hold else {
      throw Refusal(.corrupt, "no hold: \(outcomes)")
    }
    return hold.id
  }

  private typealias Call = (String, () async throws -> Failed?)

  private static let text = String(repeating: "x", count: 900)

  private static func charges(_ live: LiveServer) -> [Call] {
    [
      (
        "Consume",
        {
          try await live.failure(Credits.consume) {
            ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", 2_400, "a")
          }
        }
      ),
      (
        "Consume with a long text",
        {
          try await live.failure(Credits.consume) {
            ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", 1, "b")
            $0.description = text
          }
        }
      ),
      (
        "Adjust",
        {
          try await live.failure(Credits.adjust) {
            ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", -2_400, "c")
            ($0.actor, $0.reason) = ("a", "r")
          }
        }
      ),
    ]
  }

  private static func holds(_ live: LiveServer, _ held: Int64) -> [Call] {
    [
      (
        "Reserve",
        {
          try await live.failure(Credits.reserve) {
            ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", 2_400, "d")
          }
        }
      ),
      (
        "Extend",
        {
          try await live.failure(Credits.extend) {
            ($0.holdId, $0.ttlMillis, $0.idempotencyKey) = (Identifiers.hold(held), 1_000, "e")
          }
        }
      ),
      (
        "Capture",
        {
          try await live.failure(Credits.capture) {
            ($0.holdId, $0.idempotencyKey) = (Identifiers.hold(held), "f")
          }
        }
      ),
      (
        "Release",
        {
          try await live.failure(Credits.release) {
            ($0.holdId, $0.idempotencyKey) = (Identifiers.hold(held), "g")
          }
        }
      ),
    ]
  }

  private static func grantsAndRuns(_ live: LiveServer) -> [Call] {
    [
      (
        "GrantPromo",
        {
          try await live.failure(Credits.grantPromo) {
            ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", 1, "h")
            $0.description = text
          }
        }
      ),
      (
        "AddPurchase",
        {
          try await live.failure(Credits.addPurchase) {
            ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", 1, "i")
            ($0.paymentId, $0.description) = ("payment", text)
          }
        }
      ),
      (
        "BeginRun",
        {
          try await live.failure(Usage.beginRun) {
            ($0.userId, $0.runId, $0.model, $0.type) = ("u1", "other", "m", "text")
            $0.estimateMicros = 2_400
          }
        }
      ),
      (
        "FinishRun",
        {
          try await live.failure(Usage.finishRun) {
            ($0.runId, $0.status, $0.costMicros) = ("run", .succeeded, 2_400)
          }
        }
      ),
    ]
  }

  @Test("a mutation whose reply does not fit into a message is refused, and nothing is applied")
  func mutations() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = Self.messageByteCount }) {
      live in
      try await Self.fill(live, "u1")
      try await Self.fill(live, "u2")
      let held = try await Self.hold(live, "u2", "held")
      _ = try await live.call(Usage.beginRun) {
        ($0.userId, $0.runId, $0.model, $0.type) = ("u1", "run", "m", "text")
      }
      let calls = Self.charges(live) + Self.holds(live, held) + Self.grantsAndRuns(live)
      for (name, call) in calls {
        let before = live.server.engineForTesting.state()
        let failed = try await call()
        #expect(failed?.reason == "MESSAGE_TOO_LARGE", "\(name): \(failed.map(\.description) ?? "applied")")
        #expect(failed?.message.contains("changed nothing") == true, "\(name)")
        #expect(failed?.details["limit"] != nil, "\(name)")
        #expect(live.server.engineForTesting.state() == before, "\(name)")
      }
      // What is left says the same, and keys were not used up.
      #expect(try await live.available("u1") == 2_500)
      #expect(try await live.consume("u1", 1, key: "a").replayed == false)
      #expect(try await live.reason(Usage.getRun) { $0.runId = "other" } == "RUN_NOT_FOUND")
      #expect(try await live.call(Usage.getRun) { $0.runId = "run" }.run?.status == .running)
    }
  }

  @Test("what a mutation only repeats is applied when its reply fits, and not at all when it does not")
  func repeated() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = Self.messageByteCount }) {
      live in
      var refused: Set<String> = []
      for size in stride(from: 700, through: 960, by: 3) {
        let text = String(repeating: "x", count: size)
        let calls: [(String, () async throws -> Failed?)] = [
          (
            "RecordRun",
            {
              try await live.failure(Usage.recordRun) {
                ($0.userId, $0.runId, $0.model, $0.type) = ("u1", "r\(size)", "m", "text")
                ($0.status, $0.error) = (.failed, text)
              }
            }
          ),
          (
            "CreateMedia",
            {
              try await live.failure(Pages.createMedia) {
                ($0.userId, $0.mediaId, $0.source, $0.url) = ("u1", "m\(size)", .upload, text)
              }
            }
          ),
          (
            "PutPlan",
            {
              try await live.failure(Usage.putPlan) {
                var plan = TallystickV1.Plan()
                (plan.planId, plan.monthlyCreditMicros, plan.grantExpiry) = ("p\(size)", 1, .never)
                plan.prices = stride(from: 0, to: size, by: 100).map { start in
                  var price = TallystickV1.ModelPrice()
                  price.model = "\(start)" + text.prefix(min(95, size - start))
                  return price
                }
                $0.plan = plan
              }
            }
          ),
        ]
        for (name, call) in calls {
          let before = live.server.engineForTesting.state()
          guard let failed = try await call() else { continue }
          #expect(failed.reason == "MESSAGE_TOO_LARGE", "\(name), \(size): \(failed)")
          #expect(live.server.engineForTesting.state() == before, "\(name), \(size)")
          if failed.message.contains("changed nothing") { refused.insert(name) }
        }
      }
      #expect(refused == ["RecordRun", "CreateMedia", "PutPlan"])
    }
  }

  @Test("a batch, and a page, that does not fit is refused before anything is applied, at any size")
  func batchesAndPages() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 2_048 }) { live in
      try await Self.fill(live, "u1")
      // The reply to the largest does not fit; those to some that are refused as well would have.
      for count in [1, 2, 4, 6, 8, 40] {
        let before = live.server.engineForTesting.state()
        let failed = try await live.failure(Credits.batchConsume) { request in
          request.items = (0..<count).map { number in
            var item = TallystickV1.ConsumeRequest()
            (item.userId, item.amountMicros) = ("u1", 100)
            item.idempotencyKey = "\(count)-\(number)"
            return item
          }
        }
        #expect(count < 40 || failed != nil)
        guard let failed else { continue }
        #expect(count > 1 && failed.reason == "BATCH_TOO_LARGE")
        #expect(live.server.engineForTesting.state() == before)
      }
      // Sections get their ids from the server: the reply outgrows the request.
      for count in stride(from: 10, through: 60, by: 10) {
        let before = live.server.engineForTesting.state()
        let failed = try await live.failure(Pages.createPage) {
          ($0.userId, $0.pageId) = ("u1", "p\(count)")
          var section = TallystickV1.SectionInput()
          (section.kind, section.content) = ("text", String(repeating: "c", count: 20))
          $0.sections = [TallystickV1.SectionInput](repeating: section, count: count)
        }
        #expect((failed == nil) == (count < 30), "\(count)")
        guard let failed else { continue }
        #expect(failed.reason == "INVALID_FIELD", "\(failed)")
        #expect(live.server.engineForTesting.state() == before)
      }
    }
  }

  @Test("what is asked of many users and cannot fit is refused before it is looked for")
  func reads() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 8_192 }) { live in
      for userCount in [10, 20, 40, 80, 200] {
        let users = (0..<userCount).map { "user-\($0)" }
        let balances = try await live.failure(Credits.batchGetBalances) { $0.userIds = users }
        let usages = try await live.failure(Usage.batchGetUsage) { $0.userIds = users }
        for failed in [balances, usages].compactMap({ $0 }) {
          #expect(failed.reason == "BATCH_TOO_LARGE" && failed.details["field"] == "user_ids")
        }
        #expect((balances == nil) == (userCount <= 40), "\(userCount)")
        #expect((usages == nil) == (userCount <= 20), "\(userCount)")
      }
    }
  }

  @Test("no reply of a mutation of one command, but a page's, is larger than what is never looked at")
  func bound() throws {
    // The longest of its parts each.
    let id = String(repeating: "i", count: 255)
    var entry = Entry(
      userId: id, type: .apiUsage, amountMicros: .min, balanceAfterMicros: .min, heldAfterMicros: .min,
      version: .min, atMicros: .min, effectiveAtMicros: .min,
      lots: (0..<256).map { _ in LotAllocation(lotId: .min, amountMicros: .min) })
    entry.idempotency = Idempotency(key: id, digest: Digest(bytes: [UInt8](repeating: 0, count: 32)))
    (entry.runId, entry.paymentId, entry.planId, entry.package) = (id, id, id, id)
    (entry.actor, entry.reason) = (id, String(repeating: "r", count: Limits.adjustReasonByteCount))
    entry.text = FreeText(
      description: String(repeating: "d", count: Limits.descriptionByteCount),
      metadata: (0..<Limits.metadataEntryCount).map { number in
        MetadataEntry(
          key: String(repeating: "k", count: Limits.metadataKeyByteCount - 2) + "\(10 + number)",
          value: String(repeating: "v", count: Limits.metadataValueByteCount))
      })
    var reserved = TallystickV1.ReserveResponse(
      Receipt(transaction: entry, balance: entry.balanceAfter))
    reserved.hold = TallystickV1.Hold(
      Hold(
        id: .max, userId: id, amountMicros: .min, createdAtMicros: .min, expiresAtMicros: .min, runId: id,
        pins: entry.lots))
    var deleted = TallystickV1.DeleteMediaResponse()
    deleted.detachedPageIds = (0..<PageLimits.detachedPageCount).map { _ in id }
    deleted.remainingPageCount = .max
    var plan = TallystickV1.PutPlanResponse()
    plan.plan = TallystickV1.Plan()
    plan.plan?.displayName = id
    plan.plan?.prices = (0..<Limits.planPriceCount).map { _ in
      var price = TallystickV1.ModelPrice()
      price.model = String(repeating: "m", count: Limits.modelByteCount)
      (price.inputMicrosPerMillion, price.outputMicrosPerMillion, price.imageMicros) = (.min, .min, .min)
      return price
    }
    var media = TallystickV1.CreateMediaResponse()
    media.media = TallystickV1.Media()
    media.media?.url = String(repeating: "u", count: Limits.urlByteCount)
    for (name, byteCount) in [
      ("Reserve", reserved.encode().count), ("DeleteMedia", deleted.encode().count),
      ("PutPlan", plan.encode().count), ("CreateMedia", media.encode().count),
    ] { #expect(byteCount + 4_096 < Services.boundedReplyByteCount, "\(name): \(byteCount)") }
  }
}
