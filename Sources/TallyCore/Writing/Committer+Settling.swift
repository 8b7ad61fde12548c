// What has expired, written off in slices: a commit takes so many rows of it and no more.
//
// Invariants:
// 1. A command is decided on an account of which everything that has expired is written off with it. Whoever
//    has more than a commit takes waits: a slice goes with each commit, other users' commands too, and the
//    command is decided when the rest fits.
// 2. Who is first in a batch has the whole of the commit's rows, so that everybody's turn comes.
// 3. While nothing is due, none of this looks anything up.
//
// Owner: the writer's queue.

extension Committer {
  /// Whether each of a batch may be decided in this transaction. For the others a slice was written off.
  func readiness(of batch: [Work], _ records: ReadSet) throws(StorageFailure) -> [Bool] {
    guard try hasDue(nowMicros: records.nowMicros) else { return batch.map { _ in true } }
    var seen: Set<ExactText> = []
    var ready: [Bool] = []
    ready.reserveCapacity(batch.count)
    for work in batch { ready.append(try isReady(work, &seen, records)) }
    return ready
  }

  /// Whether something has expired that was not written off yet, of whomever.
  private func hasDue(nowMicros: Int64) throws(StorageFailure) -> Bool {
    if earliestDueMicros > nowMicros { return false }
    earliestDueMicros = try store.earliestDue() ?? Int64.max
    return earliestDueMicros <= nowMicros
  }

  private func isReady(
    _ work: Work, _ seen: inout Set<ExactText>, _ records: ReadSet
  ) throws(StorageFailure) -> Bool {
    let decider = Decider(records: records)
    for index in work.commands.decidedCount..<work.commands.count {
      guard let userId = work.commands.settledUserId(at: index, decider), !seen.contains(ExactText(userId))
      else { continue }
      guard try hasRoom(toSettle: userId, of: work, records) else { return false }
      seen.insert(ExactText(userId))
    }
    return true
  }

  /// Sets rows aside for what a command will write off of its user, or else writes off a slice of it. For a
  /// work of many commands it is written off now: should the rows not suffice for all of its users, the work
  /// comes again, and then has fewer left.
  /// - Returns: false when that was not all.
  private func hasRoom(
    toSettle userId: String, of work: Work, _ records: ReadSet
  ) throws(StorageFailure) -> Bool {
    let account: Account
    let backlog: Backlog
    do throws(Refusal) {
      account = try records.account(userId: userId)
      guard let dueMicros = account.nextDueMicros, dueMicros <= records.nowMicros else { return true }
      guard settlingRows > 0 else { return false }
      backlog = try self.backlog(of: account, records)
    } catch {
      // Whoever cannot be read is told so by what is decided.
      return true
    }
    let isAll = backlog.slice.hasAllHolds && backlog.rowCount <= settlingRows
    if isAll && work.commands.count == 1 {
      settlingRows -= backlog.rowCount
    } else {
      try writeOff(backlog, of: account, records)
    }
    return isAll
  }

  /// Writes off what has expired of one user, or a slice of it, if anything. What is not loaded is left to
  /// the caller: it is loaded for all users in one go.
  func sweep(userId: String, _ records: ReadSet) throws(StorageFailure) {
    let account: Account
    let backlog: Backlog
    do throws(Refusal) {
      account = try records.account(userId: userId)
      backlog = try self.backlog(of: account, records)
    } catch {
      if records.isMissingRecords { return }
      throw records.gap ?? .malformed("account: \(error.message)")
    }
    try writeOff(backlog, of: account, records)
  }

  private struct Backlog {
    /// The earliest.
    var holds: [Hold]
    var slice: SettlingSlice
    /// That writing it off takes, at most.
    var rowCount: Int
  }

  /// As much of what has expired of an account as this transaction still takes, and one more.
  private func backlog(of account: Account, _ records: ReadSet) throws(Refusal) -> Backlog {
    var backlog = Backlog(
      holds: [], slice: SettlingSlice(rowCount: settlingRows, hasAllHolds: true), rowCount: 0)
    for lot in account.lots where lot.unpinnedMicros > 0 && lot.isExpired(atMicros: records.nowMicros) {
      backlog.rowCount += 1
    }
    let limit = settlingRows + 1
    backlog.holds = try records.expiredHolds(of: account, limit: limit)
    backlog.slice.hasAllHolds = backlog.holds.count < limit
    for hold in backlog.holds { backlog.rowCount += 1 + hold.pins.count }
    return backlog
  }

  private func writeOff(
    _ backlog: Backlog, of account: Account, _ records: ReadSet
  ) throws(StorageFailure) {
    let context = DecisionContext(
      nowMicros: records.nowMicros, nextSequence: records.nextSequence, account: account,
      expiredHolds: backlog.holds)
    do throws(Refusal) {
      guard let change = try Rules.sweep(context, within: backlog.slice) else { return }
      settlingRows = max(0, settlingRows - change.entries.count)
      records.writes.add(try Decider(records: records).effects(of: change, on: account))
    } catch {
      if records.isMissingRecords { return }
      throw records.gap ?? .malformed("holds of account \(account.id): \(error.message)")
    }
  }
}
