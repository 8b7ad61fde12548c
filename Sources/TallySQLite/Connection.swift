// One connection to one SQLite file.
//
// Invariants:
// 1. A connection is used by one owner at a time: it has no mutex of its own (SQLITE_OPEN_NOMUTEX).
// 2. It closes when it and the last of its statements are gone.
// 3. Nothing else in the process opens the file or its -shm by other means: closing such a descriptor
//    would drop SQLite's locks.
//
// Owner: the writer's queue, the borrower of a reader, or the thread that opened it.

internal import CTallySQLite
internal import TallyLocking
internal import TallyMeasuring

@safe public final class Connection {
  /// Lookaside of every connection: enough for a statement's small allocations, lean in memory.
  static let lookasideSlotBytes: Int32 = 256
  static let lookasideSlots: Int32 = 64

  private static let configured: Int32 =
    tally_sqlite_configure(lookasideSlotBytes, lookasideSlots)

  private var handle: OpaquePointer?
  private let busyTimeoutMillis: Int32
  private let frames: UnsafeMutablePointer<Int32>
  let statements: StatementStatistics?
  let shard: UInt64
  /// Texts that were prepared since `listing` began; nil outside of it.
  private var listed: [String]?

  /// Opens the file and sets it up: foreign keys on, defensive, no double-quoted strings, no schema
  /// that is trusted, temporary tables in memory, no spilling, no memory map.
  /// - Parameter path: no component of it may be a symbolic link.
  public init(path: String, options: ConnectionOptions) throws(SQLiteError) {
    guard Self.configured == SQLITE_OK else {
      throw SQLiteError(code: Self.configured, message: "SQLite cannot be configured", sql: "configure")
    }
    let write = options.creates ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE
    let access = options.readOnly ? SQLITE_OPEN_READONLY : write
    let flags =
      access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE
      | SQLITE_OPEN_PRIVATECACHE
    var opened: OpaquePointer?
    let code = unsafe sqlite3_open_v2(
      options.isImmutable ? Self.immutable(path) : path, &opened,
      options.isImmutable ? flags | SQLITE_OPEN_URI : flags, Self.vfs(options))
    unsafe frames = .allocate(capacity: 1)
    unsafe frames.initialize(to: 0)
    unsafe handle = opened
    busyTimeoutMillis = options.busyTimeoutMillis
    statements = options.statements
    shard = options.statements?.nextShard() ?? 0
    guard code == SQLITE_OK else {
      throw Self.failure(code, "open")
    }
    unsafe tally_sqlite_watch_log(handle, frames)
    try configure(options)
  }

  deinit {
    // Statements may outlive it by a moment; the last of them to go closes the file.
    unsafe sqlite3_close_v2(handle)
    unsafe frames.deallocate()
  }

  /// A file that is read without locks has none to watch.
  private static func vfs(_ options: ConnectionOptions) -> String? {
    if options.isImmutable { return nil }
    return options.buffersLog ? TALLY_LOG_BUFFER_VFS : TALLY_LOCK_WATCH_VFS
  }

  /// The path as a URI; every byte that could mean something in one is escaped.
  private static func immutable(_ path: String) -> String {
    var uri = "file:"
    for byte in path.utf8 {
      let isPlain =
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
        || UInt8(ascii: "-")...UInt8(ascii: "9") ~= byte
      uri += isPlain ? String(UnicodeScalar(byte)) : "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
    }
    return uri + "?immutable=1"
  }

  private func configure(_ options: ConnectionOptions) throws(SQLiteError) {
    unsafe sqlite3_busy_timeout(handle, options.busyTimeoutMillis)
    unsafe sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, options.maximumLength)
    unsafe sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0)
    unsafe sqlite3_limit(handle, SQLITE_LIMIT_WORKER_THREADS, 0)
    try setCheckpointsOnClose(options.checkpointsOnClose)
    for (option, value) in [
      (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_DQS_DDL, 0), (SQLITE_DBCONFIG_DQS_DML, 0),
      (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0), (SQLITE_DBCONFIG_ENABLE_FKEY, 1),
      (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0), (SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
      (SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    ] as [(Int32, Int32)] {
      let code = unsafe tally_sqlite_set_option(handle, option, value)
      guard code == SQLITE_OK else { throw error(code, "configure option \(option)") }
    }
    try execute(
      """
      PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_spill = OFF;
      PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -\(options.cacheKibibytes)
      """)
    // A pragma above replaces the hook that counts the log's frames.
    unsafe tally_sqlite_watch_log(handle, frames)
  }

  /// Whether what does not fit into the cache goes to the log, and what is sorted to a temporary file, if
  /// there is a place for one: for work that has no bound. No transaction may be open.
  public func setSpilling(_ isOn: Bool) throws(SQLiteError) {
    let store = isOn && FileSystem.takesTemporaryFiles() ? "FILE" : "MEMORY"
    try execute("PRAGMA cache_spill = \(isOn ? "ON" : "OFF"); PRAGMA temp_store = \(store)")
  }

  /// Whether SQLite copies the log into the database file when the last connection closes. Not after a failed
  /// sync: what the page cache holds is no longer what the disk holds.
  public func setCheckpointsOnClose(_ isOn: Bool) throws(SQLiteError) {
    let code = unsafe tally_sqlite_set_checkpoint_on_close(handle, isOn ? 1 : 0)
    guard code == SQLITE_OK else { throw error(code, "configure the checkpoint on close") }
  }

  /// Whether foreign keys are held to. Needs no memory.
  public func setForeignKeys(_ isOn: Bool) throws(SQLiteError) {
    let code = unsafe tally_sqlite_set_option(handle, SQLITE_DBCONFIG_ENABLE_FKEY, isOn ? 1 : 0)
    guard code == SQLITE_OK else { throw error(code, "configure foreign keys") }
  }

  /// Whether the last call of this connection has failed for want of memory.
  var isOutOfMemory: Bool { unsafe sqlite3_errcode(handle) & 0xff == SQLITE_NOMEM }

  /// Whether SQLite holds a lock that it wanted to give back. It stays held when the connection is closed,
  /// while the process has another one open.
  public var hasFailedUnlock: Bool { unsafe tally_sqlite_has_failed_unlock(handle) != 0 }

  /// Carries out reads that may take so much of the processor's time. SQLite looks at it between the steps of
  /// a statement's program, of which a single one may take long.
  /// - Throws: an error that `isInterrupted` when they take more.
  public func limited<Value>(
    processorNanoseconds: Int64, _ body: () throws(SQLiteError) -> Value
  ) throws(SQLiteError) -> Value {
    unsafe tally_sqlite_limit_time(handle, processorNanoseconds)
    defer { unsafe tally_sqlite_limit_time(handle, 0) }
    return try body()
  }

  /// Runs statements that return nothing of interest.
  public func execute(_ sql: String) throws(SQLiteError) {
    let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code, sql) }
  }

  /// One statement, to be kept for the connection's life. SQLite sees it when it is first bound or stepped,
  /// so that those which are never used cost nothing; what is wrong with it is thrown by its first step.
  /// - Throws: nothing yet, and callers need not know.
  public func prepare(_ sql: String) throws(SQLiteError) -> Statement {
    listed?.append(sql)
    return Statement(sql: sql, connection: self)
  }

  /// The texts of all statements that `body` prepares on this connection, in order.
  public func listing(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) -> [String] {
    listed = []
    defer { listed = nil }
    try body()
    return listed ?? []
  }

  func compile(_ sql: String) throws(SQLiteError) -> OpaquePointer {
    var statement: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(
      handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement = unsafe statement else { throw error(code, sql) }
    return unsafe statement
  }

  /// How SQLite would carry a statement out: the steps of EXPLAIN QUERY PLAN. None for what has no plan,
  /// such as COMMIT. Not counted.
  public func plan(of sql: String) throws(SQLiteError) -> [String] {
    // Some pragmas act as soon as they are compiled.
    if sql.hasPrefix("PRAGMA") { return [] }
    let statement = unsafe try compile("EXPLAIN QUERY PLAN " + sql)
    defer { unsafe sqlite3_finalize(statement) }
    var steps: [String] = []
    while unsafe sqlite3_step(statement) == SQLITE_ROW {
      if let detail = unsafe sqlite3_column_text(statement, 3) {
        steps.append(unsafe String(cString: detail))
      }
    }
    return steps
  }

  /// The first column of a statement's first row, such as a pragma's value.
  public func value(_ sql: String) throws(SQLiteError) -> Int64 {
    let statement = try prepare(sql)
    guard try statement.step() else {
      throw SQLiteError(code: SQLITE_ERROR, message: "no row", sql: sql)
    }
    return try statement.row { (columns) in columns.int() }
  }

  /// The first column of a statement's first row.
  public func text(_ sql: String) throws(SQLiteError) -> String {
    let statement = try prepare(sql)
    guard try statement.step() else {
      throw SQLiteError(code: SQLITE_ERROR, message: "no row", sql: sql)
    }
    return try statement.row { (columns) in columns.text() }
  }

  /// Whether no transaction is open. An error inside a transaction can end it: check after each.
  public var isAutocommit: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }

  /// Frames in the log as of the last commit of this connection.
  public var logFrames: Int { Int(unsafe frames.pointee) }

  /// Copies the log into the database file, as far as snapshots of others allow. Never waits for them.
  @discardableResult
  public func checkpoint(_ mode: CheckpointMode) throws(SQLiteError) -> CheckpointResult {
    let flag =
      switch mode {
      case .passive: SQLITE_CHECKPOINT_PASSIVE
      case .restart: SQLITE_CHECKPOINT_RESTART
      case .truncate: SQLITE_CHECKPOINT_TRUNCATE
      }
    var log: Int32 = 0
    var done: Int32 = 0
    // With a time-out `restart` and `truncate` would wait it out, twice, for as long as anybody reads.
    unsafe sqlite3_busy_timeout(handle, 0)
    let code = unsafe sqlite3_wal_checkpoint_v2(handle, nil, flag, &log, &done)
    unsafe sqlite3_busy_timeout(handle, busyTimeoutMillis)
    let isBusy = code & 0xff == SQLITE_BUSY
    guard code == SQLITE_OK || isBusy else { throw error(code, "checkpoint \(mode)") }
    if mode != .passive && !isBusy { unsafe frames.pointee = 0 }
    return CheckpointResult(logFrames: Int(log), checkpointedFrames: max(0, Int(done)), isBusy: isBusy)
  }

  /// How soon a log that another connection has locked is looked at again.
  private static let logPauseMillis: Int32 = 5

  /// Keeps every other connection, of whatever process, from writing to the log, from starting it over and
  /// from copying it; readers go on. `unlockLog` must follow, and no statement may run in between. In WAL
  /// mode, after a statement that read.
  /// - Throws: busy when another connection has not let go of it for so long.
  public func lockLog(waitMillis: Int) throws(SQLiteError) {
    let deadlineNanoseconds = MonotonicClock.nanoseconds + UInt64(max(0, waitMillis)) * 1_000_000
    while true {
      let code = unsafe tally_sqlite_lock_log(handle)
      if code == SQLITE_OK { return }
      guard code & 0xff == SQLITE_BUSY, MonotonicClock.nanoseconds < deadlineNanoseconds else {
        throw Self.failure(code, "lock the log")
      }
      sqlite3_sleep(Self.logPauseMillis)
    }
  }

  /// One that fails shows in `hasFailedUnlock`.
  public func unlockLog() { _ = unsafe tally_sqlite_unlock_log(handle) }

  /// Makes the next checkpoint, of this or another program, copy all of the log, as if none had before. Only
  /// while the log is locked.
  public func forgetCopies() throws(SQLiteError) {
    let code = unsafe tally_sqlite_forget_copies(handle)
    guard code == SQLITE_OK else { throw Self.failure(code, "forget what of the log was copied") }
  }

  /// The error of a call that leaves no message with the connection.
  private static func failure(_ code: Int32, _ what: String) -> SQLiteError {
    SQLiteError(code: code, message: unsafe String(cString: sqlite3_errstr(code)), sql: what)
  }

  /// Bytes of the database, as the last commit left it.
  public func databaseByteCount() throws(SQLiteError) -> Int64 {
    try value("PRAGMA page_count") * value("PRAGMA page_size")
  }

  /// Puts a copy of this database, as its last commit left it, in the place of another connection's, in one
  /// transaction. Readers of that one go on with what they see until they begin anew.
  /// - Throws: full when there is no room; nothing has changed then.
  public func copy(over other: Connection) throws(SQLiteError) {
    guard let backup = unsafe sqlite3_backup_init(other.handle, "main", handle, "main") else {
      throw other.error(unsafe sqlite3_errcode(other.handle), "copy")
    }
    let step = unsafe sqlite3_backup_step(backup, -1)
    let pageCount = unsafe sqlite3_backup_pagecount(backup)
    let finish = unsafe sqlite3_backup_finish(backup)
    guard step == SQLITE_DONE, finish == SQLITE_OK else {
      throw other.error(finish == SQLITE_OK ? step : finish, "copy")
    }
    // The hook is not called for the frames that a copy writes. There are at most so many; the next commit
    // sets the count right.
    unsafe other.frames.pointee += pageCount
  }

  /// An empty database in memory.
  public static func inMemory() throws(SQLiteError) -> Connection {
    try Connection(path: ":memory:", options: ConnectionOptions(readOnly: false))
  }

  /// Gives unused page cache back.
  public func releaseMemory() {
    unsafe sqlite3_db_release_memory(handle)
  }

  /// The library's version, such as `3.40.1`.
  public static var libraryVersion: String { unsafe String(cString: sqlite3_libversion()) }

  func error(_ code: Int32, _ sql: String) -> SQLiteError {
    guard unsafe handle != nil else { return SQLiteError(code: code, message: "closed", sql: sql) }
    return SQLiteError(code: code, message: unsafe String(cString: sqlite3_errmsg(handle)), sql: sql)
  }
}
