// The smallest engine that keeps the seam's promises: dictionaries behind a lock, the rules, nothing else.
// It shows what an engine owes beside the rules, and lets the text tables run against the rules alone.
//
// Invariants:
// 1. Texts are told apart by their bytes; Swift's own comparison takes composed and decomposed letters
//    for equal.
// 2. One command is one commit; a refusal changes nothing.
//
// Owner: whoever holds the lock.

import TallyCore
import TallyLocking
internal import TallySQLiteStore

final class ReferenceEngine: Engine {
  struct GrantKey: Hashable {
    var user: ExactText
    var plan: ExactText
    var periodStartMicros: Int64
  }

  struct UserKey: Hashable {
    var user: ExactText
    var key: ExactText
  }

  struct Store {
    /// Where the clock stands.
    var wallMicros: Int64 = 0
    /// The latest time that anybody was told.
    var toldMicros: Int64 = 0
    /// Of the last commit that wrote something.
    var committedMicros: Int64 = 0
    var accounts: [ExactText: Account] = [:]
    /// Row n is at n - 1.
    var ledger: [Entry] = []
    var holds: [Int64: Hold] = [:]
    var plans: [ExactText: Plan] = [:]
    var keys: [UserKey: Int64] = [:]
    var payments: [ExactText: Int64] = [:]
    var grants: [GrantKey: Int64] = [:]
    /// What stands against all users' credit.
    var system: [SystemAccount: Int64] = [:]
    var commitSequence: Int64 = 0
    var runs: [ExactText: ReferenceRun] = [:]

    var effectiveMicros: Int64 { max(wallMicros, toldMicros, ledger.last?.atMicros ?? 0) }

    func account(_ userId: String) -> Account { accounts[ExactText(userId)] ?? Account(userId: userId) }

    func expiredHolds(_ userId: String) -> [Hold] {
      holds.values.filter {
        ExactText($0.userId) == ExactText(userId) && $0.state == .open
          && $0.expiresAtMicros <= effectiveMicros
      }
    }

    func balance(_ userId: String) -> Balance {
      Rules.balance(of: account(userId), expiredHolds: expiredHolds(userId), at: effectiveMicros)
    }
  }

  private let store = Lock(Store())

  /// Whoever sets the time asks for it as well: it is told.
  func setTime(micros: Int64) {
    store.withLock { store in
      store.wallMicros = micros
      store.toldMicros = store.effectiveMicros
    }
  }

  /// What was told is forgotten, what was committed is not.
  func restart() { store.withLock { $0.toldMicros = max($0.committedMicros, $0.wallMicros) } }

  func submit<Kind: Mutation>(
    _ submission: Submission<Kind>, group: (any ReplyGroup)?,
    completion: @escaping @Sendable ([TallyCore.Outcome<Kind.Reply>]) -> Void
  ) {
    let outcomes = store.withLock { store in
      submission.commands.map { command -> TallyCore.Outcome<Kind.Reply> in
        guard let command = command as? Command else {
          return .failure(Refusal(.corrupt, "the reference takes tests' commands only"))
        }
        let outcome = Self.apply(command, &store)
        if LedgerModel.hasWritten(outcome) { store.committedMicros = store.effectiveMicros }
        if case .refused(let refusal) = outcome { return .failure(refusal) }
        guard let reply = outcome as? Kind.Reply else {
          return .failure(Refusal(.corrupt, "the reference answers tests' commands only"))
        }
        return .success(reply)
      }
    }
    completion(outcomes)
    group?.flush()
  }

  func admission() -> Refusal? { nil }
  func cachedBalance(userId: String) -> Snapshot<Balance>? { nil }
  func nowMicros() -> Int64 { store.withLock { $0.effectiveMicros } }

  func state() -> EngineState {
    store.withLock {
      EngineState(
        mode: .serving, commitSequence: $0.commitSequence, ledgerSequence: Int64($0.ledger.count),
        schemaVersion: 1, lastTimeMicros: $0.ledger.last?.atMicros ?? 0)
    }
  }

  // MARK: Writing

  private static func apply(_ command: Command, _ store: inout Store) -> Outcome {
    store.commitSequence += 1
    let point = CommitPoint(sequence: store.commitSequence, position: 0)
    do throws(Refusal) {
      if case .putPlan(let plan) = command {
        let put = Rules.put(plan, over: store.plans[ExactText(plan.id)], nowMicros: store.effectiveMicros)
        store.plans[ExactText(plan.id)] = put.plan
        return .planStored(put.plan, unchanged: put.unchanged, commit: point)
      }
      if case .usage(let command) = command { return try runOutcome(of: command, at: point, &store) }
      return .applied(try carryOut(command, at: point, &store))
    } catch {
      var refusal = error
      refusal.commit = point
      return .refused(refusal)
    }
  }

  private static func carryOut(
    _ command: Command, at point: CommitPoint, _ store: inout Store
  ) throws(Refusal) -> Receipt {
    let facts = Facts(command)
    var context = DecisionContext(
      nowMicros: store.effectiveMicros, nextSequence: Int64(store.ledger.count) + 1,
      account: Account(userId: ""))
    if let holdId = facts.holdId {
      context.hold = try Rules.named(store.holds[holdId], id: holdId, actingUserId: facts.actingUserId)
    }
    let userId = context.hold?.userId ?? facts.userId
    if let planId = facts.grant?.planId {
      context.plan = store.plans[ExactText(planId)]
      if context.plan == nil {
        throw Refusal(.grantNotFound, "no such plan", details: ["plan_id": planId])
      }
    }
    if let receipt = try replay(facts, userId: userId, context, store) { return receipt }
    context.account = store.account(userId)
    context.expiredHolds = store.expiredHolds(userId)
    let change = try Rules.decide(command, context)
    try book(change, &store)
    if case .extend = command, let hold = change.hold { follow(hold, &store) }
    return save(change, at: point, &store)
  }

  /// What was stored for this command before, if anything.
  private static func replay(
    _ facts: Facts, userId: String, _ context: DecisionContext, _ store: Store
  ) throws(Refusal) -> Receipt? {
    if let sequence = store.keys[UserKey(user: ExactText(userId), key: ExactText(facts.idempotency.key))] {
      let entry = store.ledger[Int(sequence) - 1]
      guard entry.idempotency?.digest == facts.idempotency.digest else {
        throw Refusal(.idempotencyMismatch, "the key was used for another request")
      }
      return receipt(entry, store)
    }
    if let paymentId = facts.paymentId, let sequence = store.payments[ExactText(paymentId)] {
      let entry = store.ledger[Int(sequence) - 1]
      guard ExactText(entry.userId) == ExactText(userId), entry.amountMicros == facts.amountMicros else {
        throw Refusal(.paymentConflict, "the payment is known", details: ["payment_id": paymentId])
      }
      return receipt(entry, store)
    }
    if let grant = facts.grant {
      let period = grant.period ?? Period(utcMonthContaining: store.effectiveMicros)
      let key = GrantKey(
        user: ExactText(userId), plan: ExactText(grant.planId), periodStartMicros: period.startMicros)
      guard let sequence = store.grants[key] else { return nil }
      let entry = store.ledger[Int(sequence) - 1]
      guard entry.amountMicros == grant.amountMicros ?? context.plan?.monthlyCreditMicros else {
        throw Refusal(.grantConflict, "the plan was granted for this period")
      }
      return receipt(entry, store)
    }
    return nil
  }

  static func receipt(_ entry: Entry, _ store: Store) -> Receipt {
    let hold = entry.holdId.flatMap { store.holds[$0] }.map { Rules.hold($0, after: entry) }
    return Receipt(transaction: entry, balance: entry.balanceAfter, hold: hold, replayed: true)
  }

  /// Writes off what has expired of all users.
  func sweep() throws {
    try store.withLock { (store) throws(Refusal) in
      for account in store.accounts.values.sorted(by: { $0.head < $1.head }) {
        let context = DecisionContext(
          nowMicros: store.effectiveMicros, nextSequence: Int64(store.ledger.count) + 1, account: account,
          expiredHolds: store.expiredHolds(account.userId))
        guard let change = try Rules.sweep(context) else { continue }
        store.commitSequence += 1
        try Self.book(change, &store)
        Self.save(change, at: CommitPoint(sequence: store.commitSequence, position: 0), &store)
      }
    }
  }

  /// The other side of each row.
  static func book(_ change: Change, _ store: inout Store) throws(Refusal) {
    var system = store.system
    for entry in change.entries {
      guard let account = entry.type.counterpart else { continue }
      let (sum, overflow) = system[account, default: 0].subtractingReportingOverflow(entry.amountMicros)
      guard !overflow else { throw Refusal(.amountOverflow, "the books would leave the range of int64") }
      system[account] = sum
    }
    store.system = system
  }

  @discardableResult
  static func save(_ change: Change, at point: CommitPoint, _ store: inout Store) -> Receipt {
    var entries = change.entries
    for index in entries.indices { entries[index].commit = point }
    store.ledger += entries
    for hold in change.holds { store.holds[hold.id] = hold }
    let transaction = entries[change.transactionIndex]
    var account = change.account
    let user = ExactText(account.userId)
    account.nextHoldExpiryMicros = store.holds.values
      .filter { ExactText($0.userId) == user && $0.state == .open }.map(\.expiresAtMicros).min()
    store.accounts[user] = account
    if let key = transaction.idempotency?.key {
      store.keys[UserKey(user: user, key: ExactText(key))] = transaction.sequence
    }
    if let paymentId = transaction.paymentId { store.payments[ExactText(paymentId)] = transaction.sequence }
    if let planId = transaction.planId, let start = transaction.periodStartMicros {
      let key = GrantKey(user: user, plan: ExactText(planId), periodStartMicros: start)
      store.grants[key] = transaction.sequence
    }
    return Receipt(
      transaction: transaction, balance: transaction.balanceAfter, hold: change.hold)
  }

  /// What an engine looks up before it asks the rules.
  private struct Facts {
    var userId = ""
    var holdId: Int64?
    var actingUserId: String?
    var paymentId: String?
    var amountMicros: Int64 = 0
    var grant: Command.GrantPlan?
    var idempotency = Idempotency(key: "", digest: Digest(bytes: []))

    init(_ command: Command) {
      switch command {
      case .consume(let consume): (userId, idempotency) = (consume.userId, consume.idempotency)
      case .addPurchase(let purchase):
        (userId, idempotency) = (purchase.userId, purchase.idempotency)
        (paymentId, amountMicros) = (purchase.paymentId, purchase.amountMicros)
      case .grantPlan(let plan): (userId, idempotency, grant) = (plan.userId, plan.idempotency, plan)
      case .grantPromo(let promo): (userId, idempotency) = (promo.userId, promo.idempotency)
      case .adjust(let adjust): (userId, idempotency) = (adjust.userId, adjust.idempotency)
      case .reserve(let reserve): (userId, idempotency) = (reserve.userId, reserve.idempotency)
      case .extend(let extend):
        (holdId, actingUserId, idempotency) = (extend.holdId, extend.actingUserId, extend.idempotency)
      case .capture(let capture):
        (holdId, actingUserId, idempotency) = (capture.holdId, capture.actingUserId, capture.idempotency)
      case .release(let release):
        (holdId, actingUserId, idempotency) = (release.holdId, release.actingUserId, release.idempotency)
      case .putPlan, .usage, .page, .admin: break
      }
    }
  }

  // MARK: Reading

  private func read<Value: Sendable>(
    _ body: (borrowing Store) throws(Refusal) -> Value
  ) throws(Refusal) -> Snapshot<Value> {
    try store.withLock { (store) throws(Refusal) in
      Snapshot(try body(store), commitSequence: store.commitSequence)
    }
  }

  func balance(userId: String) throws(Refusal) -> Snapshot<Balance> { try read { $0.balance(userId) } }

  func balances(userIds: [String]) throws(Refusal) -> Snapshot<[Balance]> {
    try read { store in userIds.map { store.balance($0) } }
  }

  func transaction(sequence: Int64, actingUserId: String?) throws(Refusal) -> Snapshot<Entry> {
    try read { (store) throws(Refusal) in
      guard sequence > 0, sequence <= Int64(store.ledger.count) else { throw Self.noTransaction }
      let entry = store.ledger[Int(sequence) - 1]
      guard actingUserId.map({ ExactText($0) == ExactText(entry.userId) }) ?? true else {
        throw Self.noTransaction
      }
      return entry
    }
  }

  private static let noTransaction = Refusal(.transactionNotFound, "no such transaction")

  func transactions(_ filter: TransactionFilter) throws(Refusal) -> Snapshot<Page<Entry>> {
    try read { store in
      let rows = store.ledger.reversed().filter { entry in
        ExactText(entry.userId) == ExactText(filter.userId)
          && entry.sequence < filter.beforeSequence ?? Int64.max
          && (filter.types.isEmpty || filter.types.contains(entry.type))
          && entry.atMicros >= filter.fromMicros ?? Int64.min
          && entry.atMicros < filter.toMicros ?? Int64.max
          && filter.metadata.allSatisfy { entry.text.metadata.contains($0) }
      }
      return Self.page(rows, limit: filter.limit, id: \.sequence)
    }
  }

  func holds(_ filter: HoldFilter) throws(Refusal) -> Snapshot<Page<Hold>> {
    try read { store in
      let account = store.account(filter.userId)
      let holds = store.holds.values.filter { ExactText($0.userId) == ExactText(filter.userId) }
        .map { Rules.hold($0, of: account, at: store.effectiveMicros) }
        .filter { filter.states.isEmpty || filter.states.contains($0.state) }
        .filter { $0.id < filter.beforeId ?? Int64.max }
        .sorted { $0.id > $1.id }
      return Self.page(holds, limit: filter.limit, id: \.id)
    }
  }

  private static func page<Row: Sendable>(_ rows: [Row], limit: Int, id: (Row) -> Int64) -> Page<Row> {
    let first = Array(rows.prefix(limit))
    return Page(rows: first, nextBefore: rows.count > limit ? first.last.map(id) : nil)
  }

  func plans(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<[Plan]> {
    try read { store in
      let plans = store.plans.values.filter { plan in
        afterId.map { ExactText(plan.id) > ExactText($0) } ?? true
      }
      return Array(plans.sorted { ExactText($0.id) < ExactText($1.id) }.prefix(limit))
    }
  }
}

/// The reference engine; a restart loses nothing but the last time told, since it only ever was in memory.
final class ReferenceRig: EngineRig {
  let reference = ReferenceEngine()
  var engine: any Engine { reference }
  func setTime(micros: Int64) { reference.setTime(micros: micros) }
  func restart() { reference.restart() }
}
