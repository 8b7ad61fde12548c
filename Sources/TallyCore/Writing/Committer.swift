// Commits: a batch decided in memory, written in one go; and what the writer does in between.
//
// Invariants:
// 1. `books` are what is committed. A batch makes its own of them, which are thrown away unless it commits.
// 2. A write that fails fails its batch: nothing was applied, and nothing was told to anyone. While keys are
//    taken to be new, the batch is decided once more with its keys looked for; else each of its commands is,
//    in a commit of its own, so that one bad record does not refuse everybody's.
// 3. A COMMIT that fails is `outcomeUnknown` for the whole batch, unless it says that the disk is full.
//    Nothing is decided or copied after it, nor after any other failed sync: the process starts again. It
//    does so too when the store could not give back a lock, the writer's or a reader's.
// 4. A full disk, and a log at its limit, make the engine read-only. A tick tries again, and it comes back by
//    itself.
// 5. Nothing is written once the files at the database's paths are not those that are open.
//
// Owner: the writer's queue.

internal import TallyLocking
internal import TallyMeasuring

package final class Committer {
  /// Users whose expired credit one transaction of the sweep writes off, and whom it grants what is due, at
  /// most; `EngineConfiguration.settledRows` bounds it too.
  static let sweepUsers = 256
  /// Users whom the sweep goes through without a pause, when something is due of many at once, and lots.
  static let promptSweepUsers = 10_000
  /// Batches whose keys are looked for before they are decided, after one has met a key in use.
  static let keyedBatchCount = 64

  package let store: any WriterStore
  let state: CommittedState
  let caches: Caches
  private let zones: ZoneStore
  private let metrics: StoreMetrics
  let time: EffectiveTime
  private let faults: EngineFaults
  let settledRows: Int
  private let detachedPages: Int
  private let onFatal: @Sendable (StoreError) -> Void
  let onEvent: @Sendable (StoreEvent) -> Void
  let onRateLimits: @Sendable (RateLimitChange) -> Void
  let ledgerObserver: (any LedgerObserver)?
  let eventObserver: (any EventObserver)?
  let pageObserver: (any PageObserver)?

  package internal(set) var books = Books()
  /// The next place after the last commit, among its own.
  var trailing: Int32 = 0
  /// Nothing that is stored expires before.
  var earliestDueMicros = Int64.min
  /// Rows that what has expired may still take in the open transaction.
  var settlingRows = 0
  /// Users whom the sweep has gone through since nothing was due last.
  var sweptUsers = 0
  /// Lots that cursors have come by since they had none before them last.
  var toldLots = 0
  /// More pages are left that deleted media are to be taken out of.
  private var isDetaching = false
  /// Users of whom something is damaged, and when the sweep looks at them again.
  var damagedUsers: [ExactText: Int64] = [:]
  /// Media that no more can be done for, as what is left of their pages is damaged, and when they are looked
  /// at again.
  var damagedMedia: [ExactText: Int64] = [:]
  /// Keys that wait are left where they are until then.
  var keysRestUntilNanoseconds: UInt64 = 0
  /// Batches that are still to look for their keys first.
  private var keyedBatches = 0
  private(set) var isDead = false
  /// Why no write is taken for now.
  private var readOnlyCause: StoreEvent.ReadOnlyCause?

  package init(
    store: any WriterStore, state: CommittedState, caches: Caches, metrics: StoreMetrics,
    time: EffectiveTime, configuration: EngineConfiguration
  ) throws(StorageFailure) {
    self.store = store
    self.state = state
    self.caches = caches
    self.metrics = metrics
    self.time = time
    zones = configuration.zones
    faults = configuration.faults
    settledRows = configuration.settledRows
    detachedPages = configuration.detachedPages
    onFatal = configuration.onFatal
    onEvent = configuration.onEvent
    onRateLimits = configuration.onRateLimits
    ledgerObserver = configuration.ledgerObserver
    eventObserver = configuration.eventObserver
    pageObserver = configuration.pageObserver
    books = try store.books()
    state.begin(books)
    ledgerObserver?.begin(after: books.head.ledgerSequence)
    eventObserver?.begin(after: books.lastEventId)
    pageObserver?.begin(after: books.lastPageUpdate)
    onRateLimits(.all(try store.rateLimits()))
  }

  // MARK: a batch

  /// Decides a batch durably. A work that has no outcomes afterwards was put off and is to come again, since
  /// more has expired of its user than one commit writes off, or the batch is full.
  /// - Parameter early: the canary's way to answer before the commit.
  func decide(_ batch: [Work], early: () -> Void) {
    if state.isLost { return refuse(batch, Writer.lostRefusal) }
    if isDead { return refuse(batch, Writer.drainingRefusal) }
    if store.isLogFull {
      becomeReadOnly(.logLimit)
      return refuse(batch, Writer.readOnlyRefusal)
    }
    let beganNanoseconds = MonotonicClock.nanoseconds
    let writes: WriteSet
    do {
      writes = try attempt(batch)
    } catch {
      if error.isOfStore || error.kind == .full { return giveUp(batch, error) }
      guard undo(error) else { return refuse(batch, Self.unknownRefusal) }
      if isDead { return refuse(batch, error.refusal) }
      for work in batch { decideAlone(work) }
      return
    }
    if faults.answersBeforeCommit { early() }
    let decidedNanoseconds = MonotonicClock.nanoseconds
    do {
      try commit(writes, .calls)
    } catch {
      return error.kind == .full ? giveUp(batch, error) : die(batch, error)
    }
    stopIfLockedOut()
    let endedNanoseconds = MonotonicClock.nanoseconds
    metrics.batchItems.add(UInt64(batch.count))
    metrics.batchNanoseconds.add(endedNanoseconds &- beganNanoseconds)
    metrics.commitNanoseconds.add(endedNanoseconds &- decidedNanoseconds)
    store.noteLog()
  }

  /// Everything up to COMMIT.
  private func attempt(_ batch: [Work]) throws(StorageFailure) -> WriteSet {
    let looksForKeys = keyedBatches > 0 || !store.refusesUsedKeys
    if keyedBatches > 0 { keyedBatches -= 1 }
    do {
      return try attempt(batch, looksForKeys: looksForKeys)
    } catch {
      guard error.kind == .constraint, !looksForKeys else { throw error }
    }
    // Most likely a key is in use.
    keyedBatches = Self.keyedBatchCount
    try store.rollback()
    return try attempt(batch, looksForKeys: true)
  }

  /// - Parameter isAlone: only the next command of each work is decided.
  private func attempt(
    _ batch: [Work], looksForKeys: Bool, isAlone: Bool = false
  ) throws(StorageFailure) -> WriteSet {
    try store.begin()
    return try loading(looksForKeys: looksForKeys) { (records) throws(StorageFailure) in
      for work in batch { work.commands.restart() }
      let carried = try decide(batch, records, isAlone: isAlone)
      try write(records, carried)
      return records.writes
    }
  }

  /// Does something with the records of the open transaction: again from its beginning, once what was missing
  /// is loaded, for as long as the store has records to load.
  func loading<Value>(
    looksForKeys: Bool, _ body: (ReadSet) throws(StorageFailure) -> Value
  ) throws(StorageFailure) -> Value {
    while true {
      do { return try body(readSet(looksForKeys: looksForKeys)) } catch {
        guard error.kind == .notLoaded else { throw error }
        try store.loadMissing()
      }
    }
  }

  /// - Returns: the commands that change something, when a test wants to know.
  private func decide(
    _ batch: [Work], _ records: ReadSet, isAlone: Bool
  ) throws(StorageFailure) -> [any Mutation] {
    var carried: [any Mutation] = []
    let ready = try readiness(of: batch, records)
    for (work, isReady) in zip(batch, ready) where isReady && !records.writes.isFull {
      let end = isAlone ? work.commands.decidedCount + 1 : work.commands.count
      for index in work.commands.decidedCount..<end {
        let hasEffects = try work.decideNext(records)
        if hasEffects && faults.insideCommand != nil { carried.append(work.commands.command(at: index)) }
      }
    }
    if let gap = records.gap { throw gap }
    return carried
  }

  /// Each of a work's commands in a commit of its own. What was decided before one that fails stands.
  private func decideAlone(_ work: Work) {
    work.commands.restart()
    while !work.commands.isDecided {
      if isDead { return work.commands.refuseRest(Writer.drainingRefusal) }
      decideNextAlone(work)
    }
  }

  /// Decides the next command, or writes off a slice of what has expired of its user.
  private func decideNextAlone(_ work: Work) {
    let writes: WriteSet
    do {
      writes = try attempt([work], looksForKeys: true, isAlone: true)
    } catch {
      return work.commands.refuseNext(undo(error) ? refusedAlone(error.refusal) : Self.unknownRefusal)
    }
    do {
      try commit(writes, .calls)
    } catch {
      guard error.kind == .full, undo(error) else {
        if !isDead { die([], error) }
        return work.commands.refuseNext(Self.unknownRefusal)
      }
      return work.commands.refuseNext(refusedAlone(error.refusal))
    }
    work.commands.keep()
  }

  /// It was tried by itself, and is not the whole call's: so it has a place.
  private func refusedAlone(_ refusal: Refusal) -> Refusal {
    isDead ? refusal : refusal.placed(at: passedPlace())
  }

  /// A place after the last commit, which nobody else gets.
  private func passedPlace() -> CommitPoint {
    defer { trailing += 1 }
    return CommitPoint(sequence: books.head.commitSequence, position: trailing)
  }

  // MARK: the transaction

  func readSet(looksForKeys: Bool) -> ReadSet {
    // A harness may have set the clock back while the last commit was under way.
    let nowMicros = max(time.nowMicros, books.head.lastAtMicros)
    settlingRows = settledRows
    return ReadSet(
      source: store, cache: CommittedRecords(state: state, plans: caches.plans), zones: zones,
      looksForKeys: looksForKeys, detachedPages: detachedPages,
      writes: WriteSet(nowMicros: nowMicros, books: books, trailing: trailing))
  }

  /// Writes what a batch has decided; the last step before `commit`.
  func write(_ records: ReadSet, _ carried: [any Mutation] = []) throws(StorageFailure) {
    records.writes.close()
    guard records.writes.hasWritten else { return }
    try store.write(records.writes)
    guard let hook = faults.insideCommand else { return }
    for command in carried {
      do { try hook(command) } catch { throw error.failure("command") }
    }
  }

  /// COMMIT, and the published state follows.
  /// - Throws: what leaves the outcome open, unless it is `full`.
  package func commit(_ writes: WriteSet, _ cause: CommitCause) throws(StorageFailure) {
    if writes.hasWritten {
      try run(faults.beforeCommit, cause)
      try store.commit()
      try run(faults.afterCommit, cause)
    } else {
      // Nothing is in it that could be lost.
      try store.rollback()
    }
    trailing = writes.hasWritten ? writes.position : writes.trailing
    guard writes.hasWritten || !writes.accounts.isEmpty else { return }
    books = writes.books
    for row in writes.accounts.values where row.isChanged || row.isNew {
      earliestDueMicros = min(earliestDueMicros, row.account.nextDueMicros ?? Int64.max)
    }
    // In this order: whoever has seen the new head must not find an old value in a cache.
    caches.forget(writes.touched, commitSequence: books.head.commitSequence)
    for effect in writes.rateLimits { onRateLimits(.one(effect.limit)) }
    time.follow(books.head.lastAtMicros)
    state.publish(books, writes.accounts.values.lazy.map(\.account))
    if !writes.ledger.isEmpty { ledgerObserver?.append(CommittedRows(rows: writes.ledger)) }
    if !writes.accountEvents.isEmpty { eventObserver?.append(CommittedEvents(rows: writes.accountEvents)) }
    if !writes.pageUpdates.isEmpty { pageObserver?.append(CommittedPageUpdates(rows: writes.pageUpdates)) }
    if writes.freesMemory { store.freeMemory() }
    tell(writes.notices)
  }

  /// Once for all users of a commit of whom the same is to be told.
  private func tell(_ notices: [GrantNotice]) {
    if notices.isEmpty { return }
    for (cause, users) in Dictionary(grouping: notices, by: \.cause) {
      onEvent(.notGranted(cause, userCount: users.count, userId: users[0].userId))
    }
  }

  private func run(_ hook: EngineFaults.CommitHook?, _ cause: CommitCause) throws(StorageFailure) {
    guard let hook else { return }
    do { try hook(cause) } catch { throw error.failure("COMMIT") }
  }

  /// Tries the disk, and moves the order of decisions on: whatever was answered before, by this process or
  /// the one before it, comes first.
  package func commitNothing() throws(StorageFailure) {
    try commit(try beginNothing(), .recovery)
  }

  private func beginNothing() throws(StorageFailure) -> WriteSet {
    try store.begin()
    let records = readSet(looksForKeys: false)
    records.writes.touch()
    try write(records)
    return records.writes
  }

  // MARK: failures

  /// Nothing of the batch was applied, unless it could not be undone.
  private func giveUp(_ batch: [Work], _ error: StorageFailure) {
    refuse(batch, undo(error) ? error.refusal : Self.unknownRefusal)
  }

  /// Nobody knows what of the batch was applied.
  func die(_ batch: [Work], _ error: StorageFailure) {
    stop(.outcomeUnknown, error)
    refuse(batch, Self.unknownRefusal)
  }

  /// Nothing is decided any more; the process is to end and to be started again.
  private func stop(_ code: StoreError.Code, _ error: StorageFailure) {
    isDead = true
    state.mode = .draining
    onFatal(StoreError(code, error.message, operation: error.operation))
  }

  private func stopIfLockedOut() {
    guard store.isLockedOut else { return }
    stop(.lockedOut, StorageFailure(.lockedOut, "a lock was not given back", operation: "unlock"))
  }

  private func refuse(_ batch: [Work], _ refusal: Refusal) {
    for work in batch { work.commands.refuseRest(refusal) }
  }

  private static let unknownRefusal = Refusal(
    .outcomeUnknown, "the commit failed; it may have been applied")

  private func becomeReadOnly(_ cause: StoreEvent.ReadOnlyCause) {
    guard state.mode == .serving else { return }
    state.mode = .readOnly
    readOnlyCause = cause
    onEvent(.readOnly(cause))
  }

  func becomeWritable() {
    guard state.mode == .readOnly else { return }
    state.mode = .serving
    onEvent(.writable(readOnlyCause ?? .diskFull))
    readOnlyCause = nil
  }

  /// Rolls back after an error before COMMIT, or one that says that the disk is full.
  /// - Returns: whether nothing was applied; else nobody knows.
  @discardableResult
  private func undo(_ error: StorageFailure) -> Bool {
    do {
      try store.rollback()
    } catch {
      die([], error)
      return false
    }
    if error.kind == .failedSync {
      die([], error)
      return false
    }
    if error.kind == .full { becomeReadOnly(.diskFull) }
    if error.kind == .lockedOut || store.isLockedOut { stop(.lockedOut, error) }
    return true
  }

  // MARK: upkeep

  var isCheckpointDue: Bool { store.isCheckpointDue }

  /// Does nothing once the files are lost: what is at their paths now belongs to somebody else.
  func checkpoint(isIdle: Bool) {
    guard !isDead, !state.isLost else { return }
    do { try store.checkpoint(isIdle: isIdle) } catch { die([], error) }
  }

  /// `checkpoint` is to be called again, soon.
  var isCheckpointPausing: Bool { store.isCheckpointPausing }

  /// The last checkpoint. After a failure the log is left to the next start.
  func truncate() throws(StorageFailure) {
    guard !isDead else { return }
    try writeLastKeys()
    do {
      try store.truncate()
    } catch {
      if error.kind == .failedSync { die([], error) }
      throw error
    }
  }

  /// Tries a full disk again, writes off what has expired of some users, tells of credit that expires before
  /// long, publishes what is due, takes deleted media out of some pages, removes some autosaves and some of
  /// what was purged, and checkpoints an idle log.
  /// - Parameter writesOff: whether what has expired is written off; else it is with its user's next write.
  /// - Returns: whether there is more to do.
  func tick(isIdle: Bool, writesOff: Bool = true) -> Bool {
    guard !isDead, !state.isLost else { return false }
    stopIfLockedOut()
    retryFullDisk()
    guard state.mode == .serving else { return false }
    defer { checkpoint(isIdle: isIdle) }
    do {
      let hasMoreUsers = writesOff ? try sweep() : false
      let hasMoreExpiring = try tellExpiring()
      let hasMorePublications = try publish()
      isDetaching = try detach()
      let hasMoreAutosaves = try thin()
      let hasMorePages = try purge()
      let hasMoreKeys = isIdle ? try writeKeySlice() : false
      return hasMoreUsers || hasMoreExpiring || hasMorePublications || isDetaching || hasMoreAutosaves
        || hasMorePages || hasMoreKeys
    } catch {
      undo(error)
      return false
    }
  }

  /// Does nothing when the disk is not full and the log not at its limit.
  package func retryFullDisk() {
    guard !isDead, state.mode == .readOnly, !state.isLost else { return }
    checkpoint(isIdle: true)
    guard !isDead, !store.isLogFull else { return }
    do {
      if try commitUpkeep(try beginNothing(), .recovery) { becomeWritable() }
    } catch {
      undo(error)
    }
  }

  /// So much was due at once that upkeep leaves most of the writer's time to others.
  var pausesUpkeep: Bool { max(sweptUsers, toldLots) >= Self.promptSweepUsers || isDetaching }

  /// - Returns: false when nobody knows whether it was applied; nothing is decided after that.
  /// - Throws: when the disk is full.
  func commitUpkeep(
    _ writes: WriteSet, _ cause: CommitCause = .upkeep
  ) throws(StorageFailure) -> Bool {
    do {
      try commit(writes, cause)
    } catch {
      if error.kind == .full { throw error }
      die([], error)
      return false
    }
    return true
  }

  /// Writes off everything that has expired, tells of all credit that expires before long, publishes what is
  /// due, takes deleted media out of all pages, and removes all autosaves that are not kept and all that was
  /// purged, now.
  package func sweepAll() throws(StorageFailure) {
    guard !isDead else { return }
    do {
      while try sweep() {}
      while try tellExpiring() {}
      while try publish() {}
      while try detach() {}
      while try thin() {}
      while try purge() {}
    } catch {
      undo(error)
      throw error
    }
  }
}
