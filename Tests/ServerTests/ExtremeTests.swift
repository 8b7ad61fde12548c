// Numbers at the ends of their types, from the wire and from the clock: refused or taken, and the server
// lives.

import TTRPC
import TallyCore
import TallyMessages
import TallyProtoJSON
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Numbers at the ends of their range") struct ExtremeTests {
  private static let numbers: [UInt64] = [
    UInt64(bitPattern: Int64.min), UInt64(bitPattern: -1), UInt64(Int64.max),
    UInt64(bitPattern: Int64(Int32.min)),
    1 << 31,
  ]
  /// The highest number of a field of each method's request.
  private static func highestFields() throws -> [String: UInt64] {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try pool.add(file: file.serialized) }
    var highest: [String: UInt64] = [:]
    for service in pool.services.values {
      for method in service.methods {
        let numbers = try pool.message(method.input).fields.map { UInt64($0.number) }
        highest["\(service.fullName)/\(method.name)"] = numbers.max() ?? 0
      }
    }
    return highest
  }

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
      let highest = try Self.highestFields()
      for row in MethodRow.all {
        // One more than there are.
        let last = try #require(highest[row.name]) + 1
        for field in 1...last {
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

  @Test("caps, prices, alert rules, top-ups and what a run has used outlive every number inside")
  func nestedTerms() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      for number in Self.numbers.map({ Int64(bitPattern: $0) }) + [0, 1, Limits.amountMicros] {
        for place in 0..<6 { try await take(live, rig, place, number) }
        // What was taken is in force.
        _ = try await live.reason(Credits.consume) {
          ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", 1, rig.fresh())
        }
        _ = try await live.reason(Usages.beginRun) {
          ($0.userId, $0.runId, $0.model, $0.type) = ("u1", rig.fresh(), "m", "text")
        }
        #expect(try await live.available("u1") > 0)
        #expect(try await live.call(Usages.getUsage) { $0.userId = "u1" }.usage?.userId == "u1")
      }
    }
  }

  /// Asks for what has a number in one place.
  private func take(_ live: LiveServer, _ rig: MethodRig, _ place: Int, _ number: Int64) async throws {
    let short = Int32(truncatingIfNeeded: number)
    _ = try await live.reason(Usages.putCaps) {
      var cap = TallystickV1.Cap("c", .money, place == 0 ? .lastHours : .day, place == 1 ? number : 5)
      cap.hours = place == 0 ? short : 0
      ($0.userId, $0.caps) = ("u1", [cap])
    }
    _ = try await live.reason(Usages.putPrices) {
      var price = TallystickV1.Price()
      (price.model, price.unitClass, price.microsPerMillion) = ("m", .input, place == 0 ? number : 1)
      if place == 1 { price.effectiveFromMicros = number }
      $0.prices = [price]
    }
    _ = try await live.reason(Usages.putAlertRule) {
      var rule = TallystickV1.AlertRule()
      (rule.ruleId, rule.scope) = ("r\(place)", .userId("u1"))
      rule.condition =
        switch place {
        case 0: .balanceBelowMicros(number)
        case 1: .owedAboveMicros(number)
        case 2: .generationsAtPercent(short)
        case 3: .uploadsAtPercent(short)
        default: .pagesAtPercent(short)
        }
      $0.rule = rule
    }
    _ = try await live.reason(Usages.putTopUp) {
      var topUp = rig.topUp("u1", below: place == 0 ? number : 10)
      if place == 1 { topUp.targetMicros = number }
      if place == 2 { topUp.monthlyCapMicros = number }
      if place == 3 { topUp.monthlyCapCount = number }
      if place == 4 { topUp.cooldownMillis = number }
      $0.topUp = topUp
    }
    _ = try await live.reason(Usages.recordRun) {
      $0 = .sample(rig.fresh("run"))
      $0.costMicros = place == 0 ? number : 1
      if place == 1 { $0.promptTokens = number }
      if place == 2 { $0.completionTokens = number }
      var unit = TallystickV1.UnitCount()
      (unit.unitClass, unit.count) = (.cacheRead, place == 3 ? number : 1)
      $0.units = [unit]
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
