// What has expired, written off in slices: a commit takes so many rows of it and no more.
//
// Invariants:
// 1. A command is decided on an account of which everything that has expired is written off with it. Whoever
//    has more than a commit takes waits: a slice goes with each commit, other users' commands too, and the
//    command is decided when the rest fits.
// 2. Who is first in a batch has the whole of the commit's rows, so that everybody's turn comes.
// 3. While nothing is due, none of this costs a statement.
//
// Owner: the writer's queue.

internal import TallySQLite

extension Ledger {
  /// Whether each of a batch may be decided in this transaction. For the others a slice was written off.
  func readiness(of batch: [Work]) throws(SQLiteError) -> [Bool] {
    guard try hasDue() else { return batch.map { _ in true } }
    var seen: Set<ExactText> = []
    var ready: [Bool] = []
    ready.reserveCapacity(batch.count)
    for work in batch { ready.append(try isReady(work, &seen)) }
    return ready
  }

  private func isReady(_ work: Work, _ seen: inout Set<ExactText>) throws(SQLiteError) -> Bool {
    for command in work.submission.commands {
      guard let userId = try userSettled(by: command), !seen.contains(ExactText(userId)) else { continue }
      guard try hasRoom(toSettle: userId) else { return false }
      seen.insert(ExactText(userId))
    }
    return true
  }

  /// Sets rows aside for what a command will write off of its user, or else writes off a slice of it.
  /// - Returns: false when that was not all.
  private func hasRoom(toSettle userId: String) throws(SQLiteError) -> Bool {
    let account = try account(userId: userId)
    guard let dueMicros = account.nextDueMicros, dueMicros <= working.nowMicros else { return true }
    guard working.settlingRows > 0 else { return false }
    let backlog = try backlog(of: account)
    if backlog.slice.hasAllHolds && backlog.rowCount <= working.settlingRows {
      working.settlingRows -= backlog.rowCount
      return true
    }
    try writeOff(backlog, of: account)
    return false
  }

  /// Writes off what has expired of one user, or a slice of it, if anything.
  func sweep(userId: String) throws(SQLiteError) {
    let account = try account(userId: userId)
    try writeOff(try backlog(of: account), of: account)
  }

  private struct Backlog {
    /// The earliest.
    var holds: [Hold]
    var slice: SettlingSlice
    /// That writing it off takes, at most.
    var rowCount: Int
  }

  /// As much of what has expired of an account as this transaction still takes, and one more.
  private func backlog(of account: Account) throws(SQLiteError) -> Backlog {
    var backlog = Backlog(
      holds: [], slice: SettlingSlice(rowCount: working.settlingRows, hasAllHolds: true), rowCount: 0)
    for lot in account.lots where lot.unpinnedMicros > 0 && lot.isExpired(atMicros: working.nowMicros) {
      backlog.rowCount += 1
    }
    guard account.hasExpiredHolds(atMicros: working.nowMicros) else { return backlog }
    let limit = working.settlingRows + 1
    backlog.holds = try holdReader.expired(account: account.id, nowMicros: working.nowMicros, limit: limit)
    backlog.slice.hasAllHolds = backlog.holds.count < limit
    for hold in backlog.holds { backlog.rowCount += 1 + hold.pins.count }
    return backlog
  }

  private func writeOff(_ backlog: Backlog, of account: Account) throws(SQLiteError) {
    let context = DecisionContext(
      nowMicros: working.nowMicros, nextSequence: working.head.ledgerSequence + 1, account: account,
      expiredHolds: backlog.holds)
    let change: Change?
    do {
      change = try Rules.sweep(context, within: backlog.slice)
    } catch {
      throw .malformed("holds of account \(account.id): \(error.message)")
    }
    guard var change else { return }
    working.settlingRows = max(0, working.settlingRows - change.entries.count)
    guard try write(&change, for: nil) else { throw .malformed("system accounts: sum out of range") }
  }

  /// The user of whom a command writes off what has expired; nil when it writes off nothing.
  private func userSettled(by command: Command) throws(SQLiteError) -> String? {
    switch command {
    case .consume(let it): it.userId
    case .addPurchase(let it): it.userId
    case .grantPlan(let it): it.userId
    case .grantPromo(let it): it.userId
    case .adjust(let it): it.userId
    case .reserve(let it): it.userId
    case .extend(let it): try holdReader.hold(id: it.holdId)?.userId
    case .capture(let it): try holdReader.hold(id: it.holdId)?.userId
    case .release(let it): try holdReader.hold(id: it.holdId)?.userId
    case .usage(.begin(let it)): it.userId
    case .usage(.finish(let it)): try runReader.run(runId: it.runId)?.run.userId
    case .usage(.record), .putPlan, .page, .admin: nil
    }
  }
}
