// The write-ahead log beneath SQLite, and syncs of what SQLite does not sync by itself.
//
// Invariants:
// 1. The log does not change while it is written back: `Connection.lockLog` comes before.
//
// Owner: the thread that opens the database. LogFile.c says how damage is told from a power cut.

internal import CTallySQLite
internal import Glibc

/// What recovery will find in a log.
public struct LogState: Sendable, Equatable {
  /// Frames through to the last commit that recovery takes.
  public var wholeFrames: Int64
  /// The log's bytes up to there.
  public var wholeByteCount: Int64
  /// From 1, zero for the log's header; nil when every frame is whole.
  public var firstBadFrame: Int64?
  /// Whole commits behind the first bad frame.
  public var commitsBehind: Int64
  /// Recovery would drop commits that were synced: the file has lost what it held.
  public var isDamaged: Bool
  /// At the end are frames of a transaction whose commit was not written wholly.
  public var isUnfinished: Bool
}

public enum LogFile {
  public static func path(ofDatabase path: String) -> String { path + "-wal" }

  /// Reads the log of a database; one that is not there is empty.
  public static func examine(ofDatabase path: String) throws(SQLiteError) -> LogState {
    var state = tally_log_state()
    let code = unsafe tally_log_examine(Self.path(ofDatabase: path), &state)
    guard code == SQLITE_OK else { throw error(code, "read", path) }
    return LogState(
      wholeFrames: state.whole_frames, wholeByteCount: state.whole_bytes,
      firstBadFrame: state.first_bad_frame < 0 ? nil : state.first_bad_frame,
      commitsBehind: state.commits_behind, isDamaged: state.is_damaged != 0,
      isUnfinished: state.is_unfinished != 0)
  }

  /// Writes what recovery takes back in place and syncs it, so that the disk has what was just read. While
  /// the log is locked, since it was examined.
  public static func writeBack(_ state: LogState, ofDatabase path: String) throws(SQLiteError) {
    guard state.wholeByteCount > 0 else { return }
    let code = unsafe tally_log_write_back(Self.path(ofDatabase: path), state.wholeByteCount)
    guard code == SQLITE_OK else { throw error(code, "write back", path) }
  }

  private static func error(_ code: Int32, _ what: String, _ path: String) -> SQLiteError {
    let reason = unsafe String(cString: strerror(errno))
    return SQLiteError(code: code, message: reason, sql: "\(what) \(Self.path(ofDatabase: path))")
  }
}

extension FileSystem {
  /// fsync(2), again after an interruption.
  /// - Returns: whether it succeeded; errno says why not.
  public static func sync(openFile descriptor: Int32) -> Bool { tally_sync(descriptor) == SQLITE_OK }
}
