// One statement, prepared when it is first used.
//
// Invariants:
// 1. Bound bytes are copied: nothing bound needs to outlive the call.
// 2. What fails before a step, preparing or binding, is kept and thrown by the next `step`, so that none is
//    lost. Preparing is tried again after that.
// 3. Values of columns are copied out and valid for ever; they are read after `step` said true only.
// 4. A run begins with its first step and is counted once, when it ends: at the last row, at an error, at
//    `reset`, or with the statement. Its time has in it what its caller did between its rows.
//
// Owner: its connection's.

internal import CTallySQLite
internal import TallyLocking
internal import TallyMeasuring

/// A column's value of whatever type; texts are told apart by their bytes.
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
  /// Of preparing or binding; for the next step.
  private var failure: SQLiteError?
  /// nil when nobody counts.
  private var counters: StatementCounters?
  /// When the run under way began; zero when there is none.
  private var startedNanoseconds: UInt64 = 0
  private var rowCount: Int64 = 0

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
  }

  // MARK: parameters, from 1

  public func bind(_ index: Int32, _ value: Int64) {
    prepare()
    note(unsafe sqlite3_bind_int64(handle, index, value))
  }

  public func bind(_ index: Int32, _ value: Int64?) {
    if let value { bind(index, value) } else { bindNull(index) }
  }

  public func bindNull(_ index: Int32) {
    prepare()
    note(unsafe sqlite3_bind_null(handle, index))
  }

  public func bind(_ index: Int32, _ value: String) {
    let done: Void? = unsafe value.utf8.withContiguousStorageIfAvailable { bytes in
      unsafe bind(index, text: bytes)
    }
    if done == nil {
      unsafe Array(value.utf8).withUnsafeBufferPointer { bytes in unsafe bind(index, text: bytes) }
    }
  }

  public func bind(_ index: Int32, _ value: String?) {
    if let value { bind(index, value) } else { bindNull(index) }
  }

  public func bind(_ index: Int32, _ value: [UInt8]) {
    prepare()
    unsafe value.withUnsafeBufferPointer { bytes in
      let base = unsafe UnsafeRawPointer(bytes.baseAddress)
      if let base = unsafe base {
        note(unsafe tally_sqlite_bind_blob(handle, index, base, Int32(clamping: bytes.count)))
      } else {
        note(unsafe sqlite3_bind_zeroblob(handle, index, 0))
      }
    }
  }

  public func bind(_ index: Int32, _ value: [UInt8]?) {
    if let value { bind(index, value) } else { bindNull(index) }
  }

  public func bind(_ index: Int32, _ value: ColumnValue) {
    switch value {
    case .integer(let value): bind(index, value)
    case .text(let bytes): unsafe bytes.withUnsafeBufferPointer { bytes in unsafe bind(index, text: bytes) }
    case .blob(let bytes): bind(index, bytes)
    case .null: bindNull(index)
    }
  }

  private func bind(_ index: Int32, text bytes: UnsafeBufferPointer<UInt8>) {
    prepare()
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
      counters?.addError()
      throw failure
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
    counters?.addError()
    end()
    throw error
  }

  /// Ends the run so that parameters may be bound again. What a step failed with was thrown by it.
  public func reset() {
    unsafe sqlite3_reset(handle)
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

  // MARK: columns, from 0

  public func value(_ column: Int32) -> ColumnValue {
    switch unsafe sqlite3_column_type(handle, column) {
    case SQLITE_INTEGER: .integer(int(column))
    case SQLITE_TEXT: .text(Array(text(column).utf8))
    case SQLITE_NULL: .null
    default: .blob(blob(column))
    }
  }

  public func int(_ column: Int32) -> Int64 {
    unsafe sqlite3_column_int64(handle, column)
  }

  public func optionalInt(_ column: Int32) -> Int64? {
    isNull(column) ? nil : int(column)
  }

  public func isNull(_ column: Int32) -> Bool {
    unsafe sqlite3_column_type(handle, column) == SQLITE_NULL
  }

  /// Empty for NULL.
  public func text(_ column: Int32) -> String {
    guard let start = unsafe sqlite3_column_text(handle, column) else { return "" }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  public func optionalText(_ column: Int32) -> String? {
    isNull(column) ? nil : text(column)
  }

  /// Empty for NULL.
  public func blob(_ column: Int32) -> [UInt8] {
    guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  }

  public func optionalBlob(_ column: Int32) -> [UInt8]? {
    isNull(column) ? nil : blob(column)
  }
}
