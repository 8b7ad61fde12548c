// Random commands of the whole product: those of the two models, with more users' settings, plans that limit
// and price, and rate limits among them. What the models say guides the choice only; nobody's answer is
// compared with it.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

struct ProductSteps {
  static let users = StepReader.users + PageSteps.users
  private static let planIds = ["pro", "free", "team"]
  private static let timeZones = ["", "Europe/Berlin", "Asia/Kathmandu"]

  private var random: SeededGenerator
  private var pages: PageSteps
  private var ledger = LedgerModel()
  private var pageModel = PageModel()
  private(set) var wallMicros = ModelRun.startMicros
  /// As many as were heard of, and some more.
  private var intentCount = 3
  /// What was sent before, to be sent again.
  private var sent: [Command] = []

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    pages = PageSteps(seed: seed)
  }

  mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }

  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }

  /// Moves the clock.
  mutating func pass(_ step: Step) {
    wallMicros = StepReader(step: step, model: ledger, wall: wallMicros).wallAfter()
  }

  /// - Returns: nil when the step finds nothing to do.
  mutating func command(_ step: Step) -> Command? {
    let command = make(step)
    if let command { sent.append(command) }
    return command
  }

  /// Takes note of what became of a command, so that the next ones are made for what is there.
  mutating func follow(_ command: Command, _ outcome: Outcome) {
    if case .refused = outcome { return }
    if let id = outcome.intent?.intent?.id { intentCount = max(intentCount, Int(id) + 2) }
    switch command {
    case .page(let command): _ = pageModel.decide(command)
    default: _ = ledger.apply(command, wall: wallMicros)
    }
  }

  private mutating func make(_ step: Step) -> Command? {
    if step.kind == .retry { return sent.isEmpty ? nil : pick(Array(sent.suffix(40))) }
    switch roll(21) {
    case 0..<8:
      return StepReader(step: step, model: ledger, wall: wallMicros).command()
    case 8..<14: return .page(pages.next(pageModel))
    case 14:
      return .admin(.putSettings(settings(), keeping: pick([[], [], .state, [.state, .subscription]])))
    case 15: return .admin(.setRateLimit(rateLimit()))
    case 16: return .admin(rule())
    case 17: return .admin(.putCaps(pick(Self.users), caps()))
    case 18, 19: return topUp(step)
    default:
      return .putPlan(
        plan(),
        keeping: pick([
          [], [], .onShort, .rolloverCap, .isDefault, .cancelledCost, .multiplier, .tagKeys,
          [.caps, .spenderCaps],
        ]))
    }
  }

  private mutating func caps() -> CapList {
    CapList(spender: pick(["", "m1", "m2"]), caps: roll(4) == 0 ? [] : [cap("a"), cap("b")])
  }

  private mutating func cap(_ id: String) -> Cap {
    let windows: [CapWindow] = [.hour, .day, .week, .month, .last(hours: 1 + roll(30))]
    let isMoney = roll(3) > 0
    let subject = CapSubject(
      isMoney ? .money : .generations, pick(windows), model: ExactText(pick(["", "", "m1"])),
      type: ExactText(pick(["", "", "t"])))
    return Cap(id: id, subject, limit: roll(6) == 0 ? nil : Int64(roll(isMoney ? 300 : 6)))
  }

  private mutating func settings() -> UserSettings {
    var settings = UserSettings(userId: pick(Self.users))
    settings.email = pick(["", "a@example.com"])
    settings.role = pick(UserRole.allCases)
    settings.approval = pick(UserApproval.allCases)
    settings.planId = roll(4) == 0 ? nil : roll(12) == 0 ? "none" : pick(Self.planIds)
    settings.isSuspended = roll(6) == 0
    return settings
  }

  private mutating func rule() -> AdminCommand {
    let id = pick(["a", "b", "c", "d", "e", "f"])
    if roll(6) == 0 { return .deleteRule(id) }
    let scope: AlertRule.Scope = pick([
      .everyUser, .everyUser, .plan(roll(8) == 0 ? "none" : pick(Self.planIds)), .user(pick(Self.users)),
    ])
    let condition: AlertRule.Condition =
      switch roll(10) {
      case 0: .owedAbove(micros: Int64(roll(3)))
      case 1: .capAt(percent: [1, 50, 100][roll(3)])
      case 6...8: .creditExpires(withinMillis: pick([2_000, 60_000, 40 * 86_400_000]))
      case 2, 9: .quotaAt(pick(QuotaKind.allCases), percent: Int64(1 + roll(100)))
      default: .balanceBelow(micros: Int64(1 + roll(60)))
      }
    return .putRule(AlertRule(id: id, scope: scope, condition: condition))
  }

  private mutating func topUp(_ step: Step) -> Command {
    let userId = pick(Self.users)
    let worker = pick(["w1", "w2"])
    switch roll(8) {
    case 0, 1:
      let below = Int64(5 + roll(60))
      return .topUp(
        .put(
          TopUp(
            userId: userId, thresholdMicros: below, targetMicros: below + Int64(roll(30)),
            monthlyCapMicros: pick([nil, nil, 200]), monthlyCapCount: pick([nil, nil, 3]),
            cooldownMillis: Int64(pick([0, 0, 2_000])), isEnabled: roll(8) > 0)))
    case 2, 3: return .topUp(.take(.init(worker: worker, leaseMillis: Int64(1 + roll(4_000)))))
    case 4:
      return .topUp(.fail(.init(intentId: Int64(1 + roll(intentCount)), worker: worker, message: "no")))
    case 5: return .topUp(.cancel(Int64(1 + roll(intentCount))))
    default:
      return .addPurchase(
        .init(
          userId: userId, paymentId: "top-up \(step.id)", amountMicros: Int64(1 + roll(50)),
          intentId: Int64(1 + roll(intentCount)),
          idempotency: Idempotency(key: "t\(step.id)", digest: CommandReader.digest(of: step.description))))
    }
  }

  private mutating func rateLimit() -> RateLimit {
    let user = roll(8) == 0 ? "nobody else" : pick(Self.users)
    let subject: RateLimit.Subject = pick([.user(user), .uid(UInt32(roll(3))), .everyUser, .everyUid])
    let perSecond = Int32(roll(3))
    return RateLimit(subject, perSecond: perSecond, burst: perSecond == 0 ? 0 : Int32(1 + roll(2)))
  }

  private mutating func plan() -> Plan {
    var plan = Plan(
      id: pick(Self.planIds), displayName: pick(["", "Plan"]), monthlyCreditMicros: Int64(1 + roll(20)),
      grantExpiry: pick([.never, .periodEnd, .after(millis: 86_400_000)]))
    plan.timeZone = pick(Self.timeZones)
    plan.isDefault = roll(3) == 0
    if plan.grantExpiry == .periodEnd, roll(2) == 0 { plan.rolloverCapMicros = Int64(1 + roll(9)) }
    plan.multiplierPpm = pick([nil, nil, 1_500_000])
    plan.tagKeys = pick([[], ["f"], ["f", "g"]])
    plan.cancelledCost = pick([.reported, .reported, .nothing])
    plan.onShort = pick([.forgive, .collect, .block, .block])
    plan.limits.monthlyGenerations = roll(3) == 0 ? nil : Int64(roll(12))
    plan.limits.monthlyUploads = roll(3) == 0 ? nil : Int64(roll(4))
    plan.limits.pageCount = roll(3) == 0 ? nil : Int64(2 + roll(5))
    if roll(2) == 0 { plan.caps = [cap("a"), cap("c")].filter { $0.limit != nil } }
    if roll(3) == 0 { plan.spenderCaps = [cap("b")].filter { $0.limit != nil } }
    if roll(2) == 0 {
      plan.prices = ["", "m1"].map {
        ModelPrice(
          model: $0, inputMicrosPerMillion: Int64(roll(9_000)), outputMicrosPerMillion: Int64(roll(9_000)),
          imageMicros: Int64(roll(5)))
      }
    }
    return plan
  }
}
