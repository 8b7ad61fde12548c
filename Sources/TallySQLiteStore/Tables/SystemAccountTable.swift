// The system accounts' balances, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class SystemAccountTable {
  private let all: Statement
  private let update: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    all = try connection.prepare("SELECT id, balance FROM system_account")
    update = try connection.prepare("UPDATE system_account SET balance = ?2 WHERE id = ?1")
  }

  func load() throws(SQLiteError) -> SystemBalances {
    var balances = SystemBalances()
    for (id, balance) in try stored() {
      guard let account = SystemAccount(rawValue: Int32(truncatingIfNeeded: id)) else {
        throw .malformed("system account \(id)")
      }
      balances[account] = balance
    }
    return balances
  }

  /// All rows, also those of accounts that this program does not know.
  func stored() throws(SQLiteError) -> [(id: Int64, balance: Int64)] {
    try all.all { (row) in (row.int(), row.int()) }
  }

  /// Saves those that changed.
  func save(_ balances: SystemBalances, over stored: SystemBalances) throws(SQLiteError) {
    for account in SystemAccount.allCases where balances[account] != stored[account] {
      update.bind(Int64(account.rawValue))
      update.bind(balances[account])
      try update.run()
    }
  }
}
