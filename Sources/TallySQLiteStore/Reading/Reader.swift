// A read-only connection with its statements, and the pool of them.
//
// Invariants:
// 1. A reader is used by its borrower only.
// 2. All reads of one call happen in one transaction: one snapshot, which says which commit it is of.
// 3. While the pool is paused no snapshot begins, so that a checkpoint can reset the log.
// 4. A snapshot that SQLite could not let go of is noticed: it would keep the log from starting over until
//    the process ends, whatever becomes of the reader.
//
// Owner: the pool's monitor; a borrowed reader is its borrower's.

internal import TallyCore
internal import TallyLocking
internal import TallyMeasuring
internal import TallySQLite

// @unchecked Sendable: used by one thread at a time, the one that borrowed it from the pool.
final class Reader: @unchecked Sendable {
  /// Page cache of each reader, in KiB.
  static let cacheKibibytes = 1_024

  private let connection: Connection
  private let transaction: TransactionControl
  private let headReader: HeadReader
  let accounts: AccountLoader
  let ledger: LedgerReader
  let history: History
  let holds: HoldReader
  let holdHistory: HoldHistory
  let plans: PlanReader
  let settings: SettingsReader
  let runs: RunReader
  let pages: PageReaders
  let rateLimits: RateLimitReader
  let rollups: RollupReader
  let usage: UsageReader
  let users: UserList
  private let expiredOfMany: Statement

  convenience init(path: String, statements: StatementStatistics) throws(SQLiteError) {
    try self.init(
      Connection(
        path: path,
        options: ConnectionOptions(
          readOnly: true, cacheKibibytes: Self.cacheKibibytes, statements: statements)))
  }

  init(_ connection: Connection) throws(SQLiteError) {
    self.connection = connection
    transaction = try TransactionControl(connection, writing: false)
    headReader = try HeadReader(connection)
    accounts = try AccountLoader(connection)
    ledger = try LedgerReader(connection)
    history = try History(connection)
    holds = try HoldReader(connection)
    holdHistory = try HoldHistory(connection)
    plans = try PlanReader(connection)
    settings = try SettingsReader(connection)
    runs = try RunReader(connection)
    pages = try PageReaders(connection)
    rateLimits = try RateLimitReader(connection)
    rollups = try RollupReader(connection)
    usage = try UsageReader(connection)
    users = try UserList(connection)
    expiredOfMany = try connection.prepare(HoldReader.expiredOfManySQL)
  }

  var hasFailedUnlock: Bool { connection.hasFailedUnlock }

  /// Runs all of a call's reads on one snapshot.
  func snapshot<Value>(
    _ body: (Reader, LedgerHead) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Snapshot<Value> {
    try transaction.begin()
    do {
      let head = try headReader.load()
      let value = try body(self, head)
      try transaction.commit()
      return Snapshot(value, commitSequence: head.commitSequence)
    } catch {
      try transaction.rollback()
      throw error
    }
  }

  /// Open holds of these users whose time is over.
  func expiredHolds(userIds: [String], nowMicros: Int64) throws(SQLiteError) -> [Hold] {
    expiredOfMany.bind(1, JSONText.array(userIds))
    expiredOfMany.bind(2, nowMicros)
    return try HoldReader.all(expiredOfMany)
  }
}

final class ReaderPool: Sendable {
  /// Readers that an option may ask for.
  static let maximumReaders = 64

  private struct State {
    var free: [Reader]
    let count: Int
    var isPaused = false
    var isClosed = false
    var hasFailedUnlock = false
  }

  private let state: Monitor<State>
  private let metrics: StoreMetrics
  let count: Int

  init(
    path: String, count: Int, statements: StatementStatistics, metrics: StoreMetrics
  ) throws(SQLiteError) {
    var readers: [Reader] = []
    for _ in 0..<min(max(count, 1), Self.maximumReaders) {
      readers.append(try Reader(path: path, statements: statements))
    }
    self.count = readers.count
    self.metrics = metrics
    state = Monitor(State(free: readers, count: readers.count))
  }

  /// Runs a call's reads on one snapshot; waits for a free reader.
  /// - Returns: nil when the pool is closed.
  func read<Value>(
    _ body: (Reader, LedgerHead) throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Snapshot<Value>? {
    let beganNanoseconds = MonotonicClock.nanoseconds
    let borrowed: Reader?? = state.wait(
      until: { $0.isClosed || (!$0.isPaused && !$0.free.isEmpty) },
      then: { state in state.isClosed ? nil : state.free.popLast() })
    guard case .some(.some(let reader)) = borrowed else { return nil }
    defer {
      let hasFailedUnlock = reader.hasFailedUnlock
      state.withLock { state in
        state.free.append(reader)
        if hasFailedUnlock { state.hasFailedUnlock = true }
      }
      state.broadcast()
      metrics.readNanoseconds.add(MonotonicClock.nanoseconds &- beganNanoseconds)
    }
    return try reader.snapshot(body)
  }

  var busyCount: Int { state.withLock { $0.count - $0.free.count } }

  /// Whether a snapshot of this process is held for good.
  var hasFailedUnlock: Bool { state.withLock { $0.hasFailedUnlock } }

  /// Of a connection beside the pool.
  func noteFailedUnlock() { state.withLock { $0.hasFailedUnlock = true } }

  /// Keeps snapshots from beginning. `resume` must follow.
  /// - Returns: whether none is open.
  func pause() -> Bool {
    state.withLock { state in
      state.isPaused = true
      return state.free.count == state.count
    }
  }

  /// Lets snapshots begin again.
  func resume() {
    state.withLock { $0.isPaused = false }
    state.broadcast()
  }

  /// Lets go of all readers, after waiting for those that are borrowed.
  func close() {
    state.withLock { $0.isClosed = true }
    state.broadcast()
    _ = state.wait(until: { $0.free.count == $0.count }, then: { $0.free = [] })
  }
}
