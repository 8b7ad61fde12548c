// What is counted for caps, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class CapCounterTable {
  static let bySubjectSQL = "SELECT zone, counters FROM cap_counter WHERE account = ?1 AND spender = ?2"

  private let bySubject: Statement
  private let upsert: Statement
  private let delete: Statement
  private let deleteAll: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    bySubject = try connection.prepare(Self.bySubjectSQL)
    upsert = try connection.prepare(
      """
      INSERT INTO cap_counter(account, spender, zone, counters) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (account, spender) DO UPDATE SET zone = excluded.zone, counters = excluded.counters
      """)
    delete = try connection.prepare("DELETE FROM cap_counter WHERE account = ?1 AND spender = ?2")
    deleteAll = try connection.prepare("DELETE FROM cap_counter WHERE account = ?1")
  }

  func counters(_ key: CapKey) throws(SQLiteError) -> CapCounters? {
    bySubject.bind(key.account)
    bySubject.bind(key.spender.text)
    return try bySubject.first(Self.counters)
  }

  /// Takes the zone and the counters.
  static func counters(_ row: inout Columns) throws(SQLiteError) -> CapCounters {
    CapCounters(zone: row.text(), bySubject: try Packing.capCounters(row.blob()))
  }

  /// Empty ones are taken away.
  func save(_ counters: CapCounters, of key: CapKey) throws(SQLiteError) {
    let statement = counters.isEmpty ? delete : upsert
    statement.bind(key.account)
    statement.bind(key.spender.text)
    if !counters.isEmpty {
      statement.bind(counters.zone)
      statement.bind(Packing.pack(counters.bySubject))
    }
    try statement.run()
  }

  func removeAll(account: Int64) throws(SQLiteError) {
    deleteAll.bind(account)
    try deleteAll.run()
  }
}
