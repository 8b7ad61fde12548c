// One statement, prepared when it is first used.
//
// Invariants:
// 1. Bound bytes are copied: nothing bound needs to outlive the call.
// 2. What fails before a step, preparing or binding, is kept and thrown by the next `step`, so that none is
//    lost. Preparing is tried again after that.
// 3. Parameters are bound in the order of their numbers, all of them anew for each run, and columns are read
//    in the order in which they are selected (see Columns): no caller names either by its number. A run that
//    begins with parameters unbound, or a row that is left with columns unread, is a defect and throws.
// 4. Values of columns are copied out and valid for ever; they are read after `step` said true only. One that
//    SQLite had no memory to hand out fails its row.
// 5. A run begins with its first step and is counted once, when it ends: at the last row, at an error, at
//    `reset`, or with the statement. Its time has in it what its caller did between its rows.
//
// Owner: the owner of its connection.

internal import CTallySQLite
internal import TallyLocking
internal import TallyMeasuring

/// A column's value of any type; texts are told apart by their bytes.
public enum ColumnValue: Sendable, Equatable {
  case integer(Int64)
  case text([UInt8])
  case blob([UInt8])
  case null
}

@safe public final class Statement {
  /// nil until it is first used.
  private var handle: OpaquePointer?
  public let sql: String
  private unowned let connection: Connection
  /// What preparing or binding failed with; the next step throws it.
  private var failure: SQLiteError?
  /// nil when runs are not counted.
  private var counters: StatementCounters?
  /// When the run under way began; zero when there is none.
  private var startedNanoseconds: UInt64 = 0
  private var rowCount: Int64 = 0
  /// How many parameters were bound since the last run.
  private var boundCount: Int32 = 0
  private var parameterCount: Int32 = 0
  @usableFromInline private(set) var columnCount: Int32 = 0
  /// Whether a row or the end was reached since the last reset.
  private var isRunning = false

  init(sql: String, connection: Connection) {
    unsafe handle = nil
    self.sql = sql
    self.connection = connection
  }

  deinit {
    // The connection may be gone, so a slow run has no plan here.
    if startedNanoseconds != 0 { count { [] } }
    unsafe sqlite3_finalize(handle)
  }

  /// Makes it ready to be bound or stepped.
  private func prepare() {
    guard unsafe handle == nil, failure == nil else { return }
    counters = connection.statements?.counters(of: sql, shard: connection.shard)
    do { unsafe handle = try connection.compile(sql) } catch { failure = error }
    parameterCount = unsafe sqlite3_bind_parameter_count(handle)
    columnCount = unsafe sqlite3_column_count(handle)
  }

  // MARK: parameters, each call binds the next one

  private func nextParameter() -> Int32 {
    prepare()
    boundCount += 1
    return boundCount
  }

  public func bind(_ value: Int64) {
    let index = nextParameter()
    note(unsafe sqlite3_bind_int64(handle, index, value))
  }

  public func bind(_ value: Int64?) {
    if let value { bind(value) } else { bindNull() }
  }

  public func bindNull() {
    let index = nextParameter()
    note(unsafe sqlite3_bind_null(handle, index))
  }

  public func bind(_ value: String) {
    let done: Void? = unsafe value.utf8.withContiguousStorageIfAvailable { bytes in
      unsafe bind(text: bytes)
    }
    if done == nil {
      unsafe Array(value.utf8).withUnsafeBufferPointer { bytes in unsafe bind(text: bytes) }
    }
  }

  public func bind(_ value: String?) {
    if let value { bind(value) } else { bindNull() }
  }

  public func bind(_ value: [UInt8]) {
    let index = nextParameter()
    unsafe value.withUnsafeBufferPointer { bytes in
      let base = unsafe UnsafeRawPointer(bytes.baseAddress)
      if let base = unsafe base {
        note(unsafe tally_sqlite_bind_blob(handle, index, base, Int32(clamping: bytes.count)))
      } else {
        note(unsafe sqlite3_bind_zeroblob(handle, index, 0))
      }
    }
  }

  public func bind(_ value: [UInt8]?) {
    if let value { bind(value) } else { bindNull() }
  }

  public func bind(_ value: ColumnValue) {
    switch value {
    case .integer(let value): bind(value)
    case .text(let bytes): unsafe bytes.withUnsafeBufferPointer { bytes in unsafe bind(text: bytes) }
    case .blob(let bytes): bind(bytes)
    case .null: bindNull()
    }
  }

  private func bind(text bytes: UnsafeBufferPointer<UInt8>) {
    let index = nextParameter()
    unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
      // An empty string may have no address; a null pointer would bind NULL.
      if let base = characters.baseAddress {
        note(unsafe tally_sqlite_bind_text(handle, index, base, Int32(clamping: characters.count)))
      } else {
        note(unsafe tally_sqlite_bind_text(handle, index, "", 0))
      }
    }
  }

  private func note(_ code: Int32) {
    // Without a handle the code only says so, and the failure is known already.
    if code != SQLITE_OK, failure == nil { failure = connection.error(code, sql) }
  }

  // MARK: running

  /// Advances to the next row.
  /// - Returns: false when there is none.
  public func step() throws(SQLiteError) -> Bool {
    prepare()
    if let failure {
      self.failure = nil
      boundCount = 0
      counters?.addError()
      throw failure
    }
    if !isRunning {
      guard boundCount == parameterCount else { throw unbound() }
      isRunning = true
    }
    if startedNanoseconds == 0, counters != nil { startedNanoseconds = MonotonicClock.nanoseconds }
    let code = unsafe sqlite3_step(handle)
    if code == SQLITE_ROW {
      rowCount += 1
      return true
    }
    if code == SQLITE_DONE {
      end()
      return false
    }
    let error = connection.error(code, sql)
    unsafe sqlite3_reset(handle)
    forgetRun()
    counters?.addError()
    end()
    throw error
  }

  private func forgetRun() {
    boundCount = 0
    isRunning = false
  }

  private func unbound() -> SQLiteError {
    let error = SQLiteError(
      code: SQLITE_MISUSE, message: "\(boundCount) of \(parameterCount) parameters are bound", sql: sql)
    forgetRun()
    counters?.addError()
    return error
  }

  /// Ends the run so that parameters may be bound again. What a step failed with was thrown by it.
  public func reset() {
    unsafe sqlite3_reset(handle)
    forgetRun()
    end()
  }

  /// Counts the run under way, if there is one.
  private func end() {
    guard startedNanoseconds != 0 else { return }
    count {
      do throws(SQLiteError) { return try connection.plan(of: sql) } catch {
        return ["no plan: \(error.message)"]
      }
    }
  }

  private func count(_ plan: () -> [String]) {
    let elapsed = MonotonicClock.nanoseconds &- startedNanoseconds
    let rows = rowCount
    startedNanoseconds = 0
    rowCount = 0
    guard let counters, counters.add(elapsedNanoseconds: elapsed, rows: rows) else { return }
    counters.noteSlow(elapsedNanoseconds: elapsed, rows: rows, plan: plan())
  }

  /// Runs a statement that returns no rows.
  public func run() throws(SQLiteError) {
    while try step() {}
    reset()
  }

  // MARK: rows

  /// The columns of the row that it stands on.
  @inlinable
  public func columns() -> Columns { Columns(self) }

  /// Reads the row that it stands on.
  /// - Parameter decode: takes every column.
  @inlinable
  public func row<Row>(
    _ decode: (inout Columns) throws(SQLiteError) -> Row
  ) throws(SQLiteError) -> Row {
    var columns = Columns(self)
    let row = try decode(&columns)
    try columns.end()
    return row
  }

  /// Runs it for its first row; nil without one.
  /// - Parameter decode: takes every column.
  @inlinable
  public func first<Row>(
    _ decode: (inout Columns) throws(SQLiteError) -> Row
  ) throws(SQLiteError) -> Row? {
    defer { reset() }
    return try step() ? try row(decode) : nil
  }

  /// Runs it for all of its rows.
  /// - Parameter decode: takes every column.
  @inlinable
  public func all<Row>(
    _ decode: (inout Columns) throws(SQLiteError) -> Row
  ) throws(SQLiteError) -> [Row] {
    defer { reset() }
    var rows: [Row] = []
    while try step() { rows.append(try row(decode)) }
    return rows
  }

  /// Runs it for the only column of its first row; nil without a row, and for NULL.
  public func firstInt() throws(SQLiteError) -> Int64? {
    defer { reset() }
    guard try step() else { return nil }
    return try row { (columns) in columns.optionalInt() }
  }

  // MARK: columns, by their numbers from 0; for `Columns` only

  @usableFromInline
  func value(_ column: Int32) -> ColumnValue {
    switch unsafe sqlite3_column_type(handle, column) {
    case SQLITE_INTEGER: .integer(int(column))
    case SQLITE_TEXT: .text(Array(text(column).utf8))
    case SQLITE_NULL: .null
    default: .blob(blob(column))
    }
  }

  @usableFromInline
  func int(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  @usableFromInline
  func isNull(_ column: Int32) -> Bool {
    unsafe sqlite3_column_type(handle, column) == SQLITE_NULL
  }

  @usableFromInline
  func text(_ column: Int32) -> String {
    guard let start = unsafe sqlite3_column_text(handle, column) else {
      noteIfOutOfMemory()
      return ""
    }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  @usableFromInline
  func blob(_ column: Int32) -> [UInt8] {
    guard let start = unsafe sqlite3_column_blob(handle, column) else {
      noteIfOutOfMemory()
      return []
    }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  }

  /// SQLite answers as for NULL.
  private func noteIfOutOfMemory() { if connection.isOutOfMemory { note(SQLITE_NOMEM) } }

  /// - Throws: when a column of the row could not be read.
  @usableFromInline
  func endRow() throws(SQLiteError) {
    guard let failure else { return }
    self.failure = nil
    counters?.addError()
    throw failure
  }

  /// - Parameter count: of the columns that were taken.
  @usableFromInline
  func misread(_ count: Int32) -> SQLiteError {
    SQLiteError(code: SQLITE_MISUSE, message: "\(count) of \(columnCount) columns are read", sql: sql)
  }
}
