// Numbers at the ends of their types, from the wire and from the clock: refused or taken, and the server
// lives.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Numbers at the ends of their range") struct ExtremeTests {
  private static let numbers: [UInt64] = [
    UInt64(bitPattern: Int64.min), UInt64(bitPattern: -1), UInt64(Int64.max),
    UInt64(bitPattern: Int64(Int32.min)),
    1 << 31,
  ]
  /// No request has a field of a higher number.
  private static let highestField: UInt64 = 14

  private static func varint(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] {
    varint(number << 3) + varint(value)
  }

  /// Answered, and not because the server went away.
  private func lives(_ rig: MethodRig, _ row: MethodRow, _ payload: [UInt8], _ what: String) async throws {
    let reason = try await rig.reason(row, payload)
    for gone in ["unavailable", "CORRUPT", "OUTCOME_UNKNOWN", "INTERNAL", "internal"] {
      #expect(reason?.contains(gone) != true, "\(row.name), \(what): \(reason ?? "")")
    }
  }

  @Test("every method outlives every number in every field")
  func fields() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      for row in MethodRow.all {
        for field in 1...Self.highestField {
          for number in Self.numbers {
            let payload = try await row.request(rig, "u1") + Self.field(field, number)
            try await lives(rig, row, payload, "field \(field) is \(Int64(bitPattern: number))")
          }
        }
      }
    }
  }

  @Test("plans, patches and batches outlive every number inside")
  func nested() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      for number in Self.numbers.map({ Int64(bitPattern: $0) }) + [1, Limits.amountMicros] {
        for place in 0..<8 {
          _ = try await live.reason(TallystickV1.UsageService.putPlan) {
            var plan = TallystickV1.Plan()
            (plan.planId, plan.displayName, plan.monthlyCreditMicros) = ("x\(place)", "x", 1)
            plan.grantExpiry = .after
            plan.expiresAfterMillis = 1
            plan.limits = TallystickV1.PlanLimits()
            var price = TallystickV1.ModelPrice()
            switch place {
            case 0: plan.monthlyCreditMicros = number
            case 1: plan.expiresAfterMillis = number
            case 2: plan.priority = Int32(truncatingIfNeeded: number)
            case 3: plan.limits?.monthlyGenerations = number
            case 4: plan.limits?.pageCount = number
            case 5: price.inputMicrosPerMillion = number
            case 6: price.outputMicrosPerMillion = number
            default: price.imageMicros = number
            }
            plan.prices = [price]
            $0.plan = plan
          }
          // What was taken is used.
          _ = try await live.reason(Credits.grantPlan) {
            ($0.userId, $0.planId, $0.idempotencyKey) = ("u1", "x\(place)", rig.fresh())
          }
          _ = try await live.reason(Admin.putUserSettings) {
            var settings = TallystickV1.UserSettings()
            (settings.userId, settings.planId) = ("u2", "x\(place)")
            $0.settings = settings
          }
          _ = try await live.reason(TallystickV1.UsageService.recordRun) {
            ($0.userId, $0.runId, $0.model, $0.type) = ("u2", rig.fresh(), "m", "text")
            $0.status = .succeeded
            ($0.inputTokens, $0.outputTokens, $0.images) = (number, number, number)
          }
        }
        let pageId = try await rig.page("u1")
        _ = try await live.reason(Pages.patchPage) {
          ($0.pageId, $0.expectedVersion) = (pageId, 1)
          var patch = TallystickV1.SectionPatch()
          var section = TallystickV1.SectionInput()
          (section.sectionId, section.kind) = ("s", "text")
          patch.operation = .add(section)
          patch.position = Int32(truncatingIfNeeded: number)
          $0.patches = [patch]
        }
        _ = try await live.reason(Credits.batchConsume) { request in
          var item = TallystickV1.ConsumeRequest()
          (item.userId, item.amountMicros, item.idempotencyKey) = ("u1", number, rig.fresh())
          request.items = [item]
        }
        #expect(try await live.available("u1") > 0)
      }
    }
  }

  @Test(
    "every method, and a rate limit, outlives a clock at any time that it can be set to",
    arguments: [
      1, 900_000_000, 18_446_744_073_709_551, 18_446_744_073_709_552, 200_000_000_000_000_000,
      Limits.timeMicros - 1,
      Limits.timeMicros,
    ])
  func clocks(nowMicros: Int64) async throws {
    try await LiveServer.run { live in
      _ = try await live.call(TallystickTestingV1.TestControl.setClock) { $0.nowMicros = nowMicros }
      let rig = MethodRig(live)
      try await rig.prepare()
      _ = try await live.call(TallystickV1.AdminService.setRateLimit) {
        var limit = TallystickV1.RateLimit()
        limit.subject = .everyUser(true)
        (limit.perSecond, limit.burst) = (1_000_000, 1_000_000)
        $0.rateLimit = limit
      }
      for row in MethodRow.all {
        try await lives(rig, row, try await row.request(rig, "u1"), "at \(nowMicros)")
      }
      #expect(try await live.available("u1") > 0)
    }
  }
}
