// The executable model: what any engine must answer to a sequence of commands at given times.
//
// Invariants:
// 1. It is written from the specification, not from the rules, and shares no code with them but the values.
// 2. Time does not pass by itself: a user lives on, on a copy, up to the time that a question asks about,
//    and for good only when a command of theirs is applied.
//
// Values, owned by the test.

import Core

struct LedgerModel {
  private(set) var users: [ExactText: ModelUser] = [:]
  private(set) var plans: [ExactText: Plan] = [:]
  /// Row n is at n - 1.
  private(set) var ledger: [Entry] = []
  private(set) var lastAt: Int64 = 0
  private var books: [SystemAccount: Int64] = [:]

  /// Users that have rows, and those rows' keys, payments and periods, found by looking at the rows.
  private var keys: [ExactText: [ExactText: Int64]] = [:]
  private var payments: [ExactText: Int64] = [:]

  func now(_ wall: Int64) -> Int64 { max(wall, lastAt) }

  // MARK: Questions

  /// A user as they are at a time, whatever of it was written.
  private func user(_ userId: String, at time: Int64) -> ModelUser {
    var user = users[ExactText(userId)] ?? ModelUser(userId: userId)
    var numbering: Int64 = 0
    user.live(until: time, &numbering)
    return user
  }

  func balance(_ userId: String, wall: Int64) -> Balance {
    var balance = user(userId, at: now(wall)).balance(at: now(wall))
    balance.version = Int64(users[ExactText(userId)]?.rows.count ?? 0)
    return balance
  }

  /// Newest first.
  func holds(_ userId: String, wall: Int64) -> [Hold] {
    user(userId, at: now(wall)).holds.values.sorted { $0.id > $1.id }
  }

  func rows(_ userId: String) -> [Entry] { users[ExactText(userId)]?.rows ?? [] }

  // MARK: Commands

  /// - Returns: what an engine must answer, without the commit's place.
  mutating func apply(_ command: Command, wall: Int64) -> Outcome {
    let time = now(wall)
    do throws(Refusal) {
      if case .putPlan(let plan) = command { return put(plan, at: time) }
      return .applied(try carryOut(command, at: time))
    } catch {
      return .refused(error)
    }
  }

  private mutating func put(_ plan: Plan, at time: Int64) -> Outcome {
    if let stored = plans[ExactText(plan.id)] {
      var same = plan
      same.updatedAtMicros = stored.updatedAtMicros
      if same == stored { return unplaced(stored, unchanged: true) }
    }
    var plan = plan
    plan.updatedAtMicros = time
    plans[ExactText(plan.id)] = plan
    return unplaced(plan, unchanged: false)
  }

  private func unplaced(_ plan: Plan, unchanged: Bool) -> Outcome {
    .planStored(plan, unchanged: unchanged, commit: CommitPoint(sequence: 0, position: 0))
  }

  /// Writes off everything that is over, of all users.
  /// - Parameter order: users in the order in which the engine went about it.
  mutating func sweep(wall: Int64, order: [String]) {
    let time = now(wall)
    for userId in order {
      guard var user = users[ExactText(userId)] else { continue }
      var numbering = Int64(ledger.count) + 1
      user.live(until: time, &numbering)
      _ = save(user)
    }
  }

  private mutating func carryOut(_ command: Command, at time: Int64) throws(Refusal) -> Receipt {
    let hold = try hold(named: command)
    let userId = hold?.userId ?? command.ownUserId
    if case .grantPlan(let grant) = command, plans[ExactText(grant.planId)] == nil {
      throw Refusal(.grantNotFound, "")
    }
    if let sequence = keys[ExactText(userId)]?[ExactText(command.idempotency.key)] {
      guard ledger[Int(sequence) - 1].idempotency?.digest == command.idempotency.digest else {
        throw Refusal(.idempotencyMismatch, "")
      }
      return replay(ledger[Int(sequence) - 1])
    }
    if let row = try sameByNature(command, at: time) { return replay(row) }
    var user = users[ExactText(userId)] ?? ModelUser(userId: userId)
    var numbering = Int64(ledger.count) + 1
    user.live(until: time, &numbering)
    let changed = try carryOut(command, on: &user, hold: hold, at: time, &numbering)
    guard save(user) else { throw Refusal(.amountOverflow, "") }
    guard let row = ledger.last else { throw Refusal(.corrupt, "") }
    return Receipt(transaction: row, balance: user.balance(at: time), hold: changed)
  }

  private func hold(named command: Command) throws(Refusal) -> Hold? {
    let named: (id: Int64, actingUserId: String?)
    switch command {
    case .extend(let extend): named = (extend.holdId, extend.actingUserId)
    case .capture(let capture): named = (capture.holdId, capture.actingUserId)
    case .release(let release): named = (release.holdId, release.actingUserId)
    default: return nil
    }
    let found = users.values.compactMap { $0.holds[named.id] }.first
    guard let found, named.actingUserId?.isExactly(found.userId) ?? true else {
      throw Refusal(.holdNotFound, "", details: ["hold_id": "hold-\(named.id)"])
    }
    return found
  }

  /// The row that did the same before, by payment or period.
  private func sameByNature(_ command: Command, at time: Int64) throws(Refusal) -> Entry? {
    if case .addPurchase(let purchase) = command, let sequence = payments[ExactText(purchase.paymentId)] {
      let row = ledger[Int(sequence) - 1]
      guard row.userId.isExactly(purchase.userId), row.amountMicros == purchase.amountMicros else {
        throw Refusal(.paymentConflict, "")
      }
      return row
    }
    if case .grantPlan(let grant) = command {
      let start = (grant.period ?? Period(utcMonthContaining: time)).startMicros
      let row = rows(grant.userId).first {
        $0.planId?.isExactly(grant.planId) ?? false && $0.periodStartMicros == start
      }
      guard let row else { return nil }
      let amount = grant.amountMicros ?? plans[ExactText(grant.planId)]?.monthlyCreditMicros
      guard row.amountMicros == amount else { throw Refusal(.grantConflict, "") }
      return row
    }
    return nil
  }

  private func replay(_ row: Entry) -> Receipt {
    var hold: Hold?
    if let holdId = row.holdId, let now = users[ExactText(row.userId)]?.holds[holdId] {
      hold = now
      if row.type == .hold || row.type == .holdExtend {
        hold = Hold(
          id: holdId, userId: now.userId, amountMicros: now.amountMicros,
          createdAtMicros: now.createdAtMicros, expiresAtMicros: row.expiresAtMicros ?? 0,
          runId: now.runId, pins: now.pins)
      }
    }
    let balance = Balance(
      userId: row.userId, postedMicros: row.balanceAfterMicros - row.pendingAfterMicros,
      heldMicros: row.heldAfterMicros, pendingMicros: row.pendingAfterMicros, version: row.version,
      nextExpiry: row.nextExpiryAfter)
    return Receipt(transaction: row, balance: balance, hold: hold, replayed: true)
  }

  /// - Returns: false when the books cannot take it, and then nothing is changed.
  private mutating func save(_ user: ModelUser) -> Bool {
    let new = user.rows.filter { $0.sequence > Int64(ledger.count) }
    var books = books
    for row in new {
      guard let side = row.type.counterpart else { continue }
      let (sum, overflow) = books[side, default: 0].subtractingReportingOverflow(row.amountMicros)
      if overflow { return false }
      books[side] = sum
    }
    self.books = books
    ledger += new
    lastAt = new.last?.atMicros ?? lastAt
    if !new.isEmpty { users[ExactText(user.userId)] = user }
    for row in new {
      if let key = row.idempotency?.key {
        keys[ExactText(user.userId), default: [:]][ExactText(key)] = row.sequence
      }
      if let paymentId = row.paymentId { payments[ExactText(paymentId)] = row.sequence }
    }
    return true
  }

  /// The books' sums, users included: zero.
  var booksTotal: Int64 {
    books.values.reduce(0, &+) &+ users.values.reduce(0) { $0 &+ $1.everything }
  }
}
