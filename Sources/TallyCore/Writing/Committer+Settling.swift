// What has expired, written off in slices: a commit takes so many rows of it and no more.
//
// Invariants:
// 1. A command is decided on an account of which everything that has expired is written off with it. Whoever
//    has more than a commit takes waits: a slice goes with each commit, other users' commands too, and the
//    command is decided when the rest fits.
// 2. Who is first in a batch has the whole of the commit's rows, so that everybody's turn comes.
// 3. While nothing is due, none of this looks anything up.
// 4. A user whose records are damaged stops nobody: what is due of that user is left until an hour has
//    passed, and whoever runs the server is told of it once.
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
          // Of whom nothing can be written off is refused by what is decided.
          return try !writeOff(due, records)
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

  /// Writes off slices of what has expired of users whose commands wait.
  /// - Returns: whether there was anything that could be, or is yet to be loaded.
  private func writeOff(
    _ due: [(account: Account, backlog: Backlog)], _ records: ReadSet
  ) throws(StorageFailure) -> Bool {
    var isDone = due.allSatisfy { $0.backlog.slice.rowCount == 0 }
    for (account, backlog) in due where backlog.slice.rowCount > 0 {
      do throws(Refusal) {
        if try writeOff(backlog, of: account, records) { isDone = true }
      } catch {
        try records.endIfUnreadable()
        if records.isMissingRecords { isDone = true }
      }
    }
    return isDone
  }

  // MARK: the sweep

  /// A slice of what has expired.
  /// - Returns: whether there may be more.
  func sweep() throws(StorageFailure) -> Bool {
    let nowMicros = time.nowMicros
    // What is damaged stays due, the longest of all.
    let due = try store.dueUsers(nowMicros: nowMicros, limit: Self.sweepUsers + damagedUsers.count)
    let users = Array(
      due.filter { damagedUsers[ExactText($0)] ?? Int64.min <= nowMicros }.prefix(Self.sweepUsers))
    guard !users.isEmpty else {
      sweptUsers = 0
      return false
    }
    var hasRoom = true
    do {
      hasRoom = try sweep(users)
    } catch {
      guard error.mayBeOfOneRecord else { throw error }
      // Of one of them: each by itself.
      try store.rollback()
      for userId in users where !isDead {
        do { hasRoom = try sweep([userId]) } catch {
          guard error.mayBeOfOneRecord else { throw error }
          try store.rollback()
          setAside([(userId, error.message)])
        }
      }
    }
    return !isDead && (!hasRoom || users.count == Self.sweepUsers)
  }

  /// In one commit.
  /// - Returns: whether more rows would have fitted in.
  private func sweep(_ users: [String]) throws(StorageFailure) -> Bool {
    try store.begin()
    var count = 0
    var damaged: [(userId: String, message: String)] = []
    let writes = try loading(looksForKeys: false) { (records) throws(StorageFailure) in
      count = 0
      damaged = []
      for userId in users where settlingRows > 0 {
        if let message = try sweep(userId: userId, records) { damaged.append((userId, message)) }
        count += 1
      }
      if let gap = records.gap { throw gap }
      try write(records)
      return records.writes
    }
    guard try commitUpkeep(writes) else { return true }
    sweptUsers += count
    let unsettled = Set(damaged.map { ExactText($0.userId) })
    for userId in users.prefix(count).map({ ExactText($0) }) where !unsettled.contains(userId) {
      damagedUsers[userId] = nil
    }
    setAside(damaged)
    return settlingRows > 0
  }

  /// Writes off what has expired of one user, or a slice of it. What is not loaded is left to the caller: it
  /// is loaded for all users in one go.
  /// - Returns: what is wrong with the user's records, when something is.
  private func sweep(userId: String, _ records: ReadSet) throws(StorageFailure) -> String? {
    do throws(Refusal) {
      let account = try records.account(userId: userId)
      let backlog = try self.backlog(of: account, room: settlingRows, records)
      return try writeOff(backlog, of: account, records) ? nil : "nothing is due, though it is noted so"
    } catch {
      try records.endIfUnreadable()
      return records.isMissingRecords ? nil : error.message
    }
  }

  /// Leaves users alone for a while.
  private func setAside(_ damaged: [(userId: String, message: String)]) {
    let untilMicros = time.nowMicros.addingSaturating(DueGrant.retryMicros)
    let new = damaged.filter { damagedUsers[ExactText($0.userId)] == nil }
    for (userId, _) in damaged { damagedUsers[ExactText(userId)] = untilMicros }
    guard let first = new.first else { return }
    onEvent(.notSettled(first.message, userCount: new.count, userId: first.userId))
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

  /// - Returns: whether there was anything.
  /// - Throws: a refusal when a record is not loaded, or damaged; nothing of it is written then.
  private func writeOff(
    _ backlog: Backlog, of account: Account, _ records: ReadSet
  ) throws(Refusal) -> Bool {
    let decider = Decider(records: records)
    let context = try decider.context(of: account, settling: backlog.holds)
    guard let change = try Rules.sweep(context, within: backlog.slice) else { return false }
    let effects = try decider.effects(of: change, on: account)
    settlingRows = max(0, settlingRows - change.entries.count)
    records.writes.add(effects)
    return true
  }
}
