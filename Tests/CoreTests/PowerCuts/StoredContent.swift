// All that a database holds, by a digest of each table.
//
// Invariants:
// 1. What each start changes by itself is left out: the number and the time of the last commit.
// 2. So is the index of keys, which lags behind the ledger as it likes, and its secret, which a file that
//    was lost before its first commit gets anew; verification holds it to the ledger.

import Crypto
internal import TallySQLite

@testable internal import TallySQLiteStore

struct StoredContent: Sendable, Equatable {
  private var digests: [String: SHA256Digest] = [:]
  /// Why it could not be read.
  private var failure: String?

  private static let leftOut = [
    "meta": ["commit_sequence", "committed_at", "key_secret"], "migration": ["applied_at"],
  ]

  private static let tables = """
    SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      AND name NOT IN ('key_index', 'key_mark') ORDER BY name
    """

  init(ofDatabase path: String) {
    do {
      let connection = try Connection(path: path, options: ConnectionOptions(readOnly: true))
      try connection.execute("BEGIN")
      for table in try connection.prepare(Self.tables).all({ (row) in row.text() }) {
        try add(table, connection)
      }
    } catch { failure = "\(error)" }
  }

  private mutating func add(_ table: String, _ connection: Connection) throws(SQLiteError) {
    let columns = try connection.prepare("SELECT name FROM pragma_table_info('\(table)')").all {
      (row) in row.text()
    }
    let values = columns.filter { !Self.leftOut[table, default: []].contains($0) }.map { "quote(\($0))" }
    let rows = try connection.prepare("SELECT \(values.joined(separator: " || ',' || ")) FROM \(table)")
    var hash = SHA256()
    while try rows.step() { hash.update(data: Array(try rows.row { (row) in row.text() }.utf8) + [10]) }
    digests[table] = hash.finalize()
  }

  /// In which tables two contents differ; nil when they are the same.
  func difference(from other: StoredContent) -> String? {
    if let failure = failure ?? other.failure { return failure }
    let names = Set(digests.keys).union(other.digests.keys).filter { digests[$0] != other.digests[$0] }
    return names.isEmpty ? nil : names.sorted().joined(separator: ", ")
  }
}
