// The executable model: what any engine must answer to a sequence of commands at given times.
//
// Invariants:
// 1. It is written from the specification, not from the rules, and shares no code with them but the values.
// 2. Time does not pass by itself: a user lives on, on a copy, up to the time that a question asks about,
//    and for good only when a command of theirs is applied.
// 3. A row's facts are what a question about earlier rows is answered from; nothing is summed up beside them.
//
// Values, owned by the test.

import TallyCore

struct LedgerModel {
  private(set) var users: [ExactText: ModelUser] = [:]
  private(set) var runs: [RunName: ModelRunState] = [:]
  private var runNames: [ExactText: [RunName]] = [:]
  /// All of it, in the order in which it was put.
  var book: [Price] = []
  var plans: [ExactText: Plan] = [:]
  var defaultPlanId: String?
  var settings: [ExactText: UserSettings] = [:]
  /// By user and spender.
  var ownCaps: [[ExactText]: [Cap]] = [:]
  /// When a write first named a user.
  var created: [ExactText: Int64] = [:]
  /// Row n is at n - 1, unless numbers were skipped.
  private(set) var ledger: [Entry] = []
  private(set) var lastSequence: Int64 = 0
  private var rowsOfUsers: [ExactText: [Int64]] = [:]
  /// The rows that refer to a row.
  private var referring: [Int64: [Int64]] = [:]
  /// Of the row at the same place: the last row of what wrote it.
  private var lastOfChange: [Int64] = []
  private(set) var lastAt: Int64 = 0
  /// Settled holds, by id, and all holds' users.
  private(set) var settled: [Int64: Hold] = [:]
  private var holders: [Int64: ExactText] = [:]
  private var books: [SystemAccount: Int64] = [:]
  /// Lines that were crossed, in order.
  private var crossed: [ModelEvent] = []
  private var capEvents: [ModelCapEvent] = []
  /// Of each user the last row whose version is a multiple of a number.
  private var latest: [Int64: [ExactText: Int64]] = [:]

  /// Rows by what must be unique: user and key; any id of a payment; event; and those of a user and plan.
  private(set) var keys: [[ExactText]: Int64] = [:]
  var payments: [ExactText: Int64] = [:]
  private(set) var events: [ExactText: Int64] = [:]
  private(set) var grants: [[ExactText]: [Int64]] = [:]

  func now(_ wall: Int64) -> Int64 { max(wall, lastAt, toldAt) }
  /// The latest that anybody was told, by a command that wrote nothing or by a read.
  private var toldAt: Int64 = 0
  /// Of the last commit that wrote something.
  private var committedAt: Int64 = 0
  /// Whether the command has written something, be it no row.
  var hasWritten = false

  /// Somebody reads.
  mutating func tell(wall: Int64) { toldAt = now(wall) }

  /// What was told is forgotten, what was committed is not. A start commits its own time.
  mutating func restart(wall: Int64) {
    toldAt = max(committedAt, wall)
    committedAt = toldAt
  }

  // MARK: Questions

  /// A user as they are at a time, whatever of it was written.
  /// - Parameter isRead: a reader does not know when the books are full, and counts a grant all the same.
  func user(_ userId: String, at time: Int64, isRead: Bool = false) -> ModelUser {
    var user = users[ExactText(userId)] ?? ModelUser(userId: userId)
    let due = due(of: user, at: time, isRead: isRead)
    user.live(until: time, numberingFrom: lastSequence + 1, due)
    user.livedRowCount = user.rows.count
    return user
  }

  func balance(_ userId: String, wall: Int64) -> Balance { balance(userId, at: now(wall)) }

  /// As it is by a time that is not before the last row's.
  func balance(_ userId: String, at time: Int64) -> Balance {
    told(of: user(userId, at: time, isRead: true))
  }

  /// What was not written yet has no version.
  private func told(of user: ModelUser) -> Balance {
    var balance = user.balance(at: user.now)
    balance.version = user.version
    return balance
  }

  /// What a user is told who asks whether they may spend.
  func spending(_ userId: String, wall: Int64) -> Spending {
    let user = user(userId, at: now(wall), isRead: true)
    var spending = Spending(balance: told(of: user))
    do throws(Refusal) { try requireSpender(user) } catch { spending.objection = error }
    return spending
  }

  /// Newest first.
  func holds(_ userId: String, wall: Int64) -> [Hold] {
    let user = user(userId, at: now(wall))
    let before = settled.values.filter { $0.userId.isExactly(userId) }
    return (before + user.settled + user.holds.values).sorted { $0.id > $1.id }
  }

  func events(of userId: String) -> [ModelEvent] { crossed.filter { $0.userId.isExactly(userId) } }

  func capEvents(of userId: String) -> [ModelCapEvent] {
    capEvents.filter { $0.userId.isExactly(userId) }
  }

  func rows(_ userId: String) -> [Entry] {
    (rowsOfUsers[ExactText(userId)] ?? []).map { self[row: $0] }
  }

  func runs(of userId: String) -> [Run] {
    (runNames[ExactText(userId)] ?? []).compactMap { runs[$0]?.run }
  }

  func row(_ sequence: Int64) -> Entry? {
    let place = place(of: sequence)
    return place < ledger.count && ledger[place].sequence == sequence ? ledger[place] : nil
  }

  /// A row that is there.
  private subscript(row sequence: Int64) -> Entry { ledger[place(of: sequence)] }

  /// Of the row, or of the next one where its number was skipped.
  private func place(of sequence: Int64) -> Int {
    if lastSequence == Int64(ledger.count) { return Int(max(1, sequence)) - 1 }
    var (low, high) = (0, ledger.count)
    while low < high {
      let middle = (low + high) / 2
      if ledger[middle].sequence < sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Leaves out the numbers of rows that belong to no part of what is asked of this model.
  mutating func skip(to sequence: Int64) { lastSequence = max(lastSequence, sequence) }

  func rows(about sequence: Int64, _ type: TransactionType, with new: [Entry] = []) -> [Entry] {
    let before = (referring[sequence] ?? []).compactMap { row($0) }
    return (before + new).filter { $0.refersTo == sequence && $0.type == type }
  }

  /// The lot that a row made.
  func lot(ofRow row: Entry) -> ModelUser.Lot {
    let made = row.lots.first { $0.lotId == row.sequence }
    return ModelUser.Lot(
      id: row.sequence, type: row.type, amount: made?.amountMicros ?? 0, priority: row.priority,
      effectiveAt: row.effectiveAtMicros, expiresAt: row.expiresAtMicros, rollover: row.rollover)
  }

  /// A hold as it was last written.
  func hold(_ id: Int64) -> Hold? { settled[id] ?? holders[id].flatMap { users[$0]?.holds[id] } }

  /// A hold as its client sees it.
  func hold(_ id: Int64, at time: Int64) -> Hold? {
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
    hasWritten = false
    let before = capFigures(of: command, at: time)
    let outcome = outcome(of: command, at: time)
    if hasWritten { committedAt = time }
    capEvents += capSteps(from: before, at: time)
    return outcome
  }

  /// Several debits, all of them or none: the first that is refused says why, the others that they were
  /// aborted, and what was done before is done.
  mutating func applyAtomically(_ items: [Command.Consume], wall: Int64) -> [Outcome] {
    tell(wall: wall)
    var copy = self
    let outcomes = items.map { copy.apply(.consume($0), wall: wall) }
    guard let index = outcomes.firstIndex(where: { $0.refusal != nil }) else {
      self = copy
      return outcomes
    }
    let aborted = Refusal(.batchAborted, "", details: ["refused_index": "\(index)"])
    return items.enumerated().map { number, item in
      if number == index { return outcomes[index] }
      let before = keys[[ExactText(item.userId), ExactText(item.idempotency.key)]].flatMap { row($0) }
      guard let before, before.idempotency?.digest == item.idempotency.digest else {
        return .refused(aborted)
      }
      return .applied(replay(before, at: now(wall)))
    }
  }

  private mutating func outcome(of command: Command, at time: Int64) -> Outcome {
    do throws(Refusal) {
      switch command {
      case .putPlan(let plan, let kept): return try put(plan, keeping: kept, at: time)
      case .putPrices(let it): return .pricesStored(try put(it, at: time))
      case .admin(.putSettings(let settings, let kept)):
        return .admin(try put(settings, keeping: kept, at: time))
      case .admin(.putCaps(let userId, let list)): return .admin(try put(list, of: userId, at: time))
      // Of which nothing is in this model.
      case .admin, .page, .topUp: throw Refusal(.invalidField, "")
      case .usage(let command): return .usage(.run(try carryOut(command, at: time)))
      default: return .applied(try carryOut(command, at: time))
      }
    } catch {
      return .refused(error)
    }
  }

  /// Writes off everything that is over, of all users.
  /// - Parameter order: users in the order in which the engine went about it.
  mutating func sweep(wall: Int64, order: [String]) {
    let time = now(wall)
    toldAt = time
    committedAt = max(committedAt, lastAt)
    for userId in order where users[ExactText(userId)] != nil {
      var user = user(userId, at: time)
      _ = save(&user)
    }
  }

  private mutating func carryOut(_ command: Command, at time: Int64) throws(Refusal) -> Receipt {
    let named = try named(by: command, at: time)
    if let sequence = keys[[ExactText(named.userId), ExactText(command.idempotency.key)]] {
      guard row(sequence)?.idempotency?.digest == command.idempotency.digest else {
        throw Refusal(.idempotencyMismatch, "")
      }
      return replay(self[row: sequence], at: time)
    }
    var user = user(named.userId, at: time)
    if let row = try sameByNature(command, named, user, at: time) {
      // The server had granted it, before the command.
      if row.sequence > lastSequence, !save(&user) { throw Refusal(.amountOverflow, "") }
      return replay(self[row: row.sequence], at: time)
    }
    let changed = try carryOut(command, on: &user, named)
    let balance = user.balance(at: time)
    let first = ledger.count
    guard save(&user) else { throw Refusal(.amountOverflow, "") }
    if case .extend = command, let changed { follow(changed) }
    guard let row = ledger[first...].first(where: { $0.idempotency != nil }) else {
      throw Refusal(.corrupt, "")
    }
    if case .addPurchase(let purchase) = command { keep(purchase.allIds, of: row.sequence) }
    return Receipt(transaction: row, balance: balance, hold: changed)
  }

  /// The row and the balance of then, the hold of now.
  func replay(_ row: Entry, at time: Int64) -> Receipt {
    let last = self[row: lastOfChange[place(of: row.sequence)]]
    let hold = row.holdId.flatMap { self.hold($0, at: time) }
    let balance = Balance(
      userId: row.userId, postedMicros: last.balanceAfterMicros - last.pendingAfterMicros,
      heldMicros: last.heldAfterMicros, pendingMicros: last.pendingAfterMicros,
      owedMicros: last.owedAfterMicros, version: last.version, nextExpiry: last.nextExpiryAfter)
    return Receipt(transaction: row, balance: balance, hold: hold, replayed: true)
  }

  // MARK: Writing

  /// Whether the books can issue so much.
  func canIssue(_ amount: Int64) -> Bool {
    !books[.issued, default: 0].subtractingReportingOverflow(amount).overflow
  }

  /// - Returns: false when the books cannot take it, and then nothing is changed.
  mutating func save(_ user: inout ModelUser) -> Bool {
    let events = crossings(of: user)
    var books = books
    for row in user.rows {
      guard let side = Self.otherSide(of: row) else { continue }
      let (sum, overflow) = books[side, default: 0].subtractingReportingOverflow(row.amountMicros)
      if overflow { return false }
      books[side] = sum
    }
    self.books = books
    crossed += events
    let last = lastSequence + Int64(user.rows.count)
    for row in user.rows { append(row, lastOfChange: last) }
    for hold in user.settled { settled[hold.id] = hold }
    if !user.rows.isEmpty { hasWritten = true }
    user.keep()
    keep(user)
    return true
  }

  mutating func keep(_ run: ModelRunState) {
    let name = run.run.name
    if runs.updateValue(run, forKey: name) == nil {
      runNames[ExactText(run.run.userId), default: []].append(name)
    }
  }

  mutating func keep(_ user: ModelUser) {
    users[ExactText(user.userId)] = user
    if created[ExactText(user.userId)] == nil { created[ExactText(user.userId)] = user.now }
  }

  private mutating func append(_ row: Entry, lastOfChange last: Int64) {
    let name = ExactText(row.userId)
    var row = row
    point(&row)
    if let refersTo = row.refersTo {
      row = row.naming(self[row: refersTo])
      referring[refersTo, default: []].append(row.sequence)
    }
    ledger.append(row)
    lastSequence = row.sequence
    rowsOfUsers[name, default: []].append(row.sequence)
    lastOfChange.append(last)
    lastAt = row.atMicros
    if let key = row.idempotency?.key { keys[[name, ExactText(key)]] = row.sequence }
    if let paymentId = row.paymentId { payments[ExactText(paymentId)] = row.sequence }
    if let eventId = row.eventId { events[ExactText(eventId)] = row.sequence }
    if let planId = row.planId { grants[[name, ExactText(planId)], default: []].append(row.sequence) }
    if row.type == .hold { holders[row.sequence] = name }
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

  /// What stands against a user's row.
  private static func otherSide(of row: Entry) -> SystemAccount? {
    switch row.type {
    case .opening, .purchase, .planGrant, .promoGrant, .reversal, .reinstatement: return .issued
    case .apiUsage, .refund: return .revenue
    case .expiry, .void, .rollover: return .forfeited
    case .adjustment: return .adjustments
    case .owedPayment: return row.refersTo == nil ? .revenue : .issued
    case .hold, .holdExtend, .holdRelease, .owed, .owedForgiven: return nil
    }
  }

  /// The books' sums, users included: zero.
  var booksTotal: Int64 {
    books.values.reduce(0, &+) &+ users.values.reduce(0) { $0 &+ $1.everything }
  }

  /// What is wrong with the model itself.
  var contradictions: [String] {
    var found: [String] = []
    if booksTotal != 0 { found.append("the model's books sum to \(booksTotal)") }
    for user in users.values {
      let rows = rows(user.userId)
      func sum(_ type: TransactionType) -> Int64 {
        rows.reduce(0) { $1.type == type ? $0 &+ $1.owedMicros : $0 }
      }
      let owed = sum(.owed) &- sum(.owedPayment) &- sum(.owedForgiven)
      if owed != user.owed { found.append("\(user.userId) owes \(user.owed), by the rows \(owed)") }
      if user.posted != user.everything { found.append("\(user.userId) has \(user.everything)") }
    }
    return found
  }
}
