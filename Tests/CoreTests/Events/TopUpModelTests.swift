// Random commands of a few users with top-ups, against a model of their own: what it says of intents is
// reckoned from the balances that the engine tells (which the model of the ledger proves), before and after
// each step.
//
// TALLY_SEED sets the first seed; a failure names its own.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Top-ups, model")
struct TopUpModelTests {
  private static let runs = 8
  private static let stepsPerRun = 300
  private static let expected = [
    "opened", "opened by time", "opened by a setting", "closed", "closed late", "cancelled", "failed",
    "leased", "leased again", "lease taken over", "cut by the cap", "rests", "capped",
  ]

  @Test("intents are what the model says", arguments: EngineUnderTest.allCases)
  func agreement(engine: EngineUnderTest) throws {
    try TopUpWorld.agree(
      with: engine, runs: Self.runs, stepsPerRun: Self.stepsPerRun, expected: Self.expected)
  }
}

/// An intent as the model knows it.
private struct ModelIntent: Equatable {
  var id: Int64
  var userId: String
  var state = "OPEN"
  var amount: Int64
  var openedAt: Int64
  var dueAt: Int64
  var worker = ""
  var leasedUntil: Int64?
  var failures: Int32 = 0
}

/// A user's setting as the model knows it.
private struct ModelSetting {
  var setting: TopUp
  /// When the last one has ended, and whether by a purchase.
  var ended: (at: Int64, isClosed: Bool)?
  /// When it comes by itself.
  var pendingAt: Int64?
}

private struct TopUpWorld: ModelWorld {
  private static let users = ["a", "b", "c"]
  private static let workers = ["w1", "w2"]
  private static let day: Int64 = 86_400_000_000

  private let rig: any EngineRig
  private var random: SeededGenerator
  private var now: Int64 = 1_768_478_400_000_000
  private var settings: [String: ModelSetting] = [:]
  private var intents: [ModelIntent] = []
  /// What each purchase of an intent was of.
  private var paid: [Int64: Int64] = [:]
  private var number = 0
  private(set) var last = ""
  private(set) var tally: [String: Int] = [:]

  init(rig: any EngineRig, seed: UInt64) {
    self.rig = rig
    random = SeededGenerator(seed: seed)
    rig.setTime(micros: now)
  }

  private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }
  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }
  private mutating func count(_ name: String) { tally[name, default: 0] += 1 }

  func findings() throws -> [String] { try rig.findings() }

  mutating func step() throws {
    number += 1
    if roll(50) == 0 { return try failForHours() }
    switch roll(17) {
    case 0...3: try change(consume(pick(Self.users), Int64(1 + roll(30)), "k\(number)"))
    case 4: try change(purchase(pick(Self.users), Int64(1 + roll(30)), "k\(number)"))
    case 5:
      let expiresAt = now + Int64(roll(200)) * 1_000_000 + 1
      try change(promo(pick(Self.users), Int64(1 + roll(30)), "k\(number)", expiresAt: expiresAt))
    case 6: try change(reserve(pick(Self.users), Int64(1 + roll(20)), "k\(number)", seconds: 50))
    case 7: try put()
    case 8, 9: try take()
    case 10, 15: try fail()
    case 11: if roll(3) == 0 { try cancel() }
    case 12: try pay()
    case 13: try sweep()
    default:
      let seconds = roll(40) == 0 ? Int64(roll(20)) * 86_400 : Int64(roll(roll(4) == 0 ? 9_000 : 60))
      now += seconds * 1_000_000
      last = "at \(now)"
      rig.setTime(micros: now)
    }
  }

  // MARK: what is opened

  private func balances() throws -> [Balance] {
    try Self.users.map { try rig.engine.balance(userId: $0).value }
  }

  /// Applies a command; whoever's account has changed may get an intent.
  private mutating func change(_ command: Command) throws {
    last = "\(command)"
    let before = try balances().map(\.version)
    _ = rig.engine.apply(command)
    for (index, balance) in try balances().enumerated() where balance.version != before[index] {
      look(balance, "opened")
    }
  }

  private mutating func sweep() throws {
    last = "sweep"
    let before = try balances().map(\.version)
    try rig.sweep()
    var opened: [(dueAt: Int64, balance: Balance)] = []
    for (index, balance) in try balances().enumerated() {
      let pendingAt = settings[balance.userId]?.pendingAt
      if balance.version != before[index] || pendingAt.map({ $0 <= now }) ?? false {
        opened.append((pendingAt ?? 0, balance))
      }
    }
    // Who is first is the engine's to say: numbers are given in the order in which they came.
    let order = try rig.engine.topUpIntents(TopUpIntentFilter(userId: nil, limit: 1_000)).value.rows
    let ranks = Dictionary(order.map { ($0.userId, $0.id) }) { newest, _ in newest }
    opened.sort { (ranks[$0.balance.userId] ?? 0) < (ranks[$1.balance.userId] ?? 0) }
    for (_, balance) in opened { look(balance, "opened by time") }
  }

  private func month(_ time: Int64) -> String {
    let days = time / Self.day
    return String(Civil(dayNumber: days).text(upTo: .day).prefix(7))
  }

  private func used(_ userId: String) -> (micros: Int64, count: Int64) {
    let own = intents.filter {
      $0.userId == userId && month($0.openedAt) == month(now) && ["OPEN", "CLOSED"].contains($0.state)
    }
    return (own.reduce(0) { $0 + (paid[$1.id] ?? $1.amount) }, Int64(own.count))
  }

  private mutating func look(_ balance: Balance, _ how: String) {
    let userId = balance.userId
    guard var known = settings[userId] else { return }
    let setting = known.setting
    known.pendingAt = nil
    defer { settings[userId] = known }
    guard setting.isEnabled, !intents.contains(where: { $0.userId == userId && $0.state == "OPEN" }),
      balance.availableMicros < setting.thresholdMicros
    else { return }
    if let ended = known.ended, now < ended.at + setting.cooldownMillis * 1_000 {
      if ended.isClosed { known.pendingAt = ended.at + setting.cooldownMillis * 1_000 }
      return count("rests")
    }
    let (micros, number) = used(userId)
    let room = setting.monthlyCapMicros.map { $0 - micros } ?? Int64.max
    if room <= 0 || setting.monthlyCapCount.map({ number >= $0 }) ?? false {
      var next = now / Self.day
      while month(next * Self.day) == month(now) { next += 1 }
      known.pendingAt = next * Self.day
      return count("capped")
    }
    let shortfall = setting.targetMicros - balance.availableMicros + balance.owedMicros
    if room < shortfall { count("cut by the cap") }
    intents.append(
      ModelIntent(
        id: Int64(intents.count) + 1, userId: userId, amount: min(room, shortfall), openedAt: now, dueAt: now)
    )
    count(how)
  }

  // MARK: commands

  private mutating func put() throws {
    let userId = pick(Self.users)
    let below = Int64(5 + roll(30))
    let setting = TopUp(
      userId: userId, thresholdMicros: below, targetMicros: below + Int64(roll(50)),
      monthlyCapMicros: roll(2) == 0 ? nil : Int64(20 + roll(200)),
      monthlyCapCount: roll(3) == 0 ? Int64(1 + roll(6)) : nil,
      cooldownMillis: Int64(pick([0, 20_000, 90_000])), isEnabled: roll(6) > 0)
    last = "\(setting)"
    guard case .topUp(.setting(let receipt)) = rig.engine.apply(.topUp(.put(setting))), !receipt.unchanged
    else { return }
    var known = settings[userId] ?? ModelSetting(setting: setting)
    // What is due comes about by the setting until now.
    let open = intents.count
    let balance = try rig.engine.balance(userId: userId).value
    if settings[userId] != nil, try wasDue(userId, known) { look(balance, "opened") }
    known = settings[userId] ?? known
    known.setting = setting
    settings[userId] = known
    if !setting.isEnabled, let index = openIndex(userId) { end(index, "CANCELLED") }
    if intents.count == open { look(balance, "opened by a setting") }
  }

  /// Whether something of a user was written off with the setting.
  private func wasDue(_ userId: String, _ known: ModelSetting) throws -> Bool {
    if known.pendingAt.map({ $0 <= now }) ?? false { return true }
    var filter = TransactionFilter(userId: userId, limit: 1)
    filter.types = [.expiry, .holdRelease]
    return try rig.engine.transactions(filter).value.rows.first?.commit.sequence
      == rig.engine.state().commitSequence
  }

  private func openIndex(_ userId: String) -> Int? {
    intents.firstIndex { $0.userId == userId && $0.state == "OPEN" }
  }

  private mutating func end(_ index: Int, _ state: String) {
    intents[index].state = state
    intents[index].leasedUntil = nil
    settings[intents[index].userId]?.ended = (now, state == "CLOSED")
    count(state.lowercased())
  }

  private mutating func take() throws {
    let worker = pick(Self.workers)
    let millis = Int64(1 + roll(60_000))
    last = "take by \(worker)"
    let answer = rig.engine.apply(.topUp(.take(.init(worker: worker, leaseMillis: millis)))).intent?.intent
    let open = intents.indices.filter { intents[$0].state == "OPEN" }
    if let held = open.first(where: { intents[$0].worker == worker && intents[$0].leasedUntil ?? 0 > now }) {
      count("leased again")
      return try require(answer?.id == intents[held].id)
    }
    let due = open.filter { intents[$0].dueAt <= now }
      .min { (intents[$0].dueAt, intents[$0].id) < (intents[$1].dueAt, intents[$1].id) }
    try require(answer?.id == due.map { intents[$0].id })
    guard let due else { return }
    count(intents[due].leasedUntil == nil ? "leased" : "lease taken over")
    intents[due].worker = worker
    intents[due].dueAt = now + millis * 1_000
    intents[due].leasedUntil = intents[due].dueAt
  }

  private mutating func fail() throws {
    guard let index = intents.indices.filter({ intents[$0].leasedUntil != nil }).randomElement(using: &random)
    else { return }
    let intent = intents[index]
    last = "fail \(intent)"
    let outcome = rig.engine.apply(
      .topUp(.fail(.init(intentId: intent.id, worker: intent.worker, message: "\(number)"))))
    try require(outcome.refusal == nil)
    intents[index].failures += 1
    intents[index].leasedUntil = nil
    if intents[index].failures == 8 { return end(index, "FAILED") }
    let base = max(60_000_000, (settings[intent.userId]?.setting.cooldownMillis ?? 0) * 1_000)
    intents[index].dueAt = now + min(base << (intents[index].failures - 1), Self.day)
  }

  /// Nobody can be charged for a while.
  private mutating func failForHours() throws {
    for _ in 0..<16 {
      now += 10_800_000_000
      rig.setTime(micros: now)
      try take()
      try fail()
    }
  }

  private mutating func cancel() throws {
    guard let id = intents.randomElement(using: &random)?.id,
      let index = intents.firstIndex(where: { $0.id == id })
    else { return }
    last = "cancel \(id)"
    let outcome = rig.engine.apply(.topUp(.cancel(id)))
    let state = intents[index].state
    try require((outcome.refusal == nil) == (state == "OPEN" || state == "CANCELLED"))
    if state == "OPEN" { end(index, "CANCELLED") }
  }

  private mutating func pay() throws {
    guard let intent = intents.suffix(6).randomElement(using: &random),
      let index = intents.firstIndex(where: { $0.id == intent.id })
    else { return }
    let micros = roll(3) == 0 ? Int64(1 + roll(60)) : intent.amount
    let command = Command.addPurchase(
      .init(
        userId: intent.userId, paymentId: "p\(number)", amountMicros: micros, intentId: intent.id,
        idempotency: key("k\(number)")))
    last = "\(command)"
    let outcome = rig.engine.apply(command)
    try require(outcome.refusal?.reason == (intent.state == "CLOSED" ? .topUpIntentEnded : nil))
    guard outcome.refusal == nil else { return }
    if intent.state != "OPEN" { count("closed late") }
    paid[intent.id] = micros
    end(index, "CLOSED")
    look(try rig.engine.balance(userId: intent.userId).value, "opened")
  }

  private struct Wrong: Error {
    var step: String
  }

  private func require(_ holds: Bool) throws {
    if !holds { throw Wrong(step: last) }
  }

  // MARK: comparing

  /// nil when the engine has what the model has.
  func difference() throws -> String? {
    let rows = try rig.engine.topUpIntents(TopUpIntentFilter(userId: nil, limit: 1_000)).value.rows
    let stored = rows.reversed().map { row in
      ModelIntent(
        id: row.id, userId: row.userId, state: row.state.name, amount: row.amountMicros,
        openedAt: row.openedAtMicros, dueAt: row.dueAtMicros, worker: row.worker,
        leasedUntil: row.leasedUntilMicros, failures: row.failures)
    }
    if stored.count != intents.count { return "\(stored.suffix(3)), expected \(intents.suffix(3))" }
    for (stored, expected) in zip(stored, intents) where stored != expected {
      return "\(stored), expected \(expected)"
    }
    return nil
  }
}
