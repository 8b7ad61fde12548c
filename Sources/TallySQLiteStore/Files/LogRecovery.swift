// What happens to the log of the process before, before anything is copied from it or written to it.
//
// Invariants:
// 1. What recovery takes is written back in place and synced first. After a failed sync Linux calls what was
//    not written clean: the page cache shows commits that the disk does not have, and no later sync would
//    write them. Later commits that build on them would be lost in a power cut.
// 2. For the same reason all of it counts as not copied into the database file yet. SQLite forgets by itself
//    what was copied, unless another program has the database open over the restart.
// 3. Other programs may write and checkpoint at any time: SQLite's locks are held from before the log is
//    examined until it is on the disk. Otherwise what was read would overwrite what they have written.
//    SQLite's own recovery, which may come before, writes to the shared memory only.
// 4. A log that has lost commits which were acknowledged is not opened, unless the operator says so.
//
// Owner: the thread that opens the database, under the data directory's lock.

internal import TallyCore
internal import TallySQLite

enum LogRecovery {
  /// - Parameter connection: the writer's, which has read and not written yet.
  static func prepare(
    _ connection: Connection, databasePath path: String, _ configuration: EngineConfiguration
  ) throws(StoreError) {
    try lock(connection, databasePath: path, waitMillis: configuration.logLockMillis)
    // A lock that cannot be given back fails the next statement.
    defer { connection.unlockLog() }
    let state = try examine(databasePath: path)
    if let damage = damage(state, databasePath: path) {
      guard configuration.acceptsLogDamage else {
        throw StoreError(.logDamaged, "\(damage). \(advice)")
      }
      configuration.onLogLoss("\(damage); they are dropped")
    } else if state.isUnfinished {
      configuration.onLogLoss(
        "the log ends in an unfinished commit, which is dropped; it was not acknowledged unless the disk "
          + "has lost part of it")
    }
    do {
      try LogFile.writeBack(state, ofDatabase: path)
      try connection.forgetCopies()
    } catch {
      throw StoreError(error)
    }
  }

  private static func lock(
    _ connection: Connection, databasePath path: String, waitMillis: Int
  ) throws(StoreError) {
    do { try connection.lockLog(waitMillis: waitMillis) } catch {
      guard error.kind == .busy else { throw StoreError(opening: path, error) }
      throw StoreError(
        .inputOutput,
        "another program is writing to \(path) or copying its log, and has not finished within "
          + "\(waitMillis) ms: end its transaction, then start again")
    }
  }

  static func examine(databasePath path: String) throws(StoreError) -> LogState {
    do { return try LogFile.examine(ofDatabase: path) } catch { throw StoreError(error) }
  }

  /// What is wrong with a log; nil when nothing is but what a power cut leaves.
  static func damage(_ state: LogState, databasePath path: String) -> String? {
    guard state.isDamaged, let bad = state.firstBadFrame else { return nil }
    let place = bad == 0 ? "its header" : "frame \(bad)"
    let count = max(state.commitsBehind, 1)
    return "\(LogFile.path(ofDatabase: path)) is damaged at \(place): at least \(count) acknowledged "
      + "\(count == 1 ? "commit follows" : "commits follow") the damage, which recovery cannot reach"
  }

  private static let advice = """
    Copy the directory, then put back a backup; or serve with --accept-log-damage, which goes on without \
    them.
    """
}
