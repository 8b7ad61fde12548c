// Users' own caps, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class CapTable {
  static let bySubjectSQL = "SELECT caps FROM cap_list WHERE account = ?1 AND spender = ?2"
  static let byAccountSQL = "SELECT spender, caps FROM cap_list WHERE account = ?1 ORDER BY spender"

  private let bySubject: Statement
  private let byAccount: Statement
  private let upsert: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    bySubject = try connection.prepare(Self.bySubjectSQL)
    byAccount = try connection.prepare(Self.byAccountSQL)
    upsert = try connection.prepare(
      """
      INSERT INTO cap_list(account, spender, caps) VALUES (?1, ?2, ?3)
      ON CONFLICT (account, spender) DO UPDATE SET caps = excluded.caps
      """)
    delete = try connection.prepare("DELETE FROM cap_list WHERE account = ?1 AND spender = ?2")
  }

  // MARK: reading

  func caps(_ key: CapKey) throws(SQLiteError) -> [Cap] {
    bySubject.bind(key.account)
    bySubject.bind(key.spender.text)
    return try bySubject.first { (row) throws(SQLiteError) in try Packing.caps(row.blob()) } ?? []
  }

  /// By spender, the account's own first.
  func lists(account: Int64) throws(SQLiteError) -> [CapList] {
    byAccount.bind(account)
    return try byAccount.all { (row) throws(SQLiteError) in
      CapList(spender: row.text(), caps: try Packing.caps(row.blob()))
    }
  }

  // MARK: writing

  func save(_ caps: [Cap], of key: CapKey) throws(SQLiteError) {
    let statement = caps.isEmpty ? delete : upsert
    statement.bind(key.account)
    statement.bind(key.spender.text)
    if !caps.isEmpty { statement.bind(Packing.pack(caps)) }
    try statement.run()
  }
}
