// An idempotency key is its user's across all methods: whatever has used it up, any other request with it is
// refused, and changes nothing.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Key reuse") struct KeyReuseTests {
  /// One way to use a key up.
  private struct Use: Sendable {
    var name: String
    /// A batch of two items, of which the other has a key of its own.
    var isAtomic = false
    /// Uses with the same request in other clothes replay each other.
    var method: String
    /// - Returns: the request's or the item's reason; nil when it was carried out or replayed.
    var reason: @Sendable (MethodRig, [UInt8]) async throws -> String?
    var request: @Sendable (MethodRig, String?) async throws -> [UInt8]
  }

  private static func item(_ payload: [UInt8], _ mode: TallystickV1.BatchMode, _ rig: MethodRig)
    async throws -> String?
  {
    var request = try TallystickV1.BatchConsumeRequest.decode(payload)
    request.mode = mode
    if mode == .atomic, var beside = request.items.first {
      beside.idempotencyKey = rig.fresh("beside")
      request.items.append(beside)
    }
    let response = try await rig.live.call(Credits.batchConsume) { $0 = request }
    return if case .error(let error) = response.results.first?.result { error.info?.reason } else { nil }
  }

  private static func grant(_ payload: [UInt8], _ rig: MethodRig) async throws -> String? {
    let request = try TallystickV1.BatchGrantPlanRequest.decode(payload)
    let response = try await rig.live.call(Credits.batchGrantPlan) { $0 = request }
    return if case .error(let error) = response.results.first?.result { error.info?.reason } else { nil }
  }

  private static let uses: [Use] = CreditRows.all.filter { $0.role > .readonly }.flatMap { row -> [Use] in
    switch row.method {
    case Credits.batchConsume.method:
      [TallystickV1.BatchMode.independent, .atomic].map { mode in
        Use(
          name: "\(row.method), \(mode)", isAtomic: mode == .atomic, method: Credits.consume.method,
          reason: { rig, payload in try await item(payload, mode, rig) }, request: row.request)
      }
    case Credits.batchGrantPlan.method:
      [
        Use(
          name: row.method, method: Credits.grantPlan.method,
          reason: { rig, payload in try await grant(payload, rig) }, request: row.request)
      ]
    default:
      [
        Use(
          name: row.method, method: row.method,
          reason: { rig, payload in try await rig.reason(row, payload) }, request: row.request)
      ]
    }
  }

  @Test("a key that any method or item of a batch has used up is refused to all others, and changes nothing")
  func everyPair() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      #expect(Self.uses.count > 15)
      for first in Self.uses {
        let (user, key) = (rig.fresh("user"), rig.fresh("used"))
        try await live.purchase(user, 1_000_000_000, payment: user, key: "purchase")
        rig.key = key
        let payload = try await first.request(rig, user)
        #expect(try await first.reason(rig, payload) == nil, "\(first.name)")
        for second in Self.uses {
          let payload = try await second.request(rig, user)
          let available = try await live.available(user)
          let reason = try await second.reason(rig, payload)
          let place: Comment = "\(first.name), then \(second.name): \(reason ?? "carried out")"
          if reason != nil || first.method != second.method {
            #expect(reason == "IDEMPOTENCY_MISMATCH", place)
          }
          // The other item of an atomic batch is applied when the first replays.
          let besideMicros: Int64 = reason == nil && second.isAtomic ? 1 : 0
          #expect(try await live.available(user) == available - besideMicros, place)
        }
        rig.key = nil
      }
    }
  }
}
