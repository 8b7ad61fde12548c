// Brings a database file to the version that this program writes.
//
// Invariants:
// 1. `user_version` is the number of the last migration applied; each is applied in one transaction with
//    it, so a file is never between two versions, whenever the process is killed. What a migration copies
//    before that (Rewriter.swift) is nothing to a program of the version before.
//    The words of pages follow in slices of their own: a start ends with all of them written, and one that is
//    killed before is gone on with by the next.
// 2. A file of a newer version is refused; so is one whose migrations are not the ones of this program.
//
// Owner: the thread that opens the engine.

internal import TallyCore
internal import TallySQLite

struct Migrations {
  private static let log = """
    CREATE TABLE migration(
      version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
    ) STRICT;
    """

  private let connection: Connection
  var sliceRows = Rewriter.sliceRows
  /// Told of long ones; an error that it throws ends them between two transactions.
  var onProgress: (UpgradeProgress) throws(StoreError) -> Void = { (_) throws(StoreError) in }

  init(_ connection: Connection) { self.connection = connection }

  static func apply(_ migrations: [Migration], to connection: Connection) throws(StoreError) {
    try Migrations(connection).apply(migrations)
  }

  /// Applies what is missing.
  func apply(_ migrations: [Migration]) throws(StoreError) {
    let (stored, applied) = try storing { () throws(SQLiteError) in
      let stored = Int32(clamping: try connection.value("PRAGMA user_version"))
      return (stored, stored == 0 ? [:] : try checksums())
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
    for migration in migrations where migration.version > stored { try apply(migration) }
    try storing { () throws(SQLiteError) in
      while try PageSearchTable.isFilling(connection) {
        try connection.inTransaction { () throws(SQLiteError) in try PageSearchTable.fillSlice(connection) }
      }
    }
  }

  private func storing<Value>(_ body: () throws(SQLiteError) -> Value) throws(StoreError) -> Value {
    do { return try body() } catch { throw StoreError(error) }
  }

  private func checksums() throws(SQLiteError) -> [Int64: String] {
    let statement = try connection.prepare("SELECT version, checksum FROM migration")
    let checksums = try statement.all { (row) in (row.int(), row.text()) }
    return Dictionary(checksums, uniquingKeysWith: { first, _ in first })
  }

  private func apply(_ migration: Migration) throws(StoreError) {
    guard migration.replacesTables else {
      return try storing { () throws(SQLiteError) in
        try connection.inTransaction { () throws(SQLiteError) in try run(migration) }
      }
    }
    // Neither setting can be changed inside a transaction. The second one keeps a view that somebody made of
    // the old table from stopping the migration: while that table is gone the view makes no sense.
    try storing { () throws(SQLiteError) in
      try connection.execute("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON")
    }
    let result = Result { () throws(StoreError) in try replaceTables(migration) }
    try storing { () throws(SQLiteError) in
      try connection.execute("PRAGMA foreign_keys = ON; PRAGMA legacy_alter_table = OFF")
    }
    try result.get()
  }

  private func replaceTables(_ migration: Migration) throws(StoreError) {
    let rewriter = Rewriter(
      connection, version: migration.version, migration.rewrites, sliceRows: sliceRows,
      onProgress: onProgress)
    try rewriter.run { () throws(SQLiteError) in try run(migration) }
  }

  /// In an open transaction.
  private func run(_ migration: Migration) throws(SQLiteError) {
    if migration.version == 1 { try connection.execute(Self.log) }
    try connection.execute(migration.sql)
    try migration.afterwards(connection)
    let entry = try connection.prepare("INSERT INTO migration VALUES (?1, ?2, ?3)")
    entry.bind(Int64(migration.version))
    entry.bind(migration.name)
    entry.bind(migration.checksum)
    try entry.run()
    try connection.execute("PRAGMA user_version = \(migration.version)")
  }
}

extension Connection {
  /// A transaction of many, after which a log that has grown starts over.
  func inStep<Value>(_ body: () throws(SQLiteError) -> Value) throws(SQLiteError) -> Value {
    let value = try inTransaction(body)
    // Another program's snapshot keeps it from that, and nothing is lost.
    if logFrames >= CheckpointLimits.standard.restartFrames { try checkpoint(.restart) }
    return value
  }

  /// Commits what `body` does, or none of it.
  func inTransaction<Value>(_ body: () throws(SQLiteError) -> Value) throws(SQLiteError) -> Value {
    try execute("BEGIN IMMEDIATE")
    do {
      let value = try body()
      try execute("COMMIT")
      return value
    } catch {
      if !isAutocommit { try execute("ROLLBACK") }
      throw error
    }
  }
}
