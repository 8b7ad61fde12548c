// A copy of the whole database in memory, for test harnesses.
//
// Invariants:
// 1. Of one commit. Only the count of commits in it is changed, each time that it is put back: that count
//    never goes back, since caches and readers tell by it what is new.
//
// Owner: the caller that asked for it keeps it; it is used on the writer's queue only.

internal import TallyCore
internal import TallySQLite

// @unchecked Sendable: see the owner.
final class DatabaseSnapshot: StoreCopy, @unchecked Sendable {
  let connection: Connection
  let byteCount: Int
  /// The commit that it is of.
  let commitSequence: Int64

  private init(_ connection: Connection, byteCount: Int, commitSequence: Int64) {
    self.connection = connection
    self.byteCount = byteCount
    self.commitSequence = commitSequence
  }

  /// - Returns: nil when the database has more bytes than the limit.
  static func make(
    of connection: Connection, commitSequence: Int64, limitByteCount: Int
  ) throws(SQLiteError) -> DatabaseSnapshot? {
    let byteCount = Int(try connection.databaseByteCount())
    if byteCount > limitByteCount { return nil }
    let memory = try Connection.inMemory()
    try connection.copy(over: memory)
    return DatabaseSnapshot(memory, byteCount: byteCount, commitSequence: commitSequence)
  }

  /// Puts it in the place of what the connection holds, as a commit of this number.
  func copy(over connection: Connection, as commitSequence: Int64) throws(SQLiteError) {
    try self.connection.execute("UPDATE meta SET commit_sequence = \(commitSequence)")
    try self.connection.copy(over: connection)
  }
}
