// Whether a file has every table and index that this program relies on, as its migrations make them: a unique
// index that somebody dropped would let a retried write happen twice.
//
// Invariants:
// 1. What the migrations make is the measure, found by carrying them out in memory. That takes milliseconds,
//    so a start does it only when the file's schema as a whole is not the known one.
// 2. Tables and indexes that other programs have made, such as a replicating tool, are ignored.
//
// Owner: the thread that opens the engine, or verifies.

internal import Crypto
internal import TallyCore
internal import TallySQLite

enum SchemaCheck {
  /// `digest(of:)` of a file that only the migrations have made. A test says what it has to be.
  static let knownDigest = "57a8e51613a58742069642d95b80f796be94ec267202c5df88be8e96671c4379"

  struct Object: Equatable {
    /// `table` or `index`.
    var kind: String
    var name: String
    /// With single blanks.
    var sql: String
  }

  struct Problem: Equatable {
    var text: String
    /// What would make it whole; nil when a statement alone cannot.
    var remedy: String?
  }

  /// - Throws: `corrupt` when something is missing or changed, with what to do.
  static func require(_ connection: Connection, path: String) throws(StoreError) {
    let problems: [Problem]
    do {
      let stored = try objects(connection)
      if digest(of: stored) == knownDigest { return }
      problems = Self.problems(stored, expected: try expected())
    } catch {
      throw StoreError(opening: path, error)
    }
    guard let first = problems.first else { return }
    let more = problems.count > 1 ? " (and \(problems.count - 1) more)" : ""
    let advice =
      first.remedy.map { "make it again with sqlite3 and the statement `\($0)`, then run tally verify" }
      ?? "restore a backup"
    throw StoreError(.corrupt, "\(path): \(first.text)\(more); \(advice)")
  }

  /// What is missing or not as the migrations make it.
  static func problems(_ connection: Connection) throws(SQLiteError) -> [Problem] {
    problems(try objects(connection), expected: try expected())
  }

  private static func problems(_ stored: [Object], expected: [Object]) -> [Problem] {
    let byName = Dictionary(stored.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return expected.compactMap { object in
      let remedy = object.kind == "index" ? object.sql : nil
      guard let found = byName[object.name] else {
        return Problem(text: "\(object.kind) \(object.name) is missing", remedy: remedy)
      }
      if found == object { return nil }
      return Problem(
        text: "\(object.kind) \(object.name) is not the one that the migrations make",
        remedy: remedy.map { "DROP INDEX \(object.name); \($0)" })
    }
  }

  /// What the migrations make.
  static func expected() throws(SQLiteError) -> [Object] {
    let memory = try Connection.inMemory()
    do { try Migrations.apply(Schema.migrations, to: memory) } catch {
      throw SQLiteError(code: 1, message: error.message, sql: "migrations in memory")
    }
    return try objects(memory)
  }

  static func digest(of objects: [Object]) -> String {
    let text = objects.map { "\($0.kind) \($0.name) \($0.sql)\n" }.joined()
    return SHA256.hash(data: Array(text.utf8)).reduce(into: "") { hex, byte in
      hex += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }
  }

  /// All but SQLite's own, which come and go with their tables; by name.
  static func objects(_ connection: Connection) throws(SQLiteError) -> [Object] {
    let statement = try connection.prepare(
      "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
    return try statement.all { (row) in
      Object(
        kind: row.text(), name: row.text(),
        // By bytes, since each start does this: white space in SQL is ASCII.
        sql: row.text().utf8.split { $0 <= UInt8(ascii: " ") }.map { String(Substring($0)) }
          .joined(separator: " "))
    }
  }
}
