// Faults within the calls of one engine, which goes on in between: for each call every place at which it may
// fail, before the next call.

@testable internal import TallyCore
@testable internal import TallySQLiteStore

struct FaultLoop {
  var points: FaultPoints
  private(set) var report = FaultScenario.Report()

  init(_ points: FaultPoints) { self.points = points }

  /// - Parameter isLeft: called when an engine has ended that could not go on.
  mutating func run(
    _ directory: TemporaryDirectory, _ faults: any Faults, count: Int32,
    onEnd: (FaultRun) throws -> Void = { _ in }
  ) throws {
    let run = FaultRun(directory, faults, sent: 0..<0, skip: 0, count: 0)
    run.open()
    for index in FaultScript.calls.indices {
      try fail(run, faults, count, onEnd) { run.send(call: index) }
      try fail(run, faults, count, onEnd) { run.tick() }
    }
    run.close()
    run.check(directory, "directory")
    report.wasTold = run.wasTold
    report.problems = run.problems
  }

  /// Every read there is, each at every place at which it may fail.
  mutating func read(_ directory: TemporaryDirectory, _ faults: any Faults, count: Int32) throws {
    let run = FaultRun(directory, faults, sent: 0..<0, skip: 0, count: 0)
    run.open()
    run.send()
    guard let engine = run.engine else { return run.note("no engine") }
    var (points, report) = (points, report)
    _ = try withoutActuallyEscaping({ (read: () -> String) -> String in
      var failing: [String] = []
      var skip: Int32 = 0
      while true {
        faults.begin(skip: skip, count: count)
        let line = read()
        faults.end()
        report.runCount += 1
        report.failedCount += faults.failureCount > 0 ? 1 : 0
        if faults.failureCount == 0 {
          for other in failing { run.compare(other, line) }
          return line
        }
        failing.append(line)
        skip += points.step(of: faults.callCount)
      }
    }) { try EngineDump(of: engine, users: FaultScript.users, reading: $0).lines.count }
    run.close()
    run.check(directory, "directory")
    report.problems = run.problems
    self.report = report
  }

  private mutating func fail(
    _ run: FaultRun, _ faults: any Faults, _ count: Int32, _ onEnd: (FaultRun) throws -> Void,
    _ body: () -> Void
  ) throws {
    var skip: Int32 = 0
    while true {
      let before = run.problems.count
      faults.begin(skip: skip, count: count)
      body()
      faults.end()
      report.runCount += 1
      report.failedCount += faults.failureCount > 0 ? 1 : 0
      if run.problems.count > before { run.note("(that was at \(skip) of \(faults.callCount))") }
      if run.isDraining {
        run.close()
        try onEnd(run)
        run.open()
      }
      if faults.failureCount == 0 { return }
      skip += points.step(of: faults.callCount)
    }
  }
}
