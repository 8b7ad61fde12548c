// The engine: one data directory, one writer, a pool of readers.
//
// Invariants:
// 1. `daemon.lock` is held from before the database is opened until after it is closed.
// 2. Nothing is served before the directory has its names on the disk, the log of the process before was
//    examined, put on the disk (see LogRecovery) and checkpointed (wholly, unless another program reads an
//    old snapshot), the schema is whole and this program's, and the connection said that it syncs every
//    commit.
// 3. SQLite copies the log into the database file when it closes only after a checkpoint that succeeded.
// 4. A read that begins after a completion ran sees its commit: accounts in memory are committed first, and
//    a snapshot is opened anew for each read.
// 5. Once the files are lost nothing is closed: SQLite would remove what is at their paths now.
//
// Owner: its parts have their own; this value only holds them.

public import TallyCore
internal import TallyLocking
public import TallyMeasuring
internal import TallySQLite

public final class SQLiteEngine: ServedEngine, Sendable {
  /// A start refuses when the ledger's last time leads the wall clock by more: an hour.
  static let maximumLeadMicros: Int64 = 3_600_000_000
  /// How long `close` waits for what is queued: ten seconds.
  static let drainNanoseconds: UInt64 = 10_000_000_000
  public var libraryVersion: String { Connection.libraryVersion }

  private let directory: DataDirectory
  private let readers: ReaderPool
  let writer: Writer
  let committed: CommittedState
  /// Answers of reads, kept in memory.
  let caches: Caches
  /// Statistics of the writer's and the readers' statements.
  public let statements: StatementStatistics
  private let metrics: StoreMetrics
  let time: EffectiveTime
  public let zones: ZoneStore
  private let watch: FileWatch
  private let isClosed = Lock(false)
  /// Kept for the rest of the process, so that nothing of them is closed.
  private static let lost = Lock<[SQLiteEngine]>([])

  public var readerCount: Int { readers.count }
  public var databasePath: String { directory.databasePath }

  private init(
    directory: DataDirectory, readers: ReaderPool, writer: Writer, committed: CommittedState, caches: Caches,
    statements: StatementStatistics, metrics: StoreMetrics, time: EffectiveTime, zones: ZoneStore
  ) {
    self.directory = directory
    watch = FileWatch(paths: directory.watchedPaths)
    self.readers = readers
    self.writer = writer
    self.committed = committed
    self.caches = caches
    self.statements = statements
    self.metrics = metrics
    self.time = time
    self.zones = zones
  }

  // MARK: life

  /// Locks the data directory, opens or makes the database, recovers what the process before left, and
  /// starts to serve.
  public static func open(_ configuration: EngineConfiguration) throws(StoreError) -> SQLiteEngine {
    let directory = try DataDirectory(
      path: configuration.directory, allowsAnyFileSystem: configuration.allowsAnyFileSystem)
    let statements = StatementStatistics(
      slowNanoseconds: configuration.slowStatementMillis > 0
        ? UInt64(configuration.slowStatementMillis) * 1_000_000 : nil,
      onSlow: configuration.onSlowStatement)
    let connection = try opening(directory.databasePath) { () throws(SQLiteError) in
      try openWriter(directory.databasePath, statements, configuration)
    }
    try directory.requireLog(
      hasTables: try opening(directory.databasePath) { () throws(SQLiteError) in
        try connection.value("SELECT count(*) FROM sqlite_schema") > 0
      })
    try directory.syncFirstPage()
    try LogRecovery.prepare(connection, databasePath: directory.databasePath, configuration)
    try opening(directory.databasePath) { () throws(SQLiteError) in try emptyLog(connection, configuration) }
    try checkSettings(connection)
    try upgrade(connection, configuration)
    try SchemaCheck.require(connection, path: directory.databasePath)
    let head = try storing { () throws(SQLiteError) in try MetaTable(connection).load() }
    try checkClock(head, configuration)
    let committed = CommittedState(head: head, onModeChange: configuration.onModeChange)
    return try start(directory, connection, committed, statements, configuration)
  }

  private static func openWriter(
    _ path: String, _ statements: StatementStatistics, _ configuration: EngineConfiguration
  ) throws(SQLiteError) -> Connection {
    let connection = try Connection(
      path: path,
      options: ConnectionOptions(
        readOnly: false, buffersLog: configuration.faults.synchronous == nil,
        checkpointsOnClose: false, cacheKibibytes: SQLiteWriterStore.cacheKibibytes, statements: statements))
    _ = try connection.text("PRAGMA journal_mode = WAL")
    try connection.execute("PRAGMA synchronous = \(configuration.faults.synchronous ?? "FULL")")
    // A log that has grown beyond where it starts over gives the rest back when it does.
    let restartBytes = StoreMetrics.logByteCount(frames: configuration.checkpointLimits.restartFrames)
    _ = try connection.value("PRAGMA journal_size_limit = \(restartBytes)")
    // Reads, so that the log is open and recovered.
    _ = try connection.value("PRAGMA schema_version")
    return connection
  }

  private static func emptyLog(
    _ connection: Connection, _ configuration: EngineConfiguration
  ) throws(SQLiteError) {
    let result = try connection.checkpoint(.truncate)
    if result.isBusy {
      configuration.onEvent(.logLeft(byteCount: StoreMetrics.logByteCount(frames: result.logFrames)))
    }
  }

  private static func upgrade(
    _ connection: Connection, _ configuration: EngineConfiguration
  ) throws(StoreError) {
    let hasSearch = try storing { () throws(SQLiteError) in
      try connection.value("SELECT sqlite_compileoption_used('ENABLE_FTS5')") == 1
    }
    guard hasSearch else {
      throw StoreError(
        .inputOutput,
        "the SQLite library that is installed has no FTS5, by which pages are searched; Debian's "
          + "libsqlite3-0 has it, as has a build with SQLITE_ENABLE_FTS5")
    }
    var report = UpgradeReport(onEvent: configuration.onEvent)
    var migrations = Migrations(connection)
    migrations.onProgress = { (progress) throws(StoreError) in report.add(progress) }
    try migrations.apply(Schema.migrations)
  }

  /// - Throws: an error that names the file.
  static func opening<Value>(
    _ path: String, _ body: () throws(SQLiteError) -> Value
  ) throws(StoreError) -> Value {
    do { return try body() } catch { throw StoreError(opening: path, error) }
  }

  /// What was asked for is read back.
  private static func checkSettings(_ connection: Connection) throws(StoreError) {
    let (journal, synchronous, foreignKeys) = try storing { () throws(SQLiteError) in
      (
        try connection.text("PRAGMA journal_mode"), try connection.value("PRAGMA synchronous"),
        try connection.value("PRAGMA foreign_keys")
      )
    }
    guard journal == "wal", synchronous == fullSynchronous, foreignKeys == 1 else {
      throw StoreError(
        .notDurable, "journal \(journal), synchronous \(synchronous), foreign keys \(foreignKeys)")
    }
  }

  private static func start(
    _ directory: DataDirectory, _ connection: Connection, _ committed: CommittedState,
    _ statements: StatementStatistics, _ configuration: EngineConfiguration
  ) throws(StoreError) -> SQLiteEngine {
    let caches = Caches(observer: configuration.observer)
    let metrics = StoreMetrics()
    let time = EffectiveTime(clock: configuration.clock, lastMicros: committed.head.latestMicros)
    let (readers, store) = try storing { () throws(SQLiteError) in
      let readers = try ReaderPool(
        path: directory.databasePath, count: configuration.readerCount, statements: statements,
        metrics: metrics)
      let checkpointer = Checkpointer(
        connection: connection, readers: readers, metrics: metrics, configuration: configuration)
      let store = try SQLiteWriterStore(
        connection, checkpointer: checkpointer, readers: readers, metrics: metrics,
        keyIndexLimits: configuration.keyIndexLimits)
      return (readers, store)
    }
    try loadKeys(store, configuration)
    let writer = try start(store, committed, caches, metrics, time, configuration)
    let engine = SQLiteEngine(
      directory: directory, readers: readers, writer: writer, committed: committed, caches: caches,
      statements: statements, metrics: metrics, time: time, zones: configuration.zones)
    let onEvent = configuration.onEvent
    engine.watch.start { what in
      committed.lose()
      onEvent(.filesLost(StoreError(lost: what)))
    }
    return engine
  }

  /// Those of a file of an earlier version are all to be written to their index.
  private static func loadKeys(
    _ store: SQLiteWriterStore, _ configuration: EngineConfiguration
  ) throws(StoreError) {
    var report = UpgradeReport(onEvent: configuration.onEvent)
    var isLong = false
    try storing { () throws(SQLiteError) in
      try store.loadKeys { (rows, total) in
        isLong = true
        report.add(UpgradeProgress(version: Schema.version, work: .copying(rows: rows, of: total)))
      }
    }
    if isLong { report.add(UpgradeProgress(version: Schema.version, work: .done)) }
  }

  private static func start(
    _ store: SQLiteWriterStore, _ committed: CommittedState, _ caches: Caches, _ metrics: StoreMetrics,
    _ time: EffectiveTime, _ configuration: EngineConfiguration
  ) throws(StoreError) -> Writer {
    do {
      let committer = try Committer(
        store: store, state: committed, caches: caches, metrics: metrics, time: time,
        configuration: configuration)
      // What the process before has answered belongs to earlier commits than what this one will answer.
      if committed.head.commitSequence > 0 { try committer.commitNothing() }
      return Writer(committer: committer, state: committed, metrics: metrics, configuration: configuration)
    } catch {
      throw StoreError(error)
    }
  }

  private static func storing<Value>(
    _ body: () throws(SQLiteError) -> Value
  ) throws(StoreError) -> Value {
    do { return try body() } catch { throw StoreError(error) }
  }

  /// PRAGMA synchronous: 2 is FULL.
  private static let fullSynchronous: Int64 = 2

  private static func checkClock(
    _ head: LedgerHead, _ configuration: EngineConfiguration
  ) throws(StoreError) {
    let lead = head.latestMicros - EffectiveTime.bounded(configuration.clock.wallMicros)
    guard lead > maximumLeadMicros, !configuration.allowsClockBehindLedger else { return }
    throw StoreError(
      .clockBehindLedger, "the ledger is \(lead / 1_000_000) seconds ahead of the clock")
  }

  /// Lets nothing in any more, answers what is queued (for ten seconds at most), copies the log into the
  /// database file and closes it. Reads end with `shuttingDown`.
  /// - Throws: `filesLost` when the files are no longer those at their paths. They stay open until the
  ///   process ends.
  public func close() throws(StoreError) {
    let wasClosed = isClosed.withLock { isClosed in
      defer { isClosed = true }
      return isClosed
    }
    guard !wasClosed else { return }
    writer.stop(deadlineNanoseconds: MonotonicClock.nanoseconds + Self.drainNanoseconds)
    watch.stop()
    // It may have happened since the watch last looked.
    if let loss = watch.loss {
      committed.lose()
      Self.lost.withLock { $0.append(self) }
      throw StoreError(lost: loss)
    }
    readers.close()
    defer { directory.unlock() }
    try writer.close()
  }

  /// Empties the database, but for the count of commits. For test harnesses.
  /// - Parameter setClock: called while nothing is decided, so that no write sees the empty database at the
  ///   old time.
  /// - Returns: the commit that did it.
  @discardableResult
  public func reset(setClock: () -> Void = {}) throws(StoreError) -> Int64 {
    try perform { (committer, store) throws(StorageFailure) in
      try committer.replace(setClock) { (commitSequence) throws(StorageFailure) in
        try store.empty(as: commitSequence)
      }
    }
  }

  /// Copies the database into memory. For test harnesses.
  /// - Parameter note: called while nothing is decided.
  /// - Returns: nil when it has more bytes than the limit.
  public func saveCopy(
    limitByteCount: Int, note: () -> Void = {}
  ) throws(StoreError) -> (any StoreCopy)? {
    try perform { (committer, store) throws(StorageFailure) in
      note()
      try committer.writeKeys()
      return try store.snapshot(
        commitSequence: committer.books.head.commitSequence, limitByteCount: limitByteCount)
    }
  }

  /// Puts the database back to a snapshot of it, but for the count of commits. For test harnesses.
  /// - Parameter setClock: as of `reset`.
  /// - Returns: the commit that did it.
  @discardableResult
  public func restore(
    _ copy: any StoreCopy, setClock: () -> Void = {}
  ) throws(StoreError) -> Int64 {
    guard let snapshot = copy as? DatabaseSnapshot else {
      throw StoreError(.corrupt, "the copy is another engine's")
    }
    return try perform { (committer, store) throws(StorageFailure) in
      try committer.replace(setClock) { (commitSequence) throws(StorageFailure) in
        try store.replace(by: snapshot, as: commitSequence)
      }
    }
  }

  /// Runs on the writer's queue, between batches.
  func perform<Value>(
    _ body: (Committer, SQLiteWriterStore) throws(StorageFailure) -> Value
  ) throws(StoreError) -> Value {
    try writer.perform { (committer) throws(StorageFailure) in
      guard let store = committer.store as? SQLiteWriterStore else {
        throw StorageFailure(.defect, "the writer's store is another engine's")
      }
      return try body(committer, store)
    }
  }

  /// Sets the clock, and lets time go on from there; the ledger's last row is the earliest that it goes back
  /// to. For test harnesses, which drive the clock.
  public func driveTime(setClock: () -> Void) {
    time.drive(ledgerMicros: committed.head.lastAtMicros, setClock)
  }

  /// Tries a full disk again, as each tick does.
  public func retryDisk() throws(StoreError) {
    try writer.perform { (committer) throws(StorageFailure) in committer.retryFullDisk() }
  }

  /// Writes off everything that has expired and removes all that was purged; the ticks do so too, in slices.
  public func sweep() throws(StoreError) {
    try writer.perform { (committer) throws(StorageFailure) in try committer.sweepAll() }
  }

  /// Proves the ledger's invariants while the engine runs.
  /// - Parameter report: called as checks go on and end, on the calling thread.
  /// - Returns: whether there was no violation.
  /// - Throws: `replaced` when a harness has put another database in the place of this one: what was read of
  ///   both together means nothing, and is not reported.
  public func verify(
    enums: VerifyEnums? = nil, report: (VerifyProgress) -> Void
  ) throws(StoreError) -> Bool {
    // The files at the paths are not the ones that this engine serves.
    if let loss = watch.loss { throw StoreError(lost: loss) }
    let replacements = committed.replacements
    let isSound = try Self.opening(directory.databasePath) { () throws(SQLiteError) in
      let connection = try Connection(
        path: directory.databasePath,
        options: ConnectionOptions(readOnly: true, cacheKibibytes: Reader.cacheKibibytes))
      defer { if connection.hasFailedUnlock { readers.noteFailedUnlock() } }
      return try Verifier.verify(connection, enums: enums, cached: compareCached) { step in
        if committed.replacements == replacements { report(step) }
      }
    }
    guard committed.replacements == replacements else {
      throw StoreError(.replaced, "the database was reset or restored meanwhile")
    }
    return isSound
  }

  /// What the store has done since its start, and what it holds now.
  public func report() -> StoreReport {
    var report = metrics.report
    (report.queuedItems, report.queuedBytes) = writer.pending
    report.readers = readers.count
    report.busyReaders = readers.busyCount
    report.caches = [committed.statistics] + caches.statistics
    return report
  }

  // MARK: writes

  public func submit(_ work: Work) { writer.submit(work) }

  public func admission() -> Refusal? { writer.admission() }
  public func admission(of sharer: () -> String) -> Refusal? { writer.admission(of: sharer) }

  // MARK: reads

  public func nowMicros() -> Int64 { time.nowMicros }

  public func state() -> EngineState {
    let (head, mode) = committed.headAndMode
    return EngineState(
      mode: mode, commitSequence: head.commitSequence, ledgerSequence: head.ledgerSequence,
      schemaVersion: Schema.version, lastTimeMicros: head.lastAtMicros)
  }

  /// What one of the caches keeps, and the commit that a reply made of it names. The head is looked at before
  /// the cache: what is found holds for every commit since its own, and for all that were told of by now.
  func kept<Value>(in cache: ExactCache<Value>, group: String, key: String = "") -> Snapshot<Value>? {
    let commitSequence = committed.head.commitSequence
    guard var found = cache.find(group: group, key: key) else { return nil }
    found.commitSequence = max(found.commitSequence, commitSequence)
    return found
  }

  /// One snapshot for all of a call's reads.
  func read<Value>(
    isLong: Bool = false, _ body: (Reader, LedgerHead) throws(SQLiteError) -> Value
  ) throws(Refusal) -> Snapshot<Value> {
    let read: Snapshot<Value>?
    do {
      read = try readers.read(isLong: isLong, body)
    } catch {
      throw error.readRefusal
    }
    guard let read, committed.isPublished(commitSequence: read.commitSequence) else {
      throw Writer.drainingRefusal
    }
    return read
  }
}

extension SQLiteError {
  /// The refusal of a read that failed.
  fileprivate var readRefusal: Refusal {
    switch kind {
    case .corrupt, .constraint: Refusal(.corrupt, "the database is damaged")
    case .defect: Refusal(.corrupt, "the store cannot carry out the command")
    case .full, .busy, .outOfMemory, .inputOutput, .lockedOut:
      Refusal(.readOnly, "the store cannot be read at the moment")
    }
  }
}
