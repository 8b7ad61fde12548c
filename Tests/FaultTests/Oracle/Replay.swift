// Simple arithmetic over decisions in their order.
//
// Invariants:
// 1. Each decision is compared with what the account must have after it.
// 2. A grant of the server is applied where its subscription was put: nothing can be decided of the account
//    in between.
//
// A value; part of a replay.

import TallyMessages

/// What holds of an account.
struct AccountTerms: Sendable {
  /// What a charge finds missing is owed.
  var collects = false
  /// Nothing is spent while something is owed.
  var blocks = false
}

struct Replay {
  private(set) var holdings: [Holding]
  var violations: [String] = []
  private let terms: (Int) -> AccountTerms
  private var accounts: [Int32: Books] = [:]
  /// Of a debit's row, or of a purchase's call.
  private var refunded: [Int64: Int64] = [:]
  private var reversed: [Int: Int64] = [:]
  private var granted: Set<GrantKey> = []
  private var lastSequence: Int64 = 0

  /// What of an account its balance does not show.
  private struct Books {
    /// What reversals and voids could not take and may take later.
    var shortMicros: Int64 = 0
    /// Rows that the server has written since the last decision, at least.
    var grantRows: Int64 = 0
    /// There may be more: one for each part of what was owed.
    var hasPaid = false
    /// Grants that may have come before it is known that they were due.
    var expected: [GrantKey] = []
  }

  init(accountCount: Int, terms: @escaping (Int) -> AccountTerms) {
    holdings = [Holding](repeating: Holding(), count: accountCount)
    self.terms = terms
  }

  // MARK: Server grants

  mutating func expect(_ grant: GrantKey) { accounts[grant.account, default: .init()].expected.append(grant) }

  /// The server's, unless the period was granted before.
  mutating func grant(_ grant: GrantKey) {
    guard granted.insert(grant).inserted else { return }
    let paid = holdings[Int(grant.account)].add(Workload.creditMicros(ofPlan: Int(grant.plan)))
    accounts[grant.account, default: .init()].grantRows += paid > 0 ? 2 : 1
    if paid > 0 { accounts[grant.account, default: .init()].hasPaid = true }
  }

  /// - Returns: whether there was one that may have come by now.
  private mutating func grantExpected(_ account: Int32) -> Bool {
    while let next = accounts[account]?.expected.popLast() {
      if granted.contains(next) { continue }
      grant(next)
      return true
    }
    return false
  }

  // MARK: Decisions

  mutating func apply(_ row: Row) {
    if row.sequence <= lastSequence { violations.append("ledger sequence goes back: \(row)") }
    lastSequence = row.sequence
    if let grant = row.grant, !granted.insert(grant).inserted {
      violations.append("granted a second time: \(row)")
    }
    while true {
      var step = step(of: row)
      step.carryOut(row)
      if step.faults.isEmpty {
        keep(step, of: row)
        return
      }
      if grantExpected(row.account) { continue }
      violations += step.faults.map { "\($0): \(row), before \(holdings[Int(row.account)])" }
      keep(step, of: row)
      return
    }
  }

  private func step(of row: Row) -> Step {
    let books = accounts[row.account] ?? .init()
    var step = Step(
      holding: holdings[Int(row.account)], after: row.after, shortMicros: books.shortMicros,
      rowCount: books.grantRows, isExact: !books.hasPaid, collects: terms(Int(row.account)).collects)
    switch row.deed {
    case .refund(let debit, _, _): step.usedMicros = refunded[debit] ?? 0
    case .reverse(let purchase, _, _, _), .reinstate(let purchase, _, _):
      step.usedMicros = reversed[purchase] ?? 0
    default: break
    }
    return step
  }

  private mutating func keep(_ step: Step, of row: Row) {
    // One fault is enough: what follows is compared with what the server has.
    holdings[Int(row.account)] = row.after
    var books = accounts[row.account] ?? .init()
    (books.shortMicros, books.grantRows, books.hasPaid) = (step.shortMicros, 0, false)
    accounts[row.account] = books
    switch row.deed {
    case .refund(let debit, _, _): refunded[debit] = step.usedMicros
    case .reverse(let purchase, _, _, _), .reinstate(let purchase, _, _):
      reversed[purchase] = step.usedMicros
    default: break
    }
  }

  /// Whether a refusal says what is there.
  mutating func compare(_ refused: Refused) {
    if !fits(refused) {
      if grantExpected(refused.account) { return compare(refused) }
      violations.append("refused with \(holdings[Int(refused.account)]): \(refused)")
    }
  }

  private func fits(_ refused: Refused) -> Bool {
    let holding = holdings[Int(refused.account)]
    switch refused.cause {
    case .shortage(let available, let required):
      return available == holding.availableMicros && required > available
    case .paymentDue(let owed):
      return owed == holding.owedMicros && owed > 0 && terms(Int(refused.account)).blocks
    case .refundExceeds(let debit, let total, let asked, let refundable):
      return refundable == total - (refunded[debit] ?? 0) && asked > refundable
    case .reversalExceeds(let purchase, let total, let asked, let reversible):
      return reversible == total - (reversed[purchase] ?? 0) && asked ?? 1 > reversible
    case .reinstatementExceeds(let purchase, let asked, let reinstatable):
      return reinstatable == reversed[purchase] ?? 0 && asked ?? 1 > reinstatable
    case .lotShort(let available, let asked):
      return asked.map { $0 > available } ?? true && available <= holding.availableMicros
    case .owesLess(let asked, let owed): return owed == holding.owedMicros && asked ?? 1 > owed
    }
  }
}

extension Holding {
  /// Credit comes, and pays what is owed.
  /// - Returns: what it paid.
  mutating func add(_ micros: Int64) -> Int64 {
    let paid = min(owedMicros, micros)
    postedMicros += micros - paid
    owedMicros -= paid
    return paid
  }
}

/// One decision on one account.
private struct Step {
  /// Before, then after.
  var holding: Holding
  /// As the server says.
  let after: Holding
  var shortMicros: Int64
  /// Rows that must have been written since the last decision.
  var rowCount: Int64
  /// Whether there are no more than these.
  var isExact: Bool
  let collects: Bool
  /// What of the debit is refunded, or of the purchase reversed: before, then after.
  var usedMicros: Int64 = 0
  private(set) var faults: [String] = []

  private mutating func require(_ holds: Bool, _ fault: String) {
    if !holds { faults.append(fault) }
  }

  mutating func carryOut(_ row: Row) {
    let told = row.told
    switch row.deed {
    case .spend(let micros):
      rowCount += 1
      holding.postedMicros -= micros
    case .credit(let micros):
      rowCount += 1
      holding.postedMicros += micros
      followUp(micros, mayBeShort: false, paysAll: true)
    case .pend(let micros):
      rowCount += 1
      holding.pendingMicros += micros
    case .hold(let micros):
      rowCount += 1
      holding.heldMicros += micros
    case .release(let micros):
      rowCount += 1
      holding.heldMicros -= micros
      followUp(micros, mayBeShort: true, paysAll: false)
    case .charge(let charge): carryOut(charge, told)
    case .refund(_, let total, let micros):
      rowCount += 1
      usedMicros += micros
      require(usedMicros <= total, "\(usedMicros) refunded of \(total)")
      holding.postedMicros += micros
      followUp(micros, mayBeShort: true, paysAll: true)
    case .reverse(_, let total, let asked, let choice):
      reverse(asked ?? total - usedMicros, total, choice, told)
    case .reinstate(_, _, let asked): reinstate(asked ?? usedMicros, told)
    case .void(let asked):
      rowCount += 1
      require(-told.amountMicros == asked ?? -told.amountMicros && told.amountMicros < 0, "voided otherwise")
      require(told.shortMicros >= 0 && (asked == nil || told.shortMicros == 0), "short otherwise")
      holding.postedMicros += told.amountMicros
      shortMicros += told.shortMicros
    case .forgive(let asked):
      let forgiven = asked ?? holding.owedMicros
      require(forgiven > 0 && forgiven <= holding.owedMicros, "\(forgiven) forgiven")
      holding.owedMicros -= forgiven
      rowCount += 1
      isExact = false
    }
    compare()
  }

  private mutating func compare() {
    let rows = after.version - holding.version
    require(rows >= rowCount && (rows == rowCount || !isExact), "\(rows) rows for \(rowCount)")
    holding.version = after.version
    require(holding == after, "arithmetic says \(holding)")
    require(
      holding.heldMicros >= 0 && holding.availableMicros >= 0 && holding.owedMicros >= 0
        && holding.pendingMicros >= 0, "negative")
  }

  /// So much has come, or is free again, and does not all stay: what a reversal or a void could not take
  /// before goes, and what is owed is paid.
  /// - Parameters:
  ///   - mayBeShort: whether it comes to lots of which something was short.
  ///   - paysAll: whether it pays whatever is owed; else only what is owed for its own lots.
  private mutating func followUp(_ micros: Int64, mayBeShort: Bool, paysAll: Bool) {
    let paid = holding.owedMicros - after.owedMicros
    let taken = holding.postedMicros - after.postedMicros - paid
    require(taken >= 0 && taken <= (mayBeShort ? min(shortMicros, micros) : 0), "\(taken) taken later")
    require(paid >= 0 && paid <= micros - taken, "\(paid) paid")
    if paysAll { require(paid == min(holding.owedMicros, micros - taken), "\(paid) paid of what is owed") }
    holding.postedMicros -= paid + taken
    holding.owedMicros -= paid
    shortMicros -= taken
    rowCount += (paid > 0 ? 1 : 0) + (taken > 0 ? 1 : 0)
    if paid + taken > 0 { isExact = false }
  }

  private mutating func carryOut(_ charge: Charge, _ told: Told) {
    let paid = charge.micros(available: holding.availableMicros)
    let rest = charge.heldMicros - charge.capturedMicros
    let owed = collects ? charge.costMicros - paid : 0
    require(told.amountMicros == -paid, "paid otherwise than \(paid)")
    holding.postedMicros -= paid
    holding.heldMicros -= charge.heldMicros
    holding.owedMicros += owed
    rowCount += (paid > 0 ? 1 : 0) + (rest > 0 ? 1 : 0) + (owed > 0 ? 1 : 0)
    // What is left of a hold was not asked for, so that nothing is owed.
    if rest > 0 { followUp(rest, mayBeShort: true, paysAll: false) }
  }

  private mutating func reverse(
    _ asked: Int64, _ total: Int64, _ choice: TallystickV1.OnShortfall, _ told: Told
  ) {
    let taken = -told.amountMicros
    usedMicros += asked
    require(asked > 0 && usedMicros <= total, "\(usedMicros) reversed of \(total)")
    require(
      told.askedMicros == asked && taken + told.shortMicros + told.owedMicros == asked
        && taken >= 0 && taken <= holding.availableMicros && told.shortMicros >= 0 && told.owedMicros >= 0,
      "\(asked) not accounted for")
    require(told.owedMicros == 0 || choice == .owe, "owed")
    require(told.shortMicros == 0 || choice == .partial, "short")
    holding.postedMicros -= taken
    holding.owedMicros += told.owedMicros
    shortMicros += told.shortMicros
    rowCount += told.owedMicros > 0 ? 2 : 1
  }

  private mutating func reinstate(_ asked: Int64, _ told: Told) {
    usedMicros -= asked
    require(asked > 0 && usedMicros >= 0, "\(asked) reinstated, \(usedMicros) is left")
    require(
      told.askedMicros == asked && told.amountMicros - told.shortMicros + told.owedMicros == asked
        && told.amountMicros >= 0 && told.shortMicros <= 0 && told.owedMicros >= 0
        && -told.shortMicros <= shortMicros && told.owedMicros <= holding.owedMicros,
      "\(asked) not accounted for")
    holding.postedMicros += told.amountMicros
    holding.owedMicros -= told.owedMicros
    shortMicros += told.shortMicros
    rowCount += told.owedMicros > 0 ? 2 : 1
    followUp(told.amountMicros, mayBeShort: false, paysAll: true)
  }
}
