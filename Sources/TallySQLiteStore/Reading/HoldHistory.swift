// Walking a user's holds backwards.
//
// Invariants:
// 1. A page is one statement and examines at most `History.maximumExaminedRows`.
// 2. A hold whose time is over is shown as expired, whether or not that was written.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class HoldHistory {
  static let pageSQL = """
    SELECT \(HoldTable.selected) FROM hold h JOIN account a ON a.id = h.account
    WHERE h.account = ?1 AND h.id < ?2 ORDER BY h.id DESC
    """

  private let page: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    page = try connection.prepare(Self.pageSQL)
  }

  func page(account: Account, _ filter: HoldFilter, nowMicros: Int64) throws(SQLiteError) -> Page<Hold> {
    let states = Set(filter.states)
    page.bind(account.id)
    page.bind(filter.beforeId ?? Int64.max)
    defer { page.reset() }
    var rows: [Hold] = []
    var examined = 0
    var last: Int64 = 0
    while try page.step() {
      if rows.count == filter.limit || examined == History.maximumExaminedRows {
        return Page(rows: rows, nextBefore: last)
      }
      examined += 1
      let hold = Rules.hold(try page.row(HoldTable.hold), of: account, at: nowMicros)
      last = hold.id
      if states.isEmpty || states.contains(hold.state) { rows.append(hold) }
    }
    return Page(rows: rows, nextBefore: nil)
  }
}
