// The load generator of the benchmarks beside a server under test. It is a process of its own and lean, so
// that what it costs is not taken for the server's.
//
// Invariants:
// 1. Every figure is of one run of it; nothing here says what a good one is.
//
// Owner: the test.

import TallyTestSupport
import Testing

/// Calls of one kind: in a closed loop, or with a rate as many a second as that, whatever comes back.
struct Load: Sendable {
  var workload = "consume"
  var connections = 16
  /// Calls in flight on each connection; with a rate, at most.
  var depth = 16
  var firstAccount = 0
  var accountCount = 64
  /// Calls begun a second; nil: as many as are answered.
  var rate: Int?
  var seconds = 2
  /// Before what is measured.
  var warmupSeconds = 1
  /// All that it does, instead of so many seconds.
  var operationCount: Int?

  var inFlight: Int { connections * depth }

  /// Credit for accounts from 0 on, more than any run spends.
  static func fund(_ accountCount: Int, _ daemon: Daemon) async throws {
    var load = Load(workload: "seed", connections: 8, depth: 8, accountCount: accountCount)
    load.operationCount = accountCount
    let report = try await load.run(daemon)
    try #require(report.failedCount == 0, "\(report)")
  }

  func start(_ daemon: Daemon) throws -> Child {
    var arguments = ["--socket", daemon.workplace.socket, "--workload", workload]
    let settings: [(String, Int?)] = [
      ("--connections", connections), ("--depth", depth), ("--first", firstAccount),
      ("--accounts", accountCount), ("--rate", rate), ("--seconds", seconds), ("--warmup", warmupSeconds),
      ("--operations", operationCount),
    ]
    for (name, value) in settings {
      if let value { arguments += [name, "\(value)"] }
    }
    return try Child([Programs.loadGenerator] + arguments, log: daemon.workplace.log)
  }

  func run(_ daemon: Daemon, sourceLocation: SourceLocation = #_sourceLocation) async throws -> LoadReport {
    try await LoadReport(start(daemon), daemon, sourceLocation: sourceLocation)
  }
}

/// What the generator says in the end.
struct LoadReport: CustomStringConvertible {
  let description: String
  private var numbers: [Substring: Double] = [:]

  /// Waits for its end.
  init(_ child: Child, _ daemon: Daemon, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let status = try await child.waitForEnd(sourceLocation: sourceLocation)
    description = child.outputText()
    try #require(
      status == 0, "\(description) \(Files.text(daemon.workplace.log).suffix(2_000))",
      sourceLocation: sourceLocation)
    // One object of numbers, and in it one of the errors by their names.
    for part in description.split(whereSeparator: { "{},".contains($0) }) {
      let pair = part.split(separator: ":", maxSplits: 1)
      guard pair.count == 2, let value = Double(pair[1].filter { $0 != "\n" }) else { continue }
      numbers[pair[0].filter { $0 != "\"" }[...]] = value
    }
  }

  private func number(_ name: String) -> Double { numbers[name[...]] ?? 0 }

  var doneCount: Int { Int(number("operations")) }
  var perSecond: Double { number("per_second") }
  var medianMicros: Double { number("p50_micros") }
  var p99Micros: Double { number("p99_micros") }
  var failedCount: Int { Int(number("errors")) }
  var failedMedianMicros: Double { number("errors_p50_micros") }
  var failedP99Micros: Double { number("errors_p99_micros") }
  /// Calls that were due and found no room at the generator, or in the socket.
  var leftOutCount: Int { Int(number("left_out")) }
  func failedCount(_ reason: String) -> Int { Int(number(reason)) }
}
