// The executable model: what any engine must answer to a sequence of commands at given times.
//
// Invariants:
// 1. It is written from the specification, not from the rules, and shares no code with them but the values.
// 2. Time does not pass by itself: a user lives on, on a copy, up to the time that a question asks about,
//    and for good only when a command of theirs is applied.
//
// Values, owned by the test.

internal import TallySQLiteStore

@testable import TallyCore

struct LedgerModel {
  private(set) var users: [ExactText: ModelUser] = [:]
  var runs: [ExactText: ModelRunState] = [:]
  private(set) var plans: [ExactText: Plan] = [:]
  /// Row n is at n - 1.
  private(set) var ledger: [Entry] = []
  private(set) var lastAt: Int64 = 0
  /// Settled holds, by id, and all holds' users.
  private(set) var settled: [Int64: Hold] = [:]
  private var holders: [Int64: ExactText] = [:]
  private var books: [SystemAccount: Int64] = [:]
  /// Of each user the last row whose version is a multiple of a number.
  private var latest: [Int64: [ExactText: Int64]] = [:]

  /// Rows by what must be unique: user and key; payment; user, plan and period.
  private var keys: [[ExactText]: Int64] = [:]
  private var payments: [ExactText: Int64] = [:]
  private var grants: [[ExactText]: [Int64]] = [:]

  func now(_ wall: Int64) -> Int64 { max(wall, lastAt, toldAt) }
  /// The latest that anybody was told, by a command that wrote nothing or by a read.
  private var toldAt: Int64 = 0
  /// Of the last commit that wrote something.
  private var committedAt: Int64 = 0

  /// Somebody reads.
  mutating func tell(wall: Int64) { toldAt = now(wall) }

  /// What was told is forgotten, what was committed is not. A start commits its own time.
  mutating func restart(wall: Int64) {
    toldAt = max(committedAt, wall)
    committedAt = toldAt
  }

  /// Whether an outcome is of something written.
  static func hasWritten(_ outcome: Outcome) -> Bool {
    switch outcome {
    case .refused: false
    case .planStored(_, let unchanged, _): !unchanged
    case .applied(let receipt): !receipt.replayed
    case .usage(.run(let receipt)): !receipt.replayed
    case .page, .admin: true
    }
  }

  // MARK: Questions

  /// A user as they are at a time, whatever of it was written.
  private func user(_ userId: String, at time: Int64) -> ModelUser {
    var user = users[ExactText(userId)] ?? ModelUser(userId: userId)
    var numbering: Int64 = 0
    user.live(until: time, &numbering)
    return user
  }

  func balance(_ userId: String, wall: Int64) -> Balance { balance(userId, at: now(wall)) }

  /// As it is by a time that is not before the last row's.
  func balance(_ userId: String, at time: Int64) -> Balance {
    var balance = user(userId, at: time).balance(at: time)
    balance.version = users[ExactText(userId)]?.version ?? 0
    return balance
  }

  /// Newest first.
  func holds(_ userId: String, wall: Int64) -> [Hold] {
    let user = user(userId, at: now(wall))
    let before = settled.values.filter { $0.userId.isExactly(userId) }
    return (before + user.settled + user.holds.values).sorted { $0.id > $1.id }
  }

  func rows(_ userId: String) -> [Entry] { ledger.filter { $0.userId.isExactly(userId) } }

  /// A hold as it was last written.
  func hold(_ id: Int64) -> Hold? { settled[id] ?? holders[id].flatMap { users[$0]?.holds[id] } }

  /// A hold as its client sees it.
  private func hold(_ id: Int64, at time: Int64) -> Hold? {
    if let over = settled[id] { return over }
    guard let name = holders[id] else { return nil }
    let user = user(name.text, at: time)
    return user.settled.first { $0.id == id } ?? user.holds[id]
  }

  // MARK: Commands

  /// - Returns: what an engine must answer, without the commit's place.
  mutating func apply(_ command: Command, wall: Int64) -> Outcome {
    let time = now(wall)
    toldAt = time
    let outcome = outcome(of: command, at: time)
    if Self.hasWritten(outcome) { committedAt = time }
    return outcome
  }

  private mutating func outcome(of command: Command, at time: Int64) -> Outcome {
    do throws(Refusal) {
      if case .putPlan(let plan, _) = command { return put(plan, at: time) }
      if case .usage(let command) = command { return .usage(.run(try carryOut(command, at: time))) }
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
    toldAt = time
    committedAt = max(committedAt, lastAt)
    for userId in order {
      guard var user = users[ExactText(userId)] else { continue }
      var numbering = Int64(ledger.count) + 1
      user.live(until: time, &numbering)
      _ = save(&user)
    }
  }

  private mutating func carryOut(_ command: Command, at time: Int64) throws(Refusal) -> Receipt {
    let hold = try hold(named: command)
    let userId = hold?.userId ?? command.ownUserId
    if case .grantPlan(let grant) = command, plans[ExactText(grant.planId)] == nil {
      throw Refusal(.grantNotFound, "")
    }
    if let sequence = keys[[ExactText(userId), ExactText(command.idempotency.key)]] {
      guard ledger[Int(sequence) - 1].idempotency?.digest == command.idempotency.digest else {
        throw Refusal(.idempotencyMismatch, "")
      }
      return replay(ledger[Int(sequence) - 1], at: time)
    }
    if let row = try sameByNature(command, at: time) { return replay(row, at: time) }
    var user = users[ExactText(userId)] ?? ModelUser(userId: userId)
    var numbering = Int64(ledger.count) + 1
    user.live(until: time, &numbering)
    let changed = try carryOut(command, on: &user, hold: hold, at: time, &numbering)
    let balance = user.balance(at: time)
    guard save(&user) else { throw Refusal(.amountOverflow, "") }
    if case .extend = command, let changed { follow(changed) }
    guard let row = ledger.last else { throw Refusal(.corrupt, "") }
    return Receipt(transaction: row, balance: balance, hold: changed)
  }

  private func hold(named command: Command) throws(Refusal) -> Hold? {
    let named: (id: Int64, actingUserId: String?)
    switch command {
    case .extend(let extend): named = (extend.holdId, extend.actingUserId)
    case .capture(let capture): named = (capture.holdId, capture.actingUserId)
    case .release(let release): named = (release.holdId, release.actingUserId)
    default: return nil
    }
    guard let found = self.hold(named.id), named.actingUserId?.isExactly(found.userId) ?? true else {
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
    if case .grantPlan(let grant) = command { return try grantedBefore(grant, at: time) }
    return nil
  }

  private func grantedBefore(_ grant: Command.GrantPlan, at time: Int64) throws(Refusal) -> Entry? {
    let period = Self.period(of: grant, at: time)
    let rows = (grants[[ExactText(grant.userId), ExactText(grant.planId)]] ?? []).map { ledger[Int($0) - 1] }
    let overlapping = rows.filter { $0.periodDays?.overlaps(period.days) ?? false }
    let isNamedByInstant = if case .instant = grant.period { true } else { false }
    let same = overlapping.first { row in
      row.periodDays?.lowerBound == period.days.lowerBound
        && (!isNamedByInstant || row.periodStartMicros == period.startMicros)
    }
    if let same {
      guard same.amountMicros == grant.amountMicros ?? same.amountMicros else {
        throw Refusal(.grantConflict, "")
      }
      return same
    }
    guard let last = overlapping.compactMap(\.periodDays?.lowerBound).max() else { return nil }
    throw Refusal(.grantOverlaps, "", details: ["period": Civil(dayNumber: last).text(upTo: .day)])
  }

  /// Plans of the model have no time zone.
  static func period(of grant: Command.GrantPlan, at time: Int64) -> Period {
    grant.period?.period(in: .utc) ?? Period(monthContaining: time, zone: .utc)
  }

  func replay(_ row: Entry, at time: Int64) -> Receipt {
    let hold = row.holdId.flatMap { self.hold($0, at: time) }
    let balance = Balance(
      userId: row.userId, postedMicros: row.balanceAfterMicros - row.pendingAfterMicros,
      heldMicros: row.heldAfterMicros, pendingMicros: row.pendingAfterMicros, version: row.version,
      nextExpiry: row.nextExpiryAfter)
    return Receipt(transaction: row, balance: balance, hold: hold, replayed: true)
  }

  /// - Returns: false when the books cannot take it, and then nothing is changed.
  mutating func save(_ user: inout ModelUser) -> Bool {
    var books = books
    for row in user.rows {
      guard let side = row.counterpart else { continue }
      let (sum, overflow) = books[side, default: 0].subtractingReportingOverflow(row.amountMicros)
      if overflow { return false }
      books[side] = sum
    }
    self.books = books
    let name = ExactText(user.userId)
    for var row in user.rows {
      point(&row)
      if let refersTo = row.refersTo { row = row.naming(ledger[Int(refersTo) - 1]) }
      ledger.append(row)
      lastAt = row.atMicros
      if let key = row.idempotency?.key { keys[[name, ExactText(key)]] = row.sequence }
      if let paymentId = row.paymentId { payments[ExactText(paymentId)] = row.sequence }
      if let planId = row.planId { grants[[name, ExactText(planId)], default: []].append(row.sequence) }
      if row.type == .hold { holders[row.sequence] = name }
    }
    for hold in user.settled { settled[hold.id] = hold }
    guard !user.rows.isEmpty else { return true }
    user.keep()
    users[name] = user
    return true
  }

  /// Sets the user's row before, and the one that a row skips back to.
  private mutating func point(_ row: inout Entry) {
    let name = ExactText(row.userId)
    row.previous = latest[1]?[name] ?? 0
    row.skip = latest[row.version % 4_096 == 0 ? 4_096 : 64]?[name] ?? 0
    for stride in [1, 64, 4_096] as [Int64] where row.version % stride == 0 {
      latest[stride, default: [:]][name] = row.sequence
    }
  }

  /// The books' sums, users included: zero.
  var booksTotal: Int64 {
    books.values.reduce(0, &+) &+ users.values.reduce(0) { $0 &+ $1.everything }
  }
}
