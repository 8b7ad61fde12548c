// The files of an open database that are taken away: noticed, told, and nothing is written any more.

internal import Glibc
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Lost files")
struct FileLossTests {
  enum Way: CaseIterable {
    case directoryRenamed, databaseUnlinked, databaseReplaced, logUnlinked, indexUnlinked, lockUnlinked
  }

  @Test("files that are removed or replaced under a running engine end its writes", arguments: Way.allCases)
  func lost(way: Way) throws {
    let parent = try TemporaryDirectory()
    let path = parent.path + "/db"
    let events = Events()
    var configuration = EngineConfiguration(directory: path)
    configuration.allowsAnyFileSystem = true
    configuration.onEvent = events.add
    let engine = try SQLiteEngine.open(configuration)
    try engine.must(purchase("u", 5, "p"))
    let database = engine.databasePath
    let result: Int32
    switch way {
    case .directoryRenamed: result = unsafe rename(path, path + "2")
    case .databaseUnlinked: result = unsafe unlink(database)
    case .databaseReplaced:
      try Self.write("", to: database + "-new")
      result = unsafe rename(database + "-new", database)
    case .logUnlinked: result = unsafe unlink(database + "-wal")
    case .indexUnlinked: result = unsafe unlink(database + "-shm")
    case .lockUnlinked: result = unsafe unlink(path + "/daemon.lock")
    }
    try #require(result == 0)
    try waitUntil { !events.all.isEmpty }
    #expect(engine.state().mode == .lost)
    #expect(engine.admission()?.reason == .corrupt)
    #expect(try engine.refusal(consume("u", 1, "c")).reason == .corrupt)
    #expect(try engine.available("u") == 5)
    guard case .filesLost(let error)? = events.all.first, events.all.count == 1 else {
      Issue.record("\(events.all)")
      return
    }
    #expect(error.code == .filesLost)
    #expect(error.message.hasPrefix("DATA_LOSS: \(engine.databasePath.dropLast(9))"), "\(error)")
    // Verification would open what is at the path now.
    #expect { try engine.verify { _ in } } throws: { ($0 as? StoreError)?.code == .filesLost }
    let files: [String] = [database, "\(database)-wal", "\(database)-shm"]
    let left = files.filter { unsafe access($0, F_OK) == 0 }
    #expect { try engine.close() } throws: { ($0 as? StoreError)?.code == .filesLost }
    // What is at the paths now may be another database's.
    for file in left { #expect(unsafe access(file, F_OK) == 0, "\(file)") }
    for folder in [path, path + "2"] {
      for name in ["tally.db", "tally.db-wal", "tally.db-shm", "daemon.lock"] {
        unsafe unlink("\(folder)/\(name)")
      }
      unsafe rmdir(folder)
    }
  }

  @Test("a file that goes between two looks is noticed before the engine closes")
  func lateLoss() throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory)
    try engine.must(purchase("u", 5, "p"))
    unsafe unlink(directory.databasePath)
    #expect { try engine.close() } throws: { ($0 as? StoreError)?.code == .filesLost }
  }

  /// Writes a file of the test's own.
  private static func write(_ text: String, to path: String) throws {
    let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    try #require(unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  @Test("a directory that holds a database under another name is not served as an empty ledger")
  func otherName() throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory)
    try engine.must(purchase("u", 5, "p"))
    try engine.close()
    let backup = directory.path + "/backup.db"
    unsafe #expect(rename(directory.databasePath, backup) == 0)
    #expect {
      _ = try open(directory)
    } throws: {
      ($0 as? StoreError)?.code == .directory && "\($0)".contains("backup.db")
    }
    // Nothing was made that would be taken for the ledger the next time.
    #expect(unsafe access(directory.databasePath, F_OK) != 0)
    // An empty file is no ledger either.
    try Self.write("", to: directory.databasePath)
    #expect { _ = try open(directory) } throws: { ($0 as? StoreError)?.code == .directory }
    unsafe #expect(rename(backup, directory.databasePath) == 0)
    let again = try open(directory)
    #expect(try again.available("u") == 5)
    try again.close()
    // Beside the ledger other files are nobody's business.
    try Self.write("SQLite format 3\0", to: backup)
    try open(directory).close()
    unsafe unlink(backup)
  }

  @Test("a log without its database is not thrown away")
  func logAlone() throws {
    let directory = try TemporaryDirectory()
    try Self.write("the last commits", to: directory.databasePath + "-wal")
    #expect {
      _ = try open(directory)
    } throws: {
      ($0 as? StoreError)?.code == .directory && "\($0)".contains("tally.db-wal")
    }
  }
}
