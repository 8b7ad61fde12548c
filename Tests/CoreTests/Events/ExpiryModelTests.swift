// Random commands of a few users with rules of credit that expires, against a model of their own: it reads
// what each row of the ledger does to its lots (which the model of the ledger proves), and knows of each rule
// and lot whether time has come by.
//
// TALLY_SEED sets the first seed; a failure names its own.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Credit that expires, model")
struct ExpiryModelTests {
  private static let runs = 10
  private static let stepsPerRun = 300
  private static let expected = [
    "by time", "by time, granted late", "by a grant", "by a refund", "by a hold", "by a hold's end",
    "waits for the server", "spent by then", "expired by then", "past when put", "not of the plan",
  ]

  @Test("each crossing is told once", arguments: EngineUnderTest.allCases)
  func agreement(engine: EngineUnderTest) throws {
    try ExpiryWorld.agree(
      with: engine, runs: Self.runs, stepsPerRun: Self.stepsPerRun, expected: Self.expected)
  }
}

private struct ModelLot {
  var userId: String
  var grantedAt: Int64
  var expiresAt: Int64
  var remaining: Int64 = 0
  var pinned: Int64 = 0

  var left: Int64 { remaining - pinned }
}

private struct ModelRule {
  var scope: AlertRule.Scope
  var window: Int64
  /// Lots by which time has come, for this rule.
  var passed: Set<Int64> = []
}

private struct Told: Hashable, Comparable {
  var userId: String
  var rule: String
  var lot: Int64
  var left: Int64
  var effectiveAt: Int64

  static func < (left: Self, right: Self) -> Bool { "\(left)" < "\(right)" }
}

private struct ExpiryWorld: ModelWorld {
  private static let users = ["a", "b", "c"]
  private static let windows: [Int64] = [30_000_000, 60_000_000, 300_000_000]

  private let rig: any EngineRig
  private var random: SeededGenerator
  private var now: Int64 = 1_768_478_400_000_000
  private var lots: [Int64: ModelLot] = [:]
  private var rules: [String: ModelRule] = [:]
  /// By window: ends up to that are behind the server.
  private var through: [Int64: Int64] = [:]
  private var plans: [String: String] = [:]
  private var debits: [(id: Int64, left: Int64)] = []
  private var holds: [Int64] = []
  private var lastRow: Int64 = 0
  private var expected: [Told] = []
  private var number = 0
  private(set) var last = ""
  private(set) var tally: [String: Int] = [:]

  init(rig: any EngineRig, seed: UInt64) throws {
    self.rig = rig
    random = SeededGenerator(seed: seed)
    rig.setTime(micros: now)
    _ = rig.engine.apply(.putPlan(plan("pro", 50)))
  }

  private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }
  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }
  private mutating func count(_ name: String) { tally[name, default: 0] += 1 }

  func findings() throws -> [String] { try rig.findings() }

  mutating func step() throws {
    number += 1
    let name = "k\(number)"
    switch roll(20) {
    case 0...3:
      let end = now + Int64(1 + roll(400)) * 1_000_000
      try change(promo(pick(Self.users), Int64(1 + roll(20)), name, expiresAt: end))
    case 4...6: try change(consume(pick(Self.users), Int64(1 + roll(40)), name))
    case 7, 8: try refund(name)
    case 9, 10: try change(reserve(pick(Self.users), Int64(1 + roll(30)), name, seconds: Int64(5 + roll(60))))
    case 11: if let hold = holds.randomElement(using: &random) { try change(release(hold, name)) }
    case 12: if let hold = holds.randomElement(using: &random) { try change(capture(hold, nil, name)) }
    case 13: try put()
    case 14: if roll(3) == 0 { try delete() } else { try move() }
    case 15, 16: try sweep()
    case 17:
      if roll(4) == 0 { try rig.restart() }
      try sweep()
    default:
      now += Int64(roll(roll(8) == 0 ? 500 : 30)) * 1_000_000 + Int64(roll(3)) - 1
      last = "at \(now)"
      rig.setTime(micros: now)
    }
  }

  // MARK: commands

  private mutating func change(_ command: Command) throws {
    last = "\(command)"
    _ = rig.engine.apply(command)
    try follow()
  }

  private mutating func refund(_ name: String) throws {
    guard !debits.isEmpty else { return }
    let index = roll(debits.count)
    let amount = roll(2) == 0 ? debits[index].left : min(debits[index].left, Int64(1 + roll(9)))
    guard amount > 0 else { return }
    debits[index].left -= amount
    try change(
      .refund(
        .init(debit: .transaction(debits[index].id), amountMicros: amount, idempotency: key(name))))
  }

  private mutating func put() throws {
    let id = pick(["r1", "r2", "r3", "r4"])
    let scope: AlertRule.Scope = pick([.everyUser, .everyUser, .user(pick(Self.users)), .plan("pro")])
    let window = pick(Self.windows)
    last = "put \(id) \(scope) \(window)"
    let rule = AlertRule(id: id, scope: scope, condition: .creditExpires(withinMillis: window / 1_000))
    guard case .admin(.ruleStored(_, let unchanged, _)) = rig.engine.apply(.admin(.putRule(rule))) else {
      throw Wrong(step: last)
    }
    if unchanged { return }
    rules[id] = nil
    dropWindows()
    var new = ModelRule(scope: scope, window: window)
    new.passed = Set(lots.filter { $0.value.expiresAt - window <= now }.keys)
    if !new.passed.isEmpty { count("past when put") }
    if through[window] == nil { through[window] = now + window }
    rules[id] = new
  }

  private mutating func delete() throws {
    let id = pick(["r1", "r2", "r3", "r4"])
    last = "delete \(id)"
    _ = rig.engine.apply(.admin(.deleteRule(id)))
    rules[id] = nil
    dropWindows()
  }

  private mutating func dropWindows() {
    through = through.filter { window in rules.values.contains { $0.window == window.key } }
  }

  private mutating func move() throws {
    var settings = UserSettings(userId: pick(Self.users))
    settings.planId = roll(2) == 0 ? "pro" : nil
    last = "\(settings)"
    _ = rig.engine.apply(.admin(.putSettings(settings, keeping: [])))
    plans[settings.userId] = settings.planId
    try follow()
  }

  private mutating func sweep() throws {
    last = "sweep"
    try rig.sweep()
    try follow()
    for id in rules.keys.sorted() { pass(id) }
    for window in through.keys { through[window] = now + window }
  }

  /// Time comes by what is within a rule's window.
  private mutating func pass(_ id: String) {
    guard var rule = rules[id] else { return }
    for (lotId, lot) in lots.sorted(by: { $0.key < $1.key }) {
      let line = lot.expiresAt - rule.window
      guard line <= now, rule.passed.insert(lotId).inserted else { continue }
      if lot.expiresAt <= now { count("expired by then") }
      if lot.left == 0 { count("spent by then") }
      guard lot.left > 0, lot.expiresAt > now else { continue }
      guard isOf(lot.userId, rule) else {
        count("not of the plan")
        continue
      }
      count(lot.grantedAt > line ? "by time, granted late" : "by time")
      tell(id, lotId, lot, at: max(line, lot.grantedAt))
    }
    rules[id] = rule
  }

  private func isOf(_ userId: String, _ rule: ModelRule) -> Bool {
    switch rule.scope {
    case .everyUser: true
    case .user(let id): id == userId
    case .plan(let id): plans[userId] == id
    }
  }

  private mutating func tell(_ id: String, _ lotId: Int64, _ lot: ModelLot, at time: Int64) {
    expected.append(
      Told(userId: lot.userId, rule: id, lot: lotId, left: lot.left, effectiveAt: time))
  }

  private struct Wrong: Error {
    var step: String
  }

  // MARK: rows

  /// Takes over what was written since.
  private mutating func follow() throws {
    let before = lots
    /// Of each lot the first row that gave to it.
    var givers: [Int64: Entry] = [:]
    while lastRow < rig.engine.state().ledgerSequence {
      lastRow += 1
      let row = try rig.engine.transaction(sequence: lastRow, actingUserId: nil).value
      take(row, &givers)
    }
    for (lotId, row) in givers.sorted(by: { $0.key < $1.key }) {
      guard let lot = lots[lotId], lot.left > 0, before[lotId]?.left ?? 0 == 0, lot.expiresAt > now else {
        continue
      }
      for id in rules.keys.sorted() { give(id, lotId, lot, by: row, isNew: before[lotId] == nil) }
    }
  }

  /// Something is left again of a lot.
  private mutating func give(_ id: String, _ lotId: Int64, _ lot: ModelLot, by row: Entry, isNew: Bool) {
    guard var rule = rules[id] else { return }
    let line = lot.expiresAt - rule.window
    if isNew, lot.expiresAt <= through[rule.window] ?? 0 { rule.passed.insert(lotId) }
    rules[id] = rule
    guard rule.passed.contains(lotId) else {
      if line <= now { count("waits for the server") }
      return
    }
    guard isOf(lot.userId, rule) else { return }
    let isOwn = row.idempotency != nil || row.effectiveAtMicros >= now
    switch row.type {
    case .promoGrant: count("by a grant")
    case .refund: count("by a refund")
    default: count(isOwn ? "by a hold" : "by a hold's end")
    }
    tell(id, lotId, lot, at: max(line, isOwn ? now : row.effectiveAtMicros))
  }

  private mutating func take(_ row: Entry, _ givers: inout [Int64: Entry]) {
    switch row.type {
    case .hold: holds.append(row.sequence)
    case .apiUsage: debits.append((row.sequence, -row.amountMicros))
    default: break
    }
    for part in row.lots {
      if lots[part.lotId] == nil, let end = row.expiresAtMicros {
        lots[part.lotId] = ModelLot(userId: row.userId, grantedAt: row.atMicros, expiresAt: end)
      }
      let amount = part.amountMicros
      switch row.type {
      case .hold: lots[part.lotId]?.pinned += amount
      case .holdRelease: lots[part.lotId]?.pinned -= amount
      case .promoGrant, .refund: lots[part.lotId]?.remaining += amount
      default:
        lots[part.lotId]?.remaining -= amount
        if row.holdId != nil { lots[part.lotId]?.pinned -= amount }
      }
      if [.holdRelease, .promoGrant, .refund].contains(row.type), givers[part.lotId] == nil {
        givers[part.lotId] = row
      }
    }
  }

  // MARK: comparing

  /// nil when the engine has told what the model has.
  func difference() throws -> String? {
    var told: [Told] = []
    for user in Self.users {
      var filter = EventFilter(userId: user, limit: 1_000)
      while true {
        let page = try rig.engine.events(filter).value
        told += page.rows.compactMap { event in
          event.expiring.map {
            Told(
              userId: event.userId, rule: $0.ruleId, lot: $0.lotId, left: $0.amountMicros,
              effectiveAt: event.effectiveAtMicros)
          }
        }
        guard let before = page.nextBefore else { break }
        filter.beforeId = before
      }
    }
    if told.sorted() == expected.sorted() { return nil }
    let (actual, wanted) = (Set(told), Set(expected))
    return "told too much: \(actual.subtracting(wanted)), not told: \(wanted.subtracting(actual)), "
      + "\(told.count) of \(expected.count)"
  }
}
