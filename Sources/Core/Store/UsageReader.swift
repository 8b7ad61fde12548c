// What was used, read: months, pages and quarter hours, of one account or of many.
//
// Invariants:
// 1. Each function is one statement, however many accounts and days it is asked about.
//
// Owner: its connection's.

internal import SQLite

final class RollupReader {
  static let totalSQL = "SELECT runs, cost, input_tokens, output_tokens, images FROM run_total WHERE id = 1"
}

/// Reads counters.
final class UsageReader {
  static let monthSQL = "SELECT generations, uploads FROM usage_month WHERE month = ?1 AND account = ?2"
  static let quartersSQL = "SELECT quarters FROM rollup WHERE day = ?1 AND account = ?2 AND label = 0"
  static let pagesSQL = "SELECT pages FROM page_counter WHERE account = ?1"
  static let planIdSQL = "SELECT plan_id FROM user_settings WHERE account = ?1"

  private let month: Statement
  private let quarters: Statement
  private let pages: Statement
  private let planId: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    month = try connection.prepare(Self.monthSQL)
    quarters = try connection.prepare(Self.quartersSQL)
    pages = try connection.prepare(Self.pagesSQL)
    planId = try connection.prepare(Self.planIdSQL)
  }

  /// Of a UTC month, by its number.
  func counters(_ key: MonthKey) throws(SQLiteError) -> MonthCounters {
    month.bind(1, key.month)
    month.bind(2, key.account)
    defer { month.reset() }
    return try month.step()
      ? MonthCounters(generations: month.int(0), uploads: month.int(1)) : MonthCounters()
  }

  /// Of a UTC day, under label 0.
  func quarters(day: Int64, account: Int64) throws(SQLiteError) -> PackedQuarters {
    quarters.bind(1, day)
    quarters.bind(2, account)
    defer { quarters.reset() }
    return try quarters.step() ? PackedQuarters(bytes: quarters.blob(0)) : PackedQuarters()
  }

  /// Live ones.
  func pages(account: Int64) throws(SQLiteError) -> Int64 {
    pages.bind(1, account)
    defer { pages.reset() }
    return try pages.step() ? pages.int(0) : 0
  }

  /// Of the user's settings; nil without one.
  func planId(account: Int64) throws(SQLiteError) -> String? {
    planId.bind(1, account)
    defer { planId.reset() }
    return try planId.step() ? planId.optionalText(0) : nil
  }
}
