// Memory is asked for and not given, at the places at which it is asked for: SQLite's, once or from then on,
// and what the log is examined with.

internal import CTallyFaultyMemory
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

/// The allocations of the thread that begins them.
private final class MemoryFaults: Faults {
  /// A run of which nothing fails is to be told where it asks.
  private let records: Bool

  init(records: Bool = false) { self.records = records }

  func begin(skip: Int32, count: Int32) {
    if records { faulty_memory_record(count == 0 ? 1 : 0) }
    faulty_memory_fail(skip, count)
  }

  func end() {
    faulty_memory_end()
    faulty_memory_record(0)
  }

  var callCount: Int { Int(faulty_memory_calls()) }
  var failureCount: Int { Int(faulty_memory_failures()) }
  func willEnd(_ run: FaultRun) {}

  /// The ways that have led to those that were recorded.
  func takePlaces() -> [UInt64] {
    defer { faulty_memory_forget_places() }
    return (0..<faulty_memory_place_count()).map { faulty_memory_place($0) }
  }
}

/// Allocations of the C library's with which the log is examined and written back.
private final class PieceFaults: Faults {
  private static let pieceByteCount = 1 << 20

  func begin(skip: Int32, count: Int32) {
    faulty_memory_fail_system({ size, _ in size == PieceFaults.pieceByteCount ? 1 : 0 }, skip, count)
  }

  func end() { faulty_memory_end_system() }
  var callCount: Int { Int(faulty_memory_system_calls()) }
  var failureCount: Int { Int(faulty_memory_system_failures()) }
  func willEnd(_ run: FaultRun) {}
}

@Suite("Memory faults", .serialized)
struct MemoryFaultTests {
  /// SQLite is set up once in a process, with memory.
  init() throws { _ = try Connection.inMemory() }

  private static let counts: [Int32] = [1, .max]

  @Test("whichever allocation of SQLite fails", arguments: FaultScenario.all)
  func everyAllocation(scenario: FaultScenario) throws {
    var campaign = try FaultCampaign(scenario, limit: 3) { _ in MemoryFaults(records: FaultPoints.isByWays) }
    let found = try campaign.runWhole {
      (count: $0.callCount, ways: ($0 as? MemoryFaults)?.takePlaces() ?? [])
    }
    let places = FaultPoints.isByWays ? FaultPoints.ends(of: found.ways) : nil
    for count in Self.counts {
      try campaign.run("allocation, \(count)", of: found.count, at: places, count: count)
    }
  }

  @Test(
    "whichever allocation fails with which the log is examined",
    .enabled(if: faulty_memory_watches_system() != 0),
    arguments: [FaultScenario.startAfterKill, .verifyingFile])
  func everyPiece(scenario: FaultScenario) throws {
    var campaign = try FaultCampaign(scenario, limit: 0) { _ in PieceFaults() }
    let count = try campaign.runWhole { $0.callCount }
    #expect(count > 0)
    for failures in Self.counts {
      try campaign.run(
        "piece, \(failures)", of: count, count: failures,
        check: { run, _ in if !run.wasTold { run.note("nobody was told") } })
    }
  }

  @Test("whichever allocation of a write fails, in an engine that goes on", arguments: counts)
  func everyWrite(count: Int32) throws {
    let began = ContinuousClock.now
    let report = try onThread { () -> Result<FaultScenario.Report, any Error> in
      Result {
        var loop = FaultLoop(FaultPoints(limit: 40))
        try loop.run(try TemporaryDirectory(inMemory: true), MemoryFaults(), count: count)
        return loop.report
      }
    }.get()
    report.tell("writes, allocation, \(count)", began)
  }

  @Test("whichever allocation of a read fails, the answer is right or says so", arguments: counts)
  func everyRead(count: Int32) throws {
    let began = ContinuousClock.now
    let report = try onThread { () -> Result<FaultScenario.Report, any Error> in
      Result {
        var loop = FaultLoop(FaultPoints(limit: 0))
        try loop.read(try TemporaryDirectory(inMemory: true), MemoryFaults(), count: count)
        return loop.report
      }
    }.get()
    report.tell("reads, allocation, \(count)", began)
  }

  @Test("a value that there is no memory for fails its row, and the next run is whole")
  func value() throws {
    let connection = try Connection.inMemory()
    // A number has to be written out.
    let statement = try connection.prepare("SELECT 1234567890123")
    try #require(try statement.step())
    faulty_memory_fail(0, 1)
    defer { faulty_memory_end() }
    #expect { _ = try statement.row { (columns) in columns.text() } } throws: {
      ($0 as? SQLiteError)?.kind == .outOfMemory
    }
    #expect(faulty_memory_failures() == 1)
    statement.reset()
    #expect(try statement.first { (columns) in columns.text() } == "1234567890123")
  }

  private static let lengths = [2, 40, 300, 5_000, 20_000]

  /// What is stored, and what is made of it as it is read. A row by itself: one more step would tell of what
  /// the columns of the one before could not be read for.
  private static func rows(_ connection: Connection) throws(SQLiteError) -> [[ColumnValue]] {
    let statement = try connection.prepare(
      """
      SELECT number, text, bytes, number, bytes, substr(text, 2), substr(bytes, 2), zeroblob(number % 5000) \
      FROM value WHERE id = ?
      """)
    var rows: [[ColumnValue]] = []
    for id in 1...lengths.count {
      statement.bind(Int64(id))
      let row = try statement.first { (columns) in
        [
          ColumnValue.integer(columns.int()), .text(Array(columns.text().utf8)), .blob(columns.blob()),
          // As another type than it is stored with.
          .text(Array(columns.text().utf8)), .text(Array(columns.text().utf8)),
          columns.value(), columns.value(), .blob(columns.blob()),
        ]
      }
      rows.append(row ?? [])
    }
    return rows
  }

  /// Leaves a file of texts and bytes, those of which do and do not fit a page among them.
  private static func storeValues(_ directory: TemporaryDirectory) throws {
    let connection = try directory.connection()
    try connection.execute("CREATE TABLE value (id INTEGER PRIMARY KEY, number INT, text TEXT, bytes BLOB)")
    let insert = try connection.prepare("INSERT INTO value (number, text, bytes) VALUES (?, ?, ?)")
    for length in lengths {
      insert.bind(Int64(length) * 1_000_003)
      insert.bind(String(repeating: "x", count: length))
      insert.bind([UInt8](repeating: 0x61, count: length))
      try insert.run()
    }
  }

  @Test(
    "whichever allocation fails while values are read, they are those that were stored", arguments: counts)
  func everyValue(count: Int32) throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try Self.storeValues(directory)
    let right = try Self.rows(try directory.connection())
    var (skip, refusals) = (Int32(0), 0)
    while true {
      let connection = try directory.connection()
      faulty_memory_fail(skip, count)
      defer { faulty_memory_end() }
      do throws(SQLiteError) {
        let found = try Self.rows(connection)
        #expect(found == right, "allocation \(skip)")
      } catch {
        refusals += 1
        #expect(error.kind == .outOfMemory, "allocation \(skip): \(error)")
      }
      if faulty_memory_failures() == 0 { break }
      skip += 1
    }
    #expect(refusals > 20, "of \(skip)")
  }
}
