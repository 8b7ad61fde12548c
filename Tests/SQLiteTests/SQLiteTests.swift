// The room that owns sqlite3: values, errors, transactions, checkpoints.

internal import Glibc
internal import Testing

@testable internal import TallySQLite

@Suite("SQLite")
final class SQLiteTests {
  let path: String
  let connection: Connection

  init() throws {
    var template = Array("/tmp/sqlite-test-XXXXXX".utf8CString)
    let descriptor = unsafe template.withUnsafeMutableBufferPointer { buffer -> Int32 in
      guard let base = buffer.baseAddress else { return -1 }
      return unsafe mkstemp(base)
    }
    try #require(descriptor >= 0)
    close(descriptor)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    connection = try Connection(path: path, options: ConnectionOptions(readOnly: false))
    _ = try connection.text("PRAGMA journal_mode = WAL")
  }

  deinit {
    for suffix in ["", "-wal", "-shm"] { unsafe unlink(path + suffix) }
  }

  @Test("every kind of value comes back as it went in")
  func values() throws {
    let statement = try connection.prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7")
    let text = "a\u{0}é\u{1F600}" + String(repeating: "x", count: 100)
    statement.bind(Int64.min)
    statement.bind(text)
    statement.bind("")
    statement.bind([0, 255, 7] as [UInt8])
    statement.bind([] as [UInt8])
    statement.bind(nil as Int64?)
    statement.bind(.text(Array("t".utf8)))
    #expect(try statement.step())
    var columns = statement.columns()
    #expect(columns.int() == Int64.min)
    #expect(columns.text() == text)
    #expect(columns.value() == .text([]))
    #expect(columns.blob() == [0, 255, 7])
    #expect(columns.value() == .blob([]))
    var (ahead, further) = (columns, columns)
    #expect(columns.isNull && ahead.optionalInt() == nil && further.optionalText() == nil)
    #expect(columns.optionalBlob() == nil)
    #expect(columns.value() == .text([UInt8(ascii: "t")]))
    try columns.end()
    #expect(try !statement.step())
  }

  @Test("reads that take more of the processor's time than they may are interrupted, and others not")
  func limitedTime() throws {
    let endless = try connection.prepare(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    do {
      try connection.limited(processorNanoseconds: 50_000_000) { () throws(SQLiteError) in
        _ = try endless.step()
      }
      Issue.record("it has ended")
    } catch { #expect(error.isInterrupted, "\(error)") }
    endless.reset()
    let count =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) SELECT count(*) FROM n"
    #expect(try connection.value(count) == 10_000)
    let enough: Int64 = 60_000_000_000
    let counted = try connection.limited(processorNanoseconds: enough) { () throws(SQLiteError) in
      try connection.value(count)
    }
    #expect(counted == 10_000)
  }

  @Test("an error has its code and its statement, and no argument")
  func errors() throws {
    try connection.execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y TEXT CHECK (length(y) < 6)) STRICT")
    let statement = try connection.prepare("INSERT INTO t(y) VALUES (?1)")
    statement.bind("secret")
    #expect { try statement.run() } throws: {
      guard let error = $0 as? SQLiteError else { return false }
      return error.kind == .constraint && error.sql == "INSERT INTO t(y) VALUES (?1)"
        && !error.description.contains("secret")
    }
    statement.bind("other")
    try statement.run()
    #expect(try connection.value("SELECT count(*) FROM t") == 1)
    #expect { try connection.prepare("SELECT nothing FROM t").step() } throws: {
      ($0 as? SQLiteError)?.kind == .defect
    }
  }

  @Test("a failed bind is thrown by the step, once")
  func failedBind() throws {
    let statement = try connection.prepare("SELECT ?1")
    statement.bind(1)
    statement.bind(2)
    #expect(throws: SQLiteError.self) { try statement.step() }
    statement.bind(1)
    #expect(try statement.firstInt() == 1)
  }

  @Test("a transaction keeps what was committed, and a rollback may come twice")
  func transactions() throws {
    try connection.execute("CREATE TABLE t(x INTEGER) STRICT")
    let transaction = try TransactionControl(connection, writing: true)
    #expect(connection.isAutocommit)
    try transaction.begin()
    try connection.execute("INSERT INTO t VALUES (1)")
    try connection.execute("INSERT INTO t VALUES (3)")
    #expect(!connection.isAutocommit)
    try transaction.commit()
    #expect(try connection.value("SELECT sum(x) FROM t") == 4)
    try transaction.begin()
    try connection.execute("DELETE FROM t")
    try transaction.rollback()
    try transaction.rollback()
    #expect(try connection.value("SELECT count(*) FROM t") == 2)
  }

  @Test("the log's frames are counted, and a checkpoint empties it")
  func checkpoints() throws {
    try connection.execute("CREATE TABLE t(x BLOB) STRICT")
    for _ in 0..<10 { try connection.execute("INSERT INTO t VALUES (zeroblob(4000))") }
    #expect(connection.logFrames > 10)
    let passive = try connection.checkpoint(.passive)
    #expect(passive.logFrames == connection.logFrames && passive.checkpointedFrames == passive.logFrames)
    try connection.checkpoint(.truncate)
    #expect(connection.logFrames == 0)
  }

  @Test("a checkpoint that a snapshot is in the way of says so at once, and copies what it can")
  func busyCheckpoint() throws {
    let connection = try Connection(
      path: path, options: ConnectionOptions(readOnly: false, busyTimeoutMillis: 120_000))
    try connection.execute("CREATE TABLE t(x BLOB) STRICT")
    let reader = try Connection(path: path, options: ConnectionOptions(readOnly: true))
    try reader.execute("BEGIN")
    #expect(try reader.value("SELECT count(*) FROM t") == 0)
    try connection.execute("INSERT INTO t VALUES (zeroblob(4000))")
    for mode in [CheckpointMode.restart, .truncate] {
      let start = ContinuousClock.now
      let result = try connection.checkpoint(mode)
      #expect(result.isBusy && result.checkpointedFrames < result.logFrames)
      #expect(start.duration(to: .now) < .seconds(60))
    }
    #expect(try connection.value("PRAGMA busy_timeout") == 120_000)
    try reader.execute("COMMIT")
    #expect(try !connection.checkpoint(.truncate).isBusy)
  }

  @Test("a file in a place that takes no writes is read as it is, whatever its name")
  func immutable() throws {
    try connection.execute("CREATE TABLE t(x INTEGER) STRICT; INSERT INTO t VALUES (1)")
    try connection.checkpoint(.truncate)
    let name = path + "-50% of #1?"
    unsafe #expect(Glibc.link(path, name) == 0)
    defer { unsafe unlink(name) }
    var options = ConnectionOptions(readOnly: true)
    options.isImmutable = true
    let other = try Connection(path: name, options: options)
    #expect(try other.value("SELECT x FROM t") == 1)
    #expect(unsafe access(name + "-shm", F_OK) != 0)
  }

  @Test("a read-only connection reads what is committed and writes nothing")
  func readOnly() throws {
    try connection.execute("CREATE TABLE t(x INTEGER) STRICT; INSERT INTO t VALUES (1)")
    let reader = try Connection(path: path, options: ConnectionOptions(readOnly: true))
    #expect(try reader.value("SELECT x FROM t") == 1)
    #expect(throws: SQLiteError.self) { try reader.execute("INSERT INTO t VALUES (2)") }
  }

  @Test("connections are set up defensively")
  func settings() throws {
    #expect(try connection.value("PRAGMA foreign_keys") == 1)
    #expect(try connection.value("PRAGMA trusted_schema") == 0)
    #expect(try connection.value("PRAGMA cell_size_check") == 1)
    #expect(try connection.value("PRAGMA temp_store") == 2)
    #expect(try connection.value("PRAGMA cache_spill") == 0)
    #expect(try connection.value("PRAGMA mmap_size") == 0)
    #expect(try connection.value("PRAGMA wal_autocheckpoint") == 0)
    #expect(throws: SQLiteError.self) { try connection.execute("SELECT \"no such column\"") }
    #expect(throws: SQLiteError.self) { try connection.execute("ATTACH ':memory:' AS other") }
    #expect(throws: SQLiteError.self) { try connection.execute("SELECT load_extension('x')") }
    try connection.execute("CREATE TABLE t(x); PRAGMA writable_schema = ON")
    #expect(throws: SQLiteError.self) { try connection.execute("DELETE FROM sqlite_schema") }
  }

  @Test("what has no bound goes to files, and afterwards nothing does")
  func spilling() throws {
    try connection.setSpilling(true)
    #expect(try connection.value("PRAGMA cache_spill") > 0)
    #expect(try connection.value("PRAGMA temp_store") == 1)
    try connection.setSpilling(false)
    #expect(try connection.value("PRAGMA cache_spill") == 0)
    #expect(try connection.value("PRAGMA temp_store") == 2)
  }

  @Test("a temporary file needs a directory that may be written")
  func temporaryPlaces() {
    #expect(FileSystem.takesTemporaryFiles(in: [path + "-none", "/tmp"]))
    #expect(!FileSystem.takesTemporaryFiles(in: [path + "-none", "/dev/null"]))
    #expect(!FileSystem.takesTemporaryFiles(in: []))
  }

  @Test("a link in the path is refused; a missing file is made only when asked for")
  func paths() throws {
    let link = path + "-link"
    unsafe symlink(path, link)
    defer { unsafe unlink(link) }
    #expect(throws: SQLiteError.self) {
      try Connection(path: link, options: ConnectionOptions(readOnly: false))
    }
    #expect(throws: SQLiteError.self) {
      try Connection(path: self.path + "-none", options: ConnectionOptions(readOnly: false, creates: false))
    }
  }

  @Test("a value longer than the limit is refused")
  func lengthLimit() throws {
    let options = ConnectionOptions(readOnly: false, maximumLength: 1_000)
    let small = try Connection(path: path, options: options)
    let statement = try small.prepare("SELECT ?1")
    statement.bind([UInt8](repeating: 0, count: 1_000))
    #expect(try statement.step())
    statement.reset()
    statement.bind([UInt8](repeating: 0, count: 1_001))
    #expect(throws: SQLiteError.self) { try statement.step() }
  }
}
