// What SQLite says when it fails.
//
// Invariants:
// 1. An error carries the statement's text, never its arguments: they are users' data.
//
// Values, owned by nobody.

internal import CTallySQLite

/// A failed call into SQLite.
public struct SQLiteError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The extended result code.
  public var code: Int32
  public var message: String
  /// The statement, or what was being done, without arguments.
  public var sql: String

  public init(code: Int32, message: String, sql: String) {
    self.code = code
    self.message = message
    self.sql = sql
  }

  /// What a caller can do about it.
  public enum Kind: Sendable, Equatable {
    /// No space, or the database's page limit.
    case full
    /// The file is damaged or is no database.
    case corrupt
    /// A uniqueness, check or foreign key rule.
    case constraint
    /// Another connection holds a lock.
    case busy
    case outOfMemory
    /// A read, write, sync or open failed.
    case inputOutput
    case other
  }

  public var kind: Kind {
    switch code & 0xff {
    case SQLITE_FULL: .full
    case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
    case SQLITE_CONSTRAINT: .constraint
    case SQLITE_BUSY, SQLITE_LOCKED: .busy
    case SQLITE_NOMEM: .outOfMemory
    case SQLITE_IOERR, SQLITE_CANTOPEN: .inputOutput
    default: .other
    }
  }

  /// The file is not one of SQLite's at all.
  public var isNoDatabase: Bool { code & 0xff == SQLITE_NOTADB }

  /// The file, its directory or its file system takes no writes.
  public var isNotWritable: Bool { code & 0xff == SQLITE_READONLY || code & 0xff == SQLITE_PERM }

  public var description: String { "\(message) (SQLite \(code)) in: \(sql)" }

  /// A failed sync of the log, as a fault hook raises it.
  public static func failedSync(_ sql: String) -> SQLiteError {
    SQLiteError(code: SQLITE_IOERR | (4 << 8), message: "disk I/O error", sql: sql)
  }

  /// No space left, as a fault hook raises it.
  public static func full(_ sql: String) -> SQLiteError {
    SQLiteError(code: SQLITE_FULL, message: "database or disk is full", sql: sql)
  }

  /// A failed allocation, as a fault hook raises it.
  public static func outOfMemory(_ sql: String) -> SQLiteError {
    SQLiteError(code: SQLITE_NOMEM, message: "out of memory", sql: sql)
  }
}
