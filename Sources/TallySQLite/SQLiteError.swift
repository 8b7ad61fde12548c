// What SQLite says when it fails.
//
// Invariants:
// 1. An error carries the statement's text, never its arguments: they are users' data.

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
  public enum Kind: Sendable, Equatable, CaseIterable {
    /// No space, or the database's page limit.
    case full
    /// The file is damaged or is no database.
    case corrupt
    /// A uniqueness, check or foreign key rule.
    case constraint
    /// Another connection holds a lock.
    case busy
    case outOfMemory
    /// A read, write, sync or open failed, or the system allows none.
    case inputOutput
    /// SQLite cannot get at locks of its own, and will not by waiting.
    case lockedOut
    /// A statement that this database or library does not know, or a call out of order.
    case defect
  }

  /// Each of SQLite's primary result codes, deliberately; nil for one that this library does not have.
  static func kind(ofPrimary code: Int32) -> Kind? {
    switch code {
    case SQLITE_FULL: .full
    case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT: .corrupt
    case SQLITE_CONSTRAINT: .constraint
    case SQLITE_BUSY, SQLITE_LOCKED: .busy
    case SQLITE_NOMEM: .outOfMemory
    case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_NOLFS: .inputOutput
    case SQLITE_PROTOCOL: .lockedOut
    case SQLITE_ERROR, SQLITE_INTERNAL, SQLITE_ABORT, SQLITE_INTERRUPT, SQLITE_NOTFOUND, SQLITE_EMPTY,
      SQLITE_SCHEMA, SQLITE_TOOBIG, SQLITE_MISMATCH, SQLITE_MISUSE, SQLITE_AUTH, SQLITE_RANGE:
      .defect
    // No errors, where one was due.
    case SQLITE_OK, SQLITE_NOTICE, SQLITE_WARNING, SQLITE_ROW, SQLITE_DONE: .defect
    default: nil
    }
  }

  public var kind: Kind {
    switch code {
    // What was read is not what was written.
    case Self.inputOutput(32), Self.inputOutput(33): .corrupt
    case Self.inputOutput(12): .outOfMemory
    default: Self.kind(ofPrimary: code & 0xff) ?? .defect
    }
  }

  /// A sync failed: what was written since the last one may be lost though the system calls it clean, so
  /// that the next sync says nothing of it. Nothing may be built on it in this process.
  public var isFailedSync: Bool { code == Self.inputOutput(4) || code == Self.inputOutput(5) }

  /// SQLITE_IOERR with a detail: 1 READ, 4 FSYNC, 5 DIR_FSYNC, 12 NOMEM, 32 DATA, 33 CORRUPTFS.
  private static func inputOutput(_ detail: Int32) -> Int32 { SQLITE_IOERR | (detail << 8) }

  /// It took longer than it was allowed to.
  public var isInterrupted: Bool { code & 0xff == SQLITE_INTERRUPT }

  /// The file is not one of SQLite's at all.
  public var isNoDatabase: Bool { code & 0xff == SQLITE_NOTADB }

  /// The file, its directory or its file system takes no writes.
  public var isNotWritable: Bool { code & 0xff == SQLITE_READONLY || code & 0xff == SQLITE_PERM }

  public var description: String { "\(message) (SQLite \(code)) in: \(sql)" }

  /// A failed sync of the log, as a fault hook raises it.
  public static func failedSync(_ sql: String) -> SQLiteError {
    SQLiteError(code: inputOutput(4), message: "disk I/O error", sql: sql)
  }

  /// A failed read, as a fault hook raises it.
  public static func failedRead(_ sql: String) -> SQLiteError {
    SQLiteError(code: inputOutput(1), message: "disk I/O error", sql: sql)
  }

  /// No space left, as a fault hook raises it.
  public static func full(_ sql: String) -> SQLiteError {
    SQLiteError(code: SQLITE_FULL, message: "database or disk is full", sql: sql)
  }

  /// A lock of SQLite's own that was not given back.
  public static func lockedOut(_ sql: String) -> SQLiteError {
    SQLiteError(code: SQLITE_PROTOCOL, message: "locking protocol", sql: sql)
  }

  /// A failed allocation, as a fault hook raises it.
  public static func outOfMemory(_ sql: String) -> SQLiteError {
    SQLiteError(code: SQLITE_NOMEM, message: "out of memory", sql: sql)
  }
}
