// The log written in one piece: the same bytes, and nothing held back once a commit returns.

internal import Foundation
internal import Testing

@testable internal import TallySQLite

@Suite("Log buffer")
struct LogBufferTests {
  private func withDatabase(_ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("log-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer {
      do { try FileManager.default.removeItem(at: directory) } catch { Issue.record(error) }
    }
    try body(directory.path + "/db")
  }

  private func writer(_ path: String, buffersLog: Bool) throws -> Connection {
    let connection = try Connection(
      path: path, options: ConnectionOptions(readOnly: false, buffersLog: buffersLog))
    _ = try connection.text("PRAGMA journal_mode = WAL")
    try connection.execute("PRAGMA synchronous = FULL; CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)")
    return connection
  }

  @Test("after each commit a copy of the files holds that commit", arguments: [1, 40, 700])
  func commitIsWhole(pages: Int) throws {
    try withDatabase { path in
      let connection = try writer(path, buffersLog: true)
      for round in 1...3 {
        // 700 pages are more than the buffer holds.
        try connection.execute(
          """
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(pages))
          INSERT INTO t(body) SELECT randomblob(3500) FROM n
          """)
        // What a kill at this moment would leave: only what was handed to the system.
        let copy = path + "-copy\(round)"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try FileManager.default.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
        let reopened = try Connection(path: copy, options: ConnectionOptions(readOnly: false, creates: false))
        #expect(try reopened.value("SELECT count(*) FROM t") == Int64(round * pages))
        #expect(try reopened.text("PRAGMA integrity_check") == "ok")
      }
    }
  }

  @Test("a reader on the plain file system sees each commit at once, across checkpoints")
  func readersAgree() throws {
    try withDatabase { path in
      let connection = try writer(path, buffersLog: true)
      let reader = try Connection(path: path, options: ConnectionOptions(readOnly: true))
      for round in 1...200 {
        try connection.execute("INSERT INTO t(body) VALUES (randomblob(6000))")
        #expect(try reader.value("SELECT count(*) FROM t") == Int64(round))
        if round % 50 == 0 { try connection.checkpoint(round % 100 == 0 ? .restart : .passive) }
      }
    }
  }
}
