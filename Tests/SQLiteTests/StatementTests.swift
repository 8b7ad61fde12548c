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
    #expect(try later.firstInt() == 7)
    #expect(statements.reports.map(\.sql) == ["SELECT x FROM later"])
  }

  @Test("what fails at preparing is thrown by the step, whatever was bound before, and tried again")
  func failedPrepare() throws {
    let statement = try connection.prepare("SELECT x FROM later WHERE x = ?1 AND ?2")
    statement.bind(7)
    statement.bind("secret")
    statement.reset()
    #expect { try statement.step() } throws: {
      guard let error = $0 as? SQLiteError else { return false }
      return error.message == "no such table: later" && error.sql == statement.sql
    }
    #expect(report(statement.sql)?.errors == 1)
    #expect(report(statement.sql)?.latency.count == 0)
    try connection.execute("CREATE TABLE later(x INTEGER) STRICT; INSERT INTO later VALUES (7)")
    statement.bind(7)
    statement.bind(1)
    #expect(try statement.firstInt() == 7)
  }

  @Test("columns of a statement that was not stepped are empty")
  func unstepped() throws {
    let statement = try connection.prepare("SELECT 1, 'a', x'00'")
    var columns = statement.columns()
    #expect(columns.isNull)
    #expect(columns.int() == 0 && columns.text() == "" && columns.blob() == [])
  }

  @Test("a run with parameters that are not bound, or bound for an earlier run, does not begin")
  func unbound() throws {
    let insert = try connection.prepare("INSERT INTO t(x, y) VALUES (?1, ?2)")
    for bound in 0..<2 {
      if bound == 1 { insert.bind(1) }
      #expect { try insert.run() } throws: {
        guard let error = $0 as? SQLiteError else { return false }
        return error.kind == .defect && error.message == "\(bound) of 2 parameters are bound"
          && error.sql == insert.sql
      }
    }
    insert.bind(1)
    insert.bind("a")
    try insert.run()
    #expect(throws: SQLiteError.self) { try insert.run() }
    insert.bind(2)
    insert.bind("b")
    try insert.run()
    #expect(try connection.value("SELECT count(*) FROM t") == 2)
    #expect(report(insert.sql)?.errors == 3)
  }

  @Test("a row of which fewer or more columns are read than it has is a defect", arguments: [0, 1, 3])
  func misread(count: Int) throws {
    try connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    let select = try connection.prepare("SELECT x, y FROM t ORDER BY x")
    let decode = { (row: inout Columns) in row.skip(count) }
    for body in [{ _ = try select.first(decode) }, { _ = try select.all(decode) }] as [() throws -> Void] {
      #expect(throws: SQLiteError(code: 21, message: "\(count) of 2 columns are read", sql: select.sql)) {
        try body()
      }
    }
    #expect(try select.all { (row) in "\(row.int())\(row.text())" } == ["1a", "2b"])
  }

  @Test("a table's columns are listed once for what selects, inserts and updates")
  func columnList() {
    let columns = ColumnList("id", "amount", "at")
    #expect("\(columns)" == "id, amount, at" && columns.of("h") == "h.id, h.amount, h.at")
    #expect(columns.parameters == "?1, ?2, ?3" && columns.count == 3)
    let changing = columns.without("id")
    #expect(changing.assigned(from: 2) == "amount = ?2, at = ?3")
    #expect(changing.replaced == "amount = excluded.amount, at = excluded.at")
    #expect("\(changing + ColumnList("key"))" == "amount, at, key")
  }

  @Test("each way in which a run ends counts it once, with its rows")
  func counting() throws {
    let insert = try connection.prepare("INSERT INTO t(y) VALUES (?1)")
    for text in ["a", "b", "c"] {
      insert.bind(text)
      try insert.run()
    }
    insert.bind("too long")
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
    statement.bind(12_345)
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
