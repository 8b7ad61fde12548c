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

  /// Sets rows aside for what a work's commands will write off of their users. When there are too few, writes
  /// off what they suffice for, so that the work has less before it when it comes again.
  private func isReady(
    _ work: Work, _ seen: inout Set<ExactText>, _ records: ReadSet
  ) throws(StorageFailure) -> Bool {
    let decider = Decider(records: records)
    var due: [(account: Account, backlog: Backlog)] = []
    var room = settlingRows
    let commands = work.commands
    let userIds = (commands.decidedCount..<commands.count).lazy
      .flatMap { commands.settledUserIds(at: $0, decider) }
    for userId in userIds where !seen.contains(ExactText(userId)) {
      if let (account, backlog) = dueBacklog(of: userId, room: room, records) {
        due.append((account, backlog))
        guard backlog.slice.hasAllHolds && backlog.rowCount <= room else {
          for (account, backlog) in due where backlog.slice.rowCount > 0 {
            try writeOff(backlog, of: account, records)
          }
          return false
        }
        room -= backlog.rowCount
      }
      seen.insert(ExactText(userId))
    }
    settlingRows = room
    return true
  }

  /// What has expired of a user; nil when nothing has, and when it cannot be read: whoever needs it is told
  /// so by what is decided.
  private func dueBacklog(
    of userId: String, room: Int, _ records: ReadSet
  ) -> (Account, Backlog)? {
    do throws(Refusal) {
      let account = try records.account(userId: userId)
      guard let dueMicros = account.nextDueMicros, dueMicros <= records.nowMicros else { return nil }
      return (account, try backlog(of: account, room: room, records))
    } catch {
      return nil
    }
  }

  /// Writes off what has expired of one user, or a slice of it, if anything. What is not loaded is left to
  /// the caller: it is loaded for all users in one go.
  func sweep(userId: String, _ records: ReadSet) throws(StorageFailure) {
    let account: Account
    let backlog: Backlog
    do throws(Refusal) {
      account = try records.account(userId: userId)
      backlog = try self.backlog(of: account, room: settlingRows, records)
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

  /// As much of what has expired of an account as so many rows take, and one more.
  private func backlog(
    of account: Account, room: Int, _ records: ReadSet
  ) throws(Refusal) -> Backlog {
    let limit = room + 1
    let holds = try records.expiredHolds(of: account, limit: limit)
    return Backlog(
      holds: holds, slice: SettlingSlice(rowCount: room, hasAllHolds: holds.count < limit),
      rowCount: account.mostSettlingRows(holds, atMicros: records.nowMicros))
  }

  private func writeOff(
    _ backlog: Backlog, of account: Account, _ records: ReadSet
  ) throws(StorageFailure) {
    let decider = Decider(records: records)
    do throws(Refusal) {
      let context = try decider.context(of: account, settling: backlog.holds)
      guard let change = try Rules.sweep(context, within: backlog.slice) else { return }
      settlingRows = max(0, settlingRows - change.entries.count)
      records.writes.add(try decider.effects(of: change, on: account))
    } catch {
      if records.isMissingRecords { return }
      throw records.gap ?? .malformed("holds of account \(account.id): \(error.message)")
    }
  }
}
