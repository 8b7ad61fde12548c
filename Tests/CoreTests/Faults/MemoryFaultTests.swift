// SQLite asks for memory and gets none, at the places at which it asks: once, or from then on.

internal import CTallyFaultyMemory
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

/// The allocations of the thread that begins them.
private final class MemoryFaults: Faults {
  func begin(skip: Int32, count: Int32) { faulty_memory_fail(skip, count) }
  func end() { faulty_memory_end() }
  var callCount: Int { Int(faulty_memory_calls()) }
  var failureCount: Int { Int(faulty_memory_failures()) }
  func willEnd(_ run: FaultRun) {}
}

@Suite("Memory faults", .serialized)
struct MemoryFaultTests {
  /// SQLite is set up once in a process, with memory.
  init() throws { _ = try Connection.inMemory() }

  private static let counts: [Int32] = [1, .max]

  @Test("whichever allocation of SQLite fails", arguments: FaultScenario.all)
  func everyAllocation(scenario: FaultScenario) throws {
    var campaign = try FaultCampaign(scenario, limit: 3) { _ in MemoryFaults() }
    let calls = try campaign.runWhole { $0.callCount }
    for count in Self.counts { try campaign.run("allocation, \(count)", of: calls, count: count) }
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
}
