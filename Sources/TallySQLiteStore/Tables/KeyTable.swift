// The index of keys as it is stored, and how far it has come.
//
// Invariants:
// 1. A pair counts only when the row that it names has the account and the key: several share a hash.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class KeyTable {
  static let pairSQL = """
    SELECT l.sequence, l.digest FROM key_index k CROSS JOIN ledger l ON l.sequence = k.sequence
    WHERE k.hash = ?1 AND l.account = ?2 AND l.key = ?3
    """
  static let rowSQL = "SELECT sequence, digest FROM ledger WHERE sequence = ?1 AND account = ?2 AND key = ?3"
  static let keysSQL = """
    SELECT sequence, account, key FROM ledger WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence
    """
  static let hashesSQL = "SELECT hash FROM key_index WHERE hash > ?1 ORDER BY hash LIMIT ?2"

  private let pair: Statement
  private let row: Statement
  private let keys: Statement
  private let hashes: Statement
  private let marks: Statement
  private let secret: Statement
  private let insert: Statement
  private let mark: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    pair = try connection.prepare(Self.pairSQL)
    row = try connection.prepare(Self.rowSQL)
    keys = try connection.prepare(Self.keysSQL)
    hashes = try connection.prepare(Self.hashesSQL)
    marks = try connection.prepare("SELECT segment, sequence FROM key_mark")
    secret = try connection.prepare("SELECT key_secret FROM meta WHERE id = 1")
    insert = try connection.prepare(
      "INSERT INTO key_index(hash, sequence) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
    mark = try connection.prepare("REPLACE INTO key_mark(segment, sequence) VALUES (?1, ?2)")
  }

  func hash() throws(SQLiteError) -> KeyHash {
    let stored = try secret.first { (row) in row.blob() }
    guard let stored, stored.count == KeyHash.secretBytes else { throw .malformed("meta: no secret of keys") }
    return KeyHash(secret: stored)
  }

  /// By segment; none where nothing was written yet.
  func storedMarks() throws(SQLiteError) -> [Int: Int64] {
    let stored = try marks.all { (row) in (Int(row.int()), row.int()) }
    return Dictionary(stored, uniquingKeysWith: { first, _ in first })
  }

  /// In the index.
  func find(_ hash: UInt32, account: Int64, key: String) throws(SQLiteError) -> KeyMatch? {
    pair.bind(Int64(hash))
    pair.bind(account)
    pair.bind(key)
    return try pair.first(Self.match)
  }

  /// A row of the ledger, if it has this account and key.
  func row(_ sequence: Int64, account: Int64, key: String) throws(SQLiteError) -> KeyMatch? {
    row.bind(sequence)
    row.bind(account)
    row.bind(key)
    return try row.first(Self.match)
  }

  private static func match(_ row: inout Columns) -> KeyMatch {
    KeyMatch(sequence: row.int(), digest: Digest(bytes: row.blob()))
  }

  /// Of the ledger's rows that have a key, in their order.
  func pairs(after: Int64, through: Int64, _ hash: KeyHash) throws(SQLiteError) -> [KeyPair] {
    keys.bind(after)
    keys.bind(through)
    defer { keys.reset() }
    var pairs: [KeyPair] = []
    while try keys.step() {
      let (sequence, account, key) = try keys.row { (row) in (row.int(), row.int(), row.optionalText()) }
      if let key { pairs.append(KeyPair(hash: hash.of(account: account, key: key), sequence: sequence)) }
    }
    return pairs
  }

  /// Of the index, after one, in their order.
  func hashes(after: Int64, limit: Int) throws(SQLiteError) -> [UInt32] {
    hashes.bind(after)
    hashes.bind(Int64(limit))
    return try hashes.all { (row) in UInt32(truncatingIfNeeded: row.int()) }
  }

  func add(_ pairs: [KeyPair]) throws(SQLiteError) {
    for pair in pairs {
      insert.bind(Int64(pair.hash))
      insert.bind(pair.sequence)
      try insert.run()
    }
  }

  func save(_ sequence: Int64, ofSegment segment: Int) throws(SQLiteError) {
    mark.bind(Int64(segment))
    mark.bind(sequence)
    try mark.run()
  }
}
