// A call on a file fails: each kind of call, with each error that it may fail with, at the places at which it
// is made, once or from then on. What was acknowledged is there afterwards, also when the power goes.

internal import CTallyFaultyMemory
internal import Glibc
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

struct IOFault: Sendable, CustomStringConvertible {
  var call: FaultyDisk.Call
  /// nil: it is done for half of the bytes.
  var error: Int32?
  var count: Int32
  /// It is to be tried again until it succeeds, and nobody hears of it.
  var isUnseen = false

  var description: String {
    "\(call), \(error.map { unsafe String(cString: strerror($0)) } ?? "half of the bytes"), \(count)"
  }

  /// An interruption is never for good.
  static let all: [IOFault] =
    [
      (.read, EIO), (.write, EIO), (.write, ENOSPC), (.sync, EIO), (.truncate, EIO), (.open, EMFILE),
      (.open, EACCES), (.lock, ENOLCK), (.unlink, EIO), (.rename, EIO), (.unlock, ENOLCK), (.look, EIO),
      (.map, ENOMEM), (.list, EIO),
    ].flatMap { (call: FaultyDisk.Call, error: Int32) in
      [1, Int32.max].map { IOFault(call: call, error: error, count: $0) }
    }
    + [.read, .write].map { IOFault(call: $0, error: nil, count: .max, isUnseen: true) }
    + [.read, .write, .truncate, .open].map { IOFault(call: $0, error: EINTR, count: 3, isUnseen: true) }
    + [.sync, .lock].map { IOFault(call: $0, error: EINTR, count: 3) }
}

/// A disk of which one kind of call fails.
private final class DiskFaults: Faults {
  let disk: FaultyDisk
  /// nil: none.
  var fault: IOFault?
  private var calls: [Int] = []
  private var failures = 0
  /// What the power would have left, had it gone then.
  private var cuts: [TemporaryDirectory] = []
  private var written = FaultyDisk.Written.none
  private var verifies = false
  private static let choices: [FaultyDisk.Written] = [.none, .even, .all, .odd, .none]

  init(_ directory: TemporaryDirectory) throws { disk = try FaultyDisk(directory) }

  func begin(skip: Int32, count: Int32) {
    calls = allCounts
    if fault == nil && FaultPoints.isByWays { disk.recordPlaces() }
    failures = disk.failureCount
    written = Self.choices[Int(skip) % Self.choices.count]
    verifies = skip % 13 == 6
    if let fault { disk.fail(fault.call, skip: skip, count: count, error: fault.error) }
  }

  func end() {
    if let fault { disk.fail(fault.call, skip: 0, count: 0, error: fault.error) }
  }

  private var allCounts: [Int] { FaultyDisk.Call.allCases.map { disk.callCount($0) } }

  /// Calls since `begin`, of each kind.
  var callCounts: [Int] { zip(allCounts, calls).map { $0 - $1 } }

  /// The ways that have led to them; none unless they are asked for.
  var ways: [[UInt64]] { FaultyDisk.Call.allCases.map { disk.places($0) } }

  var callCount: Int { fault.map { callCounts[$0.call.rawValue] } ?? 0 }
  var failureCount: Int { disk.failureCount - failures }

  func willEnd(_ run: FaultRun) {
    do { cuts = [try disk.cut(written)] } catch { run.note("no cut: \(error)") }
  }

  func check(_ run: FaultRun) {
    for cut in cuts { run.check(cut, "power cut, \(written)", verifies: verifies) }
    cuts = []
  }
}

@Suite("I/O faults", .serialized)
struct IOFaultTests {
  init() throws { _ = try Connection.inMemory() }

  @Test("whichever call on a file fails", arguments: FaultScenario.all)
  func everyCall(scenario: FaultScenario) throws {
    var campaign = try FaultCampaign(scenario, limit: 1) { directory in
      #expect(faulty_memory_skip_pauses(1) != 0)
      return try DiskFaults(directory)
    }
    let calls = try campaign.runWhole {
      (counts: ($0 as? DiskFaults)?.callCounts ?? [], ways: ($0 as? DiskFaults)?.ways ?? [])
    }
    for fault in IOFault.all {
      let place = fault.call.rawValue
      let places = FaultPoints.isByWays ? FaultPoints.ends(of: calls.ways[place]) : nil
      try campaign.run(
        fault.description, of: calls.counts[place], at: places, count: fault.count, isUnseen: fault.isUnseen,
        fault: { ($0 as? DiskFaults)?.fault = fault },
        check: { run, faults in (faults as? DiskFaults)?.check(run) })
    }
  }

  /// Whether a start in a directory that holds a database under another name is refused, and makes no ledger.
  private func isRefused(_ directory: TemporaryDirectory) -> Bool {
    do throws(StoreError) {
      try SQLiteEngine.open(FaultRun.configuration(directory)).close()
      return false
    } catch {
      return unsafe error.code == .directory && access(directory.databasePath, F_OK) != 0
    }
  }

  @Test(
    "a directory that cannot be looked into is not taken for an empty one",
    arguments: IOFault.all.filter { [.look, .list, .open, .read].contains($0.call) && !$0.isUnseen })
  func everyLook(fault: IOFault) throws {
    var skip: Int32 = 0
    while true {
      let directory = try TemporaryDirectory(inMemory: true)
      let other = directory.path + "/backup.db"
      defer { unsafe unlink(other) }
      try Connection(path: other, options: ConnectionOptions(readOnly: false)).execute("CREATE TABLE t (x)")
      let disk = try FaultyDisk(directory)
      disk.fail(fault.call, skip: skip, count: fault.count, error: fault.error)
      #expect(isRefused(directory), "\(fault) at \(skip)")
      if disk.failureCount == 0 { return }
      skip += 1
    }
  }

  @Test("whichever call of a write fails, in an engine that goes on", arguments: IOFault.all)
  func everyWrite(fault: IOFault) throws {
    let began = ContinuousClock.now
    let report = try onThread { () -> Result<FaultScenario.Report, any Error> in
      Result {
        #expect(faulty_memory_skip_pauses(1) != 0)
        var loop = FaultLoop(FaultPoints(limit: 1))
        let directory = try TemporaryDirectory(inMemory: true)
        let faults = try DiskFaults(directory)
        faults.fault = fault
        try loop.run(directory, faults, count: fault.count) { faults.check($0) }
        return loop.report
      }
    }.get()
    report.tell("writes, \(fault)", began)
  }
}
