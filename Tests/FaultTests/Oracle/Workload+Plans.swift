// Which accounts of a workload are under which plan, and the calls about what went before.
//
// Invariants:
// 1. An account's plan follows from its number; it holds from its first settings on.
//
// Owner: the run.

import TallyClient
import TallyMessages

extension Workload {
  /// What is particular to an account.
  enum Group: Sendable, CaseIterable {
    /// A few generations and pages, and what is missing is owed.
    case limited
    /// Without a plan.
    case free
    case collecting, blocking
    /// The server grants of a plan, one or another.
    case subscribed

    init(_ account: Int) {
      guard account >= 16 else {
        self = .limited
        return
      }
      guard account < Workload.busyAccountCount else {
        self = .free
        return
      }
      self = [.free, .collecting, .blocking, .subscribed][account % 4]
    }

    /// Of the account's settings.
    var planId: String {
      switch self {
      case .limited: "tight"
      case .collecting: "collect"
      case .blocking: "block"
      case .free, .subscribed: ""
      }
    }

    var terms: AccountTerms {
      AccountTerms(
        collects: self == .limited || self == .collecting || self == .blocking, blocks: self == .blocking)
    }
  }

  /// Of the first few accounts' plan.
  static let limits = {
    var limits = TallystickV1.PlanLimits()
    limits.monthlyGenerations = 8
    limits.pageCount = 2
    return limits
  }()

  /// Plans that are granted of.
  static let grantPlanCount = 4
  static func grantPlan(_ number: Int) -> String { "grant\(number)" }
  static func creditMicros(ofPlan number: Int) -> Int64 { 1_000 * Int64(number + 1) }
  /// Of every subscription: their first period is the present one throughout.
  static let startDate = Clock.date(ofMicros: Clock.nowMicros)

  static func putPlans(_ oracle: Oracle, _ client: TallyClient) async {
    var plans = [Group.limited, .collecting, .blocking].map { group in
      var plan = TallystickV1.Plan()
      plan.planId = group.planId
      plan.monthlyCreditMicros = 1
      plan.onShort = group.terms.blocks ? .block : .collect
      if group == .limited { plan.limits = limits }
      var tags = TallystickV1.PlanTags()
      tags.keys = ["feature"]
      plan.tags = tags
      return plan
    }
    plans += (0..<grantPlanCount).map { number in
      var plan = TallystickV1.Plan()
      plan.planId = grantPlan(number)
      plan.monthlyCreditMicros = creditMicros(ofPlan: number)
      return plan
    }
    do {
      for var plan in plans {
        plan.grantExpiry = .never
        var request = TallystickV1.PutPlanRequest()
        request.plan = plan
        _ = try await client.call(TallystickV1.UsageService.putPlan, request)
      }
    } catch { oracle.violate("no plan: \(error)") }
  }

  /// A call about something that went before, most often of another caller.
  func backCall(_ number: Int, _ oracle: Oracle, _ random: inout SeededRandom) -> Call {
    /// A part, which others may ask for too; or all.
    func part(of micros: Int64) -> Int64 { max(1, Int64.random(in: 1...max(1, micros), using: &random) / 2) }
    let draw = random.next() % 16
    switch draw {
    case 0...4:
      guard let debit = oracle.pick(.debit, using: &random) else { break }
      return Call(
        number: number, .refund, of: debit,
        amountMicros: number % 2 == 0 ? debit.amountMicros : part(of: debit.amountMicros))
    case 5...9:
      guard let bought = oracle.pick(.purchase, using: &random) else { break }
      let asked = number % 4 == 1 ? nil : part(of: bought.amountMicros)
      if draw == 8 { return Call(number: number, .reinstate, of: bought, amountMicros: asked) }
      if draw == 9 {
        return Call(number: number, .purchaseAgain, of: bought, amountMicros: bought.amountMicros)
      }
      let choices: [TallystickV1.OnShortfall] = [.unspecified, .reject, .partial, .owe, .owe]
      return Call(
        number: number, .reverse, of: bought, amountMicros: asked, onShortfall: choices[number % 5])
    case 10:
      guard let promo = oracle.pick(.promo, using: &random) else { break }
      return Call(
        number: number, .void, of: promo, amountMicros: number % 2 == 0 ? nil : part(of: promo.amountMicros))
    case 11:
      let account = account(oracle, among: Self.busyAccountCount, &random)
      return Call(
        number: number, action: .forgive, account: account,
        amountMicros: number % 2 == 0 ? 0 : part(of: maximumAmountMicros / 8))
    case 12...14:
      guard let hold = oracle.takeHold(using: &random) else { break }
      return Call(
        number: number, action: .captureDrawing, account: hold.account,
        amountMicros: Int64.random(in: 1...2 * hold.amountMicros + maximumAmountMicros / 2, using: &random),
        hold: hold)
    default: break
    }
    return grantCall(number, oracle, &random)
  }

  /// A period of a plan, by hand: the one that the server may be granting, or one that is to come.
  private func grantCall(_ number: Int, _ oracle: Oracle, _ random: inout SeededRandom) -> Call {
    let account = account(oracle, among: Self.busyAccountCount, &random) / 4 * 4 + 3
    // A few, so that many grant the same.
    let index = number % 2 == 0 ? 0 : Int32(random.next() % 4)
    return Call(
      number: number,
      granting: GrantKey(
        account: Int32(min(account, oracle.accountCount - 1)),
        plan: Int32(random.next() % UInt64(Self.grantPlanCount)), index: index))
  }
}
