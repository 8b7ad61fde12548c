// How many live pages each user has, written and read.
//
// Owner: the owner of its connection.

internal import TallySQLite

final class PageCounterTable {
  private let pages: Statement
  private let add: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    pages = try connection.prepare("SELECT pages FROM page_counter WHERE account = ?1")
    // Checks come before conflicts: a row that is only proposed must pass them too.
    add = try connection.prepare(
      """
      INSERT INTO page_counter(account, pages) VALUES (?1, max(?2, 0))
      ON CONFLICT DO UPDATE SET pages = pages + ?2
      """)
  }

  func count(account: Int64) throws(SQLiteError) -> Int64 {
    pages.bind(account)
    return try pages.firstInt() ?? 0
  }

  func add(_ delta: Int64, account: Int64) throws(SQLiteError) {
    add.bind(account)
    add.bind(delta)
    try add.run()
  }
}
