// A worker that pays for top-up intents, and what tests of kills read of a user, through a client.

import TallyClient
import TallyMessages

/// Takes intents and pays for them until the server is gone. A payment has its intent's id, so that it is one
/// however often it is added.
struct TopUpWorker {
  private typealias Credits = TallystickV1.CreditService
  private typealias Usage = TallystickV1.UsageService

  let name: String
  /// One of so many intents is left to whoever takes it next; nil: none.
  var abandonsOneOf: UInt64?
  var random: SeededRandom

  /// - Returns: what went wrong; nil when the server is gone.
  mutating func work(_ daemon: Daemon) async -> String? {
    let client = daemon.client()
    defer { client.close() }
    while true {
      do {
        var take = TallystickV1.TakeTopUpIntentRequest()
        (take.worker, take.leaseMillis) = (name, 50)
        guard let intent = try await client.call(Usage.takeTopUpIntent, take).intent else { continue }
        // Another worker has it then, or this one again.
        if let abandonsOneOf, random.next() % abandonsOneOf == 0 { continue }
        var request = TallystickV1.AddPurchaseRequest()
        (request.userId, request.amountMicros) = (intent.userId, intent.amountMicros)
        (request.paymentId, request.intentId) = ("pay-\(intent.intentId)", intent.intentId)
        request.idempotencyKey = "pay-\(intent.intentId)"
        _ = try await client.call(Credits.addPurchase, request)
      } catch {
        if error.isOfGoneServer { return nil }
        return "\(error)"
      }
    }
  }
}

extension TallyError {
  /// Whether the server is gone.
  var isOfGoneServer: Bool { outcome == .unknown || reason == "NOT_CONNECTED" }
}

extension TallyClient {
  /// All rows of a user, newest first.
  func allTransactions(of userId: String) async throws -> [TallystickV1.Transaction] {
    var request = TallystickV1.ListTransactionsRequest()
    (request.userId, request.limit) = (userId, 1_000)
    var rows: [TallystickV1.Transaction] = []
    repeat {
      let reply = try await call(TallystickV1.CreditService.listTransactions, request)
      rows += reply.transactions
      request.cursor = reply.nextCursor
    } while !request.cursor.isEmpty
    return rows
  }

  /// Calls under way, of all methods.
  func callsInFlight() async throws -> Int {
    var request = TallystickV1.GetMetricsRequest()
    request.prometheus = true
    let text = try await call(TallystickV1.AdminService.getMetrics, request).prometheusText
    return text.split(separator: "\n").filter { $0.contains("calls_in_flight{") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
  }

  /// Up to 1,000 intents of a user, newest first.
  func topUpIntents(of userId: String) async throws -> [TallystickV1.TopUpIntent] {
    var request = TallystickV1.ListTopUpIntentsRequest()
    (request.userId, request.limit) = (userId, 1_000)
    return try await call(TallystickV1.UsageService.listTopUpIntents, request).intents
  }
}
