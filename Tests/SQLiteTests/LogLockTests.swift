// Locks on the log that keep other connections from changing it, and the mark of what was copied.

internal import Foundation
internal import TallyTestSupport
internal import Testing

@testable internal import TallySQLite

@Suite("Log lock")
struct LogLockTests {
  let folder: URL
  let writer: Connection
  let other: Connection

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("lock-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    writer = try Connection(
      path: folder.path + "/db",
      options: ConnectionOptions(readOnly: false, buffersLog: true, checkpointsOnClose: false))
    _ = try writer.text("PRAGMA journal_mode = WAL")
    try writer.execute("PRAGMA synchronous = FULL; CREATE TABLE t(x BLOB) STRICT")
    other = try Connection(
      path: folder.path + "/db",
      options: ConnectionOptions(readOnly: false, checkpointsOnClose: false, busyTimeoutMillis: 0))
    _ = try other.value("SELECT count(*) FROM t")
  }

  private func isBusy(_ body: () throws(SQLiteError) -> Void) throws -> Bool {
    do { try body() } catch {
      guard error.kind == .busy else { throw error }
      return true
    }
    return false
  }

  @Test("a log that is locked is read, and neither written nor copied")
  func excludes() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try writer.lockLog(waitMillis: 0)
    #expect(try isBusy { () throws(SQLiteError) in try other.execute("BEGIN IMMEDIATE") })
    for mode in [CheckpointMode.passive, .restart, .truncate] {
      #expect(try other.checkpoint(mode).isBusy, "\(mode)")
    }
    #expect(try isBusy { () throws(SQLiteError) in try other.lockLog(waitMillis: 0) })
    #expect(try other.value("SELECT count(*) FROM t") == 0)
    writer.unlockLog()
    #expect(!writer.hasFailedUnlock)
    try other.execute("BEGIN IMMEDIATE")
    #expect(try isBusy { () throws(SQLiteError) in try writer.lockLog(waitMillis: 0) })
    try other.execute("ROLLBACK")
    try writer.execute("INSERT INTO t VALUES (zeroblob(10))")
    #expect(try !other.checkpoint(.truncate).isBusy)
  }

  @Test("a locked log is waited for, and no longer than was said")
  func waits() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try other.execute("BEGIN IMMEDIATE")
    let start = ContinuousClock.now
    #expect(try isBusy { () throws(SQLiteError) in try writer.lockLog(waitMillis: Self.soonMillis) })
    #expect(start.duration(to: .now) >= Patience.soon)
    try other.execute("ROLLBACK")
    try writer.lockLog(waitMillis: Int(Patience.milliseconds))
    writer.unlockLog()
  }

  private static let soonMillis = Int(Patience.soon.components.attoseconds / 1_000_000_000_000_000)

  @Test("what is forgotten is copied again, under readers who look at the file already")
  func forgets() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for _ in 0..<20 { try writer.execute("INSERT INTO t VALUES (randomblob(3000))") }
    try writer.checkpoint(.passive)
    // It finds all of the log in the file.
    try other.execute("BEGIN")
    let sum = "SELECT sum(length(x)) FROM t"
    #expect(try other.value(sum) == 60_000)
    try writer.lockLog(waitMillis: 0)
    try writer.forgetCopies()
    writer.unlockLog()
    for _ in 0..<20 { try writer.execute("UPDATE t SET x = randomblob(2000) WHERE rowid = 1") }
    #expect(try writer.checkpoint(.passive).checkpointedFrames == 0)
    #expect(try other.value(sum) == 60_000)
    try other.execute("COMMIT")
    #expect(try other.value(sum) == 59_000)
    let result = try writer.checkpoint(.passive)
    #expect(result.checkpointedFrames == result.logFrames && result.logFrames > 40)
    #expect(try !writer.checkpoint(.truncate).isBusy)
    #expect(try other.value(sum) == 59_000)
    #expect(try other.text("PRAGMA integrity_check") == "ok")
  }

  @Test("a database in memory has no log to lock")
  func memory() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: SQLiteError.self) { try Connection.inMemory().lockLog(waitMillis: 0) }
  }
}
