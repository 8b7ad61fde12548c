// Steps that concern plans, their grants, and users' settings.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

extension StepReader {
  private static let planIds = ["pro", "free"]
  /// Dates on which subscriptions begin: before the model does, at a month's end, and on its first day.
  private static let anchors = [ModelDate(2025, 12, 15), ModelDate(2025, 10, 31), ModelDate(2026, 1, 1)]

  var planGrant: Command.GrantPlan {
    Command.GrantPlan(
      userId: user, planId: step.b % 17 == 0 ? "none" : Self.planIds[Int(step.b % 2)], period: period,
      amountMicros: step.b % 3 == 0 ? Int64(step.b % 9 + 1) : nil,
      effectiveAtMicros: step.c % 5 == 0 ? time(step.c >> 3) : nil,
      expiresAtMicros: step.b % 4 == 0 ? time(step.b >> 2) : nil, idempotency: idempotency, text: text)
  }

  /// Mostly the month that it is, or one beside it, under all kinds of names.
  private var period: PeriodName? {
    let today = ModelDate(number: model.now(wall) / ModelZone.day)
    let beside = Int64(step.c >> 16 % 3) - 1
    switch step.c % 6 {
    case 0, 1: return nil
    case 2:
      return .dates(startDay: ModelDate(today.year, today.month, 1).later(months: beside).number, index: 0)
    case 3: return .dates(startDay: today.number - Int64(step.b % 20), index: 0)
    case 4:
      let anchor = Self.anchors[Int(step.b % 3)]
      let months = (today.year - anchor.year) * 12 + today.month - anchor.month
      return .dates(startDay: anchor.number, index: max(0, months + beside))
    default: return .instant(micros: model.now(wall) / ModelZone.day * ModelZone.day + 28_800_000_000)
    }
  }

  var plan: Plan {
    let expiry: GrantExpiry =
      switch step.b % 4 {
      case 0: .never
      case 1, 2: .periodEnd
      default: .after(millis: Int64(step.b % 90) * 86_400_000)
      }
    let zones = ModelZone.allCases
    var plan = Plan(
      id: Self.planIds[Int(step.a % 2)], displayName: "P", monthlyCreditMicros: Int64(step.c % 30 + 1),
      grantExpiry: expiry, priority: Int32(step.c % 3 + 9),
      timeZone: zones[Int(step.b >> 8 % UInt64(zones.count))].rawValue)
    plan.multiplierPpm = [nil, nil, 1_200_000, 500_001][Int(step.c >> 20 % 4)]
    plan.cancelledCost = step.c >> 16 % 3 == 0 ? .nothing : .reported
    plan.onShort = [.forgive, .collect, .collect, .block, .block][Int(step.c >> 8 % 5)]
    if expiry == .periodEnd || step.c % 9 == 0, step.b >> 16 % 3 > 0 {
      plan.rolloverCapMicros = Int64(step.c >> 16 % 12 + 1)
    }
    plan.isDefault = step.c >> 24 % 3 == 0
    plan.tagKeys = ["f", "g", "h"].filter { _ in step.a >> 12 % 3 > 0 }
    if step.c >> 28 % 3 == 0 { plan.caps = [cap("a", step.b >> 40), cap("b", step.a >> 44)] }
    if step.c >> 32 % 4 == 0 { plan.spenderCaps = [cap("s", step.a >> 40)] }
    for index in plan.caps.indices { plan.caps[index].limit = plan.caps[index].limit ?? 9 }
    for index in plan.spenderCaps.indices {
      plan.spenderCaps[index].limit = plan.spenderCaps[index].limit ?? 9
    }
    if step.a >> 8 % 6 == 0 { plan.limits.monthlyGenerations = Int64(step.a >> 16 % 8) }
    if step.a >> 24 % 2 == 0 {
      plan.prices = ["", "m1"].suffix(Int(step.a >> 32 % 2) + 1).map {
        ModelPrice(
          model: $0, inputMicrosPerMillion: Int64(step.b >> 32 % 40_000),
          outputMicrosPerMillion: Int64(step.c >> 32 % 40_000), imageMicros: Int64(step.a >> 40 % 4))
      }
    }
    return plan
  }

  /// One to three rows of the book, now and then of a plan, or from another time.
  var prices: Command {
    let classes: [UnitClass] = [.input, .output, .cacheRead, .image]
    let now = model.now(wall)
    let lines = (0...Int(step.b % 3)).map { index in
      let choice = step.c >> UInt64(8 * index)
      return TallyCore.UsageCommand.PutPrices.Line(
        planId: choice % 5 == 0 ? Self.planIds[Int(choice >> 3 % UInt64(Self.planIds.count))] : "",
        model: ["", "m0", "m1"][Int(choice >> 2 % 3)], unitClass: classes[(Int(step.a % 4) + index) % 4],
        micros: choice % 7 == 0 ? nil : Int64(choice >> 4 % 5) * 7_001,
        effectiveFromMicros: [nil, nil, now + 1_000_000, now - 5, now][Int(choice >> 5 % 5)])
    }
    return .putPrices(.init(lines))
  }

  /// A user's own, or those of a member; often none.
  var ownCaps: CapList {
    let caps = step.b % 3 == 0 ? [] : [cap("a", step.b), cap("o", step.a >> 8)]
    return CapList(spender: ["", "m1", "m2"][Int(step.a % 3)], caps: Array(caps.prefix(Int(step.c % 3))))
  }

  private func cap(_ id: String, _ number: UInt64) -> Cap {
    let windows: [CapWindow] = [
      .hour, .day, .week, .month, .last(hours: 1), .last(hours: Int(number >> 4 % 60) + 1),
    ]
    let subject = CapSubject(
      number >> 10 % 4 == 0 ? .generations : .money, windows[Int(number % 6)],
      model: ExactText(number >> 12 % 3 == 0 ? "m1" : ""), type: ExactText(number >> 14 % 4 == 0 ? "t" : ""))
    let most: UInt64 = subject.measure == .money ? 250 : 8
    return Cap(id: id, subject, limit: number >> 16 % 9 == 0 ? nil : Int64(number >> 18 % most))
  }

  var keptOfPlan: TallyCore.UsageCommand.PutPlan.Kept {
    [
      [], [], .onShort, .rolloverCap, .isDefault, .cancelledCost, .multiplier, .tagKeys,
      [.caps, .spenderCaps],
    ][
      Int(step.b >> 24 % 9)]
  }

  var settings: UserSettings {
    var settings = UserSettings(userId: user)
    let planIds = Self.planIds + (step.c % 13 == 0 ? ["none"] : [])
    if step.b % 3 > 0 { settings.planId = planIds[Int(step.b >> 8 % UInt64(planIds.count))] }
    settings.isSuspended = step.c % 5 == 0
    if step.c >> 8 % 5 > 0 {
      let today = model.now(wall) / ModelZone.day
      let starts = Self.anchors.map(\.number) + [today, today + 2]
      settings.subscription = Subscription(
        planId: planIds[Int(step.b >> 16 % UInt64(planIds.count))],
        startDay: starts[Int(step.c >> 16 % UInt64(starts.count))], isAutomatic: step.b >> 24 % 4 > 0)
    }
    return settings
  }

  var keptOfSettings: TallyCore.AdminCommand.PutSettings.Kept {
    [[], [], .state, .subscription, [.state, .subscription]][Int(step.a >> 8 % 5)]
  }
}
