// One step of a database file from a version to the next.
//
// Invariants:
// 1. A migration that was released is never changed: its checksum is noted in every file that it made.

internal import Crypto
internal import TallySQLite

struct Migration: Sendable {
  let version: Int32
  let name: String
  let sql: String
  /// Whether it puts a new table in the place of an old one that others refer to. Foreign keys are off while
  /// it runs: with them, dropping the old table would delete the rows that refer to it.
  var replacesTables = false
  /// Large tables that are copied before `sql` puts the copies in their places.
  var rewrites: [Rewrite] = []
  /// What SQL cannot say, in the same transaction.
  var afterwards: @Sendable (Connection) throws(SQLiteError) -> Void = { (_) throws(SQLiteError) in }

  /// All that it runs.
  private var text: String { rewrites.map(\.text).joined() + sql }

  /// SHA-256 of the text, in hex.
  var checksum: String {
    let digits = Array("0123456789abcdef")
    return SHA256.hash(data: Array(text.utf8)).reduce(into: "") { text, byte in
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
  }
}

/// A large table that is made anew: what SQLite cannot change in place is copied.
struct Rewrite: Sendable {
  struct Index: Sendable {
    let name: String
    /// What follows `CREATE INDEX`, or `CREATE UNIQUE INDEX`, and the name.
    let sql: String
    var isUnique = false

    var statement: String { "CREATE \(isUnique ? "UNIQUE " : "")INDEX \(name) \(sql)" }
  }

  let table: String
  /// The integer that numbers the table's rows, and the copy's.
  let key: String
  /// What follows `CREATE TABLE` and the name.
  let columns: String
  /// Those that are made once all rows are copied, a transaction each: sorted they are quicker to make than
  /// row by row, and smaller. Their names are new, since the old table keeps its own indexes meanwhile.
  let indexes: [Index]
  let makeCopier: @Sendable (Connection) throws(SQLiteError) -> any RowCopier

  var copy: String { "new_\(table)" }

  fileprivate var text: String {
    "CREATE TABLE \(copy) \(columns);" + indexes.map { $0.statement + ";" }.joined()
  }
}

/// Fills a copy.
protocol RowCopier {
  /// Copies the rows with these keys, in their order.
  func copy(after: Int64, through: Int64) throws(SQLiteError)
}
