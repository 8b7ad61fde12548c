// Large tables made anew: whenever it ends, the next start goes on, and an older program may come in between.

internal import Glibc
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Rewriting of large tables")
struct RewriterTests {
  private static let first = Migration(
    version: 1, name: "one",
    sql: """
      CREATE TABLE big(
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 2)
      ) STRICT;
      CREATE UNIQUE INDEX big_name ON big(name);
      CREATE TABLE other(id INTEGER PRIMARY KEY, big INTEGER REFERENCES big(id)) STRICT;
      """)
  /// Rows of state 1 may still change.
  private static let second = Migration(
    version: 2, name: "two",
    sql: """
      REPLACE INTO new_big SELECT id, name, state, id * 2 FROM big
        WHERE id IN (SELECT id FROM new_big WHERE state = 1);
      DROP TABLE big;
      ALTER TABLE new_big RENAME TO big;
      """,
    replacesTables: true,
    rewrites: [
      Rewrite(
        table: "big", key: "id",
        columns: """
          (id INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT NULL, double INTEGER NOT NULL) STRICT
          """,
        indexes: [
          Rewrite.Index(name: "big_by_name", sql: "ON new_big(name)", isUnique: true),
          Rewrite.Index(name: "big_open", sql: "ON new_big(id) WHERE state = 1"),
        ],
        makeCopier: { (connection) throws(SQLiteError) in try Copier(connection) })
    ])

  private final class Copier: RowCopier {
    private let statement: Statement

    init(_ connection: Connection) throws(SQLiteError) {
      statement = try connection.prepare(
        "INSERT INTO new_big SELECT id, name, state, id * 2 FROM big WHERE id > ?1 AND id <= ?2 ORDER BY id")
    }

    func copy(after: Int64, through: Int64) throws(SQLiteError) {
      statement.bind(after)
      statement.bind(through)
      try statement.run()
    }
  }

  private static let sliceRows: Int64 = 100
  /// Seven slices, one of which is not full, and an eighth that finds no more; two indexes; the end.
  private static let rows = 650
  private static let reports = 8 + 2 + 1

  private static func connection(_ directory: TemporaryDirectory) throws -> Connection {
    let connection = try Connection(
      path: directory.databasePath, options: ConnectionOptions(readOnly: false, buffersLog: true))
    _ = try connection.text("PRAGMA journal_mode = WAL")
    try connection.execute("PRAGMA synchronous = FULL")
    return connection
  }

  private func filled(rows: Int = rows) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    let connection = try Self.connection(directory)
    try Migrations.apply([Self.first], to: connection)
    try connection.execute(
      """
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
        INSERT INTO big SELECT i, 'row ' || i, iif(i % 50 = 0, 1, 2) FROM n;
      INSERT INTO other VALUES (1, 7);
      """)
    return directory
  }

  private func upgrade(
    _ connection: Connection, _ onProgress: @escaping (UpgradeProgress) throws(StoreError) -> Void
  ) throws(StoreError) {
    var migrations = Migrations(connection)
    migrations.sliceRows = Self.sliceRows
    migrations.onProgress = onProgress
    try migrations.apply([Self.first, Self.second])
  }

  private static let ended = StoreError(.inputOutput, "ended by the test")

  /// Ends with the `count`th report.
  private func upgrade(_ directory: TemporaryDirectory, endingAt count: Int) throws {
    var reports = 0
    #expect(throws: Self.ended) {
      try upgrade(try Self.connection(directory)) { (_) throws(StoreError) in
        reports += 1
        if reports == count { throw Self.ended }
      }
    }
    #expect(reports == count)
  }

  /// The file is of version 1 and whole.
  private func requireOld(_ directory: TemporaryDirectory) throws {
    let connection = try Self.connection(directory)
    try Migrations.apply([Self.first], to: connection)
    #expect(try connection.text("PRAGMA integrity_check") == "ok")
    #expect(try connection.value("SELECT count(*) FROM pragma_foreign_key_check") == 0)
    #expect(try connection.value("SELECT count(*) FROM big") == Int64(Self.rows))
  }

  private func requireNew(_ directory: TemporaryDirectory, rows: Int = rows, open: Int64 = 13) throws {
    let connection = try Self.connection(directory)
    #expect(try connection.value("PRAGMA user_version") == 2)
    #expect(try connection.text("PRAGMA integrity_check") == "ok")
    #expect(try connection.value("SELECT count(*) FROM pragma_foreign_key_check") == 0)
    #expect(
      try connection.value("SELECT count(*) FROM big WHERE name = 'row ' || id AND double = id * 2")
        == Int64(rows))
    #expect(try connection.value("SELECT count(*) FROM big WHERE state = 1") == open)
    #expect(try connection.value("PRAGMA foreign_keys") == 1)
    let names = try SchemaCheck.objects(connection).map(\.name)
    #expect(names == ["big", "big_by_name", "big_open", "migration", "other"])
  }

  @Test("rows, then indexes, then the switch; each is told of")
  func wholeWay() throws {
    let directory = try filled()
    var told: [UpgradeProgress.Work] = []
    let connection = try Self.connection(directory)
    try upgrade(connection) { (progress) throws(StoreError) in
      #expect(progress.version == 2)
      told.append(progress.work)
    }
    let copied = (0...7).map { UpgradeProgress.Work.copying(rows: min(Int64($0) * 100, 650), of: 650) }
    #expect(told == copied + [.indexing(number: 1, of: 2), .indexing(number: 2, of: 2), .done])
    #expect(told.count == Self.reports)
    #expect(try connection.value("PRAGMA cache_spill") == 0)
    #expect(try connection.value("PRAGMA temp_store") == 2)
    try requireNew(directory)
  }

  @Test("a database without many rows is upgraded in one transaction, and nothing is told")
  func small() throws {
    let directory = try filled(rows: Int(Self.sliceRows))
    let disk = try FaultyDisk(directory)
    let connection = try Self.connection(directory)
    var left: TemporaryDirectory?
    try disk.atLogSync {
      // As the first commit begins: all of it is in the log.
      left = try? disk.cut(.all)
    } while: {
      try upgrade(connection) { (_) throws(StoreError) in Issue.record("told") }
    }
    try requireNew(directory, rows: 100, open: 2)
    let version = try Self.connection(try #require(left)).value("PRAGMA user_version")
    #expect(version == 1 || version == 2)
  }

  @Test("an end between two transactions leaves the old version, and the next start goes on from there")
  func endedBetween() throws {
    for count in 1..<Self.reports {
      let directory = try filled()
      try upgrade(directory, endingAt: count)
      try requireOld(directory)
      var first: UpgradeProgress.Work?
      try upgrade(try Self.connection(directory)) { (progress) throws(StoreError) in
        first = first ?? progress.work
      }
      let copied = min(Int64(count - 1) * Self.sliceRows, Int64(Self.rows))
      #expect(first == .copying(rows: copied, of: Int64(Self.rows)), "\(count)")
      try requireNew(directory)
    }
  }

  @Test(
    "a power cut in the middle of a transaction leaves either version whole, and the next start goes on",
    arguments: [FaultyDisk.Written.none, .even, .all])
  func cutWithin(written: FaultyDisk.Written) throws {
    for count in 1..<Self.reports {
      let directory = try filled()
      try upgrade(directory, endingAt: count)
      let disk = try FaultyDisk(directory)
      var left: TemporaryDirectory?
      try disk.atLogSync {
        left = try? disk.cut(written)
      } while: {
        // The transactions from here on; the first of them makes nothing new of the copies.
        try upgrade(try Self.connection(directory)) { (_) throws(StoreError) in }
      }
      let cut = try #require(left)
      if try Self.connection(cut).value("PRAGMA user_version") == 1 { try requireOld(cut) }
      try upgrade(try Self.connection(cut)) { (_) throws(StoreError) in }
      try requireNew(cut)
    }
  }

  @Test("what an older program adds and changes in between is in the new tables")
  func olderProgram() throws {
    for count in 1..<Self.reports {
      let directory = try filled()
      try upgrade(directory, endingAt: count)
      do {
        let older = try Self.connection(directory)
        try Migrations.apply([Self.first], to: older)
        try older.execute(
          """
          INSERT INTO big VALUES (651, 'row 651', 1), (652, 'row 652', 2);
          UPDATE big SET state = 2 WHERE id IN (50, 400, 650);
          INSERT INTO other VALUES (2, 651);
          """)
      }
      try upgrade(try Self.connection(directory)) { (_) throws(StoreError) in }
      try requireNew(directory, rows: 652, open: 11)
    }
  }

  @Test("a harness of the older program that empties the database empties the copies, and all begins anew")
  func emptied() throws {
    let directory = try filled()
    try upgrade(directory, endingAt: 9)
    try Self.connection(directory).execute(
      """
      PRAGMA foreign_keys = OFF; DELETE FROM big; DELETE FROM other; DELETE FROM new_big;
      INSERT INTO big VALUES (1, 'row 1', 1);
      """)
    try upgrade(try Self.connection(directory)) { (_) throws(StoreError) in }
    try requireNew(directory, rows: 1, open: 1)
  }

  @Test("a table is not replaced by a copy with fewer or more rows")
  func otherRows() throws {
    let directory = try filled()
    try upgrade(directory, endingAt: 9)
    try Self.connection(directory).execute("DELETE FROM big WHERE id = 3")
    #expect {
      try upgrade(try Self.connection(directory)) { (_) throws(StoreError) in }
    } throws: {
      ($0 as? StoreError)?.code == .corrupt && "\($0)".contains("650 rows, big has 649")
        && "\($0)".contains("`DROP TABLE new_big`")
    }
    try Self.connection(directory).execute("DROP TABLE new_big; INSERT INTO big VALUES (3, 'row 3', 2)")
    try upgrade(try Self.connection(directory)) { (_) throws(StoreError) in }
    try requireNew(directory)
  }

  @Test("the log starts over while a large table is made anew")
  func logStartsOver() throws {
    let directory = try TemporaryDirectory()
    let connection = try Self.connection(directory)
    try Migrations.apply([Self.first], to: connection)
    // A row has 4,000 bytes, so that there are more pages than the log has before it starts over.
    try connection.execute(
      """
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO big SELECT i, 'row ' || i || hex(zeroblob(2000)), 2 FROM n;
      """)
    try connection.checkpoint(.truncate)
    var mostFrames = 0
    var migrations = Migrations(connection)
    migrations.sliceRows = 1_000
    migrations.onProgress = { (_) throws(StoreError) in mostFrames = max(mostFrames, connection.logFrames) }
    try migrations.apply([Self.first, Self.second])
    #expect(mostFrames > 10_000 && mostFrames < CheckpointLimits.standard.restartFrames, "\(mostFrames)")
  }

  @Test("of rows it is told every few seconds, of the rest each time")
  func reports() {
    let events = Events()
    var report = UpgradeReport(onEvent: events.add)
    var nanoseconds: UInt64 = 1
    report.nanoseconds = { nanoseconds }
    func copying(_ rows: Int64) -> UpgradeProgress {
      UpgradeProgress(version: 5, work: .copying(rows: rows, of: 9))
    }
    for (rows, elapsed) in [(0, 0), (1, 1), (2, UpgradeReport.intervalNanoseconds), (3, 1)] {
      nanoseconds += elapsed
      report.add(copying(Int64(rows)))
    }
    report.add(UpgradeProgress(version: 5, work: .indexing(number: 1, of: 1)))
    report.add(UpgradeProgress(version: 5, work: .done))
    #expect(
      events.all == [
        .upgrading(copying(0)), .upgrading(copying(2)),
        .upgrading(UpgradeProgress(version: 5, work: .indexing(number: 1, of: 1))),
        .upgrading(UpgradeProgress(version: 5, work: .done)),
      ])
  }
}
