// One prepared statement.
//
// Invariants:
// 1. Bound bytes are copied: nothing bound needs to outlive the call.
// 2. A failed bind is kept and thrown by the next `step`, so that none is lost.
// 3. Values of columns are copied out and valid for ever; they are read after `step` said true only.
//
// Owner: its connection's.

internal import CSQLite

/// A column's value of whatever type; texts are told apart by their bytes.
public enum ColumnValue: Sendable, Equatable {
  case integer(Int64)
  case text([UInt8])
  case blob([UInt8])
  case null
}

@safe public final class Statement {
  private let handle: OpaquePointer
  public let sql: String
  private unowned let connection: Connection
  private var failedBind = SQLITE_OK

  init(_ handle: OpaquePointer, sql: String, connection: Connection) {
    unsafe self.handle = unsafe handle
    self.sql = sql
    self.connection = connection
  }

  deinit { unsafe sqlite3_finalize(handle) }

  // MARK: parameters, from 1

  public func bind(_ index: Int32, _ value: Int64) {
    note(unsafe sqlite3_bind_int64(handle, index, value))
  }

  public func bind(_ index: Int32, _ value: Int64?) {
    if let value { bind(index, value) } else { bindNull(index) }
  }

  public func bindNull(_ index: Int32) {
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
    if code != SQLITE_OK { failedBind = code }
  }

  // MARK: running

  /// Advances to the next row.
  /// - Returns: false when there is none.
  public func step() throws(SQLiteError) -> Bool {
    if failedBind != SQLITE_OK {
      let code = failedBind
      failedBind = SQLITE_OK
      throw connection.error(code, sql)
    }
    let code = unsafe sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    if code == SQLITE_DONE { return false }
    let error = connection.error(code, sql)
    unsafe sqlite3_reset(handle)
    throw error
  }

  /// Ends the run so that parameters may be bound again. What a step failed with was thrown by it.
  public func reset() {
    unsafe sqlite3_reset(handle)
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
