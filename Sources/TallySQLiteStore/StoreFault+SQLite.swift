// Faults of tests, as SQLite reports them.

internal import TallyCore
internal import TallySQLite

extension StoreFault {
  func error(_ sql: String) -> SQLiteError {
    switch self {
    case .failedRead: .failedRead(sql)
    case .failedSync: .failedSync(sql)
    case .diskFull: .full(sql)
    case .outOfMemory: .outOfMemory(sql)
    case .lockedOut: .lockedOut(sql)
    }
  }
}
