// The users of one stretch of a load, and what they are under.
//
// Invariants:
// 1. What a user is under follows from their number; every process knows the same users.
//
// Values.

internal import TallyMessages

package struct Cast: Sendable {
  private typealias Usages = TallystickV1.UsageService
  private typealias Admin = TallystickV1.AdminService

  package static let spenders = ["", "m1", "m2"]
  private static let planIds = ["", "tight", "collect", "block"]

  package let name: String
  package let users: [String]

  package init(name: String, userCount: Int) {
    self.name = name
    users = (0..<userCount).map { "u\(name).\($0)" }
  }

  /// Plans and prices, once for a store.
  package static var plans: [Outgoing] {
    var calls = planIds.dropFirst().map { Outgoing(Usages.putPlan, plan($0, creditMicros: 5)) }
    var prices = TallystickV1.PutPricesRequest()
    prices.prices = [TallystickV1.UnitClass.input, .output, .image].map { unitClass in
      var price = TallystickV1.Price()
      (price.unitClass, price.microsPerMillion) = (unitClass, 20_000)
      return price
    }
    calls.append(Outgoing(Usages.putPrices, prices))
    return calls
  }

  static func plan(_ id: String, creditMicros: Int64) -> TallystickV1.PutPlanRequest {
    var plan = TallystickV1.Plan()
    (plan.planId, plan.monthlyCreditMicros, plan.grantExpiry) = (id, creditMicros, .never)
    plan.onShort = id == "collect" ? .collect : id == "block" ? .block : .forgive
    if id == "tight" {
      var limits = TallystickV1.PlanLimits()
      (limits.monthlyGenerations, limits.pageCount) = (25, 3)
      plan.limits = limits
      plan.caps = list([cap("day", .money, .day, 4_000)])
      plan.spenderCaps = list([cap("own", .generations, .month, 40)])
    }
    var request = TallystickV1.PutPlanRequest()
    request.plan = plan
    return request
  }

  private static func list(_ caps: [TallystickV1.Cap]) -> TallystickV1.CapList {
    var list = TallystickV1.CapList()
    list.caps = caps
    return list
  }

  static func cap(
    _ id: String, _ measure: TallystickV1.CapMeasure, _ window: TallystickV1.CapWindow, _ limit: Int64
  ) -> TallystickV1.Cap {
    var cap = TallystickV1.Cap()
    (cap.capId, cap.measure, cap.window, cap.limitAmount) = (id, measure, window, limit)
    return cap
  }

  /// Settings, caps and the first credit of the users.
  package var setup: [Outgoing] {
    users.indices.flatMap { number in
      var calls = [Outgoing(Admin.putUserSettings, settings(of: number, email: ""))]
      if number % 3 == 0 { calls.append(Outgoing(Usages.putCaps, caps(of: number, limit: 1_000))) }
      var purchase = TallystickV1.AddPurchaseRequest()
      (purchase.userId, purchase.amountMicros) = (users[number], 400)
      (purchase.paymentId, purchase.idempotencyKey) = ("first \(users[number])", "first")
      calls.append(Outgoing(TallystickV1.CreditService.addPurchase, purchase))
      return calls
    }
  }

  func settings(of number: Int, email: String) -> TallystickV1.PutUserSettingsRequest {
    var settings = TallystickV1.UserSettings()
    (settings.userId, settings.email) = (users[number], email)
    settings.planId = Self.planIds[number % Self.planIds.count]
    var request = TallystickV1.PutUserSettingsRequest()
    request.settings = settings
    return request
  }

  func caps(of number: Int, limit: Int64) -> TallystickV1.PutCapsRequest {
    var request = TallystickV1.PutCapsRequest()
    (request.userId, request.spender) = (users[number], Self.spenders[number / 3 % 2])
    request.caps = [Self.cap("hour", .money, .hour, limit)]
    return request
  }
}
