// Brings a database file to the version that this program writes.
//
// Invariants:
// 1. `user_version` is the number of the last migration applied; each is applied in one transaction with
//    it, so a file is never between two versions, whenever the process is killed.
// 2. A file of a newer version is refused; so is one whose migrations are not the ones of this program.
//
// Owner: the thread that opens the engine.

internal import Crypto
internal import TallyCore
internal import TallySQLite

struct Migration: Sendable {
  let version: Int32
  let name: String
  let sql: String
  /// Whether it puts a new table in the place of an old one that others refer to. Foreign keys are off while
  /// it runs: with them, dropping the old table would delete the rows that refer to it.
  var replacesTables = false

  /// SHA-256 of the text, in hex.
  var checksum: String {
    let digits = Array("0123456789abcdef")
    return SHA256.hash(data: Array(sql.utf8)).reduce(into: "") { text, byte in
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
  }
}

enum Migrations {
  private static let log = """
    CREATE TABLE migration(
      version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
    ) STRICT;
    """

  /// Applies what is missing.
  static func apply(_ migrations: [Migration], to connection: Connection) throws(StoreError) {
    let applied: [Int64: String]
    let stored: Int32
    do {
      stored = Int32(clamping: try connection.value("PRAGMA user_version"))
      applied = stored == 0 ? [:] : try checksums(connection)
    } catch {
      throw StoreError(error)
    }
    let known = migrations.last?.version ?? 0
    guard stored <= known else {
      throw StoreError(
        .newerSchema, "the database has schema version \(stored), this program knows \(known)")
    }
    for migration in migrations where migration.version <= stored {
      guard applied[Int64(migration.version)] == migration.checksum else {
        throw StoreError(
          .changedMigration, "migration \(migration.version) is not the one that was applied")
      }
    }
    do {
      for migration in migrations where migration.version > stored { try apply(migration, connection) }
    } catch {
      throw StoreError(error)
    }
  }

  private static func checksums(_ connection: Connection) throws(SQLiteError) -> [Int64: String] {
    let statement = try connection.prepare("SELECT version, checksum FROM migration")
    let checksums = try statement.all { (row) in (row.int(), row.text()) }
    return Dictionary(checksums, uniquingKeysWith: { first, _ in first })
  }

  private static func apply(_ migration: Migration, _ connection: Connection) throws(SQLiteError) {
    guard migration.replacesTables else { return try applyInTransaction(migration, connection) }
    // Neither setting can be changed inside a transaction. The second one keeps a view that somebody made of
    // the old table from stopping the migration: while that table is gone the view makes no sense.
    try connection.execute("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON")
    let result = Result { () throws(SQLiteError) in try applyInTransaction(migration, connection) }
    try connection.execute("PRAGMA foreign_keys = ON; PRAGMA legacy_alter_table = OFF")
    try result.get()
  }

  private static func applyInTransaction(
    _ migration: Migration, _ connection: Connection
  ) throws(SQLiteError) {
    try connection.execute("BEGIN IMMEDIATE")
    do {
      if migration.version == 1 { try connection.execute(log) }
      try connection.execute(migration.sql)
      let entry = try connection.prepare("INSERT INTO migration VALUES (?1, ?2, ?3)")
      entry.bind(Int64(migration.version))
      entry.bind(migration.name)
      entry.bind(migration.checksum)
      try entry.run()
      try connection.execute("PRAGMA user_version = \(migration.version)")
      try connection.execute("COMMIT")
    } catch {
      if !connection.isAutocommit { try connection.execute("ROLLBACK") }
      throw error
    }
  }
}
