// What happens to the log of the process before, before SQLite opens the database.
//
// Invariants:
// 1. What recovery takes is written back in place and synced first. After a failed sync Linux calls what was
//    not written clean: the page cache shows commits that the disk does not have, and no later sync would
//    write them. Recovery would build on them, and a power cut would take the ground away.
// 2. A log that has lost commits which were acknowledged is not opened, unless the operator says so.
//
// Owner: the thread that opens the database, under the data directory's lock.

internal import TallyCore
internal import TallySQLite

enum LogRecovery {
  static func prepare(
    databasePath path: String, _ configuration: EngineConfiguration
  ) throws(StoreError) {
    let state = try examine(databasePath: path)
    if let damage = damage(state, databasePath: path) {
      guard configuration.acceptsLogDamage else {
        throw StoreError(.logDamaged, "\(damage). \(advice)")
      }
      configuration.onLogLoss("\(damage); they are dropped")
    } else if state.isUnfinished {
      configuration.onLogLoss(
        "the log ends in a commit that was not written wholly; it is dropped, and was not acknowledged "
          + "unless the disk has lost it")
    }
    do { try LogFile.writeBack(state, ofDatabase: path) } catch { throw StoreError(error) }
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
      + "\(count == 1 ? "commit lies" : "commits lie") behind it, which recovery cannot take"
  }

  private static let advice = """
    Copy the directory, then put back a backup; or serve with --accept-log-damage, which goes on without \
    them.
    """
}
