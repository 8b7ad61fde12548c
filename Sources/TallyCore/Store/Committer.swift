// Commits: a batch in one transaction, and what the writer does in between.
//
// Invariants:
// 1. An item that fails in SQL is undone alone: the batch is rolled back and done again with a savepoint an
//    item. Nothing of the first attempt was told to anyone.
// 2. A COMMIT that fails is `outcomeUnknown` for the whole batch, unless it says that the disk is full.
//    Nothing is decided after it: the process starts again.
// 3. A full disk makes the engine read-only. A tick tries again, and it comes back by itself.
//
// Owner: the writer's queue.

internal import TallyMeasuring
internal import TallySQLite

final class Committer {
  /// Users whose expired credit one transaction of the sweep writes off, at most; `Ledger.settledRows` bounds
  /// it too.
  static let sweepUsers = 64

  let connection: Connection
  private let ledger: Ledger
  private let checkpointer: Checkpointer
  private let published: Published
  private let metrics: StoreMetrics
  private let time: EffectiveTime
  private let faults: EngineFaults
  private let onFatal: @Sendable (StoreError) -> Void
  private var isDead = false

  init(
    connection: Connection, ledger: Ledger, checkpointer: Checkpointer, published: Published,
    metrics: StoreMetrics, time: EffectiveTime, configuration: EngineConfiguration
  ) {
    self.connection = connection
    self.ledger = ledger
    self.checkpointer = checkpointer
    self.published = published
    self.metrics = metrics
    self.time = time
    faults = configuration.faults
    onFatal = configuration.onFatal
  }

  // MARK: one commit

  /// Decides a batch durably.
  /// - Parameter early: the canary's way to answer before the commit.
  /// - Returns: for each work, one outcome a command; nil when it was put off and is to come again, since
  ///   more has expired of its user than one commit writes off.
  func decide(_ batch: [Work], early: ([[Outcome]?]) -> Void) -> [[Outcome]?] {
    if isDead { return refuse(batch, Writer.drainingRefusal) }
    if checkpointer.isOverLimit { return refuse(batch, Writer.readOnlyRefusal) }
    let beganNanoseconds = MonotonicClock.nanoseconds
    let outcomes: [[Outcome]?]
    do {
      outcomes = try attempt(batch, isCareful: false)
    } catch {
      // Some item cannot be written. Find out which, with a savepoint for each.
      do {
        try ledger.rollback()
        outcomes = try attempt(batch, isCareful: true)
      } catch {
        return giveUp(batch, error)
      }
    }
    if faults.answersBeforeCommit { early(outcomes) }
    let decidedNanoseconds = MonotonicClock.nanoseconds
    do {
      try ledger.commit(.calls)
    } catch {
      return error.kind == .full ? giveUp(batch, error) : die(batch, error)
    }
    let endedNanoseconds = MonotonicClock.nanoseconds
    metrics.batchItems.add(UInt64(batch.count))
    metrics.batchNanoseconds.add(endedNanoseconds &- beganNanoseconds)
    metrics.commitNanoseconds.add(endedNanoseconds &- decidedNanoseconds)
    metrics.logFrames.set(Int64(connection.logFrames))
    return outcomes
  }

  /// Everything up to COMMIT.
  private func attempt(_ batch: [Work], isCareful: Bool) throws(SQLiteError) -> [[Outcome]?] {
    try ledger.begin()
    let ready = try ledger.readiness(of: batch)
    var all: [[Outcome]?] = []
    all.reserveCapacity(batch.count)
    for (work, isReady) in zip(batch, ready) {
      guard isReady else {
        all.append(nil)
        continue
      }
      var outcomes: [Outcome] = []
      outcomes.reserveCapacity(work.submission.commands.count)
      for command in work.submission.commands {
        if isCareful || work.submission.objection != nil {
          outcomes.append(try decideAlone(command, work.submission.objection))
        } else {
          outcomes.append(try ledger.decide(command))
        }
      }
      all.append(outcomes)
    }
    try ledger.save()
    return all
  }

  /// Decides a command in a savepoint of its own.
  private func decideAlone(
    _ command: Command, _ objection: (@Sendable (Outcome) -> Refusal?)?
  ) throws(SQLiteError) -> Outcome {
    try ledger.transaction.save()
    let before = ledger.working
    let outcome: Outcome
    do {
      outcome = try ledger.decide(command)
    } catch {
      // SQLite may have ended the whole transaction; then everything in it is undone.
      if ledger.isRolledBack { throw error }
      try ledger.transaction.rollbackToSave()
      ledger.restore(before)
      if error.kind == .full { becomeReadOnly() }
      var refusal = error.refusal
      refusal.commit = ledger.placeOfRefusal()
      return .refused(refusal)
    }
    if var refusal = objection?(outcome) {
      try ledger.transaction.rollbackToSave()
      ledger.restore(before)
      refusal.commit = ledger.placeOfRefusal()
      return .refused(refusal)
    }
    try ledger.transaction.release()
    return outcome
  }

  /// Nothing of the batch was applied.
  private func giveUp(_ batch: [Work], _ error: SQLiteError) -> [[Outcome]?] {
    undo(error)
    return refuse(batch, isDead ? Self.unknownRefusal : error.refusal)
  }

  /// Nobody knows what of the batch was applied.
  private func die(_ batch: [Work], _ error: SQLiteError) -> [[Outcome]?] {
    isDead = true
    published.mode = .draining
    onFatal(StoreError(.outcomeUnknown, error.message, sql: error.sql))
    return refuse(batch, Self.unknownRefusal)
  }

  private func refuse(_ batch: [Work], _ refusal: Refusal) -> [[Outcome]?] {
    batch.map { $0.refused(refusal) }
  }

  private static let unknownRefusal = Refusal(
    .outcomeUnknown, "the commit failed; it may have been applied")

  private func becomeReadOnly() {
    if published.mode == .serving { published.mode = .readOnly }
  }

  /// Rolls back after an error before COMMIT, or one that says that the disk is full.
  private func undo(_ error: SQLiteError) {
    do {
      try ledger.rollback()
      if error.kind == .full { becomeReadOnly() }
    } catch {
      _ = die([], error)
    }
  }

  // MARK: upkeep

  var isCheckpointDue: Bool { checkpointer.isDue }

  func checkpoint(isIdle: Bool) { checkpointer.checkpoint(isIdle: isIdle) }

  /// After a commit of unknown outcome the log is left to the next start.
  func truncate() throws(SQLiteError) {
    if !isDead { try checkpointer.truncate() }
  }

  /// Tries a full disk again, writes off what has expired of some users, removes some of what was purged,
  /// checkpoints an idle log.
  /// - Parameter writesOff: whether what has expired is written off; else it is with its user's next write.
  /// - Returns: whether there is more to do.
  func tick(isIdle: Bool, writesOff: Bool = true) -> Bool {
    guard !isDead else { return false }
    retryFullDisk()
    guard published.mode == .serving else { return false }
    defer { checkpointer.checkpoint(isIdle: isIdle) }
    do {
      let hasMoreUsers = writesOff ? try sweep() : false
      let hasMorePages = try purge()
      return hasMoreUsers || hasMorePages
    } catch {
      undo(error)
      return false
    }
  }

  /// Does nothing when the disk is not full.
  func retryFullDisk() {
    guard !isDead, published.mode == .readOnly else { return }
    checkpointer.checkpoint(isIdle: true)
    do {
      try ledger.commitNothing()
      published.mode = .serving
    } catch {
      undo(error)
    }
  }

  /// A slice of what has expired.
  /// - Returns: whether there may be more.
  private func sweep() throws(SQLiteError) -> Bool {
    let users = try ledger.accountSaver.due(nowMicros: time.nowMicros, limit: Self.sweepUsers)
    guard !users.isEmpty else { return false }
    try ledger.begin()
    for userId in users where ledger.working.settlingRows > 0 { try ledger.sweep(userId: userId) }
    let isFull = ledger.working.settlingRows == 0
    try ledger.save()
    return try commitUpkeep() && (isFull || users.count == Self.sweepUsers)
  }

  /// Removes a slice of a page that was purged.
  /// - Returns: whether there was one.
  private func purge() throws(SQLiteError) -> Bool {
    guard !isDead, try ledger.pageSavers.pages.hasEntombed() else { return false }
    try ledger.begin()
    try ledger.removePurgedSlice()
    try ledger.save()
    return try commitUpkeep()
  }

  /// - Returns: false when nobody knows whether it was applied; nothing is decided after that.
  /// - Throws: when the disk is full.
  private func commitUpkeep() throws(SQLiteError) -> Bool {
    do {
      try ledger.commit(.upkeep)
    } catch {
      if error.kind == .full { throw error }
      _ = die([], error)
      return false
    }
    return true
  }

  /// Writes off everything that has expired and removes all that was purged, now.
  func sweepAll() throws(SQLiteError) {
    guard !isDead else { return }
    do {
      while try sweep() {}
      while try purge() {}
    } catch {
      undo(error)
      throw error
    }
  }

  /// - Returns: the commit that did it.
  func reset(setClock: () -> Void) throws(SQLiteError) -> Int64 {
    try replaceDatabase(setClock) { () throws(SQLiteError) in try ledger.empty() }
  }

  /// - Returns: nil when it would have more bytes than the limit.
  func snapshot(limitByteCount: Int) throws(SQLiteError) -> DatabaseSnapshot? {
    try DatabaseSnapshot.make(
      of: connection, commitSequence: ledger.head.commitSequence, limitByteCount: limitByteCount)
  }

  /// - Returns: the commit that did it.
  func restore(_ snapshot: DatabaseSnapshot, setClock: () -> Void) throws(SQLiteError) -> Int64 {
    try replaceDatabase(setClock) { () throws(SQLiteError) in try ledger.replace(by: snapshot) }
  }

  /// - Parameter replace: one transaction; nothing has changed when it throws.
  private func replaceDatabase(
    _ setClock: () -> Void, by replace: () throws(SQLiteError) -> Void
  ) throws(SQLiteError) -> Int64 {
    if isDead { throw .failedSync("replace") }
    // Before and after: whoever began to read between, or read on over either, has read two databases.
    published.countReplacement()
    defer { published.countReplacement() }
    try replace()
    do { try ledger.adopt(setClock: setClock) } catch {
      // What is in memory is not what is in the file.
      _ = die([], error)
      throw error
    }
    // The disk has taken it.
    if published.mode == .readOnly { published.mode = .serving }
    checkpointer.checkpoint(isIdle: false)
    metrics.logFrames.set(Int64(connection.logFrames))
    return ledger.head.commitSequence
  }
}
