// A statement's life: prepared when first used, counted when its run ends.

internal import Glibc
internal import TallyLocking
internal import TallyMeasuring
internal import Testing

@testable internal import TallySQLite

@Suite("Statement")
final class StatementTests {
  let path: String
  let slow = SlowStatements()
  let connection: Connection
  let statements: StatementStatistics

  init() throws {
    var template = Array("/tmp/statement-test-XXXXXX".utf8CString)
    let descriptor = unsafe template.withUnsafeMutableBufferPointer { buffer -> Int32 in
      guard let base = buffer.baseAddress else { return -1 }
      return unsafe mkstemp(base)
    }
    try #require(descriptor >= 0)
    close(descriptor)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Everything is slow.
    statements = StatementStatistics(slowNanoseconds: 0) { [slow] in slow.add($0) }
    connection = try Connection(
      path: path, options: ConnectionOptions(readOnly: false, statements: statements))
    try connection.execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y TEXT CHECK (length(y) < 6)) STRICT")
  }

  deinit { unsafe unlink(path) }

  func report(_ sql: String) -> StatementReport? { statements.reports.first { $0.sql == sql } }

  @Test("a statement that is never used is never prepared")
  func unused() throws {
    _ = try connection.prepare("SELECT nothing FROM nowhere")
    let later = try connection.prepare("SELECT x FROM later")
    try connection.execute("CREATE TABLE later(x INTEGER) STRICT; INSERT INTO later VALUES (7)")
    #expect(try later.step() && later.int(0) == 7)
    #expect(statements.reports.map(\.sql) == ["SELECT x FROM later"])
  }

  @Test("what fails at preparing is thrown by the step, whatever was bound before, and tried again")
  func failedPrepare() throws {
    let statement = try connection.prepare("SELECT x FROM later WHERE x = ?1 AND ?2")
    statement.bind(1, 7)
    statement.bind(2, "secret")
    statement.reset()
    #expect { try statement.step() } throws: {
      guard let error = $0 as? SQLiteError else { return false }
      return error.message == "no such table: later" && error.sql == statement.sql
    }
    #expect(report(statement.sql)?.errors == 1)
    #expect(report(statement.sql)?.latency.count == 0)
    try connection.execute("CREATE TABLE later(x INTEGER) STRICT; INSERT INTO later VALUES (7)")
    statement.bind(1, 7)
    statement.bind(2, 1)
    #expect(try statement.step())
    #expect(statement.int(0) == 7)
  }

  @Test("columns of a statement that was not stepped are empty")
  func unstepped() throws {
    let statement = try connection.prepare("SELECT 1, 'a', x'00'")
    #expect(statement.int(0) == 0 && statement.text(1) == "" && statement.blob(2) == [])
    #expect(statement.isNull(0))
  }

  @Test("each way in which a run ends counts it once, with its rows")
  func counting() throws {
    let insert = try connection.prepare("INSERT INTO t(y) VALUES (?1)")
    for text in ["a", "b", "c"] {
      insert.bind(1, text)
      try insert.run()
    }
    insert.bind(1, "too long")
    #expect(throws: SQLiteError.self) { try insert.run() }
    insert.reset()
    let inserted = try #require(report(insert.sql))
    #expect(inserted.latency.count == 4 && inserted.rows == 0 && inserted.errors == 1)

    let select = try connection.prepare("SELECT y FROM t ORDER BY x")
    while try select.step() {}
    select.reset()
    #expect(try select.step())
    select.reset()
    select.reset()
    let selected = try #require(report(select.sql))
    #expect(selected.latency.count == 2 && selected.rows == 4 && selected.errors == 0)
    #expect(selected.latency.maximum > 0 && selected.latency.sum >= selected.latency.maximum)

    #expect(try connection.value("SELECT count(*) FROM t") == 3)
    #expect(report("SELECT count(*) FROM t")?.latency.count == 1)
    #expect(statements.runCounts == [insert.sql: 4, select.sql: 2, "SELECT count(*) FROM t": 1])
  }

  @Test("connections with the same statistics count together")
  func shared() throws {
    let other = try Connection(path: path, options: ConnectionOptions(readOnly: true, statements: statements))
    for connection in [connection, other] { _ = try connection.value("SELECT count(*) FROM t") }
    #expect(statements.runCounts == ["SELECT count(*) FROM t": 2])
    let quiet = try Connection(path: path, options: ConnectionOptions(readOnly: true))
    _ = try quiet.value("SELECT count(*) FROM t")
    #expect(statements.runCounts == ["SELECT count(*) FROM t": 2])
  }

  @Test("a slow run is told with its plan and without its values")
  func slowRuns() throws {
    let statement = try connection.prepare("SELECT y FROM t WHERE x > ?1 ORDER BY y")
    statement.bind(1, 12_345)
    #expect(try !statement.step())
    let told = try #require(slow.all.last)
    #expect(told.sql == statement.sql && told.rows == 0 && told.elapsedNanoseconds > 0)
    #expect(told.plan == ["SEARCH t USING INTEGER PRIMARY KEY (rowid>?)", "USE TEMP B-TREE FOR ORDER BY"])
    let counted = try #require(report(statement.sql))
    #expect(counted.slow == 1 && counted.plan == told.plan)
    // The plan's own run is nobody's.
    #expect(statements.runCounts == [statement.sql: 1])
  }

  @Test("a slow run inside a transaction leaves the transaction alone")
  func slowInTransaction() throws {
    let transaction = try TransactionControl(connection, writing: true)
    try transaction.begin()
    let insert = try connection.prepare("INSERT INTO t(y) VALUES ('a')")
    try insert.run()
    #expect(!connection.isAutocommit)
    try transaction.commit()
    #expect(try connection.value("SELECT count(*) FROM t") == 1)
    #expect(slow.all.map(\.sql).contains("COMMIT"))
  }

  @Test("no run is slow without a limit")
  func noLimit() throws {
    let unlimited = StatementStatistics { _ in Issue.record("told as slow") }
    let other = try Connection(path: path, options: ConnectionOptions(readOnly: true, statements: unlimited))
    _ = try other.value("SELECT count(*) FROM t")
    #expect(unlimited.reports.map(\.slow) == [0])
  }

  @Test("texts beyond the limit share one counter")
  func bounded() throws {
    for number in 0..<StatementStatistics.maximumStatements + 3 {
      _ = try connection.value("SELECT \(number)")
    }
    let counts = statements.runCounts
    #expect(counts.count == StatementStatistics.maximumStatements + 1)
    #expect(counts[StatementStatistics.otherStatements] == 3)
  }
}

/// What was told, in order.
final class SlowStatements: Sendable {
  private let told = Lock<[SlowStatement]>([])

  func add(_ statement: SlowStatement) { told.withLock { $0.append(statement) } }
  var all: [SlowStatement] { told.withLock { $0 } }
}
