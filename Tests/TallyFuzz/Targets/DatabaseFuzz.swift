// A stored ledger that is damaged, in its rows or in the bytes of its file: it opens and is used, or is
// refused, and is verified without a crash or a hang.
//
// Input: what is done with it (1: it is verified as a file, else served; 2: it is written, 4: it is
// verified while it is served) and how many rows are changed (from bit 3 on); for each of them its table,
// row, column and what becomes of the value; then changes of the file, each with its place, length and
// bytes.

import Glibc
import TallyLocking

@testable import TallyCore
@testable import TallySQLite
@testable import TallySQLiteStore

enum DatabaseFuzz {
  /// The ledger that is damaged: the stored file of this program's version.
  private static let base: [UInt8] = {
    let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let path = tests.joined(separator: "/") + "/CoreTests/Store/Fixtures/v\(Schema.version).db"
    return FuzzDirectory.read(path, atMost: 4 << 20)
  }()

  static func run(_ bytes: [UInt8]) throws {
    try require(!base.isEmpty, "there is a stored file of version \(Schema.version)")
    var input = FuzzInput(bytes)
    let uses = input.byte()
    let isChanged = bytes.count > 1 || uses >> 3 > 0
    let directory = try FuzzDirectory()
    try directory.write(DataDirectory.databaseName, base)
    try changeRows(directory, count: uses >> 3, &input)
    var file = directory.read(DataDirectory.databaseName, atMost: 8 << 20)
    while !input.rest.isEmpty {
      let place = Int(input.byte()) << 16 | Int(input.number())
      let change = input.bytes(1 + Int(input.byte() & 15))
      for (offset, byte) in change.enumerated() where !file.isEmpty {
        file[(place + offset) % file.count] = byte
      }
    }
    try directory.write(DataDirectory.databaseName, file)
    let isSound =
      if uses & 1 == 1 {
        try? Verifier.verify(file: directory.path + "/" + DataDirectory.databaseName) { _ in }
      } else {
        DatabaseUse.run(directory, writes: uses & 2 == 2, verifies: uses & 4 == 4)
      }
    try require(isChanged || isSound == true, "the stored file is sound")
  }

  // MARK: rows

  private static func changeRows(
    _ directory: FuzzDirectory, count: UInt8, _ input: inout FuzzInput
  ) throws {
    guard count > 0 else { return }
    let connection = try Connection(
      path: directory.path + "/" + DataDirectory.databaseName, options: ConnectionOptions(readOnly: false))
    try connection.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
    // Those of the search are written by it alone.
    let tables = try names(
      connection,
      """
      SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
        AND name NOT LIKE 'page_search%' ORDER BY name
      """)
    for _ in 0..<count {
      let table = tables[Int(input.byte()) % tables.count]
      // Constraints that cannot be turned off keep a row as it is.
      try? changeRow(connection, table, &input)
    }
  }

  private static func names(_ connection: Connection, _ sql: String) throws -> [String] {
    try connection.prepare(sql).all { (row) in row.text() }
  }

  private static func changeRow(_ connection: Connection, _ table: String, _ input: inout FuzzInput) throws {
    let columns = try names(connection, "SELECT name FROM pragma_table_info('\(table)')")
    let keys = try names(connection, "SELECT name FROM pragma_table_info('\(table)') WHERE pk > 0")
    let key = keys.isEmpty ? "rowid" : "(\(keys.joined(separator: ", ")))"
    let rows = max(1, try connection.value("SELECT count(*) FROM \(table)"))
    let chosen =
      "\(key) = (SELECT \(key.filter { $0 != "(" && $0 != ")" }) FROM \(table) LIMIT 1 OFFSET "
      + "\(Int64(input.byte()) % rows))"
    let column = columns[Int(input.byte()) % columns.count]
    let kind = input.byte()
    let old = try connection.prepare("SELECT \(column) FROM \(table) WHERE \(chosen)").first { (row) in
      row.value()
    }
    guard kind < 250 else { return try connection.execute("DELETE FROM \(table) WHERE \(chosen)") }
    let update = try connection.prepare("UPDATE \(table) SET \(column) = ?1 WHERE \(chosen)")
    update.bind(value(in: old ?? .null, kind, &input))
    try update.run()
  }

  private static let borders: [Int64] = [
    0, 1, -1, 2, .min, .max, .min + 1, .max - 1, 1 << 31, 1 << 32, -1 << 31, 1 << 53, 1 << 62,
  ]

  /// What becomes of a value.
  private static func value(in old: ColumnValue, _ kind: UInt8, _ input: inout FuzzInput) -> ColumnValue {
    switch kind % 6 {
    case 0: return .integer(borders[Int(input.byte()) % borders.count])
    case 1: return .integer(input.bytes(8).reduce(0) { $0 << 8 | Int64($1) })
    case 2: return .null
    case 3: return .text(input.bytes(Int(input.byte() & 31)))
    case 4: return .blob(input.bytes(Int(input.byte() & 31)))
    default: break
    }
    switch old {
    case .integer(let number): return .integer(number ^ Int64(input.byte()) << Int64(input.byte() & 63))
    case .text(let bytes): return .text(changed(bytes, &input))
    case .blob(let bytes): return .blob(changed(bytes, &input))
    case .null: return .integer(Int64(input.number()))
    }
  }

  /// With a byte changed, or cut off there.
  private static func changed(_ bytes: [UInt8], _ input: inout FuzzInput) -> [UInt8] {
    let place = Int(input.number())
    let bits = input.byte()
    guard !bytes.isEmpty else { return [bits] }
    if bits == 0 { return Array(bytes.prefix(place % bytes.count)) }
    var bytes = bytes
    bytes[place % bytes.count] ^= bits
    return bytes
  }
}
