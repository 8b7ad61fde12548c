// Commits: a batch in one transaction, and what the writer does in between.
//
// Invariants:
// 1. An item that fails in SQL is undone alone: the batch is rolled back and done again with a savepoint an
//    item. Nothing of the first attempt was told to anyone.
// 2. A COMMIT that fails is `outcomeUnknown` for the whole batch, unless it says that the disk is full.
//    Nothing is decided or copied after it, nor after any other failed sync: the process starts again. It
//    does so too when SQLite could not give back a lock, the writer's or a reader's.
// 3. A full disk, and a log at its limit, make the engine read-only. A tick tries again, and it comes back by
//    itself.
// 4. Nothing is written once the files at the database's paths are not those that are open.
//
// Owner: the writer's queue.

internal import TallyMeasuring
internal import TallySQLite

final class Committer {
  /// Users whose expired credit one transaction of the sweep writes off, at most;
  /// `EngineConfiguration.settledRows` bounds it too.
  static let sweepUsers = 64

  let connection: Connection
  private let ledger: Ledger
  private let checkpointer: Checkpointer
  private let published: Published
  private let metrics: StoreMetrics
  private let time: EffectiveTime
  private let faults: EngineFaults
  private let onFatal: @Sendable (StoreError) -> Void
  private let onEvent: @Sendable (StoreEvent) -> Void
  private var isDead = false
  /// Why no write is taken for now.
  private var readOnlyCause: StoreEvent.ReadOnlyCause?

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
    onEvent = configuration.onEvent
  }

  // MARK: one commit

  /// Decides a batch durably.
  /// - Parameter early: the canary's way to answer before the commit.
  /// - Returns: for each work, one outcome a command; nil when it was put off and is to come again, since
  ///   more has expired of its user than one commit writes off.
  func decide(_ batch: [Work], early: ([[Outcome]?]) -> Void) -> [[Outcome]?] {
    if published.isLost { return refuse(batch, Writer.lostRefusal) }
    if isDead { return refuse(batch, Writer.drainingRefusal) }
    if checkpointer.isOverLimit {
      becomeReadOnly(.logLimit)
      return refuse(batch, Writer.readOnlyRefusal)
    }
    let beganNanoseconds = MonotonicClock.nanoseconds
    let outcomes: [[Outcome]?]
    do {
      outcomes = try attempt(batch, isCareful: false)
    } catch {
      if error.isOfStore { return giveUp(batch, error) }
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
    stopIfLockedOut()
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
      if error.kind == .full { becomeReadOnly(.diskFull) }
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

  /// Nothing of the batch was applied, unless it could not be undone.
  private func giveUp(_ batch: [Work], _ error: SQLiteError) -> [[Outcome]?] {
    refuse(batch, undo(error) ? error.refusal : Self.unknownRefusal)
  }

  /// Nobody knows what of the batch was applied.
  private func die(_ batch: [Work], _ error: SQLiteError) -> [[Outcome]?] {
    stop(.outcomeUnknown, error)
    return refuse(batch, Self.unknownRefusal)
  }

  /// Nothing is decided any more; the process is to end and to be started again.
  private func stop(_ code: StoreError.Code, _ error: SQLiteError) {
    isDead = true
    published.mode = .draining
    onFatal(StoreError(code, error.message, sql: error.sql))
  }

  private func stopIfLockedOut() {
    if checkpointer.hasFailedUnlock { stop(.lockedOut, .lockedOut("unlock")) }
  }

  private func refuse(_ batch: [Work], _ refusal: Refusal) -> [[Outcome]?] {
    batch.map { $0.refused(refusal) }
  }

  private static let unknownRefusal = Refusal(
    .outcomeUnknown, "the commit failed; it may have been applied")

  private func becomeReadOnly(_ cause: StoreEvent.ReadOnlyCause) {
    guard published.mode == .serving else { return }
    published.mode = .readOnly
    readOnlyCause = cause
    onEvent(.readOnly(cause))
  }

  private func becomeWritable() {
    guard published.mode == .readOnly else { return }
    published.mode = .serving
    onEvent(.writable(readOnlyCause ?? .diskFull))
    readOnlyCause = nil
  }

  /// Rolls back after an error before COMMIT, or one that says that the disk is full.
  /// - Returns: whether nothing was applied; else nobody knows.
  @discardableResult
  private func undo(_ error: SQLiteError) -> Bool {
    do {
      try ledger.rollback()
    } catch {
      _ = die([], error)
      return false
    }
    if error.isFailedSync {
      _ = die([], error)
      return false
    }
    if error.kind == .full { becomeReadOnly(.diskFull) }
    if error.kind == .lockedOut || checkpointer.hasFailedUnlock { stop(.lockedOut, error) }
    return true
  }

  // MARK: upkeep

  var isCheckpointDue: Bool { checkpointer.isDue }

  /// Does nothing once the files are lost: what is at their paths now belongs to somebody else.
  func checkpoint(isIdle: Bool) {
    guard !isDead, !published.isLost else { return }
    checkpointer.checkpoint(isIdle: isIdle)
    if let error = checkpointer.failedSync { _ = die([], error) }
  }

  /// `checkpoint` is to be called again, soon.
  var isCheckpointPausing: Bool { checkpointer.isPausing }

  /// The last checkpoint, after which SQLite may tidy up. After a failure the log is left to the next start.
  func truncate() throws(SQLiteError) {
    guard !isDead else { return }
    do {
      try checkpointer.truncate()
    } catch {
      if error.isFailedSync { _ = die([], error) }
      throw error
    }
    try connection.setCheckpointsOnClose(true)
  }

  /// Tries a full disk again, writes off what has expired of some users, removes some of what was purged,
  /// checkpoints an idle log.
  /// - Parameter writesOff: whether what has expired is written off; else it is with its user's next write.
  /// - Returns: whether there is more to do.
  func tick(isIdle: Bool, writesOff: Bool = true) -> Bool {
    guard !isDead, !published.isLost else { return false }
    stopIfLockedOut()
    retryFullDisk()
    guard published.mode == .serving else { return false }
    defer { checkpoint(isIdle: isIdle) }
    do {
      let hasMoreUsers = writesOff ? try sweep() : false
      let hasMorePages = try purge()
      return hasMoreUsers || hasMorePages
    } catch {
      undo(error)
      return false
    }
  }

  /// Does nothing when the disk is not full and the log not at its limit.
  func retryFullDisk() {
    guard !isDead, published.mode == .readOnly, !published.isLost else { return }
    checkpoint(isIdle: true)
    guard !isDead, !checkpointer.isOverLimit else { return }
    do {
      try ledger.beginNothing()
      if try commitUpkeep(.recovery) { becomeWritable() }
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
  private func commitUpkeep(_ cause: CommitCause = .upkeep) throws(SQLiteError) -> Bool {
    do {
      try ledger.commit(cause)
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
    if isDead || published.isLost { throw .failedSync("replace") }
    // Before and after: whoever began to read between, or read on over either, has read two databases.
    published.countReplacement()
    defer { published.countReplacement() }
    do { try replace() } catch {
      if error.isFailedSync { _ = die([], error) }
      throw error
    }
    do { try ledger.adopt(setClock: setClock) } catch {
      // What is in memory is not what is in the file.
      _ = die([], error)
      throw error
    }
    // The disk has taken it.
    becomeWritable()
    checkpoint(isIdle: false)
    metrics.logFrames.set(Int64(connection.logFrames))
    return ledger.head.commitSequence
  }
}
