// A file as a program of version 4 would have left it, made of one of this version: the same content, with
// the hashes of the chain's first format.
//
// Invariants:
// 1. Its content is such that version 4 could store it.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

enum OldFile {
  static let version: Int32 = 4

  static func make(_ old: TemporaryDirectory, of new: TemporaryDirectory) throws {
    let connection = try old.connection()
    _ = try connection.text("PRAGMA journal_mode = WAL")
    try Migrations.apply(Schema.migrations.filter { $0.version <= version }, to: connection)
    try goOn(connection, to: new)
  }

  /// Does what a program of version 4 would have done meanwhile, so that the file has the content of the new
  /// one: appends to the ledger, changes what has changed.
  static func goOn(_ old: TemporaryDirectory, to new: TemporaryDirectory) throws {
    let connection = try old.connection()
    #expect(try connection.value("PRAGMA user_version") == Int64(version))
    try goOn(connection, to: new)
  }

  private static func goOn(_ connection: Connection, to new: TemporaryDirectory) throws {
    let source = try new.connection()
    let made = try Connection.inMemory()
    try Migrations.apply(Schema.migrations.filter { $0.version <= version }, to: made)
    try connection.execute("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE")
    let last = try connection.value("SELECT coalesce(max(sequence), 0) FROM ledger")
    for table in try SchemaCheck.objects(made) where table.kind == "table" && table.name != "migration" {
      let columns = try made.prepare("SELECT name FROM pragma_table_info('\(table.name)')").all {
        (row) in row.text()
      }
      let isLedger = table.name == "ledger"
      if !isLedger { try connection.execute("DELETE FROM \(table.name)") }
      try copy(
        table.name, columns, from: source, to: connection, where: isLedger ? "sequence > \(last)" : "true")
    }
    try chain(connection, from: source, after: last)
    try connection.execute("COMMIT; PRAGMA foreign_keys = ON")
    #expect(try connection.value("SELECT count(*) FROM pragma_foreign_key_check") == 0)
  }

  private static func copy(
    _ table: String, _ columns: [String], from source: Connection, to target: Connection, where rows: String
  ) throws {
    let names = columns.joined(separator: ", ")
    let places = (1...columns.count).map { "?\($0)" }.joined(separator: ", ")
    let read = try source.prepare("SELECT \(names) FROM \(table) WHERE \(rows)")
    let insert = try target.prepare("INSERT INTO \(table)(\(names)) VALUES (\(places))")
    while try read.step() {
      for value in try read.row({ (row) in columns.map { _ in row.value() } }) { insert.bind(value) }
      try insert.run()
    }
  }

  /// Gives the rows the hashes of the first format.
  private static func chain(_ connection: Connection, from source: Connection, after last: Int64) throws {
    let entries = try source.prepare(
      """
      SELECT \(LedgerTable.selected) FROM ledger l JOIN account a ON a.id = l.account
      WHERE l.sequence > \(last) ORDER BY l.sequence
      """
    ).all(LedgerTable.entry)
    let before = try connection.prepare("SELECT hash FROM ledger WHERE sequence = \(last)")
    var hash = try before.first { (row) in row.blob() } ?? Chain.origin
    let update = try connection.prepare(
      "UPDATE ledger SET hash = ?2, text_digest = ?3 WHERE sequence = ?1")
    for entry in entries {
      let digest = Chain.textDigest(of: entry, .one)
      hash = Chain.hash(of: entry, previous: hash, textDigest: digest, .one)
      update.bind(entry.sequence)
      update.bind(hash)
      update.bind(digest)
      try update.run()
    }
    let head = try connection.prepare("UPDATE meta SET chain_head = ?1")
    head.bind(hash)
    try head.run()
  }
}
