// What each user did in each UTC month, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class UsageMonthTable {
  private let month: Statement
  private let add: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    month = try connection.prepare(
      "SELECT generations, uploads, cost FROM usage_month WHERE month = ?1 AND account = ?2")
    add = try connection.prepare(
      """
      INSERT INTO usage_month(month, account, generations, uploads, cost) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT DO UPDATE SET generations = generations + ?3, uploads = uploads + ?4, cost = cost + ?5
      """)
  }

  func counters(_ key: MonthKey) throws(SQLiteError) -> MonthCounters {
    bind(key, to: month)
    let stored = try month.first { (row) in row.monthCounters() }
    return stored ?? MonthCounters()
  }

  func add(_ counters: MonthCounters, to key: MonthKey) throws(SQLiteError) {
    bind(key, to: add)
    add.bind(counters.generations)
    add.bind(counters.uploads)
    add.bind(counters.costMicros)
    try add.run()
  }

  private func bind(_ key: MonthKey, to statement: Statement) {
    statement.bind(key.month)
    statement.bind(key.account)
  }
}
