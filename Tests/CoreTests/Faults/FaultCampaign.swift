// All runs of one scenario, each with a failure at another place.

internal import TallyLocking
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

struct FaultCampaign {
  private let scenario: FaultScenario
  private let template: TemporaryDirectory
  private let makeFaults: @Sendable (TemporaryDirectory) throws -> any Faults
  private var points: FaultPoints

  /// - Parameters:
  ///   - limit: of places for each thing that fails, where the environment says nothing.
  ///   - faults: of a directory, on the thread of the run.
  init(
    _ scenario: FaultScenario, limit: Int,
    faults: @escaping @Sendable (TemporaryDirectory) throws -> any Faults
  ) throws {
    self.scenario = scenario
    template = try scenario.template()
    makeFaults = faults
    points = FaultPoints(limit: limit)
  }

  /// A run of which nothing fails.
  /// - Parameter look: at the faults of which none came about, in the end.
  mutating func runWhole<Value: Sendable>(_ look: @escaping @Sendable (any Faults) -> Value) throws -> Value {
    let found = Slot<Value>()
    let report = try attempt(skip: 0, count: 0, { _ in }) { _, faults in found.put(look(faults)) }
    #expect(report.problems.isEmpty && !report.wasTold, "\(scenario.name), nothing fails: \(report.problems)")
    return try #require(found.value)
  }

  /// - Parameters:
  ///   - name: of what fails.
  ///   - callCount: how often it would be called.
  ///   - places: which of these calls may be meant; nil: all.
  ///   - count: calls that fail from some place on.
  ///   - isUnseen: nobody may notice.
  ///   - prepare: makes of faults those that are meant.
  mutating func run(
    _ name: String, of callCount: Int, at places: [Int32]? = nil, count: Int32, isUnseen: Bool = false,
    fault prepare: @escaping @Sendable (any Faults) -> Void = { _ in },
    check: @escaping @Sendable (FaultRun, any Faults) throws -> Void = { _, _ in }
  ) throws {
    let began = ContinuousClock.now
    var runs = FaultScenario.Report()
    for skip in points.choose(from: places ?? (0..<callCount).map { Int32($0) }) {
      var report = try attempt(skip: skip, count: count, prepare, check)
      if isUnseen && report.wasTold { report.problems.append("somebody was told") }
      runs.add(report, at: skip)
    }
    if callCount > 0 {
      runs.tell("\(scenario.name), \(name), \(places?.count ?? callCount) of \(callCount) places", began)
    }
  }

  private func attempt(
    skip: Int32, count: Int32, _ prepare: @escaping @Sendable (any Faults) -> Void,
    _ check: @escaping @Sendable (FaultRun, any Faults) throws -> Void
  ) throws -> FaultScenario.Report {
    let (scenario, template, makeFaults) = (scenario, template, makeFaults)
    return try onThread {
      Result {
        try scenario.run(on: template, makeFaults, skip: skip, count: count, prepare, check)
      }
    }.get()
  }
}

extension FaultScenario.Report {
  /// Adds that of one run.
  mutating func add(_ report: Self, at skip: Int32) {
    runCount += report.runCount
    failedCount += report.failedCount
    if !report.problems.isEmpty {
      problems.append("at \(skip): " + report.problems.prefix(4).joined(separator: "\n  "))
    }
  }

  /// Records what was found wrong.
  func tell(_ name: String, _ began: ContinuousClock.Instant) {
    if FaultPoints.isLong {
      print("\(name): \(runCount) runs, \(failedCount) failed, \(ContinuousClock.now - began)")
    }
    for problem in problems.prefix(5) {
      Issue.record("\(name), seed \(FaultPoints.seed): \(problem.prefix(1_500))")
    }
    if problems.count > 5 { Issue.record("and \(problems.count - 5) more") }
  }
}
